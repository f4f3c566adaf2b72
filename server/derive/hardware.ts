/**
 * Hardware that drives a laptop from outside, as the catalogue recognised it (#31-#39).
 *
 * Shape   one `hardware` per device, thing and way of recognition and UTC day: the first sighting that day.
 * Memory  per device what was said today, and the sightings within the lateness bound.
 */
import * as z from 'zod'
import type { CatalogueFacts } from '../../wire/recording.ts'
import { deriverKind, type Seen } from './deriver.ts'
import { inOrder, type Note } from './in-order.ts'
import { holds } from './world.ts'

const DAY = 86_400_000

interface Sighting extends Note {
  found: NonNullable<CatalogueFacts['hardware']>[number]
  approved: boolean
  sinceFirstBoot: number | null
}

export const hardware = deriverKind('hardware', z.strictObject({}), () => {
  const devices = inOrder<{ day: number; said: string[] }, Sighting>({
    begin: () => ({ day: 0, said: [] }),
    step(state, { time, found, approved, sinceFirstBoot }, say) {
      const day = Math.floor(time / DAY)
      if (state.day !== day) Object.assign(state, { day, said: [] })
      const words = `${found.id}|${found.by}`
      if (state.said.includes(words)) return
      state.said.push(words)
      say(time, words, {
        category: 'hardware',
        Device: found.name,
        DeviceId: found.id,
        DeviceKind: found.kind,
        MatchedBy: found.by,
        Approved: approved,
        DaysSinceFirstBoot: sinceFirstBoot,
      })
    },
  })
  return {
    take(seen, emit) {
      const { event, facts, device, worker, conflict, time, firstBoot } = seen
      if (!event || !facts?.hardware || device === null || conflict || removed(seen)) return
      for (const found of facts.hardware) {
        const id = `${event.id} ${found.id} ${found.by}`
        const sinceFirstBoot = firstBoot === null ? null : Math.max(0, time - firstBoot) / DAY
        devices.take(
          device,
          { time, id, found, approved: approved(seen, found.kind), sinceFirstBoot },
          (at, key, draft) => emit({ device, worker, time: at }, key, draft),
        )
      }
    },
    save: devices.save,
    load: devices.load,
  }
})

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
