/**
 * Hardware that controls a laptop from outside (#31-#39, #63): recognised by the catalogue, as a display that was
 * attached together with a keyboard and pointer in one USB device, or by the rhythm of its mouse jiggler.
 *
 * Shape   one `hardware` per laptop, device, way of recognition and UTC day: the first sighting of the day, and another
 *         one when one is approved and one is not.
 * Silent  devices that were attached before the agent first looked count as attached together with nothing.
 * Memory  in the bounds of `firstOfDay`; per laptop the times of the last nine days at which a display, or a USB device
 *         of that shape, was attached: 64 of each.
 */

import * as z from 'zod'
import type { Contract } from '../../../wire/contract.ts'
import type { Category, EventOf } from '../../../wire/event.ts'
import { DAY } from '../../../wire/time.ts'
import { deriverKind, type Emit, LATENESS_MS, type Seen } from '../deriver.ts'
import { firstOfDay } from '../kit/first-of-day.ts'
import { Subjects } from '../kit/kept.ts'
import { jigglerIn } from './jiggler.ts'

const MAX_RECENT = 64

const thresholds = z.strictObject({
  /** Seconds between a display and an input device attached together: 'at the same minute' (threat model #39, P6). */
  twinSeconds: z.number().min(1).max(600).default(60),
  /**
   * USB vendors of harmless devices with keyboard, pointer and display: virtual machines, pen displays (Wacom, Huion,
   * XP-Pen, Veikk), DisplayLink docks. Four hex digits (the catalogue's exceptions for #38; usb.ids).
   */
  harmlessVendors: z
    .array(z.string().regex(/^[0-9a-f]{4}$/))
    .max(256)
    .default(['0627', '0e0f', '80ee', '203a', '056a', '256c', '28bd', '2feb', '17e9']),
  /** Least number of pauses of a jiggler's length in one window (#63). Our judgement. */
  cadencePauses: z.int().min(2).max(10_000).default(8),
  /** The share of intervals that must fit the rhythm; the rest may be a person in the same window. Our judgement. */
  cadenceShare: z.number().min(0.5).max(1).default(0.95),
})

type Usb = EventOf<'usb_device'>
interface RecognisedDevice {
  id: string
  name: string
  kind: EventOf<'hardware'>['DeviceKind']
  by: EventOf<'hardware'>['MatchedBy']
}
/** A USB device that was attached and may belong to a display that is attached soon. */
interface Attached {
  time: number
  id: string
  thing: RecognisedDevice
  approved: boolean
  sinceFirstBoot: number | null
}
interface RecentlyAttached {
  displays: number[]
  candidates: Attached[]
}

export const hardware = deriverKind('hardware', thresholds, (limits, world) => {
  const firsts = firstOfDay()
  const devices = new Subjects<RecentlyAttached>()
  return {
    take(seen, emit) {
      const { event, facts, device, conflict, time, firstBoot, contract } = seen
      if (!event || device === null || conflict || !(facts?.hardware || ALWAYS_READ.has(event.category))) return
      if (isRemoval(seen)) return
      const sinceFirstBoot = firstBoot === null ? null : Math.max(0, time - firstBoot) / DAY
      const usb = event.category === 'usb_device' ? event : null
      for (const it of facts?.hardware ?? [])
        addSighting(
          device,
          { time, id: event.id, thing: it, approved: declares(contract, it.kind, usb), sinceFirstBoot },
          emit,
        )
      if (event.category === 'input_pattern') {
        const regularity = { leastPauses: limits.cadencePauses, leastShare: limits.cadenceShare }
        const found = jigglerIn(event, regularity)
        if (!found) return
        const approved = declares(contract, 'ip_kvm', null) || declares(contract, 'jiggler', null)
        addSighting(device, { time, id: event.id, thing: { ...found, by: 'cadence' }, approved, sinceFirstBoot }, emit)
      }
      const display = event.category === 'display' && event.Action === 'attached' && event.Internal !== true
      if (!display && !(usb && mayHaveTwin(usb))) return
      const recent = devices.ensure(device, () => ({ displays: [], candidates: [] }))
      devices.touch(device)
      const isTwin = (a: number, b: number) => Math.abs(a - b) <= limits.twinSeconds * 1_000
      if (usb) {
        const known = facts?.hardware?.[0]
        const thing: RecognisedDevice = known ? { ...known, by: 'twin' } : { ...UNKNOWN }
        const attached = { time, id: event.id, thing, approved: declares(contract, thing.kind, usb), sinceFirstBoot }
        recent.candidates = latest([...recent.candidates, attached], (it) => it.time)
        if (recent.displays.some((it) => isTwin(it, time))) addSighting(device, attached, emit)
      } else {
        recent.displays = latest([...recent.displays, time], (it) => it)
        for (const it of recent.candidates) if (isTwin(it.time, time)) addSighting(device, it, emit)
      }
    },
    kept: { firsts: firsts.kept, devices },
  }

  function addSighting(device: string, { time, id, thing, approved, sinceFirstBoot }: Attached, emit: Emit): void {
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

  /** A keyboard with an absolute pointer, or a disk to boot from: what a remote KVM needs (#38). */
  function mayHaveTwin({ Action, VendorId, HasKeyboard, HasAbsolutePointer, HasStorage }: Usb): boolean {
    if (Action !== 'attached' || limits.harmlessVendors.includes(VendorId.toLowerCase())) return false
    return HasKeyboard === true && (HasAbsolutePointer === true || HasStorage)
  }
})

const UNKNOWN: RecognisedDevice = {
  id: 'kvm-twin',
  name: 'A display and a keyboard with pointer or disk that came together',
  kind: 'ip_kvm',
  by: 'twin',
}

/** In order of time, without those that no late event can belong to. */
function latest<T>(all: T[], timeOf: (it: T) => number): T[] {
  const sorted = all.sort((a, b) => timeOf(a) - timeOf(b))
  const since = timeOf(sorted.at(-1)!) - LATENESS_MS - DAY
  return sorted.filter((it) => timeOf(it) >= since).slice(-MAX_RECENT)
}

/** Categories that are read even when the catalogue recognised nothing. */
const ALWAYS_READ: ReadonlySet<Category> = new Set(['usb_device', 'display', 'input_pattern'])

function isRemoval({ event }: Seen): boolean {
  return (event?.category === 'usb_device' || event?.category === 'display') && event.Action === 'removed'
}

/** Whether the contract declares it: by kind, and by the ids that are given; without USB ids, by kind alone. */
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
