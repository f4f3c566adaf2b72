/**
 * Hardware that controls a laptop from outside (#31-#39, #63): recognised by the catalogue, as a display that came
 * together with a USB device that may be the other end of the same box, as a display's description on two connectors,
 * by its virtual disk, or by the rhythm of its mouse jiggler.
 *
 * Shape   one `hardware` per laptop, device, way of recognition and UTC day on which it was there while the laptop was
 *         awake, at the first such moment, and another one when one is approved and one is not. What is there at the
 *         agent's first look counts as much as what comes later, so a KVM from before the enrolment is seen, too.
 * Silent  two monitors of one model whose descriptions have no serial number, and so are equal.
 * Memory  in the bounds of `connected` and `firstOfDay`.
 */

import * as z from 'zod'
import { isNotable, mayHaveUsbIds } from '../../../rules/catalogue/index.ts'
import { mayBePartOfKvm } from '../../../rules/catalogue/usb-shape.ts'
import type { Contract } from '../../../wire/contract.ts'
import type { Category, Event, EventOf } from '../../../wire/event.ts'
import { DAY } from '../../../wire/time.ts'
import { type Draft, deriverKind, type Emit, type Seen } from '../deriver.ts'
import { firstOfDay } from '../kit/first-of-day.ts'
import { Names } from '../kit/kept.ts'
import { type Statement, statements } from '../kit/statements.ts'
import { connected, type Report, type Thing, type UsbIds } from './connected.ts'
import { jigglerIn } from './jiggler.ts'
import { screenName, screenOf } from './screen.ts'

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

export const hardware = deriverKind('hardware', thresholds, (limits, world) => {
  const firsts = firstOfDay()
  const devices = connected(limits.twinSeconds * 1_000, { ...CLONE, by: 'clone' })
  const sightings = statements()
  /** Laptops whose contract has changed. */
  const due = new Names()
  return {
    take(seen, emit) {
      const { event, device, conflict, time, receivedAt } = seen
      if (device === null || conflict) return
      // A clock that is far ahead must not make the rest look old.
      let isChanged = devices.awake(device, Math.min(time, receivedAt + DAY))
      if (event && READ.has(event.category)) isChanged = takeEvent(device, event, seen, emit) || isChanged
      if (isChanged) revise(device, emit)
    },
    changed({ worker, device }) {
      // Sessions and tenants, which become known by laptop, approve no hardware.
      if (device !== null) return
      for (const it of worker === null ? devices.laptops() : world.devicesOf(worker)) due.add(it)
    },
    advance(_now, emit) {
      for (const device of due) revise(device, emit)
      due.clear()
    },
    kept: { due, firsts: firsts.kept, devices: devices.kept, sightings: sightings.kept },
  }

  /** Returns whether what is connected may have changed. */
  function takeEvent(device: string, event: Event, seen: Seen, emit: Emit): boolean {
    const { facts, time } = seen
    if (event.category === 'agent_state') {
      if (event.Action !== 'started') return false
      devices.looked(device, 'usb', time)
      devices.looked(device, 'display', time)
      return true
    }
    if (event.category === 'usb_device') {
      if (event.Action === 'present') devices.looked(device, 'usb', time)
      const report = usbReport(event, facts)
      const matters = report.things.length > 0 || report.twin !== null || (report.gone && isNotable(event))
      devices.usb(device, usbName(event), report, matters)
      return true
    }
    if (event.category === 'display') {
      if (event.Action === 'present') devices.looked(device, 'display', time)
      if (event.Action !== 'removed' && event.Internal !== true) devices.display(device, time)
      const gone = event.Action === 'removed'
      const things = gone ? [] : (facts?.hardware ?? [])
      const report = { time, id: event.id, gone, things, twin: null, usb: null }
      devices.screen(device, screenName(event), report, screenOf(event))
      return true
    }
    if (event.category === 'volume_mounted' && event.VirtualMedia === true)
      addMoment(device, seen, { ...VIRTUAL_DISK, by: 'volume', signs: event.Label ?? undefined }, emit)
    if (event.category === 'input_pattern') {
      const regularity = { leastPauses: limits.cadencePauses, leastShare: limits.cadenceShare }
      const found = jigglerIn(event, regularity)
      if (found) addMoment(device, seen, { ...found, by: 'cadence' }, emit)
    }
    return false
  }

  function usbReport(event: Usb, facts: Seen['facts']): Report {
    const { time, id, Action, VendorId, ProductId, SerialNumber } = event
    const usb = { VendorId, ProductId, SerialNumber }
    if (Action === 'removed') return { time, id, gone: true, things: [], twin: null, usb }
    const things = facts?.hardware ?? []
    const known = things.find((it) => it.by !== 'claim' && event.HasKeyboard)
    const twin = mayHaveTwin(event, known !== undefined) ? { ...(known ?? UNKNOWN), by: 'twin' as const } : null
    return { time, id, gone: false, things, twin, usb }
  }

  /** Something seen at one moment, the first of the day. */
  function addMoment(device: string, { event, time, contract }: Seen, thing: Thing, emit: Emit): void {
    const isJiggler = thing.by === 'cadence' && declares(contract, { ...thing, kind: 'jiggler' }, null)
    const approved = isJiggler || declares(contract, thing, null)
    firsts.take(
      device,
      { time, id: event!.id, kind: kindOf(thing, approved) },
      draftOf(device, thing, approved, time),
      (at, key, draft) => emit(about(device, at), key, draft),
    )
  }

  /** States again what is connected, on each day. */
  function revise(device: string, emit: Emit): void {
    const { from, all } = devices.sightings(device)
    const firstByKind = new Map<string, Statement>()
    for (const { time, thing, usb } of all) {
      const subject = about(device, time)
      const approved = declares(world.contractAt(subject.worker, time), thing, usb)
      const key = kindOf(thing, approved)
      const identity = `${Math.floor(time / DAY)} ${key}`
      const first = firstByKind.get(identity)
      if (!first || time < first.about.time)
        firstByKind.set(identity, { about: subject, key, draft: draftOf(device, thing, approved, time) })
    }
    sightings.revise(device, from, [...firstByKind.values()], emit)
  }

  function about(device: string, time: number) {
    return { device, worker: world.holderAt(device, time), time }
  }

  function draftOf(device: string, thing: Thing, approved: boolean, time: number): Draft {
    const firstBoot = world.firstBoot(device)
    return {
      category: 'hardware',
      Device: thing.name,
      DeviceId: thing.id,
      DeviceKind: thing.kind,
      MatchedBy: thing.by,
      Signs: thing.signs ?? null,
      Approved: approved,
      DaysSinceFirstBoot: firstBoot === null ? null : Math.max(0, time - firstBoot) / DAY,
    }
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
const CLONE = { id: 'edid-clone', name: 'A display that describes itself as another one', kind: 'ip_kvm' } as const

/** Categories that are read; every other event only shows that the laptop was awake. */
const READ: ReadonlySet<Category> = new Set(['usb_device', 'display', 'volume_mounted', 'input_pattern', 'agent_state'])

function kindOf({ id, by }: Thing, approved: boolean): string {
  return `${id}|${by}|${approved}`
}

/** What is the same when a device is reported as present, attached and removed, and differs when its functions do. */
function usbName(event: Usb): string {
  const { VendorId, ProductId, SerialNumber, ParentPort, InterfaceClasses } = event
  const functions = [event.HasKeyboard, event.HasAbsolutePointer, event.HasStorage, event.HasNetwork].map(Number)
  return `${VendorId}:${ProductId} ${SerialNumber} ${ParentPort} ${InterfaceClasses.join('')} ${functions.join('')}`.toLowerCase()
}

/**
 * Whether the contract declares it. A declaration covers one box: its USB side by kind and the ids that are given; its
 * display by kind, where the maker's boxes have those ids.
 */
export function declares(contract: Contract | null, thing: { id: string; kind: string }, usb: UsbIds | null): boolean {
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
