/**
 * Folds notes in order of time, whatever order they arrive in.
 *
 * Shape   per subject: the settled state (of all notes that are past the lateness bound), the later notes, and the
 *         current state after them. A note that arrives in order is one step. A late one replays the notes from the
 *         settled state, and events that no longer follow are retracted. Of two events with the same (time, key), the
 *         later one replaces the earlier one.
 *         The current state is not saved: it follows from the rest, and is computed again when it is needed.
 * Memory  per subject two states and `maxNotes` notes; beyond that, the earliest are settled early (`squeezed`).
 *         A note from before the settled state is counted (`late`) and ignored.
 */
import { type Draft, LATENESS_MS, type Report } from '../deriver.ts'
import { type Codec, type Parts, Subjects, single } from './kept.ts'

export interface Note {
  /** Epoch ms. */
  time: number
  /** The record's id: a note with the same time and id is ignored. */
  id: string
}

export interface Fold<State, N extends Note> {
  /** Plain JSON. */
  begin(): State
  /** Updates `state`, and reports the events that follow. A function of its arguments: no clock, no randomness. */
  step(state: State, note: N, report: Report): void
}

type Reported = [time: number, key: string, draft: Draft]

/** A state, and the events reported on the way there, by time and key. */
interface Progress<State> {
  state: State
  reported: Map<string, Reported>
}

/** After all notes that no late one can precede. */
interface Settled<State> extends Progress<State> {
  /** Epoch ms of the last note in it. */
  through: number
}

type SavedSettled<State> = Omit<Settled<State>, 'reported'> & { reported: Reported[] }

export interface InOrder<N extends Note> {
  take(subject: string, note: N, report: Report): void
  readonly counters: { late: number; squeezed: number }
  readonly kept: Parts
}

export function inOrder<State, N extends Note>(fold: Fold<State, N>, maxNotes = 2_000): InOrder<N> {
  const settled = new Subjects<Settled<State>>(settledCodec())
  /** In order, later than the settled state. */
  const notes = new Subjects<N[]>()
  /** After all notes. */
  const current = new Map<string, Progress<State>>()
  const counters = { late: 0, squeezed: 0 }
  return {
    counters,
    take(subject, note, report) {
      if (note.time <= (settled.get(subject)?.through ?? Number.MIN_SAFE_INTEGER)) {
        counters.late++
        return
      }
      const known = notes.get(subject) ?? []
      const index = known.findLastIndex((it) => compare(it, note) <= 0)
      const previous = known[index]
      if (previous && compare(previous, note) === 0) return
      const before = current.get(subject) ?? replayed(subject)
      known.splice(index + 1, 0, note)
      notes.set(subject, known)
      if (index + 2 === known.length) {
        fold.step(before.state, note, recordAndForward(before.reported, report))
        current.set(subject, before)
      } else replay(subject, before.reported, report)
      settle(subject, known)
    },
    kept: {
      settled,
      notes,
      counters: single(
        () => counters,
        (state) => Object.assign(counters, state),
      ),
    },
  }

  /** The state after all notes, computed from the settled one. */
  function replayed(subject: string): Progress<State> {
    const before = settled.get(subject)
    const progress = {
      state: before ? structuredClone(before.state) : fold.begin(),
      reported: new Map(before?.reported),
    }
    const record = recordAndForward(progress.reported, () => {})
    for (const note of notes.get(subject) ?? []) fold.step(progress.state, note, record)
    return progress
  }

  /** Replays the notes because one arrived late, and reports what is different from `before`. */
  function replay(subject: string, before: ReadonlyMap<string, Reported>, report: Report): void {
    const progress = replayed(subject)
    current.set(subject, progress)
    for (const [identity, [time, key]] of before) if (!progress.reported.has(identity)) report(time, key, null)
    for (const [identity, it] of progress.reported) {
      const known = before.get(identity)
      if (!known || !same(known[2], it[2])) report(...it)
    }
  }

  /** Moves notes that no late one can precede into the settled state. */
  function settle(subject: string, known: N[]): void {
    const horizon = known.at(-1)!.time - LATENESS_MS
    let count = 0
    while (count < known.length && (known[count]!.time <= horizon || known.length - count > maxNotes)) count++
    if (count === 0) return
    const before = settled.get(subject)
    const bound = before ?? { state: fold.begin(), reported: new Map(), through: Number.MIN_SAFE_INTEGER }
    const record = recordAndForward(bound.reported, () => {})
    for (const note of known.splice(0, count)) {
      if (note.time > horizon) counters.squeezed++
      bound.through = note.time
      fold.step(bound.state, note, record)
    }
    for (const reported of [bound.reported, current.get(subject)!.reported])
      for (const [identity, [time]] of reported) if (time <= horizon - LATENESS_MS) reported.delete(identity)
    settled.set(subject, bound)
  }
}

/** Records what is reported, and forwards what is new or different. */
function recordAndForward(reported: Map<string, Reported>, forward: Report): Report {
  return (time, key, draft) => {
    const identity = identityOf(time, key)
    const before = reported.get(identity)
    if (draft === null ? !before : before && same(before[2], draft)) return
    if (draft === null) reported.delete(identity)
    else reported.set(identity, [time, key, draft])
    forward(time, key, draft)
  }
}

function settledCodec<State>(): Codec<Settled<State>> {
  return {
    save: (it): SavedSettled<State> => ({ ...it, reported: [...it.reported.values()] }),
    load(state) {
      const saved = state as SavedSettled<State>
      return { ...saved, reported: new Map(saved.reported.map((it) => [identityOf(it[0], it[1]), it])) }
    },
  }
}

function identityOf(time: number, key: string): string {
  return `${time} ${key}`
}

/** Drafts are flat and come from one function, so their fields are in one order. */
function same(a: Draft, b: Draft): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

function compare(a: Note, b: Note): number {
  return a.time - b.time || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
}
