/**
 * Keys that unrelated workers share: an uplink, a network, a monitor, a USB device, a remote controller, an MFA device
 * (#4, #26, #42, #56, P4, P5, P16, P17).
 *
 * Shape   one `shared_key` per worker, key and UTC day on which the worker had the key, if others had it within
 *         `windowDays`. For uplinks and networks only workers who were there on the same day count; things may be
 *         passed on, but not together with the laptop: a laptop that changed hands with its dock is not a farm. Members
 *         of a declared household do not count as others. `Rarity` is low for what many share: for
 *         a place it is the share of its workers who are never elsewhere (high for a farm, low for an office, a campus
 *         or a coworking space); for a thing it falls with their number, and for things on desks also with the share
 *         of workers who move between networks. `NetworkClass` of a thing on a desk is 'corporate' when all had it behind
 *         one router of the company only (N10: desks of an office).
 *         `login_address`: the account was used from an address from which others' accounts, or their laptops, were too,
 *         without a laptop of the worker's own behind it. For an authenticator `Corroborated` false means that each of
 *         the workers has one of their own as well, which they use at least as often (N34).
 * Silent  addresses that identify nobody (VPN, relay, Tor, hosting, mobile, company exits, approved ones), keys with
 *         more than `commonFrom` workers, serial numbers that a maker gives to every unit (known ones, and those of USB
 *         devices that two laptops have at once, N35), USB devices that the contract declares with this serial number,
 *         controllers of approved tools, help desks, service accounts.
 *         Households, approvals and contracts that become known later take back events of up to `windowDays` and the
 *         lateness bound.
 * Memory  per laptop the changes of its keys and the days it was awake, for `windowDays` and the lateness bound, in the
 *         bounds of `holder.ts`.
 */
import * as z from 'zod'
import type { NetworkClass } from '../../../../wire/events/derived.ts'
import { sha256 } from '../../../../wire/sha256.ts'
import { DAY, HOUR } from '../../../../wire/time.ts'
import { type Draft, deriverKind, type Emit, LATENESS_MS, type Seen } from '../../deriver.ts'
import { mapCodec, Names, Subjects, single } from '../../kit/kept.ts'
import { HeldKeys } from './held-keys.ts'
import {
  addAwake,
  addChange,
  addEarliest,
  addMoment,
  type Days,
  daysByKey,
  emptyHolder,
  forgetUpTo,
  HOLDER,
  spansOf,
} from './holder.ts'
import {
  COMPANY_EXIT,
  controllerIn,
  FULL_TUNNEL,
  isDeclared,
  isHelpDesk,
  isShareable,
  kindOf,
  loginAddressIn,
  loginAddressOf,
  mfaDeviceIn,
  PLACE_KINDS,
  PRIVATE_NETWORKS,
  slotsIn,
  uplinkKey,
  uplinkOf,
  WITH_KEYS,
} from './keys.ts'
import { rarity } from './rarity.ts'

const LATE_DAYS = LATENESS_MS / DAY

const thresholds = z.strictObject({
  /** Days within which two workers share a key: threat model P5, 30 days. */
  windowDays: z.int().min(2).max(60).default(30),
  /** Keys of more workers are not reported: an office, a provider's gateway, a vendor's test serial. */
  commonFrom: z.int().min(3).max(10_000).default(50),
  /** Up to this many workers, a thing is as rare as one that two have. */
  rareUpTo: z.int().min(2).max(100).default(6),
  /** Keys that are less rare are not reported. */
  minRarity: z.number().min(0).max(1).default(0.2),
  /** The share of a worker's days in other networks from which the worker is roaming. */
  roamingShare: z.number().min(0).max(1).default(0.2),
  /** Days in networks that it takes to tell whether a worker is roaming. */
  settledDays: z.int().min(1).max(30).default(3),
  /** Hours for which two laptops have a USB serial number at once until it is a model's: clocks and sleep blur less. */
  atOnceHours: z.number().min(1).max(240).default(2),
})

type ReportedKey = [about: { device: null; worker: string; time: number }, key: string, draft: Draft]

export const sharedKey = deriverKind('shared_key', thresholds, (limits, world) => {
  const keepDays = limits.windowDays + LATE_DAYS
  /** By laptop, and by 'worker <name>' for what feeds report. */
  const holders = new Subjects(HOLDER)
  const held = new HeldKeys()
  const { of: rarityOf, roams, isCorroborated, clearCache } = rarity(limits, world, held)
  /** The latest class of network of each uplink. */
  const networks = new Subjects<[time: number, NetworkClass]>()
  /** The events in force, by key, then by worker and day. */
  const reported = new Subjects<Map<string, ReportedKey>>(mapCodec())
  /** Holders that changed since `held` was computed, and keys to judge again. */
  const staleHolders = new Names()
  const staleKeys = new Names()
  /** Keys of which the events of settled days are judged again too. */
  const unsettledKeys = new Names()
  let newestDay = 0

  return {
    take(seen) {
      if (seen.conflict || seen.time < (newestDay - keepDays) * DAY || seen.time > seen.receivedAt + DAY) return
      if (seen.device !== null) takeLaptop(seen.device, seen)
      else if (seen.worker !== null) takeLogin(seen.worker, seen)
    },
    advance(now, emit) {
      for (const name of staleHolders) updateHeld(name)
      staleHolders.clear()
      // Events of days that were settled at the last call stay in force as they are.
      for (const key of staleKeys) judge(key, newestDay - LATE_DAYS, emit)
      staleKeys.clear()
      for (const key of unsettledKeys) takeBack(key, newestDay - LATE_DAYS, emit)
      unsettledKeys.clear()
      clearCache()
      const today = Math.floor(now / DAY)
      if (today <= newestDay) return
      newestDay = today
      forget(today - keepDays)
    },
    changed({ worker, device }) {
      const theirs =
        device !== null ? [device] : worker !== null ? [...world.devicesOf(worker), `worker ${worker}`] : holders.keys()
      for (const name of theirs)
        for (const key of held.of(name).keys()) {
          if (!isShareable(key)) continue
          // Sessions and tenants, which become known by laptop, are about its controllers only.
          if (device !== null && kindOf(key) !== 'controller') continue
          staleKeys.add(key)
          if (reported.has(key)) unsettledKeys.add(key)
        }
    },
    kept: {
      holders,
      ...held.kept,
      networks,
      reported,
      staleHolders,
      staleKeys,
      unsettledKeys,
      newestDay: single(
        () => newestDay,
        (state) => {
          newestDay = state
        },
      ),
    },
  }

  function takeLaptop(device: string, seen: Seen): void {
    const holder = holders.ensure(device, emptyHolder)
    let isChanged = addAwake(holder, seen.time)
    if (!seen.event || WITH_KEYS.has(seen.event.category)) {
      for (const [slot, key] of slotsIn(seen)) isChanged = addChange(holder, slot, key, seen.time) || isChanged
      const { connection } = seen
      if (connection) addNetwork(uplinkKey(connection.remoteAddress), seen.time, connection.geo.class)
      const controller = controllerIn(seen)
      if (controller) isChanged = addMoment(holder, controller, seen.time) || isChanged
    }
    if (isChanged) markStale(device)
  }

  function takeLogin(worker: string, seen: Seen): void {
    const address = loginAddressIn(seen)
    if (address !== null) addNetwork(uplinkOf(address), seen.time, seen.peer!.class)
    const name = `worker ${worker}`
    for (const key of [mfaDeviceIn(seen), address])
      if (key !== null && addMoment(holders.ensure(name, emptyHolder), key, seen.time)) markStale(name)
  }

  function markStale(name: string): void {
    holders.touch(name)
    staleHolders.add(name)
  }

  function addNetwork(key: string, time: number, network: NetworkClass): void {
    if (!PRIVATE_NETWORKS.has(network)) return
    const [since, before] = networks.get(key) ?? [0, network]
    if (time < since || (time === since && network >= before && networks.has(key))) return
    networks.set(key, [time, network])
    if (network === before) return
    staleKeys.add(key)
    staleKeys.add(loginAddressOf(key))
  }

  /** Computes again on which days the holder had each key. */
  function updateHeld(name: string): void {
    const holder = holders.get(name)
    if (!holder) return
    const keys = daysByKey(holder)
    for (const key of held.set(name, keys)) {
      if (isShareable(key)) staleKeys.add(key)
      if (kindOf(key) === 'uplink' && held.holdersOf(loginAddressOf(key)).size > 0) staleKeys.add(loginAddressOf(key))
    }
    // Where it was decides whether the keys it shares are rare, and whether a second key agrees.
    for (const key of keys.keys()) if (isShareable(key) && held.holdersOf(key).size > 1) staleKeys.add(key)
  }

  /** Emits the differences of one key's events. Those of days up to `settledDay` stay. */
  function judge(key: string, settledDay: number, emit: Emit): void {
    const before = reported.get(key) ?? new Map<string, ReportedKey>()
    const names = namesOf(key)
    if (before.size === 0 && names.size < 2) return
    const now = new Map([...before].filter(([identity]) => dayOf(identity) <= settledDay))
    const { workers, laptops } = workersOf(key, names)
    if (workers.size > 1 && workers.size <= limits.commonFrom && !isOfManyThings(key, names)) {
      const hash = sha256(key).slice(0, 32)
      for (const [worker, days] of workers)
        for (const [day, time] of days) {
          if (day <= settledDay || isByLaptop(key, worker, day)) continue
          const draft = draftOf(key, hash, workers, laptops, worker, day, time)
          if (draft) now.set(`${worker} ${day}`, [{ device: null, worker, time }, key, draft])
        }
    }
    let isChanged = false
    for (const [identity, [about]] of before) {
      if (now.get(identity)?.[0].time === about.time) continue
      isChanged = true
      emit(about, key, null)
    }
    for (const [identity, it] of now) {
      const known = before.get(identity)
      if (known === it || JSON.stringify(known) === JSON.stringify(it)) continue
      isChanged = true
      emit(...it)
    }
    if (now.size === 0) reported.delete(key)
    else if (isChanged) reported.set(key, now)
  }

  /**
   * Corrects the events of settled days whose workers turn out to be one household, or whose controller is approved:
   * with data that may be incomplete, so an event stays unless it counts fewer workers now.
   */
  function takeBack(key: string, settledDay: number, emit: Emit): void {
    const before = reported.get(key)
    if (!before) return
    const { workers, laptops } = workersOf(key, namesOf(key))
    const hash = sha256(key).slice(0, 32)
    for (const [identity, [about, , known]] of before) {
      const day = dayOf(identity)
      if (day > settledDay || known.category !== 'shared_key' || !isShared(key, about.worker, day)) continue
      const draft = workers.has(about.worker)
        ? draftOf(key, hash, workers, laptops, about.worker, day, about.time)
        : null
      if (draft?.category === 'shared_key' && draft.Workers >= known.Workers) continue
      if (draft === null) before.delete(identity)
      else before.set(identity, [about, key, draft])
      reported.touch(key)
      emit(about, key, draft)
    }
    if (before.size === 0) reported.delete(key)
  }

  /** Whether what is kept shows that another holder had the key then. */
  function isShared(key: string, worker: string, day: number): boolean {
    const isPlace = PLACE_KINDS.has(kindOf(key))
    const isWithin = (it: number) => (isPlace ? it === day : it <= day && it > day - limits.windowDays)
    const own = new Set([`worker ${worker}`, ...world.devicesOf(worker)])
    return [...namesOf(key)].some((name) => !own.has(name) && [...daysOf(name, key).keys()].some(isWithin))
  }

  /** Who has the key: of an address of logins, the laptops behind it too. */
  function namesOf(key: string): ReadonlySet<string> {
    const names = held.holdersOf(key)
    return kindOf(key) === 'login_address' && names.size > 0
      ? new Set([...names, ...held.holdersOf(uplinkOf(key))])
      : names
  }

  function daysOf(name: string, key: string): Days {
    const keys = held.of(name)
    return keys.get(key) ?? (kindOf(key) === 'login_address' ? keys.get(uplinkOf(key)) : undefined) ?? new Map()
  }

  /** The worker's laptop was behind the address that day: then the address is told about the laptop. */
  function isByLaptop(key: string, worker: string, day: number): boolean {
    if (kindOf(key) !== 'login_address') return false
    const uplink = uplinkOf(key)
    return world
      .devicesOf(worker)
      .some((it) => held.of(it).get(uplink)?.has(day) && world.holderAt(it, day * DAY + DAY / 2) === worker)
  }

  /** By worker, the days on which any of their laptops had the key, and which laptops. */
  function workersOf(key: string, names: ReadonlySet<string>) {
    const workers = new Map<string, Days>()
    const laptops = new Map<string, Set<string>>()
    const kind = kindOf(key)
    if (names.size > 4 * limits.commonFrom) return { workers, laptops }
    for (const name of names)
      for (const [day, time] of daysOf(name, key)) {
        const worker = name.startsWith('worker ') ? world.ownerOf(name.slice(7)) : world.holderAt(name, time)
        if (worker === null || (kind === 'controller' && isHelpDesk(world, key, name, worker, time))) continue
        if (kind === 'usb_serial' && isDeclared(world.contractAt(worker, time), key)) continue
        const days: Days = workers.get(worker) ?? new Map()
        workers.set(worker, days)
        addEarliest(days, day, time)
        laptops.set(worker, (laptops.get(worker) ?? new Set()).add(name))
      }
    return { workers, laptops }
  }

  /** Two laptops had the USB device at once, so there is more than one with this serial number. */
  function isOfManyThings(key: string, names: ReadonlySet<string>): boolean {
    if (kindOf(key) !== 'usb_serial') return false
    const spans = [...names]
      .flatMap((name) => spansOf(holders.get(name) ?? emptyHolder(), key).map((it) => [name, ...it] as const))
      .sort((a, b) => a[1] - b[1] || (a[0] < b[0] ? -1 : 1))
    return spans.some(([name, from, to], index) =>
      spans.some(
        ([other, since, until], at) =>
          at > index && other !== name && Math.min(to, until) - Math.max(from, since) > limits.atOnceHours * HOUR,
      ),
    )
  }

  /** Null when the worker shares the key with nobody, or it is not rare. */
  function draftOf(
    key: string,
    hash: string,
    workers: ReadonlyMap<string, Days>,
    laptops: ReadonlyMap<string, ReadonlySet<string>>,
    worker: string,
    day: number,
    time: number,
  ): Draft | null {
    const kind = kindOf(key)
    const isPlace = PLACE_KINDS.has(kind)
    const isDesk = kind === 'edid' || kind === 'usb_serial'
    const isWithin = (it: number) => it <= day && it > day - limits.windowDays
    const own = workers.get(worker)!
    const sharedDays = new Set<number>()
    const others: string[] = []
    for (const [other, days] of workers) {
      if (other === worker || isHousehold(worker, other, time)) continue
      // The laptop went from one to the other, and what was connected to it went along.
      if (isDesk && [...laptops.get(other)!].some((it) => laptops.get(worker)!.has(it))) continue
      const theirs = [...days.keys()].filter((it) => isWithin(it) && (!isPlace || own.has(it)))
      if (theirs.length === 0) continue
      others.push(other)
      for (const it of theirs) sharedDays.add(it)
    }
    if (others.length === 0) return null
    if (!isPlace) for (const it of own.keys()) if (isWithin(it)) sharedDays.add(it)
    const all = [worker, ...others]
    const rare = rarityOf(kind, all, time)
    if (rare < limits.minRarity) return null
    return {
      category: 'shared_key',
      KeyKind: kind,
      KeyHash: hash,
      Workers: all.length,
      Days: sharedDays.size,
      Rarity: Math.round(rare * 100) / 100,
      Corroborated: isCorroborated(key, worker, others, day),
      Roams: roams(worker, time),
      NetworkClass: isDesk && isInOffice(key, all, laptops, isWithin) ? 'corporate' : networkClassOf(key),
    }
  }

  /**
   * Whether all of them had the thing at one place of the company only: behind one router whose exit is a company's own,
   * and which no laptop reached through a tunnel, as it would from any home.
   */
  function isInOffice(
    key: string,
    workers: readonly string[],
    laptops: ReadonlyMap<string, ReadonlySet<string>>,
    isWithin: (day: number) => boolean,
  ): boolean {
    let routers: ReadonlySet<string> | null = null
    for (const name of workers.flatMap((it) => [...laptops.get(it)!])) {
      const keys = held.of(name)
      for (const day of daysOf(name, key).keys()) {
        if (!isWithin(day)) continue
        if (!keys.get(COMPANY_EXIT)?.has(day) || keys.get(FULL_TUNNEL)?.has(day)) return false
        const theirs = [...keys].filter(([it, days]) => kindOf(it) === 'gateway' && days.has(day)).map(([it]) => it)
        routers = new Set(theirs.filter((it) => routers === null || routers.has(it)))
        if (routers.size === 0) return false
      }
    }
    return routers !== null
  }

  function networkClassOf(key: string): NetworkClass | null {
    const kind = kindOf(key)
    if (kind !== 'uplink' && kind !== 'login_address') return null
    return networks.get(kind === 'uplink' ? key : uplinkOf(key))?.[1] ?? null
  }

  function isHousehold(a: string, b: string, time: number): boolean {
    const declares = (one: string, other: string) => world.contractAt(one, time)?.household?.includes(other) ?? false
    return declares(a, b) || declares(b, a)
  }

  /** Drops what is older than any event can still depend on. */
  function forget(oldest: number): void {
    for (const [name, holder] of holders) {
      if (forgetUpTo(holder, oldest)) holders.touch(name)
      if (holder.awake.size === 0 && holder.moments.size === 0) holders.delete(name)
    }
    held.forget(oldest)
    for (const [key, events] of reported) {
      for (const identity of events.keys())
        if (dayOf(identity) <= oldest) {
          events.delete(identity)
          reported.touch(key)
        }
      if (events.size === 0) reported.delete(key)
    }
    for (const [key, [time]] of networks)
      if (time < oldest * DAY && held.holdersOf(key).size === 0) networks.delete(key)
  }
})

/** The day in '<worker> <day>'. */
function dayOf(identity: string): number {
  return Number(identity.slice(identity.lastIndexOf(' ') + 1))
}
