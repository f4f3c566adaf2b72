/**
 * Feed lines under accounts that nobody is known to have, so that they can be given to a worker whose contract names
 * the account later.
 *
 * Shape   such a line is judged at once, as an account of its own. When a contract claims the account, what was found
 *         about it is undone, and its lines are judged again as the worker's.
 * Memory  for each account its newest `LINES_MAX` lines, not older than `KEPT_MS` before the newest, and the ids of its
 *         derived events; the first `ACCOUNTS_MAX` accounts. What is beyond that stays with the account.
 */
import type { RecordedOf } from '../../wire/recording.ts'
import { DAY } from '../../wire/time.ts'
import { type Keeper, Subjects } from '../derive/kit/kept.ts'
import { sourceOf, type World } from '../derive/kit/world.ts'

const LINES_MAX = 200
const ACCOUNTS_MAX = 2_000
const KEPT_MS = 45 * DAY
const DERIVED_MAX = 500

type FeedLine = RecordedOf<'feed'>

interface Waiting {
  /** In order of arrival. */
  lines: FeedLine[]
  /** The ids of the derived events in force about the account. */
  derived: string[]
}

/** An account that a contract claims: its lines, and the ids of everything that was made of them. */
export interface Claimed {
  account: string
  lines: FeedLine[]
  ids: string[]
  /** Nothing is left that is the account's own. */
  isWhole: boolean
}

export class Accounts implements Keeper {
  readonly #waiting = new Subjects<Waiting>()
  readonly kept = { waiting: this.#waiting }

  /** Keeps the line if no contract, laptop or other account of a worker explains it. True: it may be undone later. */
  take(line: FeedLine, worker: string | null, world: World): boolean {
    if (worker === null || world.isWorker(worker)) return false
    if (!this.#waiting.has(worker) && this.#waiting.size >= ACCOUNTS_MAX) return false
    const { lines, derived } = this.#waiting.get(worker) ?? { lines: [], derived: [] }
    const all = [...lines, line]
    const newest = Math.max(...all.map((it) => it.time))
    this.#waiting.set(worker, {
      lines: all.filter((it) => it.time > newest - KEPT_MS).slice(-LINES_MAX),
      derived,
    })
    return true
  }

  /** A derived event about the account was emitted (true) or retracted. */
  note(worker: string | null, id: string, isInForce: boolean): void {
    const waiting = worker === null ? undefined : this.#waiting.get(worker)
    if (!waiting || waiting.derived.includes(id) === isInForce) return
    const derived = waiting.derived.filter((it) => it !== id)
    if (isInForce) derived.push(id)
    this.#waiting.set(worker!, { ...waiting, derived: derived.slice(-DERIVED_MAX) })
  }

  /** A contract of `worker` was added: takes out the lines of the accounts that it claims. */
  claim(worker: string, world: World): Claimed[] {
    // A contract of their own: the lines were judged in the right name.
    this.#waiting.delete(worker)
    return world.accountsOf(worker).flatMap((account) => {
      const waiting = this.#waiting.get(account)
      if (!waiting) return []
      const isTheirs = (it: FeedLine) => world.workerOf(account, sourceOf(it.event), it.time) === worker
      const lines = waiting.lines.filter(isTheirs)
      if (lines.length === 0) return []
      const left = waiting.lines.filter((it) => !isTheirs(it))
      if (left.length > 0) this.#waiting.set(account, { lines: left, derived: [] })
      else this.#waiting.delete(account)
      const ids = [...lines.map((it) => it.event.id), ...waiting.derived]
      return [{ account, lines, ids, isWhole: left.length === 0 }]
    })
  }
}
