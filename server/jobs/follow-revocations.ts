/** Notices laptops that another process, such as `tellwire laptops revoke`, has revoked. */
import type { Store } from '../store/store.ts'
import type { Job } from './job.ts'

const EVERY_MS = 5_000
/** Looks back this far before the last look, because the clock may be set back a little. */
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
  /** By the last look, and not by this one: the clock may have been set ahead in between. */
  let since = now() - BACK_MS
  return {
    name: 'follow revocations',
    when: EVERY_MS,
    async run() {
      const next = now() - BACK_MS
      // Set back: from then on, other processes write earlier times.
      const found = await store.devices.revokedSince(Math.min(since, next))
      for (const { device, revokedAt } of found) if (known.get(device) !== revokedAt) await revoked(device)
      known = new Map(found.map((it) => [it.device, it.revokedAt]))
      since = next
    },
  }
}
