/**
 * Hardware that drives a laptop from outside, as the catalogue recognised it (#31-#39).
 *
 * Shape   one `hardware` per device, thing and way of recognition and UTC day.
 * Memory  what was said today, one short list a device.
 */
import type { Deriver, Seen } from './deriver.ts'
import { holds } from './world.ts'

const DAY = 86_400_000

export function hardware(): Deriver {
  let devices = new Map<string, { day: number; said: string[] }>()
  return {
    name: 'hardware',
    take(seen, emit) {
      if (!seen.facts?.hardware || seen.device === null || seen.conflict || removed(seen)) return
      const day = Math.floor(seen.time / DAY)
      const memory = devices.get(seen.device) ?? { day, said: [] }
      devices.set(seen.device, memory)
      if (memory.day !== day) Object.assign(memory, { day, said: [] })
      for (const found of seen.facts.hardware) {
        const words = `${found.id}|${found.by}`
        if (memory.said.includes(words)) continue
        memory.said.push(words)
        emit(
          {
            category: 'hardware',
            Device: found.name,
            DeviceId: found.id,
            DeviceKind: found.kind,
            MatchedBy: found.by,
            Approved: approved(seen, found.kind),
          },
          words,
        )
      }
    },
    save: () => [...devices],
    load: (state) => {
      devices = new Map(state as [string, { day: number; said: string[] }][])
    },
  }
}

function removed({ event }: Seen): boolean {
  return (event?.category === 'usb_device' || event?.category === 'display') && event.Action === 'removed'
}

/** A declared peripheral excuses by kind, and by each id it names; a display has no USB id, so only the kind counts. */
function approved({ contract, event, time }: Seen, kind: string): boolean {
  const same = (declared: string | null | undefined, found: string | null) =>
    declared == null || declared.toLowerCase() === (found ?? '').toLowerCase()
  return (
    contract?.peripherals?.some(
      (it) =>
        it.kind === kind &&
        holds(it, time) &&
        (event?.category !== 'usb_device' ||
          (same(it.vendorId, event.VendorId) &&
            same(it.productId, event.ProductId) &&
            same(it.serial, event.SerialNumber))),
    ) ?? false
  )
}
