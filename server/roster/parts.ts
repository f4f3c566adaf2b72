/**
 * Splits a roster into parts. A part is compared and written in one step, and other work gets a turn between parts.
 *
 * Shape   sorted by the beginning of each version, so that a later one is compared with an earlier one of the same file;
 *         a worker's laptops follow the contract.
 */
import type { Contract, Device } from '../../wire/contract.ts'

export interface RosterPart {
  contracts: Contract[]
  devices: Device[]
}

/** Comparing and writing this many takes about 5 ms. */
export const PART_ROWS = 250

export function* partsOf({ contracts, devices }: Readonly<RosterPart>): Generator<RosterPart> {
  const byWorker = Map.groupBy(devices.toSorted(byBegin), (it) => it.worker)
  let part: RosterPart = { contracts: [], devices: [] }
  for (const it of rows()) {
    if ('device' in it) part.devices.push(it.device)
    else part.contracts.push(it.contract)
    if (part.contracts.length + part.devices.length < PART_ROWS) continue
    yield part
    part = { contracts: [], devices: [] }
  }
  if (part.contracts.length + part.devices.length > 0) yield part

  function* rows(): Generator<{ contract: Contract } | { device: Device }> {
    for (const contract of contracts.toSorted(byBegin)) {
      yield { contract }
      for (const device of byWorker.get(contract.worker) ?? []) yield { device }
      byWorker.delete(contract.worker)
    }
    for (const rest of byWorker.values()) for (const device of rest) yield { device }
  }
}

function byBegin(a: { from: number }, b: { from: number }): number {
  return a.from - b.from
}
