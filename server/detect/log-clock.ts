/**
 * The log's clock: the time that the log has reached, confirmed by senders other than this server.
 *
 * Shape   a record carries the server's time stamp. A stamp a little ahead of the clock moves it. One far ahead moves it
 *         only when the sender's own clock agrees, and is held otherwise: the clock stops, and with it everything that
 *         waits for time to pass. All of it is decided from the records alone, so that a replay decides the same.
 * Units   epoch ms. Never goes back.
 */
import type { Recorded } from '../../wire/recording.ts'
import { DAY, HOUR } from '../../wire/time.ts'
import { type Kept, single } from '../derive/kit/kept.ts'

/** A larger step needs a sender's confirmation. A running server writes a clock line more often than this. */
const STEP_MS = HOUR
/** An export ends with a clock line that no later record can confirm: it is accepted up to the lateness bound. */
const LAST_STEP_MS = 8 * DAY
/** How far a sender's clock may differ from the server's and still confirm it: laptops' clocks are hours off at most. */
const AGREES_MS = DAY

/** A server's clock that has advanced steadily for this long, contradicted by fewer than two laptops, is right. */
const STEADY_MS = DAY
const DOUBTERS = 2

interface State {
  time: number
  /** The latest unbroken series of unconfirmed stamps; null when none is held. */
  held: { from: number; to: number; doubters: string[] } | null
  /** Ranges of positions whose stamps were held; `to` is the position of the next accepted stamp. */
  doubts: [from: number, to: number | null][]
}

export class LogClock {
  #state: State = { time: 0, held: null, doubts: [] }

  get time(): number {
    return this.#state.time
  }

  /** The end of a recording: its last stamp, unless that is too far ahead to be accepted. */
  get end(): number {
    const { time } = this.#state
    return this.held !== null && (time === 0 || this.held - time <= LAST_STEP_MS) ? this.held : time
  }

  /** The latest stamp that is held, unconfirmed and far ahead of the clock; null when there is none. */
  get held(): number | null {
    return this.#state.held?.to ?? null
  }

  /** True when the clock moved. `position` is the record's position in the log. */
  take(record: Recorded, position: number): boolean {
    const stamp = stampOf(record)
    return stamp !== null && this.#reach(stamp, confirmationOf(record, stamp), position)
  }

  /** The server's own clock reads `now`, without a record. */
  reach(now: number, position: number): boolean {
    return this.#reach(now, UNCONFIRMED, position)
  }

  /** Sets the time without confirmation: the time that a replay is asked for. */
  set(now: number): void {
    this.#state.time = Math.max(this.#state.time, now)
  }

  /** Whether the stamp at `position` was held; a reader of a part of the log must ignore those stamps too. */
  wasHeldAt(position: number): boolean {
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

  #reach(stamp: number, confirmation: Confirmation, position: number): boolean {
    const state = this.#state
    const isFar = stamp - state.time > STEP_MS
    if (isFar && !confirmation.confirms && !this.#isSteady(stamp, confirmation)) {
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

  /** Holds the stamp; true when the series of held stamps is long enough to be right. */
  #isSteady(stamp: number, { doubter }: Confirmation): boolean {
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

/** When the server received the record, by its own clock; null for a record without a time. */
export function stampOf(record: Recorded): number | null {
  switch (record.type) {
    case 'event':
    case 'contract':
    case 'approval':
    case 'learning':
    case 'device':
      return record.receivedAt ?? null
    case 'feed':
      return record.receivedAt ?? record.time
    case 'connection':
    case 'clock':
      return record.time
    case 'rarity':
    case 'revocation':
    case 'label':
      return null
  }
}

interface Confirmation {
  confirms: boolean
  /** The laptop whose clock disagrees. */
  doubter: string | null
}
const UNCONFIRMED: Confirmation = { confirms: false, doubter: null }

/** Whether the sender's clock agrees. A recording made by hand has no skew, which counts as agreement. */
function confirmationOf(record: Recorded, stamp: number): Confirmation {
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
      return UNCONFIRMED
  }
}
