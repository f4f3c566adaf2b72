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
 * Memory  the last seen `MAX_NETWORKS` networks with up to eight places each, `MAX_DEVICES` laptops with their last
 *         editions, `MAX_MOVES` changes. What was seen longest ago goes first, and is judged as the laptop's doing.
 * Source  threat model N27.
 */
import * as z from 'zod'
import type { AddressFacts } from '../../../wire/recording.ts'
import { kilometres, networkOf } from './place.ts'

const DAY = 86_400_000
const MAX_NETWORKS = 200_000
const MAX_DEVICES = 200_000
const MAX_MOVES = 10_000
const MAX_EDITIONS = 64
const PLACES_A_NETWORK = 8
const EDITIONS_A_DEVICE = 4
/** More moves than these need not be looked at to find a few workers among them. */
const MAX_TOGETHER = 200
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

export class PlaceChanges {
  readonly #limits: PlaceChangeThresholds
  readonly #networks = new Map<string, Statement[]>()
  readonly #devices = new Map<string, Stay[]>()
  /** When each edition was first used. */
  readonly #editions = new Map<string, number>()
  readonly #moves = new Map<string, Move>()
  readonly #byNetwork = new Map<string, Set<string>>()
  readonly #byGroup = new Map<string, Set<string>>()
  #revision = 0
  #prunedDay = 0

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
    this.#state({ place, edition, address, asn: geo.asn, worker: worker ?? device, since: time }, network)
    if (edition !== null) {
      keepLatest(this.#editions, edition, Math.min(time, this.#editions.get(edition) ?? time), MAX_EDITIONS)
      this.#stay(device, { edition, worker: worker ?? device, first: sight, last: sight })
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

  save(): unknown {
    return {
      networks: [...this.#networks],
      devices: [...this.#devices],
      editions: [...this.#editions],
      moves: [...this.#moves],
      revision: this.#revision,
      prunedDay: this.#prunedDay,
    }
  }

  load(state: unknown): void {
    const saved = state as {
      networks: [string, Statement[]][]
      devices: [string, Stay[]][]
      editions: [string, number][]
      moves: [string, Move][]
      revision: number
      prunedDay: number
    }
    for (const map of [this.#networks, this.#devices, this.#editions, this.#moves, this.#byNetwork, this.#byGroup])
      map.clear()
    for (const [network, statements] of saved.networks) this.#networks.set(network, statements)
    for (const [device, stays] of saved.devices) this.#devices.set(device, stays)
    for (const [edition, since] of saved.editions) this.#editions.set(edition, since)
    for (const [id, move] of saved.moves) this.#put(id, move)
    this.#revision = saved.revision
    this.#prunedDay = saved.prunedDay
  }

  /** Notes what is said of the network, and what has moved by it. */
  #state(said: Statement, network: string): void {
    const statements = this.#networks.get(network) ?? []
    keepLatest(this.#networks, network, statements, MAX_NETWORKS)
    const known = statements.findIndex((it) => line(it) === line(said) && samePoint(it.place, said.place))
    if (known !== -1 && !isBefore(said, statements[known]!)) return
    if (known === -1) statements.push(said)
    else statements[known] = said
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
  #stay(device: string, seen: Stay): void {
    const stays = this.#devices.get(device) ?? []
    keepLatest(this.#devices, device, stays, MAX_DEVICES)
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
    const together = [move]
    for (const id of this.#byGroup.get(groupOf(move)) ?? []) {
      const other = this.#moves.get(id)!
      if (Math.abs(other.time - move.time) < DAY && this.#counts(other)) together.push(other)
      if (together.length >= MAX_TOGETHER) break
    }
    return together
      .filter((it) => it.time <= move.time)
      .some(({ time: from }) => {
        const inOneDay = together.filter((it) => it.time >= from && it.time < from + DAY)
        // A farm behind one line, or a family, is not unrelated: as many addresses as workers.
        const distinct = (of: (it: Move) => string) => new Set(inOneDay.map(of)).size
        return (
          distinct((it) => it.worker) >= this.#limits.workers && distinct((it) => it.address) >= this.#limits.workers
        )
      })
  }

  #put(id: string, move: Move): void {
    const known = this.#moves.get(id)
    if (known && JSON.stringify(known) === JSON.stringify(move)) return
    this.#drop(id)
    this.#moves.set(id, move)
    for (const [index, key] of this.#indexes(move)) index.set(key, (index.get(key) ?? new Set()).add(id))
    this.#revision++
    if (this.#moves.size > MAX_MOVES) this.#drop(this.#moves.keys().next().value!)
  }

  #drop(id: string): void {
    const move = this.#moves.get(id)
    if (!move) return
    this.#moves.delete(id)
    for (const [index, key] of this.#indexes(move)) {
      index.get(key)?.delete(id)
      if (index.get(key)?.size === 0) index.delete(key)
    }
    this.#revision++
  }

  #indexes(move: Move): [Map<string, Set<string>>, string][] {
    return [
      [this.#byNetwork, move.network],
      [this.#byGroup, groupOf(move)],
    ]
  }

  /** Once a day of the log: what is not doubted any more. */
  #prune(time: number): void {
    const day = Math.floor(time / DAY)
    if (day <= this.#prunedDay) return
    this.#prunedDay = day
    for (const [id, move] of this.#moves) if (time - move.time > 2 * this.#limits.doubtDays * DAY) this.#drop(id)
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

/** A map that forgets what was used longest ago. */
function keepLatest<T>(map: Map<string, T>, key: string, value: T, most: number): void {
  map.delete(key)
  map.set(key, value)
  if (map.size > most) map.delete(map.keys().next().value!)
}
