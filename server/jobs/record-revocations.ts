/**
 * Records in the log when laptops were revoked, and when they were enrolled again: only the log says how events, and
 * their absence, are to be judged.
 *
 * Shape   compares what the store and the log say, and appends what the log lacks. So a revocation by another process,
 *         while the server was down, or before the log had such records, is recorded too.
 */
import type { Recorded } from '../../wire/recording.ts'
import type { Directory } from '../roster/directory.ts'
import type { Store } from '../store/store.ts'
import type { Job } from './job.ts'

const EVERY_MS = 5_000
/** Looks back this far, because the clock may be set back a little, and a slow job runs late. */
const BACK_MS = 10 * 60_000

export interface RecordRevocationsDeps {
  store: { devices: Pick<Store['devices'], 'get' | 'revokedSince'> }
  directory: Pick<Directory, 'openRevocations'>
  /** When it resolves, the records are durable and in the directory. */
  append(records: readonly Recorded[]): Promise<unknown>
  now(): number
}

export function recordRevocations({ store, directory, append, now }: RecordRevocationsDeps): Job {
  /** Earlier revocations are in the log. */
  let since = 0
  return {
    name: 'record revocations',
    when: EVERY_MS,
    async run() {
      const next = now() - BACK_MS
      const revoked = await store.devices.revokedSince(since)
      const open = directory.openRevocations()
      const isOpen = new Set(open.map((it) => it.device))
      const records: Recorded[] = revoked
        .filter((it) => !isOpen.has(it.device))
        .map(({ device, revokedAt }) => ({ type: 'revocation', device, from: revokedAt!, to: null }))
      for (const { device, from } of open) {
        const laptop = await store.devices.get(device)
        if (laptop?.revokedAt !== null || laptop.enrolledAt < from) continue
        records.push({ type: 'revocation', device, from, to: laptop.enrolledAt })
      }
      if (records.length > 0) await append(records)
      since = next
    },
  }
}
