/**
 * One row or object of a roster: its contracts and devices, or the problem with it.
 *
 * Errors  values that are too large or nested too deeply are refused before the schema is applied: a schema reports
 *         every error, and one object can have millions.
 */
import * as z from 'zod'
import { Contract, Device } from '../../wire/contract.ts'

export const MAX_ROWS = 100_000
/** Contracts are copied as a whole, into the log, saved state and events under evaluation. */
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

/** `line` in the file; for objects of an array, their index counted from 1. */
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

/** The beginning of a foreign text, to quote in a problem. */
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
