/**
 * One identity used twice (#98, P23): a number that came again with another event, or a session from other hardware.
 *
 * Shape   one `identity_conflict` per device, reason and UTC day.
 * Memory  per device, the last fingerprint and what was said today.
 */
import type { Deriver } from './deriver.ts'

const DAY = 86_400_000

export function identityConflict(): Deriver {
  let devices = new Map<string, { fingerprint: string | null; said: string }>()
  return {
    name: 'identity-conflict',
    take({ connection, conflict, device, time }, emit) {
      if (device === null || (!conflict && !connection)) return
      const memory = devices.get(device) ?? { fingerprint: null, said: '' }
      devices.set(device, memory)
      const fingerprint = connection?.fingerprint ?? null
      const other = fingerprint !== null && memory.fingerprint !== null && fingerprint !== memory.fingerprint
      if (fingerprint !== null) memory.fingerprint = fingerprint
      const reason = conflict ? 'sequence_replay' : other ? 'two_fingerprints' : null
      const words = `${reason}|${Math.floor(time / DAY)}`
      if (reason === null || memory.said === words) return
      memory.said = words
      emit({ category: 'identity_conflict', Reason: reason }, words)
    },
    save: () => [...devices],
    load: (state) => {
      devices = new Map(state as [string, { fingerprint: string | null; said: string }][])
    },
  }
}
