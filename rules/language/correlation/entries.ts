/**
 * The matches that a correlation remembers, in columns. `previous` and `next` link those of one group, in order of
 * (time, id, rule).
 *
 * Shape   an entry is a number: its index in the columns. Indexes of freed entries are reused.
 */
import { withRoom } from './column.ts'

export const NONE = -1

export interface Entries {
  /** Epoch ms. */
  time: Float64Array
  /** Which of the correlation's rules matched. */
  rule: Uint16Array
  /** What was decided at this entry: see `decider.ts`. */
  flags: Uint8Array
  previous: Int32Array
  next: Int32Array
  ids: string[]
  /** The value, for types that read one: as a number or as text. */
  numbers: Float64Array
  texts: string[]
  /** The number of entries in use. */
  size: number
  add(time: number, id: string, rule: number, value: number | string | null): number
  free(entry: number): void
}

export function entriesOf(value: 'number' | 'text' | null): Entries {
  let used = 0
  let firstFree = NONE
  const self: Entries = {
    time: new Float64Array(0),
    rule: new Uint16Array(0),
    flags: new Uint8Array(0),
    previous: new Int32Array(0),
    next: new Int32Array(0),
    ids: [],
    numbers: new Float64Array(0),
    texts: [],
    size: 0,
    add(time, id, rule, read) {
      let entry = firstFree
      if (entry !== NONE) firstFree = self.next[entry]!
      else {
        entry = used++
        if (entry >= self.time.length) grow(used)
      }
      self.time[entry] = time
      self.rule[entry] = rule
      self.flags[entry] = 0
      self.ids[entry] = id
      if (value === 'number') self.numbers[entry] = read as number
      else if (value === 'text') self.texts[entry] = read as string
      self.size++
      return entry
    },
    free(entry) {
      self.ids[entry] = ''
      if (value === 'text') self.texts[entry] = ''
      self.next[entry] = firstFree
      firstFree = entry
      self.size--
    },
  }
  return self

  function grow(least: number): void {
    self.time = withRoom(self.time, least)
    self.rule = withRoom(self.rule, least)
    self.flags = withRoom(self.flags, least)
    self.previous = withRoom(self.previous, least)
    self.next = withRoom(self.next, least)
    if (value === 'number') self.numbers = withRoom(self.numbers, least)
  }
}
