/**
 * What unrelated workers have in common: an uplink, a network, a monitor, a USB device, a remote controller, an MFA
 * device (#4, #26, #42, #56, P4, P5, P16, P17).
 *
 * Shape   per worker, key and UTC day on which the worker had the key: one `shared_key`, if others had it within
 *         `windowDays`. Of uplinks and networks, only who was there on the same day counts; a thing may wander.
 *         A declared household is not 'others'. `Rarity` fades what many share: for a place the share of its people who
 *         are never anywhere else (a farm's laptops; not an office, a campus or coworking), for a thing the number, and
 *         for what stands on a desk also the share of people who do not get around (N10: desks of an office).
 * Silent  addresses that prove nothing (VPN, relay, Tor, hosting, mobile, company exits, approved ones), keys with more
 *         than `commonFrom` workers, serial numbers that are none, controllers of approved tools, service accounts.
 * Memory  per laptop its keys' changes and the days it was awake, `windowDays` and the lateness bound back; at most
 *         MAX_KEYS keys a laptop.
 */

import ipaddr from 'ipaddr.js'
import * as z from 'zod'
import type { Category } from '../../../wire/event.ts'
import type { NetworkClass } from '../../../wire/events/derived.ts'
import { sha256 } from '../../../wire/sha256.ts'
import { DAY, HOUR } from '../../../wire/time.ts'
import { type Draft, deriverKind, type Emit, LATENESS_MS, type Seen } from '../deriver.ts'
import { type Codec, mapCodec, Names, Subjects, single } from '../kit/kept.ts'
import { approvedExit } from '../kit/place.ts'
import { holds } from '../kit/world.ts'

const LATE_DAYS = LATENESS_MS / DAY
const MAX_KEYS = 256
const MAX_CHANGES = 500

const thresholds = z.strictObject({
  /** Days within which two workers share a key: threat model P5, 30 days. */
  windowDays: z.int().min(2).max(60).default(30),
  /** More workers than this have it: an office, a provider's gateway, a vendor's test serial. */
  commonFrom: z.int().min(3).max(10_000).default(50),
  /** A thing that this many workers have is as rare as one that two have. */
  rareUpTo: z.int().min(2).max(100).default(6),
  /** What is less rare is not said. */
  minRarity: z.number().min(0).max(1).default(0.2),
  /** Share of a worker's days in another network from which the worker is somebody who gets around. */
  roamingShare: z.number().min(0).max(1).default(0.2),
  /** Days in one network before anybody can be said never to leave it. */
  settledDays: z.int().min(1).max(30).default(3),
})

type Kind = 'uplink' | 'gateway' | 'bssid' | 'edid' | 'usb_serial' | 'controller' | 'mfa_device'
const PLACES: ReadonlySet<Kind> = new Set(['uplink', 'gateway', 'bssid'])
/** Beyond these an address is not somebody's own uplink. */
const PRIVATE_UPLINK: ReadonlySet<NetworkClass> = new Set(['residential', 'unknown'])

/** First moment by UTC day. */
type Days = Map<number, number>
type Said = [about: { device: null; worker: string; time: number }, key: string, draft: Draft]

/** A laptop, or a worker as far as feeds know one. */
interface Holder {
  /** First moment it was awake, by day. */
  awake: Days
  /** What it had since when: by slot ('uplink', 'usb 046d:c52b:17'), the earliest moment by hour and value. */
  changes: Map<string, Changes>
  /** What was seen at one moment and has no end: a session, a login. */
  moments: Map<string, Days>
}

export const sharedKey = deriverKind('shared_key', thresholds, (limits, world) => {
  const keepDays = limits.windowDays + LATE_DAYS
  const holders = new Subjects<Holder>(HOLDER)
  /** Worked out of what is known of each holder: by key, the days. */
  const had = new Subjects(KEYS, (name, keys) => {
    for (const key of keys.keys()) hold(key, name)
  })
  /** By key, who had it: follows from `had`. */
  const holdersOf = new Map<string, Set<string>>()
  /** Of an uplink, as it was seen last. */
  const networks = new Subjects<[time: number, NetworkClass]>()
  /** By key, then worker and day: what stands. */
  const said = new Subjects<Map<string, Said>>(mapCodec())
  /** Of whom more is known than was worked out, and what to judge again. */
  const freshHolders = new Names()
  const freshKeys = new Names()
  let newestDay = 0

  return {
    take(seen) {
      if (seen.conflict || seen.time < (newestDay - keepDays) * DAY || seen.time > seen.receivedAt + DAY) return
      if (seen.device !== null) takeLaptop(seen.device, seen)
      else if (seen.worker !== null) takeLogin(seen.worker, seen)
    },
    advance(now, emit) {
      for (const name of freshHolders) workOut(name)
      freshHolders.clear()
      // What was settled by the time of the last call stands as it stood.
      for (const key of freshKeys) judge(key, newestDay - LATE_DAYS, emit)
      freshKeys.clear()
      const today = Math.floor(now / DAY)
      if (today <= newestDay) return
      newestDay = today
      forget(today - keepDays)
    },
    kept: {
      holders,
      had,
      networks,
      said,
      freshHolders,
      freshKeys,
      newestDay: single(
        () => newestDay,
        (state) => {
          newestDay = state
        },
      ),
    },
  }

  function hold(key: string, name: string): void {
    holdersOf.set(key, (holdersOf.get(key) ?? new Set()).add(name))
  }

  function letGo(key: string, name: string): void {
    const names = holdersOf.get(key)
    names?.delete(name)
    if (names?.size === 0) holdersOf.delete(key)
  }

  function takeLaptop(device: string, seen: Seen): void {
    const holder = holderOf(device)
    const day = Math.floor(seen.time / DAY)
    const awake = earliest(holder.awake, day, seen.time)
    if (awake !== 'known') {
      holders.touch(device)
      freshHolders.add(device)
    }
    if (seen.event && !TELLING.has(seen.event.category)) return
    for (const [slot, key] of slotsOf(seen)) {
      if (!holder.changes.has(slot) && holder.changes.size >= MAX_KEYS) continue
      const all = holder.changes.get(slot) ?? new Map<string, [number, string | null]>()
      holder.changes.set(slot, all)
      const place = placeOf(seen.time, key)
      const before = all.get(place)
      if (before ? before[0] <= seen.time : all.size >= MAX_CHANGES) continue
      all.set(place, [seen.time, key])
      holders.touch(device)
      freshHolders.add(device)
    }
    const { connection } = seen
    if (connection) see(uplink(connection.remoteAddress), seen.time, connection.geo.class)
    const controller = controllerOf(seen)
    if (controller) moment(device, holder, controller, seen.time)
  }

  function takeLogin(worker: string, { event, contract, time }: Seen): void {
    if (event?.category !== 'idp_login' || event.MfaDeviceHash === null) return
    if (contract?.roles?.some((it) => /^service([ _-]?account)?$/i.test(it))) return
    const name = `worker ${worker}`
    moment(name, holderOf(name), `mfa_device ${event.MfaDeviceHash}`, time)
  }

  function holderOf(name: string): Holder {
    return holders.ensure(name, unknown)
  }

  function moment(name: string, holder: Holder, key: string, time: number): void {
    if (!holder.moments.has(key) && holder.moments.size >= MAX_KEYS) return
    const days = holder.moments.get(key) ?? new Map()
    holder.moments.set(key, days)
    if (earliest(days, Math.floor(time / DAY), time) === 'known') return
    holders.touch(name)
    freshHolders.add(name)
  }

  function see(key: string, time: number, network: NetworkClass): void {
    if (!PRIVATE_UPLINK.has(network)) return
    const [since, before] = networks.get(key) ?? [0, network]
    if (time < since || (time === since && network >= before && networks.has(key))) return
    networks.set(key, [time, network])
    if (network !== before) freshKeys.add(key)
  }

  /** From changes and waking days to the days on which it had each key. */
  function workOut(name: string): void {
    const holder = holders.get(name)
    if (!holder) return
    const now = new Map([...holder.moments].map(([key, days]) => [key, new Map(days)]))
    const awake = [...holder.awake].sort((a, b) => a[0] - b[0])
    for (const changes of holder.changes.values()) {
      const all = inTime(changes)
      for (const [index, [, [from, key]]] of all.entries()) {
        if (key === null) continue
        const to = all[index + 1]?.[1][0] ?? Number.POSITIVE_INFINITY
        const days = now.get(key) ?? new Map<number, number>()
        now.set(key, days)
        for (const [day, first] of awake) {
          if ((day + 1) * DAY <= from || first >= to) continue
          earliest(days, day, Math.max(first, from))
        }
      }
    }
    for (const [key, days] of now) if (days.size === 0) now.delete(key)
    const before = had.get(name) ?? new Map<string, Days>()
    const changed = [...new Set([...before.keys(), ...now.keys()])].filter(
      (key) => !sameDays(before.get(key), now.get(key)),
    )
    for (const key of changed) {
      if (now.has(key)) hold(key, name)
      else letGo(key, name)
      freshKeys.add(key)
    }
    if (changed.length > 0) had.set(name, now)
    // Where it was decides whether what it shares is rare, and whether a second key agrees.
    for (const key of now.keys()) if ((holdersOf.get(key)?.size ?? 0) > 1) freshKeys.add(key)
  }

  /** What stands of one key. */
  function judge(name: string, settled: number, emit: Emit): void {
    const before = said.get(name) ?? new Map<string, Said>()
    const its = holdersOf.get(name) ?? new Set<string>()
    if (before.size === 0 && its.size < 2) return
    const now = new Map([...before].filter(([place]) => dayOf(place) <= settled))
    const workers = workersOf(name, its)
    if (workers.size > 1 && workers.size <= limits.commonFrom)
      for (const [worker, days] of workers)
        for (const [day, time] of days) {
          if (day <= settled) continue
          const draft = wordOn(name, workers, worker, day, time)
          if (draft) now.set(`${worker} ${day}`, [{ device: null, worker, time }, name, draft])
        }
    let isNews = false
    for (const [place, [about, word]] of before) {
      if (now.get(place)?.[0].time === about.time) continue
      isNews = true
      emit(about, word, null)
    }
    for (const [place, it] of now) {
      if (JSON.stringify(before.get(place)) === JSON.stringify(it)) continue
      isNews = true
      emit(...it)
    }
    if (now.size === 0) said.delete(name)
    else if (isNews) said.set(name, now)
  }

  /** By worker, the days on which any of their laptops had it. */
  function workersOf(name: string, its: ReadonlySet<string>): Map<string, Days> {
    const workers = new Map<string, Days>()
    if (its.size > 4 * limits.commonFrom) return workers
    for (const holder of its)
      for (const [day, time] of had.get(holder)?.get(name) ?? []) {
        const worker = holder.startsWith('worker ') ? holder.slice(7) : world.holderAt(holder, time)
        if (worker === null) continue
        const days = workers.get(worker) ?? new Map()
        workers.set(worker, days)
        earliest(days, day, time)
      }
    return workers
  }

  function wordOn(
    name: string,
    workers: ReadonlyMap<string, Days>,
    worker: string,
    day: number,
    time: number,
  ): Draft | null {
    const kind = name.slice(0, name.indexOf(' ')) as Kind
    const isPlace = PLACES.has(kind)
    const within = (it: number) => it <= day && it > day - limits.windowDays
    const own = workers.get(worker)!
    const shared = new Set<number>()
    const others: string[] = []
    for (const [other, days] of workers) {
      if (other === worker || isHousehold(worker, other, time)) continue
      const theirs = [...days.keys()].filter((it) => within(it) && (!isPlace || own.has(it)))
      if (theirs.length === 0) continue
      others.push(other)
      for (const it of theirs) shared.add(it)
    }
    if (others.length === 0) return null
    if (!isPlace) for (const it of own.keys()) if (within(it)) shared.add(it)
    const all = [worker, ...others]
    const settled = all.filter((it) => roams(it, day) === false).length
    const few = Math.min(1, limits.rareUpTo / all.length)
    const staying = all.filter((it) => roams(it, day) !== true).length / all.length
    const rarity = isPlace ? settled / all.length : kind === 'edid' || kind === 'usb_serial' ? few * staying : few
    if (rarity < limits.minRarity) return null
    return {
      category: 'shared_key',
      KeyKind: kind,
      KeyHash: sha256(name).slice(0, 32),
      Workers: all.length,
      Days: shared.size,
      Rarity: Math.round(rarity * 100) / 100,
      Corroborated: corroborated(kind, worker, others, day),
      Roams: roams(worker, day),
      NetworkClass: kind === 'uplink' ? (networks.get(name)?.[1] ?? null) : null,
    }
  }

  /** True: one of the others had the same of a second kind. False: all of them had another. Null: nobody knows. */
  function corroborated(kind: Kind, worker: string, others: readonly string[], day: number): boolean | null {
    const seconds: Kind[] =
      kind === 'uplink' ? ['gateway', 'bssid'] : kind === 'gateway' ? ['uplink', 'bssid'] : ['gateway', 'uplink']
    let known = false
    for (const second of seconds.filter((it) => it !== kind)) {
      const own = keysIn(worker, second, day)
      if (own.size === 0) continue
      const theirs = others.map((it) => keysIn(it, second, day))
      if (theirs.some((it) => [...it.keys()].some((key) => own.has(key)))) return true
      // Different addresses prove nothing: each may go out through a VPN of its own.
      if (second !== 'uplink' && theirs.every((it) => it.size > 0)) known = true
    }
    return known ? false : null
  }

  /** Whether the worker's laptops were in other networks too; null while they were hardly seen. */
  function roams(worker: string, day: number): boolean | null {
    const gateways = keysIn(worker, 'gateway', day)
    const places = gateways.size > 0 ? gateways : keysIn(worker, 'uplink', day)
    const counts = [...places.values()]
    const total = counts.reduce((sum, it) => sum + it, 0)
    if (counts.length === 0 || total < limits.settledDays) return null
    return 1 - Math.max(...counts) / total >= limits.roamingShare
  }

  /** Keys of one kind that the worker had within the window, with the number of days. */
  function keysIn(worker: string, kind: Kind, day: number): Map<string, number> {
    const found = new Map<string, number>()
    for (const device of world.devicesOf(worker))
      for (const [key, days] of had.get(device) ?? []) {
        if (!key.startsWith(`${kind} `)) continue
        let count = found.get(key) ?? 0
        for (const [it, time] of days)
          if (it <= day && it > day - limits.windowDays && world.holderAt(device, time) === worker) count++
        if (count > 0) found.set(key, count)
      }
    return found
  }

  function isHousehold(a: string, b: string, time: number): boolean {
    const declares = (one: string, other: string) => world.contractAt(one, time)?.household?.includes(other) ?? false
    return declares(a, b) || declares(b, a)
  }

  /** What nothing can refer to any more; of what still holds, the last change stays. */
  function forget(oldest: number): void {
    for (const [name, holder] of holders) {
      const known = sizeOf(holder)
      forgetDays(holder.awake, oldest)
      for (const [slot, all] of holder.changes) {
        const old = inTime(all).filter(([, [time]]) => time < oldest * DAY)
        for (const [place] of old.slice(0, -1)) all.delete(place)
        if (old.length > 0 && all.size === 1 && holder.awake.size === 0) holder.changes.delete(slot)
      }
      for (const [key, days] of holder.moments) {
        forgetDays(days, oldest)
        if (days.size === 0) holder.moments.delete(key)
      }
      if (sizeOf(holder) !== known) holders.touch(name)
      if (holder.awake.size === 0 && holder.moments.size === 0) holders.delete(name)
    }
    for (const [name, keys] of had)
      for (const [key, days] of keys) {
        if (!forgetDays(days, oldest)) continue
        had.touch(name)
        if (days.size > 0) continue
        keys.delete(key)
        letGo(key, name)
        if (keys.size === 0) had.delete(name)
      }
    for (const [key, places] of said) {
      for (const place of places.keys())
        if (dayOf(place) <= oldest) {
          places.delete(place)
          said.touch(key)
        }
      if (places.size === 0) said.delete(key)
    }
    for (const [key, [time]] of networks) if (time < oldest * DAY && !holdersOf.has(key)) networks.delete(key)
  }
})

function unknown(): Holder {
  return { awake: new Map(), changes: new Map(), moments: new Map() }
}

/** How many facts. */
function sizeOf({ awake, changes, moments }: Holder): number {
  let size = awake.size
  for (const facts of [changes, moments]) for (const it of facts.values()) size += 1 + it.size
  return size
}

/** True: there were some. */
function forgetDays(days: Days, oldest: number): boolean {
  const known = days.size
  for (const day of days.keys()) if (day <= oldest) days.delete(day)
  return days.size < known
}

/** A slot's changes: the place in its map is worked out of each. */
function placeOf(time: number, key: string | null): string {
  return `${Math.floor(time / HOUR)} ${key}`
}

type Changes = Map<string, [time: number, key: string | null]>

function inTime(changes: Changes): [place: string, change: [number, string | null]][] {
  return [...changes].sort(([, a], [, b]) => a[0] - b[0] || (String(a[1]) < String(b[1]) ? -1 : 1))
}

type SavedKeys = [key: string, [day: number, time: number][]][]

const KEYS: Codec<Map<string, Days>> = {
  save: (keys) => [...keys].map(([key, days]) => [key, [...days]]),
  load: (state) => new Map((state as SavedKeys).map(([key, days]) => [key, new Map(days)])),
}

/** Keys are long, and each comes again and again: of a slot each is written once, with its times. */
const HOLDER: Codec<Holder> = {
  save: ({ awake, changes, moments }) => ({
    awake: [...awake],
    changes: [...changes].map(([slot, all]) => [
      slot,
      [...Map.groupBy(all.values(), ([, key]) => key)].map(([key, its]) => [key, its.map(([time]) => time)]),
    ]),
    moments: KEYS.save(moments),
  }),
  load(state) {
    const saved = state as {
      awake: [number, number][]
      changes: [slot: string, [key: string | null, times: number[]][]][]
      moments: SavedKeys
    }
    return {
      awake: new Map(saved.awake),
      changes: new Map(
        saved.changes.map(([slot, keys]) => [
          slot,
          new Map(
            keys.flatMap(([key, times]) =>
              times.map((time): [string, [number, string | null]] => [placeOf(time, key), [time, key]]),
            ),
          ),
        ]),
      ),
      moments: KEYS.load(saved.moments),
    }
  },
}

/** Of the events of laptops these name something that others may have; all the others say only that it was awake. */
const TELLING: ReadonlySet<Category> = new Set(['network_place', 'display', 'usb_device', 'remote_session'])

/** What the record says the laptop has from now on, by slot; null: no longer, or nothing that proves anything. */
function slotsOf({ event, connection, contract, time }: Seen): [slot: string, key: string | null][] {
  if (connection) {
    const { remoteAddress, geo } = connection
    const own = PRIVATE_UPLINK.has(geo.class) && !approvedExit(contract, remoteAddress, geo.asn, time)
    return [['uplink', own ? uplink(remoteAddress) : null]]
  }
  if (event?.category === 'network_place')
    return [
      ['gateway', event.GatewayHash && `gateway ${event.GatewayHash}`],
      ['bssid', event.BssidHash && `bssid ${event.BssidHash}`],
    ]
  if (event?.category === 'display' && !event.Internal && isSerial(event.SerialText)) {
    const key = `edid ${event.MakerId} ${event.ProductCode} ${event.SerialText}`
    return [[key, event.Action === 'removed' ? null : key]]
  }
  // A hub's serial number is its port's address: the same on every laptop of a model.
  const isHub = event?.category === 'usb_device' && event.InterfaceClasses?.every((it) => it === '09')
  if (event?.category === 'usb_device' && !isHub && isSerial(event.SerialNumber)) {
    const key = `usb_serial ${event.VendorId.toLowerCase()}:${event.ProductId.toLowerCase()}:${event.SerialNumber}`
    return [[key, event.Action === 'removed' ? null : key]]
  }
  return []
}

/** Null where the tool is approved: a help desk's operators are on many laptops. */
function controllerOf({ event, contract, time }: Seen): string | null {
  if (event?.category !== 'remote_session' || event.Direction !== 'incoming' || event.PeerIdHash === null) return null
  const tool = event.Tool.toLowerCase()
  const approved = contract?.approvedTools?.some((it) => it.tool.toLowerCase() === tool && holds(it, time))
  return approved ? null : `controller ${event.PeerIdHash}`
}

/** An IPv6 household has a /64, and its addresses change daily. */
function uplink(address: string): string {
  const found = ipaddr.process(address)
  if (found.kind() === 'ipv4') return `uplink ${found.toString()}`
  return `uplink ${(found as ipaddr.IPv6).parts
    .slice(0, 4)
    .map((it) => it.toString(16))
    .join(':')}::/64`
}

/** At least four characters, and not one or two of them over and over, nor a counting sequence. */
function isSerial(text: string | null): text is string {
  const serial = text?.trim() ?? ''
  return serial.length >= 4 && new Set(serial).size > 2 && !'0123456789abcdef'.includes(serial.toLowerCase())
}

/** Of a place in `said`. */
function dayOf(place: string): number {
  return Number(place.slice(place.lastIndexOf(' ') + 1))
}

/** Keeps the earliest moment of a day. */
function earliest(days: Days, day: number, time: number): 'new' | 'earlier' | 'known' {
  const before = days.get(day)
  if (before !== undefined && before <= time) return 'known'
  days.set(day, time)
  return before === undefined ? 'new' : 'earlier'
}

function sameDays(a: Days | undefined, b: Days | undefined): boolean {
  if (!a || !b) return !a && !b
  return a.size === b.size && [...a].every(([day, time]) => b.get(day) === time)
}
