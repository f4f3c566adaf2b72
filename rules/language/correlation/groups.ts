/**
 * The groups of a correlation by their key, in columns.
 *
 * Shape   a group is a number, its place in the columns; places are used again. `first`, `last` and `count` are its
 *         entries; `from`, `to` and `size` are the window that is being looked at. A group that was edited is marked,
 *         until `takeMarked` hands it over.
 */
import { withRoom } from './column.ts'
import { NONE } from './entries.ts'

export interface Groups {
  first: Int32Array
  last: Int32Array
  count: Int32Array
  from: Int32Array
  to: Int32Array
  size: Int32Array
  keys: (string | null)[]
  /** How many there are. */
  readonly known: number
  find(key: string): number | undefined
  add(key: string): number
  /** It was edited: what is written of it holds no longer. */
  mark(group: number): void
  /** It was put back as it is written. */
  unmark(group: number): void
  remove(group: number): void
  all(): Iterable<number>
  /** What was edited since the last call, and the keys of what is written and gone. */
  takeMarked(): { edited: number[]; gone: string[] }
}

const EDITED = 1
const WRITTEN = 2

export function groupsByKey(): Groups {
  const placeOf = new Map<string, number>()
  let places = 0
  const free: number[] = []
  let marks = new Uint8Array(0)
  /** Only what was written: where nobody asks for changes, nothing is remembered. */
  let gone = new Set<string>()
  const self: Groups = {
    first: new Int32Array(0),
    last: new Int32Array(0),
    count: new Int32Array(0),
    from: new Int32Array(0),
    to: new Int32Array(0),
    size: new Int32Array(0),
    keys: [],
    get known() {
      return placeOf.size
    },
    find: (key) => placeOf.get(key),
    add(key) {
      const group = free.pop() ?? places++
      if (group >= self.first.length) grow(places)
      self.first[group] = self.last[group] = self.from[group] = self.to[group] = NONE
      self.count[group] = self.size[group] = 0
      self.keys[group] = key
      // What is written under this key is that of the group before.
      marks[group] = gone.delete(key) ? EDITED | WRITTEN : EDITED
      placeOf.set(key, group)
      return group
    },
    mark: (group) => void (marks[group]! |= EDITED),
    unmark: (group) => void (marks[group] = WRITTEN),
    remove(group) {
      const key = self.keys[group]!
      placeOf.delete(key)
      self.keys[group] = null
      if ((marks[group]! & WRITTEN) !== 0) gone.add(key)
      marks[group] = 0
      free.push(group)
    },
    all: () => placeOf.values(),
    takeMarked() {
      const edited: number[] = []
      for (let group = 0; group < places; group++) {
        if ((marks[group]! & EDITED) === 0) continue
        marks[group] = WRITTEN
        edited.push(group)
      }
      const all = [...gone]
      gone = new Set()
      return { edited, gone: all }
    },
  }
  return self

  function grow(least: number): void {
    self.first = withRoom(self.first, least)
    self.last = withRoom(self.last, least)
    self.count = withRoom(self.count, least)
    self.from = withRoom(self.from, least)
    self.to = withRoom(self.to, least)
    self.size = withRoom(self.size, least)
    marks = withRoom(marks, least)
  }
}
