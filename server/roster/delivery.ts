/**
 * A roster as the command delivers it: parsed, with valid rows only.
 *
 * Errors  Fault 'roster.invalid' for a file that is too large, is not a delivery, or has an invalid entry; else the
 *         file system's error.
 */
import { readFile, stat } from 'node:fs/promises'
import * as z from 'zod'
import { Fault } from '../../wire/fault.ts'
import type { RosterPart } from './parts.ts'
import { MAX_ROSTER_BYTES } from './roster.ts'
import { entry } from './roster-entry.ts'

/** The parsed form repeats every key in every row. */
const MAX_DELIVERY_BYTES = 4 * MAX_ROSTER_BYTES

const Delivery = z.strictObject({ contracts: z.array(z.unknown()), devices: z.array(z.unknown()) })

export function deliveryText({ contracts, devices }: Readonly<RosterPart>): string {
  return JSON.stringify({ contracts, devices })
}

export async function deliverySize(file: string): Promise<number> {
  return (await stat(file)).size
}

export async function readDelivery(file: string): Promise<RosterPart> {
  if ((await deliverySize(file)) > MAX_DELIVERY_BYTES)
    throw invalid(file, `It has more than ${MAX_DELIVERY_BYTES} bytes.`)
  const read = Delivery.safeParse(await readJson(file))
  if (!read.success) throw invalid(file, 'It is not an object with contracts and devices.')
  const part: RosterPart = { contracts: [], devices: [] }
  for (const [at, value] of read.data.contracts.entries())
    part.contracts.push(...whole(file, at, [value], []).contracts)
  for (const [at, value] of read.data.devices.entries()) part.devices.push(...whole(file, at, [], [value]).devices)
  return part
}

function whole(file: string, at: number, contracts: unknown[], devices: unknown[]): RosterPart {
  const { problem, ...found } = entry(at, contracts, devices)
  if (problem === null) return found
  const of = contracts.length > 0 ? 'contracts' : 'devices'
  throw invalid(file, `${[of, at, problem.column ?? []].flat().join('.')}: ${problem.why}`)
}

async function readJson(file: string): Promise<unknown> {
  const text = await readFile(file, 'utf8')
  try {
    return JSON.parse(text) as unknown
  } catch (cause) {
    throw invalid(file, `It is not JSON: ${cause instanceof Error ? cause.message.slice(0, 200) : 'unreadable'}`)
  }
}

function invalid(where: string, why: string): Fault {
  return new Fault('roster.invalid', { where, why })
}
