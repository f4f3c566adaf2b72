/**
 * Places that changed because the database did, not because a laptop moved (look-alike N27).
 *
 * Shape   takes the log's connection records and answers, for a connection, whether its place is the laptop's doing.
 *         'feed': another edition of the databases said another place of the same network (a /24 of IPv4, a /48 of
 *         IPv6) before; or at least `workers` workers on as many addresses of one operator were put into one country
 *         (one region, within a country) inside one day, each while its address stayed the same, or within a day of a
 *         new edition's first use. 'undecided': such a change that is not a day old, so that others may yet join it.
 *         'laptop': neither.
 *         The answers are a function of the set of records taken, in whatever order they came.
 * Memory  by network up to eight places, by laptop its last four editions, and the changes between them; each is
 *         forgotten when it was not seen for twice `doubtDays`. One laptop brings at most `STATEMENTS_A_DAY` places of
 *         networks a day: what it says beyond is taken for its own doing, and costs nobody else anything.
 * Source  threat model N27.
 */

import * as z from 'zod'
import type { AddressFacts } from '../../../wire/recording.ts'
import { DAY } from '../../../wire/time.ts'
import { type Keeper, type Parts, Subjects, single } from './kept.ts'
import { kilometres, networkOf } from './place.ts'

/** They are the databases' own: a new one comes a few times a month. */
const MAX_EDITIONS = 64
const PLACES_A_NETWORK = 8
const EDITIONS_A_DEVICE = 4
const STATEMENTS_A_DAY = 64
/** Places are kept on this grid, in degrees: what jitters from edition to edition stays one entry. */
const GRID = 0.5

export const PlaceChangeThresholds = z.strictObject({
  /** Unrelated workers that make a change the database's. N27 says 'many'; two may travel together. */
  workers: z.int().min(2).max(1_000).default(3),
  /** Km within a country that are the same place. Two makers agree that far on most addresses, and not on the rest. */
  toleratedKm: z.number().min(0).max(20_000).default(100),
  /** Days that a change is doubted: by then the next edition has come, and who runs the server has been told. */
  doubtDays: z.number().min(1).max(365).default(45),
})
export type PlaceChangeThresholds = z.infer<typeof PlaceChangeThresholds>

/** What it needs of a connection record, beside the facts that stand in it. */
export interface PlacedConnection {
  time: number
  remoteAddress: string
  geo: Pick<AddressFacts, 'country' | 'region' | 'lat' | 'lon' | 'asn' | 'edition'>
}

export type Whose = 'laptop' | 'undecided' | 'feed'

/** For the operators: nobody is accused by it. */
export interface FeedChange {
  /** The one that brought the change; null in recordings that do not say. */
  edition: string | null
  asn: number | null
  from: string | null
  to: string | null
  /** How many /24 and /48. */
  networks: number
  /** Epoch ms: since when, and how long it is doubted. */
  since: number
  until: number
}

interface Place {
  country: string | null
  region: string | null
  latitude: number | null
  longitude: number | null
}

/** The first that was said of a network (or, without an edition, of an address) and this place. */
interface Statement {
  place: Place
  edition: string | null
  address: string
  asn: number | null
  worker: string
  since: number
}

/** A laptop under one edition: where it was first and last. */
interface Stay {
  edition: string
  worker: string
  first: Sight
  last: Sight
}
interface Network {
  /** The last UTC day on which it was seen. */
  day: number
  statements: Statement[]
}
interface Laptop {
  stays: Stay[]
  /** The last UTC day on which it was seen, and how many new places it has stated on that day. */
  day: number
  stated: number
}
interface Sight {
  time: number
  address: string
  network: string
  asn: number | null
  place: Place
}

interface Move {
  /**
   * 'edition': two editions, one network. 'address': one address, no word of editions. 'network': a new edition and
   * another network of the same operator, which may just as well be a journey.
   */
  kind: 'edition' | 'address' | 'network'
  network: string
  from: Place
  to: Place
  edition: string | null
  asn: number | null
  address: string
  worker: string
  time: number
}

export class PlaceChanges implements Keeper {
  readonly #limits: PlaceChangeThresholds
  readonly #networks = new Subjects<Network>()
  readonly #devices = new Subjects<Laptop>()
  /** When each edition was first used. */
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

  /** Goes up when an answer that was given before may be another one now. */
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
    const sight = { time, address, network, asn: geo.asn, place }
    const laptop = this.#laptop(device, time)
    this.#state({ place, edition, address, asn: geo.asn, worker: worker ?? device, since: time }, network, laptop)
    if (edition !== null) {
      this.#use(edition, time)
      this.#stay(device, laptop, { edition, worker: worker ?? device, first: sight, last: sight })
    }
    this.#prune(time)
  }

  /** Whose doing it is that this connection is where it is; `now` by the log's clock. */
  whose({ remoteAddress, geo, time }: PlacedConnection, now: number): Whose {
    const place = onGrid(geo)
    let answer: Whose = 'laptop'
    for (const id of this.#byNetwork.get(networkOf(remoteAddress)) ?? []) {
      const move = this.#moves.get(id)!
      if (time < move.time || time - move.time > this.#limits.doubtDays * DAY) continue
      if (!this.#same(move.to, place) || !this.#counts(move)) continue
      if (this.#isFeeds(move)) return 'feed'
      if (now - move.time < DAY) answer = 'undecided'
    }
    return answer
  }

  /** What the operators should know at `now`, the largest first. */
  changes(now: number): FeedChange[] {
    const found = new Map<string, FeedChange & { of: Set<string> }>()
    for (const move of this.#moves.values()) {
      const until = move.time + this.#limits.doubtDays * DAY
      if (now >= until || now < move.time || !this.#counts(move) || !this.#isFeeds(move)) continue
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

  #laptop(device: string, time: number): Laptop {
    const laptop = this.#devices.ensure(device, () => ({ stays: [], day: 0, stated: 0 }))
    this.#devices.touch(device)
    const day = Math.floor(time / DAY)
    if (day > laptop.day) Object.assign(laptop, { day, stated: 0 })
    return laptop
  }

  #use(edition: string, time: number): void {
    if (time >= (this.#editions.get(edition) ?? Number.POSITIVE_INFINITY)) return
    this.#editions.set(edition, time)
    if (this.#editions.size <= MAX_EDITIONS) return
    const [oldest] = [...this.#editions].sort(([a, x], [b, y]) => x - y || (a < b ? -1 : 1))
    this.#editions.delete(oldest![0])
  }

  /** Notes what is said of the network, and what has moved by it. */
  #state(said: Statement, network: string, by: Laptop): void {
    const day = Math.floor(said.since / DAY)
    const known = this.#networks.get(network)
    if (known && known.day < day) {
      known.day = day
      this.#networks.touch(network)
    }
    const statements = known?.statements ?? []
    const place = statements.findIndex((it) => line(it) === line(said) && samePoint(it.place, said.place))
    if (place !== -1 && !isBefore(said, statements[place]!)) return
    if (place === -1 && ++by.stated > STATEMENTS_A_DAY) return
    if (place === -1) statements.push(said)
    else statements[place] = said
    this.#networks.set(network, { day: Math.max(day, known?.day ?? day), statements })
    statements.sort((a, b) => (isBefore(a, b) ? -1 : 1))
    statements.splice(0, Math.max(0, statements.length - PLACES_A_NETWORK))
    for (const id of [...(this.#byNetwork.get(network) ?? [])])
      if (this.#moves.get(id)!.kind !== 'network') this.#drop(id)
    statements.forEach((to, at) => {
      const earlier = statements.slice(0, at).filter((it) => line(it) === line(to))
      if (earlier.some((it) => this.#same(it.place, to.place))) return
      const from = earlier.findLast((it) => to.edition === null || it.edition !== to.edition)
      if (!from) return
      const kind = to.edition === null ? 'address' : 'edition'
      const { edition, asn, address, worker, since: time } = to
      const id = JSON.stringify([kind, network, line(to), to.place])
      this.#put(id, { kind, network, from: from.place, to: to.place, edition, asn, address, worker, time })
    })
  }

  /** Notes where the laptop was under the edition, and whether it is elsewhere than under the one before. */
  #stay(device: string, { stays }: Laptop, seen: Stay): void {
    const known = stays.find((it) => it.edition === seen.edition)
    if (!known) stays.push(seen)
    else {
      if (seen.first.time < known.first.time) Object.assign(known, { first: seen.first, worker: seen.worker })
      if (seen.last.time >= known.last.time) known.last = seen.last
    }
    stays.sort((a, b) => a.first.time - b.first.time)
    stays.splice(0, Math.max(0, stays.length - EDITIONS_A_DEVICE))
    const [before, after] = stays.slice(-2)
    const id = JSON.stringify(['network', device])
    const moved = before && after && this.#changedNetwork(before, after)
    if (moved) this.#put(id, moved)
    else this.#drop(id)
  }

  #changedNetwork({ last }: Stay, { first, edition, worker }: Stay): Move | null {
    if (last.time >= first.time || last.network === first.network) return null
    if (first.asn === null || last.asn !== first.asn || this.#same(last.place, first.place)) return null
    const { network, address, asn, time } = first
    return { kind: 'network', network, from: last.place, to: first.place, edition, asn, address, worker, time }
  }

  /** Country, or distance where both are known, or region where it is not. What is not known is no difference. */
  #same(a: Place, b: Place): boolean {
    if (a.country !== b.country && a.country !== null && b.country !== null) return false
    const distance = kilometres(a, b)
    if (distance !== null) return distance <= this.#limits.toleratedKm
    return a.region === b.region || a.region === null || b.region === null
  }

  /** A laptop in another network is worth a thought only on the day that a new edition came into use. */
  #counts({ kind, edition, time }: Move): boolean {
    return kind !== 'network' || time - (this.#editions.get(edition ?? '') ?? Number.NEGATIVE_INFINITY) < DAY
  }

  #isFeeds(move: Move): boolean {
    if (move.kind === 'edition') return true
    // A farm behind one line, or a family, is not unrelated: as many addresses as workers.
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

  /** Once a day of the log: what is not doubted any more, and what was not seen for long. */
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

function onGrid({ country, region, lat, lon }: PlacedConnection['geo']): Place {
  const grid = (degrees: number | null) => (degrees === null ? null : Math.round(degrees / GRID) * GRID)
  return { country, region, latitude: grid(lat), longitude: grid(lon) }
}

/** What can be compared with each other: editions with editions of the network; else one address with itself. */
function line({ edition, address }: Statement): string {
  return edition === null ? address : ''
}

function samePoint(a: Place, b: Place): boolean {
  return a.country === b.country && a.region === b.region && a.latitude === b.latitude && a.longitude === b.longitude
}

/** A total order, so that of two at one time the same one counts as first in every run. */
function isBefore(a: Statement, b: Statement): boolean {
  const key = ({ place, edition, address, worker }: Statement) => JSON.stringify([edition, address, worker, place])
  return a.since < b.since || (a.since === b.since && key(a) < key(b))
}

/** One operator's addresses, and where they were put: a country, or a region where the country stayed. */
function groupOf({ asn, from, to }: Move): string {
  return JSON.stringify([asn, to.country, from.country === to.country ? to.region : null])
}

/** Where the first that is later than `time` stands, or would. */
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
