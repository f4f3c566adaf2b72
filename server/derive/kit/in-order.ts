/**
 * Makes a step over time-ordered notes independent of the order in which they come.
 *
 * Shape   per subject: the state before the lateness bound, the notes since, and the state after them. A note in order
 *         is one step; a late one begins again from the state before the bound, and what no longer follows is taken
 *         back. What a note says twice under one (time, key) stands as it was said last.
 * Memory  two states and `maxNotes` notes a subject; beyond, the earliest can no longer be overtaken (`squeezed`).
 *         A note from before the bound is counted (`late`) and not used.
 */
import { type Draft, LATENESS_MS } from '../deriver.ts'

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

interface Subject<State, N> {
  before: State
  /** Epoch ms: notes up to here are in `before`. */
  from: number
  notes: N[]
  after: State
  /** By time and key. What `before` said and notes may still change is in both. */
  saidBefore: Map<string, Said>
  said: Map<string, Said>
}

export interface InOrder<N extends Note> {
  take(subject: string, note: N, say: Say): void
  readonly counters: { late: number; squeezed: number }
  save(): unknown
  load(state: unknown): void
}

export function inOrder<State, N extends Note>(fold: Fold<State, N>, maxNotes = 2_000): InOrder<N> {
  const subjects = new Map<string, Subject<State, N>>()
  const counters = { late: 0, squeezed: 0 }
  return {
    counters,
    take(name, note, say) {
      const subject = subjects.get(name) ?? begin(name)
      if (note.time <= subject.from) {
        counters.late++
        return
      }
      const place = subject.notes.findLastIndex((it) => compare(it, note) <= 0)
      const beside = subject.notes[place]
      if (beside && compare(beside, note) === 0) return
      subject.notes.splice(place + 1, 0, note)
      if (place + 2 === subject.notes.length) fold.step(subject.after, note, telling(subject.said, say))
      else again(subject, say)
      settle(subject)
    },
    save: () => ({
      counters,
      subjects: [...subjects].map(([name, { saidBefore, said, ...rest }]) => [
        name,
        { ...rest, saidBefore: [...saidBefore.values()], said: [...said.values()] },
      ]),
    }),
    load(saved) {
      const { counters: counted, subjects: all } = saved as Saved<State, N>
      Object.assign(counters, counted)
      for (const [name, it] of all)
        subjects.set(name, { ...it, saidBefore: byPlace(it.saidBefore), said: byPlace(it.said) })
    },
  }

  function begin(name: string): Subject<State, N> {
    const subject: Subject<State, N> = {
      before: fold.begin(),
      from: Number.MIN_SAFE_INTEGER,
      notes: [],
      after: fold.begin(),
      saidBefore: new Map(),
      said: new Map(),
    }
    subjects.set(name, subject)
    return subject
  }

  /** A note came between others: everything since the bound is judged anew. */
  function again(subject: Subject<State, N>, say: Say): void {
    const said = new Map(subject.saidBefore)
    subject.after = structuredClone(subject.before)
    for (const note of subject.notes)
      fold.step(
        subject.after,
        note,
        telling(said, () => {}),
      )
    for (const [place, [time, key]] of subject.said) if (!said.has(place)) say(time, key, null)
    for (const [place, it] of said) {
      const before = subject.said.get(place)
      if (!before || !same(before[2], it[2])) say(...it)
    }
    subject.said = said
  }

  /** What no late note can reach any more goes into `before`. */
  function settle(subject: Subject<State, N>): void {
    const { notes } = subject
    const horizon = notes.at(-1)!.time - LATENESS_MS
    let settled = 0
    while (settled < notes.length && (notes[settled]!.time <= horizon || notes.length - settled > maxNotes)) {
      const note = notes[settled++]!
      if (note.time > horizon) counters.squeezed++
      subject.from = note.time
      fold.step(
        subject.before,
        note,
        telling(subject.saidBefore, () => {}),
      )
    }
    if (settled === 0) return
    notes.splice(0, settled)
    for (const said of [subject.saidBefore, subject.said])
      for (const [place, [time]] of said) if (time <= horizon - LATENESS_MS) said.delete(place)
  }
}

interface Saved<State, N> {
  counters: { late: number; squeezed: number }
  subjects: [string, Omit<Subject<State, N>, 'said' | 'saidBefore'> & { saidBefore: Said[]; said: Said[] }][]
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

function byPlace(said: readonly Said[]): Map<string, Said> {
  return new Map(said.map((it) => [`${it[0]} ${it[1]}`, it]))
}

/** Drafts are flat and made by one function, so their fields are in one order. */
function same(a: Draft, b: Draft): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

function compare(a: Note, b: Note): number {
  return a.time - b.time || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
}
