/**
 * Hardware that controls a laptop from outside (#31-#39, #63): recognised by the catalogue, as a display that came
 * together with a USB device that may be the other end of the same box, as a display's description on two connectors,
 * by its virtual disk, or by the rhythm of its mouse jiggler.
 *
 * Shape   one `hardware` per laptop, device, way of recognition and UTC day: the first sighting of the day, and another
 *         one when one is approved and one is not. What is there at the agent's first look counts as much as what comes
 *         later, so that a KVM from before the enrolment is seen at every start of the agent.
 * Silent  two monitors of one model whose descriptions have no serial number, and so are equal.
 * Memory  in the bounds of `firstOfDay` and `inOrder`; per laptop the times of the last nine days at which a display, or
 *         a USB device of that shape, was attached: 64 of each.
 */

import * as z from 'zod'
import { mayHaveUsbIds } from '../../../rules/catalogue/index.ts'
import { mayBePartOfKvm } from '../../../rules/catalogue/usb-shape.ts'
import type { Contract } from '../../../wire/contract.ts'
import type { Category, EventOf } from '../../../wire/event.ts'
import { DAY } from '../../../wire/time.ts'
import { deriverKind, type Emit, LATENESS_MS, type Seen } from '../deriver.ts'
import { firstOfDay } from '../kit/first-of-day.ts'
import { inOrder } from '../kit/in-order.ts'
import { prefixed, Subjects } from '../kit/kept.ts'
import { clonedDisplays, displayNote } from './cloned-display.ts'
import { jigglerIn } from './jiggler.ts'

const MAX_RECENT = 64

const thresholds = z.strictObject({
  /** Seconds between a display and an input device attached together: 'at the same minute' (threat model #39, P6). */
  twinSeconds: z.number().min(1).max(600).default(60),
  /**
   * USB vendors of harmless devices that come together with a display, in addition to the catalogue's exceptions for
   * #38: virtual machines, pen displays (Wacom, Huion, XP-Pen, Veikk), DisplayLink docks. Four hex digits (usb.ids).
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
  signs?: string | undefined
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
  const clones = inOrder(clonedDisplays, MAX_DISPLAY_NOTES)
  return {
    take(seen, emit) {
      const { event, facts, device, conflict, time, firstBoot, contract } = seen
      if (!event || device === null || conflict || !(facts?.hardware || ALWAYS_READ.has(event.category))) return
      if (event.category === 'display') {
        const note = displayNote(event, { approved: declares(contract, CLONE, null), firstBoot })
        if (note)
          clones.take(device, note, (at, key, draft) =>
            emit({ device, worker: world.holderAt(device, at), time: at }, key, draft),
          )
      }
      if (isRemoval(seen)) return
      const sinceFirstBoot = firstBoot === null ? null : Math.max(0, time - firstBoot) / DAY
      const usb = event.category === 'usb_device' ? event : null
      for (const it of facts?.hardware ?? [])
        addSighting(
          device,
          { time, id: event.id, thing: it, approved: declares(contract, it, usb), sinceFirstBoot },
          emit,
        )
      if (event.category === 'volume_mounted' && event.VirtualMedia === true) {
        const thing: RecognisedDevice = { ...VIRTUAL_DISK, by: 'volume', signs: event.Label ?? undefined }
        addSighting(
          device,
          { time, id: event.id, thing, approved: declares(contract, thing, null), sinceFirstBoot },
          emit,
        )
      }
      if (event.category === 'input_pattern') {
        const regularity = { leastPauses: limits.cadencePauses, leastShare: limits.cadenceShare }
        const found = jigglerIn(event, regularity)
        if (!found) return
        const approved = declares(contract, found, null) || declares(contract, { ...found, kind: 'jiggler' }, null)
        addSighting(device, { time, id: event.id, thing: { ...found, by: 'cadence' }, approved, sinceFirstBoot }, emit)
      }
      const display = event.category === 'display' && event.Internal !== true
      const known = usb && (facts?.hardware ?? []).find((it) => it.by !== 'claim' && usb.HasKeyboard)
      if (!display && !(usb && mayHaveTwin(usb, known != null))) return
      const recent = devices.ensure(device, () => ({ displays: [], candidates: [] }))
      devices.touch(device)
      const isTwin = (a: number, b: number) => Math.abs(a - b) <= limits.twinSeconds * 1_000
      if (usb) {
        const thing: RecognisedDevice = { ...(known ?? UNKNOWN), by: 'twin' }
        const attached = { time, id: event.id, thing, approved: declares(contract, thing, usb), sinceFirstBoot }
        recent.candidates = latest([...recent.candidates, attached], (it) => it.time)
        if (recent.displays.some((it) => isTwin(it, time))) addSighting(device, attached, emit)
      } else {
        recent.displays = latest([...recent.displays, time], (it) => it)
        for (const it of recent.candidates) if (isTwin(it.time, time)) addSighting(device, it, emit)
      }
    },
    kept: { firsts: firsts.kept, devices, ...prefixed('clones', clones.kept) },
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
        Signs: thing.signs ?? null,
        Approved: approved,
        DaysSinceFirstBoot: sinceFirstBoot,
      },
      (at, key, draft) => emit({ device, worker: world.holderAt(device, at), time: at }, key, draft),
    )
  }

  /** The other end of a display that came with it: what the catalogue knows, or what has the shape (#38). */
  function mayHaveTwin(usb: Usb, isKnown: boolean): boolean {
    return !limits.harmlessVendors.includes(usb.VendorId.toLowerCase()) && (isKnown || mayBePartOfKvm(usb))
  }
})

const UNKNOWN = {
  id: 'kvm-twin',
  name: 'A display and a keyboard with pointer or disk that came together',
  kind: 'ip_kvm',
} as const
const VIRTUAL_DISK = { id: 'virtual-disk', name: "An IP-KVM's virtual disk", kind: 'ip_kvm' } as const
const CLONE = { id: 'edid-clone', kind: 'ip_kvm' } as const
/** Per laptop, in eight days. */
const MAX_DISPLAY_NOTES = 500

/** In order of time, without those that no late event can belong to. */
function latest<T>(all: T[], timeOf: (it: T) => number): T[] {
  const sorted = all.sort((a, b) => timeOf(a) - timeOf(b))
  const since = timeOf(sorted.at(-1)!) - LATENESS_MS - DAY
  return sorted.filter((it) => timeOf(it) >= since).slice(-MAX_RECENT)
}

/** Categories that are read even when the catalogue recognised nothing. */
const ALWAYS_READ: ReadonlySet<Category> = new Set(['usb_device', 'display', 'volume_mounted', 'input_pattern'])

function isRemoval({ event }: Seen): boolean {
  return (event?.category === 'usb_device' || event?.category === 'display') && event.Action === 'removed'
}

/**
 * Whether the contract declares it. A declaration covers one box: its USB side by kind and the ids that are given; its
 * display by kind, where the maker's boxes have those ids.
 */
export function declares(contract: Contract | null, thing: { id: string; kind: string }, usb: Usb | null): boolean {
  const same = (declared: string | null | undefined, found: string | null) =>
    declared == null || declared.toLowerCase() === (found ?? '').toLowerCase()
  return (
    contract?.peripherals?.some(
      (it) =>
        it.kind === thing.kind &&
        (usb === null
          ? it.vendorId == null || it.productId == null || mayHaveUsbIds(thing.id, it.vendorId, it.productId)
          : same(it.vendorId, usb.VendorId) && same(it.productId, usb.ProductId) && same(it.serial, usb.SerialNumber)),
    ) ?? false
  )
}
