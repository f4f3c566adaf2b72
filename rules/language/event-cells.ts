/**
 * The fields of one event at a time, in cells that are reused from event to event.
 *
 * Shape   a slot is a field that rules read; its cell holds the field's value in the current event.
 */
import { type Cell, CONTEXT_FIELDS, cellsOf, emptyCell, everyText, fill, path, withoutSpaces } from './cell.ts'
import type { FlatEvent } from './rule.ts'

export interface EventCells {
  begin(event: FlatEvent): void
  cell(slot: number): Cell
  cellOf(field: string): Cell
  /** Visits the values that are not in cells of these slots. The cell is reused: do not keep it. */
  forEachOther(slots: Uint8Array, visit: (cell: Cell) => void): void
  /** The texts that `forEachOther` would visit, one per line; null when there are nested values. */
  otherTexts(slots: Uint8Array): string | null
}

/** The number of names of fields that events had and no rule reads to remember. */
const MAX_REMEMBERED = 4_096

/** Events with more keys than this are rare. */
const MAX_SHAPED = 256

/** Instead of a slot: no rule reads the field. */
const UNREAD = -1
/** Instead of a slot: a rule reads it without the name's spaces. */
const SPACED = -2

/** The slots of an event's keys. */
interface Shape {
  keys: readonly string[]
  /** Slot, UNREAD or SPACED by key. */
  slots: readonly number[]
  /** Slots of names with dots whose first part, or more, is one of the keys. */
  paths: readonly number[]
  spaced: boolean
}

export function eventCells(fields: readonly string[]): EventCells {
  const cells = fields.map(emptyCell)
  const anywhere: Cell = { value: [], text: null, folded: null, members: null, results: null }
  const loose = emptyCell()
  const slotOf = new Map<string, number>(fields.map((field, slot) => [field, slot]))
  const shapeOf = shapes(fields, slotOf)
  const bareSlotOf = new Map<string, number>(fields.map((field, slot) => [withoutSpaces(field), slot]))
  const filled: number[] = []
  let shape: Shape = { keys: [], slots: [], paths: [], spaced: false }
  let event: FlatEvent = {}

  function begin(next: FlatEvent): void {
    event = next
    for (let i = 0; i < filled.length; i++) fill(cells[filled[i]!]!, undefined)
    filled.length = 0
    anywhere.members = null
    shape = shapeOf(event)
    const { keys, slots, paths } = shape
    for (let i = 0; i < keys.length; i++) if (slots[i]! >= 0) put(slots[i]!, event[keys[i]!])
    for (let i = 0; i < paths.length; i++) {
      const slot = paths[i]!
      if (cells[slot]!.value === undefined) put(slot, path(event, fields[slot]!, 0))
    }
    if (!shape.spaced) return
    for (let i = 0; i < keys.length; i++) {
      if (slots[i] !== SPACED) continue
      const slot = bareSlotOf.get(withoutSpaces(keys[i]!))!
      if (cells[slot]!.value === undefined) put(slot, event[keys[i]!])
    }
  }

  function put(slot: number, value: unknown): void {
    if (value === undefined) return
    fill(cells[slot]!, value)
    filled.push(slot)
  }

  function cell(slot: number): Cell {
    if (slot >= 0) return cells[slot]!
    anywhere.members ??= everyText(event)
    return anywhere
  }

  function forEachOther(indexed: Uint8Array, visit: (cell: Cell) => void): void {
    const { keys, slots } = shape
    for (let i = 0; i < keys.length; i++) {
      if (isElsewhere(i, indexed)) continue
      const slot = slots[i]!
      const value = event[keys[i]!]
      if (typeof value === 'object') {
        const found: Cell[] = []
        cellsOf(value, found)
        for (const each of found) visit(each)
      } else if (slot >= 0) visit(cells[slot]!)
      else {
        fill(loose, value)
        visit(loose)
      }
    }
  }

  function otherTexts(indexed: Uint8Array): string | null {
    const { keys } = shape
    let all = ''
    for (let i = 0; i < keys.length; i++) {
      if (isElsewhere(i, indexed)) continue
      const value = event[keys[i]!]
      if (typeof value === 'object' && value !== null) return null
      all += `${String(value)}\n`
    }
    return all
  }

  /** Is in a cell of these slots as one text, or is not part of the event itself. */
  function isElsewhere(i: number, indexed: Uint8Array): boolean {
    const slot = shape.slots[i]!
    return (slot >= 0 && indexed[slot] === 1 && cells[slot]!.text !== null) || CONTEXT_FIELDS.has(shape.keys[i]!)
  }

  return { begin, cell, cellOf: (field) => cells[slotOf.get(field)!]!, forEachOther, otherTexts }
}

/** Events of one source have the same keys in the same order; comparing those is faster than looking up each key. */
function shapes(fields: readonly string[], slotOf: ReadonlyMap<string, number>): (event: FlatEvent) => Shape {
  /** Slots, and how other names of events were resolved. */
  const placeOf = new Map(slotOf)
  const bareNames = new Set(fields.map(withoutSpaces))
  const dotted = fields.flatMap((field, slot) => (field.includes('.') ? [{ slot, heads: headsOf(field) }] : []))
  /** The latest layout for each number of keys. */
  const latest: Shape[] = []

  return (event) => {
    const keys = Object.keys(event)
    const before = latest[keys.length]
    if (before && isSame(before.keys, keys)) return before
    const slots = keys.map((key) => placeOf.get(key) ?? remember(key))
    const paths = dotted.filter(({ heads }) => heads.some((it) => Object.hasOwn(event, it))).map((it) => it.slot)
    const shape = { keys, slots, paths, spaced: slots.includes(SPACED) }
    if (keys.length <= MAX_SHAPED) latest[keys.length] = shape
    return shape
  }

  function remember(key: string): number {
    const slot = key.includes(' ') && bareNames.has(withoutSpaces(key)) ? SPACED : UNREAD
    if (placeOf.size < fields.length + MAX_REMEMBERED) placeOf.set(key, slot)
    return slot
  }
}

/** Keys that a path may begin with: `A` and `A.B` of `A.B.C`. */
function headsOf(field: string): string[] {
  const parts = field.split('.')
  return parts.slice(1).map((_, dots) => parts.slice(0, dots + 1).join('.'))
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
