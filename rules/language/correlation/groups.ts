/**
 * The groups of a correlation by key, in columns.
 *
 * Shape   a group is a number: its index in the columns; indexes of removed groups are reused. `first`, `last` and
 *         `count` describe its entries; `from`, `to` and `size` the current window. A changed group is marked until
 *         `takeMarked` returns it.
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
  /** The number of groups. */
  readonly known: number
  find(key: string): number | undefined
  add(key: string): number
  /** Marks the group as changed since it was saved. */
  mark(group: number): void
  /** Marks the group as equal to what was saved. */
  unmark(group: number): void
  remove(group: number): void
  all(): Iterable<number>
  /** The groups that changed since the last call, and the keys of saved groups that were removed. */
  takeMarked(): { edited: number[]; gone: string[] }
}

const EDITED = 1
const WRITTEN = 2

export function groupsByKey(): Groups {
  const placeOf = new Map<string, number>()
  let places = 0
  const free: number[] = []
  let marks = new Uint8Array(0)
  /** Keys of removed groups that were saved; stays empty where nothing is ever saved. */
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
      // A removed group with the same key may be saved.
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
