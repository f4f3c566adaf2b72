/**
 * One event at a time: its fields in cells, and what has been asked about it so far.
 *
 * Shape   everything is reused from event to event; a number that rises with each event tells old answers from new.
 */
import { type Cell, cellsOf, emptyCell, everyText, fill, foldedText, path, SAID_ABOUT, withoutSpaces } from './cell.ts'
import { holds } from './evaluate.ts'
import type { Interning, Predicate, Question } from './predicates.ts'
import type { FlatEvent } from './rule.ts'

export interface Judge {
  begin(event: FlatEvent): void
  cell(slot: number): Cell
  /** Shows the event's values one by one, but those that stand whole in a cell of these slots. Do not keep the cell. */
  beside(slots: Uint8Array, show: (cell: Cell) => void): void
  /** The texts that `beside` would show, as one, with lines between; null when values have values within them. */
  besideAsOne(slots: Uint8Array): string | null
  /** The index knows that it holds. */
  note(predicate: number): void
  answer(question: Question, about: About): boolean
}

/** What one program knows of predicates, by their ids. */
export interface About {
  /** 1: the index would have noted it if it held. */
  decided: Uint8Array
  /** Its place among those of its field in this program, where the field's text alone decides; else NO_PLACE. */
  places: Uint16Array
}

export const NO_PLACE = 65_535

/** Names of fields that events had and rules do not read are remembered up to this many. */
const MAX_REMEMBERED = 4_096

/** Events with more keys than this are rare. */
const MAX_SHAPED = 256

interface Shape {
  keys: readonly string[]
  /** Slot, UNREAD or SPACED by key. */
  slots: readonly number[]
  /** Slots of names with dots whose first part, or more, is one of the keys. */
  paths: readonly number[]
  spaced: boolean
}

export function judge({ fields, predicates }: Interning): Judge {
  const cells = fields.map(emptyCell)
  const anywhere: Cell = { value: [], text: null, folded: null, members: null, answers: null }
  const loose = emptyCell()
  const slotOf = new Map<string, number>(fields.map((field, slot) => [field, slot]))
  /** The same, and what became of other names that events had. */
  const placeOf = new Map(slotOf)
  const bare = new Map<string, number>(fields.map((field, slot) => [withoutSpaces(field), slot]))
  const dotted = fields.flatMap((field, slot) => (field.includes('.') ? [{ slot, heads: headsOf(field) }] : []))
  const filled: number[] = []
  /** The latest of each number of keys. */
  const shapes: Shape[] = []
  let shape: Shape = { keys: [], slots: [], paths: [], spaced: false }
  const noted = new Int32Array(predicates.length)
  const answered = new Int32Array(predicates.length)
  let epoch = 0
  let event: FlatEvent = {}
  const other = (field: string): Cell => cells[slotOf.get(field)!]!

  function begin(next: FlatEvent): void {
    event = next
    if (++epoch === 0x3fffffff) {
      noted.fill(0)
      answered.fill(0)
      epoch = 1
    }
    for (let i = 0; i < filled.length; i++) fill(cells[filled[i]!]!, undefined)
    filled.length = 0
    anywhere.members = null
    shape = shapeOf(Object.keys(event))
    const { keys, slots, paths } = shape
    for (let i = 0; i < keys.length; i++) if (slots[i]! >= 0) put(slots[i]!, event[keys[i]!])
    for (let i = 0; i < paths.length; i++) {
      const slot = paths[i]!
      if (cells[slot]!.value === undefined) put(slot, path(event, fields[slot]!, 0))
    }
    if (!shape.spaced) return
    for (let i = 0; i < keys.length; i++) {
      if (slots[i] !== SPACED) continue
      const slot = bare.get(withoutSpaces(keys[i]!))!
      if (cells[slot]!.value === undefined) put(slot, event[keys[i]!])
    }
  }

  /** Events of one source have the same keys in the same order, which is quicker to see than to look each key up. */
  function shapeOf(keys: readonly string[]): Shape {
    const latest = shapes[keys.length]
    if (latest && isSame(latest.keys, keys)) return latest
    const slots = keys.map((key) => placeOf.get(key) ?? remember(key))
    const paths = dotted.filter(({ heads }) => heads.some((it) => Object.hasOwn(event, it))).map((it) => it.slot)
    const found = { keys, slots, paths, spaced: slots.includes(SPACED) }
    if (keys.length <= MAX_SHAPED) shapes[keys.length] = found
    return found
  }

  function put(slot: number, value: unknown): void {
    if (value === undefined) return
    fill(cells[slot]!, value)
    filled.push(slot)
  }

  function remember(key: string): number {
    const slot = key.includes(' ') && bare.has(withoutSpaces(key)) ? SPACED : UNREAD
    if (placeOf.size < fields.length + MAX_REMEMBERED) placeOf.set(key, slot)
    return slot
  }

  function cell(slot: number): Cell {
    if (slot >= 0) return cells[slot]!
    anywhere.members ??= everyText(event)
    return anywhere
  }

  function beside(covered: Uint8Array, show: (cell: Cell) => void): void {
    const { keys, slots } = shape
    for (let i = 0; i < keys.length; i++) {
      if (isElsewhere(i, covered)) continue
      const slot = slots[i]!
      const value = event[keys[i]!]
      if (typeof value === 'object') {
        const found: Cell[] = []
        cellsOf(value, found)
        for (const each of found) show(each)
      } else if (slot >= 0) show(cells[slot]!)
      else {
        fill(loose, value)
        show(loose)
      }
    }
  }

  function besideAsOne(covered: Uint8Array): string | null {
    const { keys } = shape
    let all = ''
    for (let i = 0; i < keys.length; i++) {
      if (isElsewhere(i, covered)) continue
      const value = event[keys[i]!]
      if (typeof value === 'object' && value !== null) return null
      all += `${String(value)}\n`
    }
    return all
  }

  /** In a cell that an index reads, or said about the event and not in it. */
  function isElsewhere(i: number, covered: Uint8Array): boolean {
    const slot = shape.slots[i]!
    return (slot >= 0 && covered[slot] === 1 && cells[slot]!.text !== null) || SAID_ABOUT.has(shape.keys[i]!)
  }

  function ask(predicate: Predicate, { decided, places }: About): boolean {
    const { id } = predicate
    if (noted[id] === epoch) return true
    if (decided[id] === 1) return false
    const subject = cell(predicate.slot)
    const { answers, members } = subject
    const place = places[id]!
    if (answers !== null && place !== NO_PLACE) {
      const before = answers[place]!
      if (before !== 0) return before === 2
      const result = asked(predicate, subject)
      answers[place] = result ? 2 : 1
      return result
    }
    const before = answered[id]!
    if (before >> 1 === epoch) return (before & 1) === 1
    const result = members === null ? asked(predicate, subject) : members.some((member) => asked(predicate, member))
    answered[id] = (epoch << 1) | (result ? 1 : 0)
    return result
  }

  function asked({ equals, starts, ends, contains, others }: Predicate, one: Cell): boolean {
    if (one.text !== null) {
      const text = foldedText(one)
      for (let i = 0; i < equals.length; i++) if (text === equals[i]!) return true
      for (let i = 0; i < starts.length; i++) if (text.startsWith(starts[i]!)) return true
      for (let i = 0; i < ends.length; i++) if (text.endsWith(ends[i]!)) return true
      for (let i = 0; i < contains.length; i++) if (text.includes(contains[i]!)) return true
    }
    for (let i = 0; i < others.length; i++) if (holds(others[i]!, one, other)) return true
    return false
  }

  function answer(question: Question, about: About): boolean {
    if (question.kind === 'ask') return ask(question.predicate, about)
    if (question.kind === 'not') return !answer(question.of, about)
    const { kind, of } = question
    const wanted = kind === 'or'
    for (let i = 0; i < of.length; i++) if (answer(of[i]!, about) === wanted) return wanted
    return !wanted
  }

  return { begin, cell, beside, besideAsOne, note: (predicate) => void (noted[predicate] = epoch), answer }
}

/** What may be the key in which a path begins: `A` and `A.B` of `A.B.C`. */
function headsOf(field: string): string[] {
  const parts = field.split('.')
  return parts.slice(1).map((_, dots) => parts.slice(0, dots + 1).join('.'))
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

const UNREAD = -1
const SPACED = -2
