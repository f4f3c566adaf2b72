/**
 * What one row or object of a roster comes to: contracts and devices, or the column and why not.
 *
 * Errors  what is too large or nested too deeply is refused before the schema sees it: a schema words every fault in
 *         it, and one object can hold millions.
 */
import * as z from 'zod'
import { Contract, Device } from '../../wire/contract.ts'

export const MAX_ROWS = 100_000
/** The log, a snapshot and every rule that asks carry a contract whole. */
export const MAX_ENTRY_CHARACTERS = 65_536
const MAX_DEPTH = 16
const MAX_SHOWN = 64

export interface ColumnProblem {
  column: string | null
  why: string
}

export interface Found {
  contracts: Contract[]
  devices: Device[]
}

/** `line` in the file; of an array's objects their place in it, counted from 1. */
export interface Entry extends Found {
  line: number
  problem: ColumnProblem | null
}

const Both = z.object({ contracts: z.array(Contract), devices: z.array(Device) })

export function entry(line: number, contracts: readonly unknown[], devices: readonly unknown[]): Entry {
  const tooMuch = oversize([...contracts, ...devices])
  if (tooMuch) return refused(line, null, tooMuch)
  const parsed = Both.safeParse({ contracts, devices })
  if (parsed.success) return { line, ...parsed.data, problem: null }
  const [issue] = parsed.error.issues
  return refused(line, issue?.path.slice(2).join('.') || null, issue?.message ?? 'it does not match')
}

export function refused(line: number, column: string | null, why: string): Entry {
  return { line, contracts: [], devices: [], problem: { column, why } }
}

/** Somebody else's text in a problem: enough of it to be recognized. */
export function quoted(text: string): string {
  return `'${text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text}'`
}

function oversize(values: readonly unknown[]): string | null {
  for (const value of values) {
    if (isDeeper(value, MAX_DEPTH)) return `it is nested more than ${MAX_DEPTH} deep`
    if (JSON.stringify(value).length > MAX_ENTRY_CHARACTERS) return tooLong
  }
  return null
}

export const tooLong = `it is longer than ${MAX_ENTRY_CHARACTERS} characters`

function isDeeper(value: unknown, most: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  return most === 0 || Object.values(value).some((inner) => isDeeper(inner, most - 1))
}
