/** What of a contract holds at one moment: approvals, notices and declarations that lapsed, or have not begun, are left out. */
import type { Contract } from '../../../wire/contract.ts'

/** The contract as it holds from `since` until `until`. */
export interface Piece {
  since: number
  until: number
  contract: Contract
}

interface Approval {
  from?: number | null | undefined
  to?: number | null | undefined
}

/** True while an approval that may lapse holds. */
export function holds(approval: Approval, time: number): boolean {
  return (approval.from ?? 0) <= time && time < (approval.to ?? Number.POSITIVE_INFINITY)
}

const LAPSING = ['approvedTools', 'approvedEgress', 'travelNotices', 'peripherals', 'declaredHours'] as const

/**
 * Shape   members of the household come out as plain ids, with or without an end. A contract in which nothing lapses
 *         is its own only piece.
 */
export function pieceAt(contract: Contract, time: number): Piece {
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
  for (const key of LAPSING) if (contract[key]) Object.assign(held, { [key]: contract[key].filter(inForce) })
  const members = contract.household?.map((it) => (typeof it === 'string' ? { worker: it } : it))
  if (members) held.household = members.filter(inForce).map((it) => it.worker)
  const isWhole = since === Number.NEGATIVE_INFINITY && until === Number.POSITIVE_INFINITY
  const isPlain = contract.household?.every((it) => typeof it === 'string') ?? true
  return { since, until, contract: isWhole && isPlain ? contract : held }
}
