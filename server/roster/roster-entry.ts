/** What one row or object of a roster came to: contracts and devices, or the column and why not. */
import * as z from 'zod'
import { Contract, Device } from '../../wire/contract.ts'

export const MAX_ROWS = 100_000

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
  const parsed = Both.safeParse({ contracts, devices })
  if (parsed.success) return { line, ...parsed.data, problem: null }
  const [issue] = parsed.error.issues
  return refused(line, issue?.path.slice(2).join('.') || null, issue?.message ?? 'it does not match')
}

export function refused(line: number, column: string | null, why: string): Entry {
  return { line, contracts: [], devices: [], problem: { column, why } }
}
