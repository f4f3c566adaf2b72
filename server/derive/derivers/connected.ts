/**
 * What is connected to each laptop, and since when, so that a device that stays is seen on each day that it is there.
 *
 * Shape   a report is one event about a device: it is there, or it is gone. It holds until the next report about the
 *         device, or until the agent looked at everything and did not find it: what was unplugged while the laptop was
 *         off is never reported as gone. `sightings`: of each thing, the moments at which it was reported, and on each
 *         later day the first moment at which the laptop was awake; and of each display that two connectors show.
 * Memory  per laptop 32 devices with 64 reports, 64 looks and displays of the last nine days, and the first moment of
 *         each of these days. What is older is kept only while it holds.
 */
import type { EventOf } from '../../../wire/event.ts'
import { DAY, HOUR, MINUTE } from '../../../wire/time.ts'
import { LATENESS_MS } from '../deriver.ts'
import { type Part, Subjects } from '../kit/kept.ts'
import { isSameScreen, type Screen } from './screen.ts'

const MAX_DEVICES = 32
const MAX_RECENT = 64
const KEEP_MS = LATENESS_MS + DAY
/** The reports of one look come within this time after it began; drivers may need a moment. */
const ONE_LOOK_MS = 2 * MINUTE
/** Within this time after waking, the agent reports what is gone. */
const SURE_AFTER_MS = HOUR

export interface Thing {
  id: string
  name: string
  kind: EventOf<'hardware'>['DeviceKind']
  by: EventOf<'hardware'>['MatchedBy']
  signs?: string | undefined
}

/** What identifies a USB device in a contract. */
export type UsbIds = Pick<EventOf<'usb_device'>, 'VendorId' | 'ProductId' | 'SerialNumber'>

export interface Report {
  /** Epoch ms. */
  time: number
  /** The record's id. */
  id: string
  gone: boolean
  /** What the device is. */
  things: Thing[]
  /** What it is if a display came with it. */
  twin: Thing | null
  usb: UsbIds | null
}

export interface Sighting {
  time: number
  thing: Thing
  usb: UsbIds | null
}

type Bus = 'usb' | 'display'

interface Laptop {
  /** The latest time heard of. */
  reached: number
  /** By day, the first moment. */
  awake: [day: number, time: number][]
  /** When the agent looked at everything. */
  looks: Record<Bus, number[]>
  /** When an external display was there. */
  displays: number[]
  /** By bus and identity, the reports in order; of a display, what it says of itself. */
  devices: [name: string, reports: Report[], screen: Screen | null][]
}

export interface Connected {
  /** The laptop was awake. True: its sightings may have changed. */
  awake(laptop: string, time: number): boolean
  looked(laptop: string, bus: Bus, time: number): void
  display(laptop: string, time: number): void
  /** `matters`: whether to remember it about a USB device of which nothing is known, such as that it is gone. */
  usb(laptop: string, name: string, report: Report, matters: boolean): void
  screen(laptop: string, name: string, report: Report, screen: Screen | null): void
  /** In no particular order, from `from` on. */
  sightings(laptop: string): { from: number; all: Sighting[] }
  laptops(): Iterable<string>
  readonly kept: Part
}

/** `clone`: what a display is that another connector shows, too. */
export function connected(twinMs: number, clone: Thing): Connected {
  const laptops = new Subjects<Laptop>()
  const of = (name: string) => {
    laptops.touch(name)
    return laptops.ensure(name, () => ({
      ...{ reached: 0, awake: [], looks: { usb: [], display: [] }, displays: [], devices: [] },
    }))
  }
  return {
    awake(name, time) {
      const known = laptops.get(name)
      const day = Math.floor(time / DAY)
      const index = known?.awake.findLastIndex(([it]) => it <= day) ?? -1
      const same = known?.awake[index]
      if (same?.[0] === day && same[1] <= time) return false
      const laptop = of(name)
      laptop.awake.splice(same?.[0] === day ? index : index + 1, same?.[0] === day ? 1 : 0, [day, time])
      reach(laptop, time)
      return laptop.devices.length > 0
    },
    looked(name, bus, time) {
      const { looks } = of(name)
      looks[bus] = added(looks[bus], time)
    },
    display(name, time) {
      const laptop = of(name)
      laptop.displays = added(laptop.displays, time)
    },
    usb: (name, device, report, matters) => addReport(of(name), `usb ${device}`, report, null, matters),
    screen: (name, device, report, screen) =>
      addReport(of(name), `display ${device}`, report, screen, screen !== null || report.things.length > 0),
    sightings(name) {
      const laptop = laptops.get(name)
      if (!laptop) return { from: 0, all: [] }
      const all = laptop.devices.flatMap((device) =>
        device[1].flatMap((report, index) => sightingsIn(laptop, report, endOf(laptop, device, index))),
      )
      return { from: laptop.reached - KEEP_MS, all: [...all, ...clonesIn(laptop)] }
    },
    laptops: () => laptops.keys(),
    kept: laptops,
  }

  function addReport(laptop: Laptop, key: string, report: Report, screen: Screen | null, matters: boolean): void {
    if (report.time < laptop.reached - KEEP_MS) return
    const known = laptop.devices.find(([it]) => it === key)
    if (!known && (!matters || laptop.devices.length >= MAX_DEVICES)) return
    const reports = known?.[1] ?? []
    if (!known) laptop.devices.push([key, reports, screen])
    if (reports.some((it) => it.time === report.time && it.id === report.id)) return
    const index = reports.findLastIndex((it) => it.time < report.time || (it.time === report.time && it.id < report.id))
    reports.splice(index + 1, 0, report)
    if (reports.length > MAX_RECENT) reports.shift()
  }

  function sightingsIn(laptop: Laptop, { time, things, twin, usb }: Report, end: number): Sighting[] {
    const isTwin = twin !== null && laptop.displays.some((it) => Math.abs(it - time) <= twinMs)
    const all = isTwin ? [...things, twin] : things
    if (all.length === 0) return []
    return momentsIn(laptop, time, end).flatMap((at) => all.map((thing) => ({ time: at, thing, usb })))
  }

  /** Displays that two connectors show at once. */
  function clonesIn(laptop: Laptop): Sighting[] {
    const shown = laptop.devices.flatMap((device) => {
      const [name, reports, screen] = device
      if (!screen) return []
      return reports.flatMap((report, index) =>
        report.gone ? [] : [{ name, screen, from: report.time, end: endOf(laptop, device, index) }],
      )
    })
    return shown.flatMap((a, index) =>
      shown.slice(index + 1).flatMap((b) => {
        const [from, end] = [Math.max(a.from, b.from), Math.min(a.end, b.end)]
        // Without connectors, two reports of one look are two of them.
        const areTwo = a.name === b.name ? !a.screen.port && a.from === b.from : true
        if (!areTwo || end <= from || !isSameScreen(a.screen, b.screen)) return []
        const thing = { ...clone, signs: a.screen.name ?? b.screen.name ?? undefined }
        return momentsIn(laptop, from, end).map((time) => ({ time, thing, usb: null }))
      }),
    )
  }

  function reach(laptop: Laptop, time: number): void {
    if (time <= laptop.reached) return
    const before = laptop.reached
    laptop.reached = time
    if (Math.floor(time / DAY) > Math.floor(before / DAY)) forget(laptop, time - KEEP_MS)
  }

  /** Drops what is older than `oldest`, except the last report about a device that still holds. */
  function forget(laptop: Laptop, oldest: number): void {
    const { looks } = laptop
    laptop.awake = laptop.awake.filter(([, time]) => time >= oldest)
    laptop.devices = laptop.devices.flatMap((device): Laptop['devices'] => {
      const [key, reports, screen] = device
      const kept = reports.flatMap((report, index) => {
        if (report.time >= oldest) return [report]
        if (report.gone || endOf(laptop, device, index) < oldest) return []
        // Whether a display came with it is settled now, and the times of displays are forgotten.
        const { twin } = report
        const isTwin = twin !== null && laptop.displays.some((it) => Math.abs(it - report.time) <= twinMs)
        return [isTwin ? { ...report, things: [...report.things, twin], twin: null } : { ...report, twin: null }]
      })
      return kept.length > 0 ? [[key, kept, screen]] : []
    })
    laptop.displays = laptop.displays.filter((it) => it >= oldest - twinMs)
    for (const bus of ['usb', 'display'] as const) looks[bus] = looks[bus].filter((it) => it >= oldest)
  }
}

/** At the beginning, and when the laptop wakes on a later day. */
function momentsIn({ awake }: Laptop, from: number, end: number): number[] {
  return [from, ...awake.flatMap(([, at]) => (at > from && at + SURE_AFTER_MS <= end ? [at] : []))]
}

/** Until when a report holds: the next one about the device, or the first look that did not find it. */
function endOf({ looks }: Laptop, [key, reports, screen]: Laptop['devices'][number], index: number): number {
  const { time } = reports[index]!
  // Without connectors, a second report of the same look is another display.
  const isOther = (it: Report) => screen?.port === false && it.time === time && !it.gone
  const next = reports.slice(index + 1).find((it) => !isOther(it))?.time ?? Number.POSITIVE_INFINITY
  const missed = looks[key.startsWith('usb ') ? 'usb' : 'display'].find(
    (look) => look > time + ONE_LOOK_MS && next > look + ONE_LOOK_MS,
  )
  return Math.min(next, missed ?? next)
}

/** In order, the latest. */
function added(times: readonly number[], time: number): number[] {
  if (times.includes(time)) return [...times]
  return [...times, time].sort((a, b) => a - b).slice(-MAX_RECENT)
}
