/**
 * A laptop that stopped talking (#97).
 *
 * Shape   one `silence` per laptop and silence, at the moment the threshold was passed. `Announced`: its last word was
 *         that it was stopping. An idle agent reports itself every hour, so a day without a word is not idleness.
 *         Time in which the server itself was not listening does not count.
 * Memory  one entry a device; reset by the next word.
 */
import * as z from 'zod'
import { deriverKind } from './deriver.ts'

interface Memory {
  lastHeard: number
  stopping: boolean
  told: boolean
}

const thresholds = z.strictObject({
  /** Hours without a word that count as silence: an idle agent reports itself every hour. */
  silentHours: z.number().min(1).max(720).default(24),
})

export const silence = deriverKind('silence', thresholds, ({ silentHours }, world) => {
  const afterMs = silentHours * 3_600_000
  let devices = new Map<string, Memory>()
  return {
    take({ event, connection, conflict, device, receivedAt }) {
      if (device === null || conflict || (event === null && connection === null)) return
      if (event?.product === 'tellwire') return
      devices.set(device, {
        lastHeard: Math.max(receivedAt, devices.get(device)?.lastHeard ?? 0),
        stopping: event?.category === 'agent_state' && event.Action === 'stopping',
        told: false,
      })
    },
    advance(now, emit) {
      for (const [device, memory] of devices) {
        if (memory.told || now - memory.lastHeard < afterMs) continue
        memory.told = true
        const time = memory.lastHeard + afterMs
        emit({ device, worker: world.holderAt(device, time), time }, 'silence', {
          category: 'silence',
          HoursSilent: silentHours,
          ActiveElsewhere: null,
          Announced: memory.stopping,
          RepeatsAtHour: null,
          Evidence: null,
        })
      }
    },
    deaf(from, to) {
      for (const memory of devices.values()) if (!memory.told) memory.lastHeard += Math.max(0, to - from)
    },
    save: () => [...devices],
    load: (state) => {
      devices = new Map(state as [string, Memory][])
    },
  }
})
