/** The part of a contract in force at one moment: without approvals and notices that ended or have not begun. */
import type { Contract } from '../../../wire/contract.ts'

/** The contract as in force from `since` until `until`. */
export interface ContractPeriod {
  since: number
  until: number
  contract: Contract
}

interface Approval {
  from?: number | null | undefined
  to?: number | null | undefined
}

/** Whether the approval is in force at `time`. */
export function holds(approval: Approval, time: number): boolean {
  return (approval.from ?? 0) <= time && time < (approval.to ?? Number.POSITIVE_INFINITY)
}

const LIMITED = [
  'approvedTools',
  'approvedEgress',
  'travelNotices',
  'peripherals',
  'declaredHours',
  'approvedPrograms',
  'approvedRepositories',
] as const

/**
 * The contract as in force at `time`, and the period for which the answer is the same.
 *
 * Shape   household members become plain ids. A contract without any time limits is returned as it is.
 */
export function periodAt(contract: Contract, time: number): ContractPeriod {
  let since = Number.NEGATIVE_INFINITY
  let until = Number.POSITIVE_INFINITY
  const inForce = (entry: Approval): boolean => {
    for (const edge of [entry.from, entry.to]) {
      if (edge == null) continue
      if (edge <= time) since = Math.max(since, edge)
      else until = Math.min(until, edge)
    }
    return holds(entry, time)
  }
  const held = { ...contract }
  for (const key of LIMITED) if (contract[key]) Object.assign(held, { [key]: contract[key].filter(inForce) })
  const members = contract.household?.map((it) => (typeof it === 'string' ? { worker: it } : it))
  if (members) held.household = members.filter(inForce).map((it) => it.worker)
  const isWhole = since === Number.NEGATIVE_INFINITY && until === Number.POSITIVE_INFINITY
  const isPlain = contract.household?.every((it) => typeof it === 'string') ?? true
  return { since, until, contract: isWhole && isPlain ? contract : held }
}
