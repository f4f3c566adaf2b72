/**
 * The shortest round trips of workers by place, for comparison with others near by and far away.
 *
 * Shape   the earth is divided into squares of one degree. Per square and day, the workers with the shortest round
 *         trips.
 * Memory  `KEPT_PEERS` workers per square and day, for the days that are kept.
 */

import { mapCodec, Names, type Parts, Subjects } from '../../kit/kept.ts'
import { kilometres } from '../../kit/place.ts'
import { type Claim, positionOfClaim } from './claim.ts'

/** The number of peers that are compared with. */
export const PEERS = 5
/** One more, because a worker may be among them and is not its own peer. */
const KEPT_PEERS = PEERS + 1
/** Side of a square in degrees: 111 km from north to south. */
const SQUARE = 1
const KM_A_DEGREE = 111

/** In order of round trip. */
type FastestWorkers = [worker: string, rtt: number][]
type DaysOfSquare = Map<number, FastestWorkers>
type RttByWorker = Map<string, number>

export interface PeerMapOptions {
  nearKm: number
  farKm: number
  windowDays: number
  /** Milliseconds that distance adds between a peer and the laptop. */
  wayMs(km: number): number
}

export class PeerMap {
  readonly #options: PeerMapOptions
  readonly #squares = new Subjects<DaysOfSquare>(mapCodec())
  /** Squares that changed on days that had been judged. */
  readonly #changed = new Names()
  /** The answers of `#windowOf` for this call of `advance`. */
  readonly #windows = new Map<number, [square: string, rtts: RttByWorker][]>()
  readonly kept: Parts = { squares: this.#squares, changed: this.#changed }

  constructor(options: PeerMapOptions) {
    this.#options = options
  }

  /** `isJudged`: the day has been judged, so laptops near the square must be judged again. */
  add(claim: Claim, day: number, worker: string, rtt: number, isJudged: boolean): void {
    const square = squareOf(claim)
    const days = this.#squares.ensure(square, () => new Map())
    const before = days.get(day) ?? []
    const known = before.find(([it]) => it === worker)
    if (known && known[1] <= rtt) return
    const after = [...before.filter(([it]) => it !== worker), [worker, rtt] as FastestWorkers[number]]
      .sort(([a, x], [b, y]) => x - y || (a < b ? -1 : 1))
      .slice(0, KEPT_PEERS)
    if (!after.some(([it]) => it === worker)) return
    days.set(day, after)
    this.#squares.touch(square)
    if (isJudged) this.#changed.add(square)
  }

  get hasChanged(): boolean {
    return this.#changed.size > 0
  }

  hasChangedNear(claim: Claim): boolean {
    return [...this.#changed].some((square) => this.#isNear(square, claim))
  }

  clearChanged(): void {
    this.#changed.clear()
  }

  /** Call after each round of judgements. */
  clearCache(): void {
    this.#windows.clear()
  }

  /** The round trips of other workers near by in the window that ends with `day`, the shortest first. */
  near(here: Claim, day: number, worker: string): number[] {
    const rtts: RttByWorker = new Map()
    for (const days of this.#squaresNear(here)) this.#collect(days, day, rtts)
    rtts.delete(worker)
    return inOrder(rtts.values())
  }

  /** The same of workers anywhere within `farKm`, each with the time for the way from there. */
  elsewhere(here: Claim, day: number, worker: string): number[] {
    const { farKm, wayMs } = this.#options
    const bounds: RttByWorker = new Map()
    for (const [square, rtts] of this.#windowOf(day)) {
      const distance = kilometres(middleOf(square), positionOfClaim(here))
      if (distance === null || distance > farKm) continue
      const way = wayMs(distance + KM_A_DEGREE * SQUARE)
      for (const [peer, rtt] of rtts) if (peer !== worker) addLeast(bounds, peer, rtt + way)
    }
    return inOrder(bounds.values())
  }

  /** Drops days before `firstDay`. */
  forget(firstDay: number): void {
    for (const [square, days] of this.#squares) {
      for (const day of days.keys())
        if (day < firstDay) {
          days.delete(day)
          this.#squares.touch(square)
        }
      if (days.size === 0) this.#squares.delete(square)
    }
  }

  /** Of every square, the shortest round trip of each worker in the window. */
  #windowOf(day: number): [square: string, rtts: RttByWorker][] {
    const known = this.#windows.get(day)
    if (known) return known
    const found = [...this.#squares].map(([square, days]): [string, RttByWorker] => {
      const rtts: RttByWorker = new Map()
      this.#collect(days, day, rtts)
      return [square, rtts]
    })
    this.#windows.set(day, found)
    return found
  }

  #collect(days: DaysOfSquare, day: number, rtts: RttByWorker): void {
    for (const [on, fastest] of days)
      if (on <= day && on > day - this.#options.windowDays) for (const [peer, rtt] of fastest) addLeast(rtts, peer, rtt)
  }

  #squaresNear(here: Claim): DaysOfSquare[] {
    const south = this.#options.nearKm / KM_A_DEGREE
    // Meridians converge towards the poles, where nobody works.
    const west = south / Math.max(0.1, Math.cos((here.lat * Math.PI) / 180))
    const found: DaysOfSquare[] = []
    for (let lat = here.lat - south - SQUARE; lat <= here.lat + south + SQUARE; lat += SQUARE)
      for (let lon = here.lon - west - SQUARE; lon <= here.lon + west + SQUARE; lon += SQUARE) {
        const square = squareOf({ lat, lon })
        const days = this.#isNear(square, here) ? this.#squares.get(square) : undefined
        if (days) found.push(days)
      }
    return found
  }

  /** Measured from the middle: half a square makes no difference to a round trip. */
  #isNear(square: string, claim: Claim): boolean {
    const distance = kilometres(middleOf(square), positionOfClaim(claim))
    return distance !== null && distance <= this.#options.nearKm
  }
}

function addLeast(rtts: RttByWorker, peer: string, rtt: number): void {
  rtts.set(peer, Math.min(rtt, rtts.get(peer) ?? Number.POSITIVE_INFINITY))
}

function inOrder(values: Iterable<number>): number[] {
  return [...values].sort((a, b) => a - b)
}

function squareOf({ lat, lon }: Pick<Claim, 'lat' | 'lon'>): string {
  return `${Math.floor(lat / SQUARE)} ${Math.floor(lon / SQUARE)}`
}

function middleOf(square: string): { latitude: number; longitude: number } {
  const [latitude = 0, longitude = 0] = square.split(' ').map((it) => (Number(it) + 0.5) * SQUARE)
  return { latitude, longitude }
}
