/**
 * The groups of a correlation by their key, in columns.
 *
 * Shape   a group is a number, its place in the columns; places are used again. `first`, `last` and `count` are its
 *         entries; `from`, `to` and `size` are the window that is being looked at.
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
  /** It was used just now. */
  touch(group: number): void
  remove(group: number): void
  /** From the least to the most recently used. */
  byUse(): number[]
}

export function groupsByKey(): Groups {
  const placeOf = new Map<string, number>()
  let places = 0
  const free: number[] = []
  /** When it was last used, counted in uses. */
  let lastUse = new Float64Array(0)
  let uses = 0
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
      lastUse[group] = ++uses
      placeOf.set(key, group)
      return group
    },
    touch: (group) => void (lastUse[group] = ++uses),
    remove(group) {
      placeOf.delete(self.keys[group]!)
      self.keys[group] = null
      free.push(group)
    },
    byUse: () => [...placeOf.values()].sort((a, b) => lastUse[a]! - lastUse[b]!),
  }
  return self

  function grow(least: number): void {
    self.first = withRoom(self.first, least)
    self.last = withRoom(self.last, least)
    self.count = withRoom(self.count, least)
    self.from = withRoom(self.from, least)
    self.to = withRoom(self.to, least)
    self.size = withRoom(self.size, least)
    lastUse = withRoom(lastUse, least)
  }
}
