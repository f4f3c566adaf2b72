/**
 * A laptop that stopped talking (#97).
 *
 * Shape   one `silence` per laptop and silence, at the moment the threshold was passed. `Announced`: its last word was
 *         that it was stopping. An idle agent reports itself every hour, so a day without a word is not idleness.
 *         Time in which the server itself was not listening does not count.
 * Memory  one entry a device; reset by the next word.
 */
import type { Deriver } from './deriver.ts'

interface Memory {
  lastHeard: number
  stopping: boolean
  told: boolean
}

export function silence(options: { afterHours: number }): Deriver {
  const afterMs = options.afterHours * 3_600_000
  let devices = new Map<string, Memory>()
  return {
    name: 'silence',
    take({ event, connection, conflict, device, receivedAt }) {
      if (device === null || conflict || (event === null && connection === null)) return
      if (event?.product === 'tellwire') return
      devices.set(device, {
        lastHeard: Math.max(receivedAt, devices.get(device)?.lastHeard ?? 0),
        stopping: event?.category === 'agent_state' && event.Action === 'stopping',
        told: false,
      })
    },
    advance(now, emitFor) {
      for (const [device, memory] of devices) {
        if (memory.told || now - memory.lastHeard < afterMs) continue
        memory.told = true
        emitFor(
          device,
          memory.lastHeard + afterMs,
          {
            category: 'silence',
            HoursSilent: options.afterHours,
            ActiveElsewhere: null,
            Announced: memory.stopping,
            RepeatsAtHour: null,
          },
          'silence',
        )
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
}
