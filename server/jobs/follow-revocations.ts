/** Notices laptops that another process, such as `tellwire laptops revoke`, has revoked. */
import type { Store } from '../store/store.ts'
import type { Job } from './job.ts'

const EVERY_MS = 5_000
/** Looks back this far, because the clock may be set back a little, and a slow job runs late. */
const BACK_MS = 10 * 60_000

export interface FollowRevocationsDeps {
  store: { devices: Pick<Store['devices'], 'revokedSince'> }
  now(): number
  revoked(device: string): Promise<void>
}

/** Calls `revoked` for each revocation; again after a failure. */
export function followRevocations({ store, now, revoked }: FollowRevocationsDeps): Job {
  /** When each laptop was revoked. */
  let known = new Map<string, number | null>()
  return {
    name: 'follow revocations',
    when: EVERY_MS,
    async run() {
      const found = await store.devices.revokedSince(now() - BACK_MS)
      for (const { device, revokedAt } of found) if (known.get(device) !== revokedAt) await revoked(device)
      known = new Map(found.map((it) => [it.device, it.revokedAt]))
    },
  }
}
