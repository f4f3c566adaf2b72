/** One test on one cell. */
import { type Cell, emptyCell, fill, foldedText, isPresent } from './cell.ts'
import { inNetwork } from './cidr.ts'
import type { Comparison, Test } from './expression.ts'
import { timePart } from './moment.ts'
import { exactNumberOf } from './number.ts'
import { type How, matches } from './pattern.ts'

/** `other` finds the field a `fieldref` names. */
export function holds(test: Test, cell: Cell, other: (field: string) => Cell): boolean {
  if (test.op === 'exists') return cell.value !== undefined
  if (cell.members === null) return one(test, cell, other)
  for (const member of cell.members) if (one(test, member, other)) return true
  return false
}

function one(test: Exclude<Test, { op: 'exists' }>, cell: Cell, other: (field: string) => Cell): boolean {
  if (test.op === 'present') return isPresent(cell)
  if (test.op === 'time') return cell.value != null && compares(test.by, timePart(cell.value, test.unit), test.than)
  if (cell.text === null) return false
  switch (test.op) {
    case 'text':
      return meets(test.how, test.cased ? cell.text : foldedText(cell), test.text)
    case 'pattern':
      return matches(test.pattern, test.cased ? cell.text : foldedText(cell))
    case 'regex':
      return test.regex.test(cell.text, foldedText(cell))
    case 'compare':
      return typeof cell.value !== 'boolean' && compares(test.by, exactNumberOf(cell.value), test.than)
    case 'cidr':
      return inNetwork(test.network, cell.text)
    case 'reference':
      return refersTo(test, cell, other(test.other))
  }
}

export function meets(how: How, value: string, text: string): boolean {
  if (how === 'equals') return value === text
  if (how === 'contains') return value.includes(text)
  return how === 'startswith' ? value.startsWith(text) : value.endsWith(text)
}

function compares(by: Comparison, value: number | bigint | null, than: number | bigint): boolean {
  if (value === null) return false
  if (by === 'eq') return value >= than && value <= than
  if (by === 'lt') return value < than
  if (by === 'lte') return value <= than
  return by === 'gt' ? value > than : value >= than
}

function refersTo(test: Test & { op: 'reference' }, cell: Cell, other: Cell): boolean {
  if (other.members) return other.members.some((member) => refersTo(test, cell, member))
  if (other.text === null) return false
  return test.cased ? meets(test.how, cell.text!, other.text) : meets(test.how, foldedText(cell), foldedText(other))
}

/** A cell made of a value alone. */
export function cellOf(value: unknown): Cell {
  const cell = emptyCell()
  fill(cell, value)
  return cell
}
