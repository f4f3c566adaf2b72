/**
 * The log's clock: how far time has come, as far as anybody but this server says so too.
 *
 * Shape   a record carries the server's stamp. A stamp little ahead of the clock moves it; one far ahead is believed
 *         when the sender's own clock says the same, and held otherwise: the clock stays, and so does everything that
 *         waits for time to pass. Decided from the records alone, so that a replay decides the same.
 * Units   epoch ms. Never goes back.
 */
import type { Recorded } from '../../wire/recording.ts'
import { type Kept, single } from '../derive/kit/kept.ts'

/** Further than this takes somebody else's word. A running server writes a clock line more often than that. */
const STEP_MS = 3_600_000
/** An export ends with a clock line that nothing follows to confirm it: believed up to the lateness bound. */
const LAST_STEP_MS = 8 * 86_400_000
/** How far a sender's clock may be from the server's and still confirm it: laptops' clocks are wrong by hours at most. */
const AGREES_MS = 86_400_000

/** A server whose clock ran on for so long, and whom not even two laptops contradict, is right. */
const STEADY_MS = 86_400_000
const DOUBTERS = 2

interface State {
  time: number
  /** Stamps that nobody confirmed, as far as they follow one another; null: none are held. */
  held: { from: number; to: number; doubters: string[] } | null
  /** Positions at which stamps were first held, and where a believed one came next. */
  doubts: [from: number, to: number | null][]
}

export class LogClock {
  #state: State = { time: 0, held: null, doubts: [] }

  get time(): number {
    return this.#state.time
  }

  /** Where a recording ends: its last stamp, unless that is too far ahead to be believed. */
  get end(): number {
    const { time } = this.#state
    return this.held !== null && (time === 0 || this.held - time <= LAST_STEP_MS) ? this.held : time
  }

  /** A stamp that is ahead of the clock, and that nobody has confirmed; null: none. */
  get held(): number | null {
    return this.#state.held?.to ?? null
  }

  /** True when the clock moved. `position` is the record's place in the log. */
  take(record: Recorded, position: number): boolean {
    const stamp = stampOf(record)
    return stamp !== null && this.#reach(stamp, wordOn(record, stamp), position)
  }

  /** The server's own clock says `now`, without a record. */
  reach(now: number, position: number): boolean {
    return this.#reach(now, NOBODY, position)
  }

  /** Somebody says so: the time that a replay is asked to judge at. */
  set(now: number): void {
    this.#state.time = Math.max(this.#state.time, now)
  }

  /** True where stamps were not believed: whoever reads a part of the log leaves them alone there. */
  doubted(position: number): boolean {
    return this.#state.doubts.some(([from, to]) => from <= position && (to === null || position < to))
  }

  kept(): Kept {
    return single(
      () => this.#state,
      (state) => {
        this.#state = state
      },
    )
  }

  #reach(stamp: number, word: Word, position: number): boolean {
    const state = this.#state
    const isFar = stamp - state.time > STEP_MS
    if (isFar && !word.confirms && !this.#isSteady(stamp, word)) {
      if (state.doubts.at(-1)?.[1] !== null) state.doubts.push([position, null])
      return false
    }
    const last = state.doubts.at(-1)
    if (last && last[1] === null) last[1] = position
    state.held = null
    if (stamp <= state.time) return false
    state.time = stamp
    return true
  }

  /** Holds the stamp; true when those before it make it credible. */
  #isSteady(stamp: number, { doubter }: Word): boolean {
    const held = this.#state.held
    const follows = held !== null && Math.abs(stamp - held.to) <= STEP_MS
    const chain = follows ? held : { from: stamp, to: stamp, doubters: [] }
    chain.to = Math.max(chain.to, stamp)
    if (doubter !== null && chain.doubters.length < DOUBTERS && !chain.doubters.includes(doubter))
      chain.doubters.push(doubter)
    this.#state.held = chain
    return chain.to - chain.from >= STEADY_MS && chain.doubters.length < DOUBTERS
  }
}

/** When the server took the record, by its own clock; null: a record that does not say. */
export function stampOf(record: Recorded): number | null {
  switch (record.type) {
    case 'event':
    case 'contract':
    case 'device':
      return record.receivedAt ?? null
    case 'feed':
      return record.receivedAt ?? record.time
    case 'connection':
    case 'clock':
      return record.time
    case 'label':
      return null
  }
}

interface Word {
  confirms: boolean
  /** The laptop whose clock says something else. */
  doubter: string | null
}
const NOBODY: Word = { confirms: false, doubter: null }

/** What the sender's clock says. A recording made by hand names no skew, and nobody doubts it. */
function wordOn(record: Recorded, stamp: number): Word {
  switch (record.type) {
    case 'event':
      return { confirms: Math.abs(record.event.time - stamp) <= AGREES_MS, doubter: null }
    case 'feed':
      return { confirms: record.receivedAt === undefined || Math.abs(record.time - stamp) <= AGREES_MS, doubter: null }
    case 'connection': {
      const confirms = Math.abs(record.clockSkewMs ?? 0) <= AGREES_MS
      return { confirms, doubter: confirms ? null : record.device }
    }
    default:
      return NOBODY
  }
}
