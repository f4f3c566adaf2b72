/**
 * Detects places that changed because an address database changed, not because a laptop moved (look-alike N27).
 *
 * Shape   takes the log's connection records and returns the cause of a connection's place.
 *         'database': an earlier edition of the databases had another place for the same network (a /24 of IPv4, a /48
 *         of IPv6). Or within one day, at least `workers` workers on as many addresses of one operator were moved to
 *         one country (within a country: one region), each with an unchanged address, or within a day of the first use
 *         of a new edition. 'undecided': such a change that is less than a day old, so that more workers may follow.
 *         'laptop': neither.
 *         The answers are a function of the set of records taken, whatever their order.
 * Memory  per network up to eight places, per laptop its last four editions, and the changes between them; each is
 *         dropped when it was not seen for twice `doubtDays`. One laptop adds at most `PLACES_A_DAY` places of networks
 *         a day; further ones are ignored, so that one laptop cannot fill the memory of others.
 * Source  threat model N27.
 */

import * as z from 'zod'
import type { AddressFacts } from '../../../wire/recording.ts'
import { DAY } from '../../../wire/time.ts'
import { type Keeper, type Parts, Subjects, single } from './kept.ts'
import { kilometres, networkOf } from './place.ts'

/** A new edition is published a few times a month. */
const MAX_EDITIONS = 64
const PLACES_A_NETWORK = 8
const EDITIONS_A_DEVICE = 4
const PLACES_A_DAY = 64
/** Places are rounded to this grid, in degrees, so that small differences between editions make one entry. */
const GRID = 0.5

export const PlaceChangeThresholds = z.strictObject({
  /** Unrelated workers who must change place together. N27 says 'many'; two may travel together. */
  workers: z.int().min(2).max(1_000).default(3),
  /** Km within a country that are still the same place: two vendors agree that well on most addresses. */
  toleratedKm: z.number().min(0).max(20_000).default(100),
  /** Days for which a changed place is not believed: by then there is a new edition, and operators have been told. */
  doubtDays: z.number().min(1).max(365).default(45),
})
export type PlaceChangeThresholds = z.infer<typeof PlaceChangeThresholds>

/** The fields of a connection record that are used. */
export interface PlacedConnection {
  time: number
  remoteAddress: string
  geo: Pick<AddressFacts, 'country' | 'region' | 'lat' | 'lon' | 'asn' | 'edition'>
}

export type Cause = 'laptop' | 'undecided' | 'database'

/** A change of the databases, for operators. */
export interface FeedChange {
  /** The edition with the change; null in recordings without editions. */
  edition: string | null
  asn: number | null
  from: string | null
  to: string | null
  /** The number of /24 and /48. */
  networks: number
  /** Epoch ms: the period in which the new place is not believed. */
  since: number
  until: number
}

interface GridPlace {
  country: string | null
  region: string | null
  latitude: number | null
  longitude: number | null
}

/** The first time a network (without an edition: an address) had this place. */
interface Placement {
  place: GridPlace
  edition: string | null
  address: string
  asn: number | null
  worker: string
  since: number
}

/** The first and last connection of a laptop under one edition. */
interface EditionUse {
  edition: string
  worker: string
  first: Connected
  last: Connected
}
interface Network {
  /** The last UTC day on which it was seen. */
  day: number
  placements: Placement[]
}
interface LaptopUse {
  editions: EditionUse[]
  /** The last UTC day on which it was seen, and how many new places it added on that day. */
  day: number
  added: number
}
interface Connected {
  time: number
  address: string
  network: string
  asn: number | null
  place: GridPlace
}

/** A change from one place to another, as seen on one laptop. */
interface Move {
  /**
   * 'edition': the same network under two editions. 'address': the same address, without editions. 'network': a new
   * edition and another network of the same operator, which may also be a journey.
   */
  kind: 'edition' | 'address' | 'network'
  network: string
  from: GridPlace
  to: GridPlace
  edition: string | null
  asn: number | null
  address: string
  worker: string
  time: number
}

export class PlaceChanges implements Keeper {
  readonly #limits: PlaceChangeThresholds
  readonly #networks = new Subjects<Network>()
  readonly #devices = new Subjects<LaptopUse>()
  /** The first use of each edition. */
  readonly #editions = new Subjects<number>()
  readonly #moves = new Subjects<Move>(undefined, (id, move) => this.#index(id, move))
  readonly #byNetwork = new Map<string, Set<string>>()
  /** In order of time. */
  readonly #byGroup = new Map<string, Move[]>()
  #revision = 0
  #prunedDay = 0

  readonly kept: Parts = {
    networks: this.#networks,
    devices: this.#devices,
    editions: this.#editions,
    moves: this.#moves,
    progress: single(
      () => ({ revision: this.#revision, prunedDay: this.#prunedDay }),
      (state) => {
        this.#revision = state.revision
        this.#prunedDay = state.prunedDay
      },
    ),
  }

  constructor(limits: PlaceChangeThresholds = PlaceChangeThresholds.parse({})) {
    this.#limits = limits
  }

  /** Increases when an earlier answer may have changed. */
  get revision(): number {
    return this.#revision
  }

  take({
    connection,
    device,
    worker,
  }: {
    connection: PlacedConnection | null
    device: string | null
    worker: string | null
  }): void {
    if (!connection || device === null) return
    const { time, remoteAddress: address, geo } = connection
    const network = networkOf(address)
    const place = onGrid(geo)
    if (place.country === null && place.latitude === null) return
    const edition = geo.edition ?? null
    const connected = { time, address, network, asn: geo.asn, place }
    const laptop = this.#laptop(device, time)
    this.#addPlacement(
      { place, edition, address, asn: geo.asn, worker: worker ?? device, since: time },
      network,
      laptop,
    )
    if (edition !== null) {
      this.#addEdition(edition, time)
      this.#addEditionUse(device, laptop, { edition, worker: worker ?? device, first: connected, last: connected })
    }
    this.#prune(time)
  }

  /** The cause of this connection's place; `now` by the log's clock. */
  causeOf({ remoteAddress, geo, time }: PlacedConnection, now: number): Cause {
    const place = onGrid(geo)
    let cause: Cause = 'laptop'
    for (const id of this.#byNetwork.get(networkOf(remoteAddress)) ?? []) {
      const move = this.#moves.get(id)!
      if (time < move.time || time - move.time > this.#limits.doubtDays * DAY) continue
      if (!this.#same(move.to, place) || !this.#counts(move)) continue
      if (this.#isByDatabase(move)) return 'database'
      if (now - move.time < DAY) cause = 'undecided'
    }
    return cause
  }

  /** The changes in doubt at `now`, the largest first. */
  changes(now: number): FeedChange[] {
    const found = new Map<string, FeedChange & { of: Set<string> }>()
    for (const move of this.#moves.values()) {
      const until = move.time + this.#limits.doubtDays * DAY
      if (now >= until || now < move.time || !this.#counts(move) || !this.#isByDatabase(move)) continue
      const { edition, asn, network } = move
      const [from, to] = [move.from.country, move.to.country]
      const key = JSON.stringify([edition, asn, from, to])
      const change = found.get(key) ?? { edition, asn, from, to, networks: 0, since: move.time, until, of: new Set() }
      change.of.add(network)
      change.since = Math.min(change.since, move.time)
      change.until = Math.max(change.until, until)
      found.set(key, change)
    }
    return [...found]
      .map(([key, { of, ...it }]) => ({ key, ...it, networks: of.size }))
      .sort((a, b) => b.networks - a.networks || (a.key < b.key ? -1 : 1))
      .map(({ key, ...change }) => change)
  }

  #laptop(device: string, time: number): LaptopUse {
    const laptop = this.#devices.ensure(device, () => ({ editions: [], day: 0, added: 0 }))
    this.#devices.touch(device)
    const day = Math.floor(time / DAY)
    if (day > laptop.day) Object.assign(laptop, { day, added: 0 })
    return laptop
  }

  #addEdition(edition: string, time: number): void {
    if (time >= (this.#editions.get(edition) ?? Number.POSITIVE_INFINITY)) return
    this.#editions.set(edition, time)
    if (this.#editions.size <= MAX_EDITIONS) return
    const [oldest] = [...this.#editions].sort(([a, x], [b, y]) => x - y || (a < b ? -1 : 1))
    this.#editions.delete(oldest![0])
  }

  /** Adds a network's place, and the changes of place that follow. */
  #addPlacement(added: Placement, network: string, by: LaptopUse): void {
    const day = Math.floor(added.since / DAY)
    const known = this.#networks.get(network)
    if (known && known.day < day) {
      known.day = day
      this.#networks.touch(network)
    }
    const placements = known?.placements ?? []
    const index = placements.findIndex((it) => seriesOf(it) === seriesOf(added) && samePoint(it.place, added.place))
    if (index !== -1 && !isBefore(added, placements[index]!)) return
    if (index === -1 && ++by.added > PLACES_A_DAY) return
    if (index === -1) placements.push(added)
    else placements[index] = added
    this.#networks.set(network, { day: Math.max(day, known?.day ?? day), placements })
    placements.sort((a, b) => (isBefore(a, b) ? -1 : 1))
    placements.splice(0, Math.max(0, placements.length - PLACES_A_NETWORK))
    for (const id of [...(this.#byNetwork.get(network) ?? [])])
      if (this.#moves.get(id)!.kind !== 'network') this.#drop(id)
    placements.forEach((to, at) => {
      const earlier = placements.slice(0, at).filter((it) => seriesOf(it) === seriesOf(to))
      if (earlier.some((it) => this.#same(it.place, to.place))) return
      const from = earlier.findLast((it) => to.edition === null || it.edition !== to.edition)
      if (!from) return
      const kind = to.edition === null ? 'address' : 'edition'
      const { edition, asn, address, worker, since: time } = to
      const id = JSON.stringify([kind, network, seriesOf(to), to.place])
      this.#put(id, { kind, network, from: from.place, to: to.place, edition, asn, address, worker, time })
    })
  }

  /** Adds a connection under an edition, and the change of place since the edition before. */
  #addEditionUse(device: string, { editions }: LaptopUse, seen: EditionUse): void {
    const known = editions.find((it) => it.edition === seen.edition)
    if (!known) editions.push(seen)
    else {
      if (seen.first.time < known.first.time) Object.assign(known, { first: seen.first, worker: seen.worker })
      if (seen.last.time >= known.last.time) known.last = seen.last
    }
    editions.sort((a, b) => a.first.time - b.first.time)
    editions.splice(0, Math.max(0, editions.length - EDITIONS_A_DEVICE))
    const [before, after] = editions.slice(-2)
    const id = JSON.stringify(['network', device])
    const moved = before && after && this.#changedNetwork(before, after)
    if (moved) this.#put(id, moved)
    else this.#drop(id)
  }

  #changedNetwork({ last }: EditionUse, { first, edition, worker }: EditionUse): Move | null {
    if (last.time >= first.time || last.network === first.network) return null
    if (first.asn === null || last.asn !== first.asn || this.#same(last.place, first.place)) return null
    const { network, address, asn, time } = first
    return { kind: 'network', network, from: last.place, to: first.place, edition, asn, address, worker, time }
  }

  /** Compares country, then distance, or region when a distance is unknown. Unknown values count as equal. */
  #same(a: GridPlace, b: GridPlace): boolean {
    if (a.country !== b.country && a.country !== null && b.country !== null) return false
    const distance = kilometres(a, b)
    if (distance !== null) return distance <= this.#limits.toleratedKm
    return a.region === b.region || a.region === null || b.region === null
  }

  /** A laptop's change to another network counts only within a day of the first use of a new edition. */
  #counts({ kind, edition, time }: Move): boolean {
    return kind !== 'network' || time - (this.#editions.get(edition ?? '') ?? Number.NEGATIVE_INFINITY) < DAY
  }

  #isByDatabase(move: Move): boolean {
    if (move.kind === 'edition') return true
    // A farm or a family behind one line is not unrelated, so there must be as many addresses as workers.
    const [workers, addresses] = [new Map<string, number>(), new Map<string, number>()]
    const group = this.#byGroup.get(groupOf(move)) ?? []
    let end = firstAfter(group, move.time - DAY)
    for (let first = end; first < group.length && group[first]!.time <= move.time; first++) {
      const until = group[first]!.time + DAY
      for (; end < group.length && group[end]!.time < until; end++)
        if (this.#counts(group[end]!)) tally(workers, group[end]!.worker, addresses, group[end]!.address, 1)
      if (workers.size >= this.#limits.workers && addresses.size >= this.#limits.workers) return true
      if (this.#counts(group[first]!)) tally(workers, group[first]!.worker, addresses, group[first]!.address, -1)
    }
    return false
  }

  #put(id: string, move: Move): void {
    const known = this.#moves.get(id)
    if (known && JSON.stringify(known) === JSON.stringify(move)) return
    this.#drop(id)
    this.#moves.set(id, move)
    this.#index(id, move)
    this.#revision++
  }

  #index(id: string, move: Move): void {
    this.#byNetwork.set(move.network, (this.#byNetwork.get(move.network) ?? new Set()).add(id))
    const group = this.#byGroup.get(groupOf(move)) ?? []
    this.#byGroup.set(groupOf(move), group)
    group.splice(firstAfter(group, move.time), 0, move)
  }

  #drop(id: string): void {
    const move = this.#moves.get(id)
    if (!move) return
    this.#moves.delete(id)
    const ofNetwork = this.#byNetwork.get(move.network)
    ofNetwork?.delete(id)
    if (ofNetwork?.size === 0) this.#byNetwork.delete(move.network)
    const group = this.#byGroup.get(groupOf(move))
    group?.splice(group.indexOf(move), 1)
    if (group?.length === 0) this.#byGroup.delete(groupOf(move))
    this.#revision++
  }

  /** Once a day of the log's clock: drops changes that are old, and networks and laptops not seen for long. */
  #prune(time: number): void {
    const day = Math.floor(time / DAY)
    if (day <= this.#prunedDay) return
    this.#prunedDay = day
    const days = 2 * this.#limits.doubtDays
    for (const [id, move] of this.#moves) if (time - move.time > days * DAY) this.#drop(id)
    for (const all of [this.#networks, this.#devices])
      for (const [name, it] of all) if (it.day < day - days) all.delete(name)
  }
}

function onGrid({ country, region, lat, lon }: PlacedConnection['geo']): GridPlace {
  const grid = (degrees: number | null) => (degrees === null ? null : Math.round(degrees / GRID) * GRID)
  return { country, region, latitude: grid(lat), longitude: grid(lon) }
}

/** Placements are compared within a series: of the network between editions; without editions, of one address. */
function seriesOf({ edition, address }: Placement): string {
  return edition === null ? address : ''
}

function samePoint(a: GridPlace, b: GridPlace): boolean {
  return a.country === b.country && a.region === b.region && a.latitude === b.latitude && a.longitude === b.longitude
}

/** A total order, so that of two at the same time, the same one is first in every run. */
function isBefore(a: Placement, b: Placement): boolean {
  const key = ({ place, edition, address, worker }: Placement) => JSON.stringify([edition, address, worker, place])
  return a.since < b.since || (a.since === b.since && key(a) < key(b))
}

/** One operator, and the new country, or the new region when the country is the same. */
function groupOf({ asn, from, to }: Move): string {
  return JSON.stringify([asn, to.country, from.country === to.country ? to.region : null])
}

/** The index of the first move later than `time`; the length when there is none. */
function firstAfter(moves: readonly Move[], time: number): number {
  let [low, high] = [0, moves.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (moves[middle]!.time <= time) low = middle + 1
    else high = middle
  }
  return low
}

function tally(
  workers: Map<string, number>,
  worker: string,
  addresses: Map<string, number>,
  address: string,
  one: 1 | -1,
): void {
  for (const [all, name] of [[workers, worker] as const, [addresses, address] as const]) {
    const left = (all.get(name) ?? 0) + one
    if (left > 0) all.set(name, left)
    else all.delete(name)
  }
}
