/**
 * What views read from. A view is a function of it: it stores nothing and changes nothing.
 *
 * Shape   all results belong to one evaluation; `fromOne` makes sure that an answer comes from a single one.
 */
import type { Policy } from '../../wire/messages.ts'
import type { Directory } from '../roster/directory.ts'
import type { History } from '../store/history.ts'
import type { Store } from '../store/store.ts'

export interface Reader {
  now(): number
  store: Store
  history: Pick<History, 'events' | 'counts' | 'rejectedTotals'>
  directory: Pick<
    Directory,
    | 'workers'
    | 'named'
    | 'approvals'
    | 'versions'
    | 'latestContract'
    | 'contractAt'
    | 'holdings'
    | 'holderAt'
    | 'devicesOf'
  >
  /** The active evaluation; null before the first evaluation. */
  evaluation(): string | null
  /** The log's clock of the active evaluation: scores are computed at this time. */
  judgedAt(): number
  /** Laptops with an open session. Called often, so it returns the set itself, not a copy. */
  online(): ReadonlySet<string>
  /** In force for a group of laptops; null: for those without one. */
  policy(group: string | null): Policy
}

/** The evaluation that an answer comes from. */
export interface Judged {
  id: string
  /** The time of its log, epoch ms. */
  time: number
}

/** How often a read starts over because another evaluation became active in the meantime. */
const TRIES = 3

/** Reads from one evaluation. If it was replaced in the meantime, its rows are gone and everything is read again. */
export async function fromOne<T>(reader: Reader, read: (judged: Judged | null) => Promise<T>): Promise<T> {
  const id = reader.evaluation()
  let judged: Judged | null = id === null ? null : { id, time: reader.judgedAt() }
  for (let tries = 1; ; tries++) {
    const found = await read(judged)
    const active = await reader.store.evaluations.active()
    if (tries === TRIES || (active?.id ?? null) === (judged?.id ?? null)) return found
    judged = active && { id: active.id, time: active.time }
  }
}
