/**
 * Makes a step over time-ordered notes independent of the order in which they come.
 *
 * Shape   per subject: the state before the lateness bound, the notes since, and the state after them. A note in order
 *         is one step; a late one begins again from the state before the bound, and what no longer follows is taken
 *         back. What a note says twice under one (time, key) stands as it was said last.
 *         The state after the notes is not kept: it follows from the rest, and is made again when it is asked for.
 * Memory  two states and `maxNotes` notes a subject; beyond, the earliest can no longer be overtaken (`squeezed`).
 *         A note from before the bound is counted (`late`) and not used.
 */
import { type Draft, LATENESS_MS } from '../deriver.ts'
import { type Codec, type Parts, Subjects, single } from './kept.ts'

export interface Note {
  /** Epoch ms. */
  time: number
  /** The record's id: the same again changes nothing. */
  id: string
}

/** Null takes back. `key` tells apart what is said for one time. */
export type Say = (time: number, key: string, draft: Draft | null) => void

export interface Fold<State, N extends Note> {
  /** Plain JSON. */
  begin(): State
  /** Changes `state` and says what stands because of it. No clock, no randomness, nothing from outside. */
  step(state: State, note: N, say: Say): void
}

type Said = [time: number, key: string, draft: Draft]

/** A state, and what stands because of it, by time and key. */
interface Standing<State> {
  state: State
  said: Map<string, Said>
}

/** What no late note can reach any more. */
interface Settled<State> extends Standing<State> {
  /** Epoch ms: notes up to here are in it. */
  through: number
}

export interface InOrder<N extends Note> {
  take(subject: string, note: N, say: Say): void
  readonly counters: { late: number; squeezed: number }
  readonly kept: Parts
}

export function inOrder<State, N extends Note>(fold: Fold<State, N>, maxNotes = 2_000): InOrder<N> {
  const settled = new Subjects<Settled<State>>(settledCodec())
  /** In order, later than what is settled. */
  const notes = new Subjects<N[]>()
  /** After the notes. */
  const after = new Map<string, Standing<State>>()
  const counters = { late: 0, squeezed: 0 }
  return {
    counters,
    take(name, note, say) {
      if (note.time <= (settled.get(name)?.through ?? Number.MIN_SAFE_INTEGER)) {
        counters.late++
        return
      }
      const its = notes.get(name) ?? []
      const place = its.findLastIndex((it) => compare(it, note) <= 0)
      const beside = its[place]
      if (beside && compare(beside, note) === 0) return
      const before = after.get(name) ?? replayed(name)
      its.splice(place + 1, 0, note)
      notes.set(name, its)
      if (place + 2 === its.length) {
        fold.step(before.state, note, telling(before.said, say))
        after.set(name, before)
      } else again(name, before.said, say)
      settle(name, its)
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

  /** The state after the notes, from the settled one. */
  function replayed(name: string): Standing<State> {
    const before = settled.get(name)
    const standing = {
      state: before ? structuredClone(before.state) : fold.begin(),
      said: new Map(before?.said),
    }
    const tell = telling(standing.said, () => {})
    for (const note of notes.get(name) ?? []) fold.step(standing.state, note, tell)
    return standing
  }

  /** A note came between others: everything since the bound is judged anew. */
  function again(name: string, before: ReadonlyMap<string, Said>, say: Say): void {
    const standing = replayed(name)
    after.set(name, standing)
    for (const [place, [time, key]] of before) if (!standing.said.has(place)) say(time, key, null)
    for (const [place, it] of standing.said) {
      const known = before.get(place)
      if (!known || !same(known[2], it[2])) say(...it)
    }
  }

  /** What no late note can reach any more is settled. */
  function settle(name: string, its: N[]): void {
    const horizon = its.at(-1)!.time - LATENESS_MS
    let count = 0
    while (count < its.length && (its[count]!.time <= horizon || its.length - count > maxNotes)) count++
    if (count === 0) return
    const bound = settled.get(name) ?? { state: fold.begin(), said: new Map(), through: Number.MIN_SAFE_INTEGER }
    const tell = telling(bound.said, () => {})
    for (const note of its.splice(0, count)) {
      if (note.time > horizon) counters.squeezed++
      bound.through = note.time
      fold.step(bound.state, note, tell)
    }
    for (const said of [bound.said, after.get(name)!.said])
      for (const [place, [time]] of said) if (time <= horizon - LATENESS_MS) said.delete(place)
    settled.set(name, bound)
  }
}

/** Notes what is said, and passes on only what is new. */
function telling(said: Map<string, Said>, say: Say): Say {
  return (time, key, draft) => {
    const place = `${time} ${key}`
    const before = said.get(place)
    if (draft === null ? !before : before && same(before[2], draft)) return
    if (draft === null) said.delete(place)
    else said.set(place, [time, key, draft])
    say(time, key, draft)
  }
}

function settledCodec<State>(): Codec<Settled<State>> {
  return {
    save: (it) => ({ ...it, said: [...it.said.values()] }),
    load(state) {
      const saved = state as Omit<Settled<State>, 'said'> & { said: Said[] }
      return { ...saved, said: new Map(saved.said.map((it) => [`${it[0]} ${it[1]}`, it])) }
    },
  }
}

/** Drafts are flat and made by one function, so their fields are in one order. */
function same(a: Draft, b: Draft): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

function compare(a: Note, b: Note): number {
  return a.time - b.time || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
}
