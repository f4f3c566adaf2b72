/**
 * One identity used twice (#98, P23): a number that came again with another event, or a session from other hardware.
 *
 * Shape   one `identity_conflict` per device, reason and UTC day.
 * Memory  per device, the last fingerprint and what was said today.
 */
import * as z from 'zod'
import { deriverKind } from './deriver.ts'

const DAY = 86_400_000

export const identityConflict = deriverKind('identity_conflict', z.strictObject({}), () => {
  let devices = new Map<string, { fingerprint: string | null; said: string }>()
  return {
    take(seen, emit) {
      const { connection, conflict, device, time } = seen
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
      emit(seen, words, {
        category: 'identity_conflict',
        Reason: reason,
        LaptopCountry: null,
        LoginCountry: null,
        ManagedDevice: null,
        Days: null,
      })
    },
    save: () => [...devices],
    load: (state) => {
      devices = new Map(state as [string, { fingerprint: string | null; said: string }][])
    },
  }
})
