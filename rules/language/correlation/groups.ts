/**
 * The groups of a correlation by their key, in columns, the least recently used first in line to go.
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
  /** The least recently used, or NONE. */
  oldest(): number
  /** From the least to the most recently used; `each` may remove the group it is given. */
  forEach(each: (group: number) => void): void
}

export function groupsByKey(): Groups {
  const placeOf = new Map<string, number>()
  let used = 0
  let oldest = NONE
  let newest = NONE
  const free: number[] = []
  let older = new Int32Array(0)
  let newer = new Int32Array(0)
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
      const group = free.pop() ?? used++
      if (group >= self.first.length) grow(used)
      self.first[group] = self.last[group] = self.from[group] = self.to[group] = NONE
      self.count[group] = self.size[group] = 0
      self.keys[group] = key
      placeOf.set(key, group)
      append(group)
      return group
    },
    touch(group) {
      if (group === newest) return
      unlink(group)
      append(group)
    },
    remove(group) {
      unlink(group)
      placeOf.delete(self.keys[group]!)
      self.keys[group] = null
      free.push(group)
    },
    oldest: () => oldest,
    forEach(each) {
      for (let group = oldest; group !== NONE; ) {
        const next = newer[group]!
        each(group)
        group = next
      }
    },
  }
  return self

  function append(group: number): void {
    older[group] = newest
    newer[group] = NONE
    if (newest === NONE) oldest = group
    else newer[newest] = group
    newest = group
  }

  function unlink(group: number): void {
    const before = older[group]!
    const after = newer[group]!
    if (before === NONE) oldest = after
    else newer[before] = after
    if (after === NONE) newest = before
    else older[after] = before
  }

  function grow(least: number): void {
    self.first = withRoom(self.first, least)
    self.last = withRoom(self.last, least)
    self.count = withRoom(self.count, least)
    self.from = withRoom(self.from, least)
    self.to = withRoom(self.to, least)
    self.size = withRoom(self.size, least)
    older = withRoom(older, least)
    newer = withRoom(newer, least)
  }
}
