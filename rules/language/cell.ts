/**
 * The value of one field: looked up, converted to text and folded at most once per event.
 */
import { fold } from './fold.ts'
import type { FlatEvent } from './rule.ts'

export interface Cell {
  /** Undefined: the field is missing. */
  value: unknown
  /** The text form of a string, number or boolean; null for everything else. */
  text: string | null
  folded: string | null
  /**
   * Set when the value is an array: its members, with nested arrays flattened. A test is true if it is for any member.
   */
  members: Cell[] | null
  /** For a value seen before, by the predicate's index in the program: 0 not evaluated yet, 1 false, 2 true. */
  results: Uint8Array | null
}

const MAX_MEMBERS = 10_000
const MAX_DEPTH = 8

export function emptyCell(): Cell {
  return { value: undefined, text: null, folded: null, members: null, results: null }
}

export function fill(cell: Cell, value: unknown): void {
  cell.value = value
  cell.members = null
  cell.folded = null
  cell.results = null
  if (typeof value === 'string') cell.text = value
  else if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint')
    cell.text = String(value)
  else {
    cell.text = null
    if (Array.isArray(value)) cell.members = membersOf(value)
  }
}

/** Only for cells that have a text. */
export function foldedText(cell: Cell): string {
  return (cell.folded ??= fold(cell.text!))
}

export function isPresent(cell: Cell): boolean {
  if (cell.members) return cell.members.some((member) => member.value !== null && member.value !== undefined)
  return cell.value !== undefined && cell.value !== null
}

function membersOf(value: readonly unknown[]): Cell[] {
  const cells: Cell[] = []
  const open = (items: readonly unknown[], depth: number): void => {
    for (const item of items) {
      if (cells.length >= MAX_MEMBERS) return
      if (Array.isArray(item)) {
        if (depth < MAX_DEPTH) open(item, depth + 1)
      } else {
        const cell = emptyCell()
        fill(cell, item)
        cells.push(cell)
      }
    }
  }
  open(value, 0)
  return cells
}

/**
 * Finds a field: by its exact name; then, if it has dots, as a path into objects and members of arrays; then by a key
 * that equals the name without its spaces.
 */
export function lookUp(event: FlatEvent, name: string): unknown {
  const exact = own(event, name)
  if (exact !== undefined) return exact
  if (name.includes('.')) {
    const nested = path(event, name, 0)
    if (nested !== undefined) return nested
  }
  for (const key of Object.keys(event))
    if (key.includes(' ') && withoutSpaces(key) === withoutSpaces(name)) return event[key]
  return undefined
}

export function withoutSpaces(name: string): string {
  return name.replaceAll(' ', '')
}

/** Also for names without a key of their own: `A.B.C` in { A: { 'B.C': 1 } }. */
export function path(value: unknown, name: string, depth: number): unknown {
  if (depth > MAX_DEPTH || typeof value !== 'object' || value === null) return undefined
  if (Array.isArray(value)) {
    const found = value
      .slice(0, MAX_MEMBERS)
      .map((item) => path(item, name, depth + 1))
      .filter((item) => item !== undefined)
    return found.length === 0 ? undefined : found
  }
  const exact = own(value, name)
  if (exact !== undefined) return exact
  for (let dot = name.indexOf('.'); dot > 0; dot = name.indexOf('.', dot + 1)) {
    const inner = own(value, name.slice(0, dot))
    if (inner === undefined) continue
    const found = path(inner, name.slice(dot + 1), depth + 1)
    if (found !== undefined) return found
  }
  return undefined
}

function own(value: object, key: string): unknown {
  return Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined
}

/** Every value of an event, for keywords. */
export function everyText(event: FlatEvent): Cell[] {
  const found: Cell[] = []
  for (const key of Object.keys(event)) if (!CONTEXT_FIELDS.has(key)) cellsOf(event[key], found)
  return found
}

/**
 * Fields that describe an event and are not part of it: its logsource, and the contract in force. Whether an event has
 * the contract depends on other rules, so keywords must not find it.
 */
export const CONTEXT_FIELDS: ReadonlySet<string> = new Set(['category', 'product', 'service', 'Contract'])

/** Adds all values within `value`, at any depth. */
export function cellsOf(value: unknown, found: Cell[], depth = 0): void {
  if (found.length >= MAX_MEMBERS || depth > MAX_DEPTH || value === null || value === undefined) return
  if (typeof value === 'object') {
    for (const inner of Object.values(value)) cellsOf(inner, found, depth + 1)
    return
  }
  const cell = emptyCell()
  fill(cell, value)
  found.push(cell)
}
