/**
 * Hardware that drives a laptop from outside (#31-#39, #63): as the catalogue recognised it, as a display that came
 * together with a keyboard and pointer in one device, or by the rhythm of its jiggler.
 *
 * Shape   one `hardware` per device, thing, way of recognition and UTC day: the first sighting that day, and another
 *         when one is approved and one is not.
 * Silent  what was there already when the agent first looked came together with nothing.
 * Memory  as `firstOfDay` keeps it; per device the moments of the last nine days at which a display, or a device with
 *         the shape, came: 64 of each.
 */

import * as z from 'zod'
import type { Contract } from '../../../wire/contract.ts'
import type { Category, EventOf } from '../../../wire/event.ts'
import { DAY } from '../../../wire/time.ts'
import { deriverKind, type Emit, LATENESS_MS, type Seen } from '../deriver.ts'
import { firstOfDay } from '../kit/first-of-day.ts'
import { Subjects } from '../kit/kept.ts'
import { jigglerIn } from './jiggler.ts'

const MAX_MOMENTS = 64

const thresholds = z.strictObject({
  /** Seconds between a display and an input device that came together: 'at the same minute' (threat model #39, P6). */
  twinSeconds: z.number().min(1).max(600).default(60),
  /**
   * USB vendors whose devices are keyboard, pointer and display in one and yet drive nothing: virtual machines, pen
   * displays (Wacom, Huion, XP-Pen, Veikk), DisplayLink docks. Four hex digits (the catalogue's exceptions for #38; usb.ids).
   */
  harmlessVendors: z
    .array(z.string().regex(/^[0-9a-f]{4}$/))
    .max(256)
    .default(['0627', '0e0f', '80ee', '203a', '056a', '256c', '28bd', '2feb', '17e9']),
  /** Pauses of a jiggler's length that one window must have before it is a rhythm (#63). Our judgement. */
  cadencePauses: z.int().min(2).max(10_000).default(8),
  /** The share of intervals that must fit the rhythm: what a hand did in the same window is the rest. Our judgement. */
  cadenceShare: z.number().min(0.5).max(1).default(0.95),
})

type Usb = EventOf<'usb_device'>
interface Thing {
  id: string
  name: string
  kind: EventOf<'hardware'>['DeviceKind']
  by: EventOf<'hardware'>['MatchedBy']
}
/** What came and might have a twin: enough to say so later, when the display is known. */
interface Candidate {
  time: number
  id: string
  thing: Thing
  approved: boolean
  sinceFirstBoot: number | null
}
interface Moments {
  displays: number[]
  candidates: Candidate[]
}

export const hardware = deriverKind('hardware', thresholds, (limits, world) => {
  const firsts = firstOfDay()
  const devices = new Subjects<Moments>()
  return {
    take(seen, emit) {
      const { event, facts, device, conflict, time, firstBoot, contract } = seen
      if (!event || device === null || conflict || !(facts?.hardware || TELLING.has(event.category))) return
      if (isRemoval(seen)) return
      const sinceFirstBoot = firstBoot === null ? null : Math.max(0, time - firstBoot) / DAY
      const usb = event.category === 'usb_device' ? event : null
      for (const it of facts?.hardware ?? [])
        sighted(
          device,
          { time, id: event.id, thing: it, approved: declares(contract, it.kind, usb), sinceFirstBoot },
          emit,
        )
      if (event.category === 'input_pattern') {
        const evenness = { leastPauses: limits.cadencePauses, leastShare: limits.cadenceShare }
        const found = jigglerIn(event, evenness)
        if (!found) return
        const approved = declares(contract, 'ip_kvm', null) || declares(contract, 'jiggler', null)
        sighted(device, { time, id: event.id, thing: { ...found, by: 'cadence' }, approved, sinceFirstBoot }, emit)
      }
      const display = event.category === 'display' && event.Action === 'attached' && event.Internal !== true
      if (!display && !(usb && mayHaveTwin(usb))) return
      const moments = devices.ensure(device, () => ({ displays: [], candidates: [] }))
      devices.touch(device)
      const isTwin = (a: number, b: number) => Math.abs(a - b) <= limits.twinSeconds * 1_000
      if (usb) {
        const known = facts?.hardware?.[0]
        const thing: Thing = known ? { ...known, by: 'twin' } : { ...UNKNOWN }
        const came = { time, id: event.id, thing, approved: declares(contract, thing.kind, usb), sinceFirstBoot }
        moments.candidates = recent([...moments.candidates, came], (it) => it.time)
        if (moments.displays.some((it) => isTwin(it, time))) sighted(device, came, emit)
      } else {
        moments.displays = recent([...moments.displays, time], (it) => it)
        for (const it of moments.candidates) if (isTwin(it.time, time)) sighted(device, it, emit)
      }
    },
    kept: { firsts: firsts.kept, devices },
  }

  function sighted(device: string, { time, id, thing, approved, sinceFirstBoot }: Candidate, emit: Emit): void {
    firsts.take(
      device,
      { time, id, kind: `${thing.id}|${thing.by}|${approved}` },
      {
        category: 'hardware',
        Device: thing.name,
        DeviceId: thing.id,
        DeviceKind: thing.kind,
        MatchedBy: thing.by,
        Approved: approved,
        DaysSinceFirstBoot: sinceFirstBoot,
      },
      (at, key, draft) => emit({ device, worker: world.holderAt(device, at), time: at }, key, draft),
    )
  }

  /** A keyboard with what a screen's far end needs beside it (#38): an absolute pointer, or a disk to boot from. */
  function mayHaveTwin({ Action, VendorId, HasKeyboard, HasAbsolutePointer, HasStorage }: Usb): boolean {
    if (Action !== 'attached' || limits.harmlessVendors.includes(VendorId.toLowerCase())) return false
    return HasKeyboard === true && (HasAbsolutePointer === true || HasStorage)
  }
})

const UNKNOWN: Thing = {
  id: 'kvm-twin',
  name: 'A display and a keyboard with pointer or disk that came together',
  kind: 'ip_kvm',
  by: 'twin',
}

/** By time; what no late event can be the twin of goes. */
function recent<T>(moments: T[], timeOf: (it: T) => number): T[] {
  const sorted = moments.sort((a, b) => timeOf(a) - timeOf(b))
  const since = timeOf(sorted.at(-1)!) - LATENESS_MS - DAY
  return sorted.filter((it) => timeOf(it) >= since).slice(-MAX_MOMENTS)
}

/** What is looked at even where the catalogue recognised nothing. */
const TELLING: ReadonlySet<Category> = new Set(['usb_device', 'display', 'input_pattern'])

function isRemoval({ event }: Seen): boolean {
  return (event?.category === 'usb_device' || event?.category === 'display') && event.Action === 'removed'
}

/** A declared peripheral excuses by kind, and by each id it names; what has no USB ids is excused by its kind alone. */
export function declares(contract: Contract | null, kind: string, usb: Usb | null): boolean {
  const same = (declared: string | null | undefined, found: string | null) =>
    declared == null || declared.toLowerCase() === (found ?? '').toLowerCase()
  return (
    contract?.peripherals?.some(
      (it) =>
        it.kind === kind &&
        (usb === null ||
          (same(it.vendorId, usb.VendorId) && same(it.productId, usb.ProductId) && same(it.serial, usb.SerialNumber))),
    ) ?? false
  )
}
