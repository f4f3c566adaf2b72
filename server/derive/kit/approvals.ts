/**
 * What the company approves for everybody or for a role, added to each contract it applies to.
 *
 * Shape   an added entry has the approval's id, level, reason, beginning and end, so that a person sees where it comes
 *         from. An approval that was revoked ends then; one that was revoked at its beginning never applies.
 */
import type { Approval, Contract } from '../../../wire/contract.ts'

/** The contract with the approvals that apply to it; the contract itself when there are none. */
export function withApprovals(contract: Contract, approvals: Iterable<Approval>): Contract {
  let held: Contract | null = null
  for (const approval of approvals) {
    const [key, entry] = entryOf(approval)
    if (key === null || !appliesTo(approval, contract)) continue
    held ??= { ...contract }
    Object.assign(held, { [key]: [...(held[key] ?? []), entry] })
  }
  return held ?? contract
}

/** When it ends, exclusive; null: never. */
export function endOf({ to, revokedAt }: Approval): number | null {
  return to == null || revokedAt == null ? (to ?? revokedAt ?? null) : Math.min(to, revokedAt)
}

/** Whether `next` replaces `before`, a record with the same id: not when that one was revoked and `next` is not. */
export function replaces(next: Approval, before: Approval | undefined): boolean {
  return before?.revokedAt == null || next.revokedAt != null
}

function appliesTo({ level, role, worker }: Approval, contract: Contract): boolean {
  if (level === 'contract') return worker === contract.worker
  if (level === 'company') return true
  const wanted = role?.toLowerCase()
  return wanted !== undefined && (contract.roles?.some((it) => it.toLowerCase() === wanted) ?? false)
}

type Lists = 'approvedTools' | 'approvedEgress' | 'peripherals' | 'approvedRepositories' | 'approvedPrograms'

/** Null: it does not name what it approves, and so approves nothing. */
function entryOf(approval: Approval): [key: Lists | null, entry: object] {
  const { id, level, reason, approvedBy, ticket, from } = approval
  const head = { from, to: endOf(approval), approvedBy, ticket: ticket ?? null, approval: id, level, reason }
  const { tool, tenant, address, asn, domain, deviceKind, vendorId, productId, serial, host, namespace } = approval
  switch (approval.kind) {
    case 'tool':
      return [tool ? 'approvedTools' : null, { tool, tenant: tenant ?? null, ...head }]
    case 'exit':
      return [address || asn != null || domain ? 'approvedEgress' : null, { address, asn, domain, ...head }]
    case 'hardware':
      return [deviceKind ? 'peripherals' : null, { kind: deviceKind, vendorId, productId, serial, ...head }]
    case 'repository':
      return [host ? 'approvedRepositories' : null, { host, namespace: namespace ?? null, ...head }]
    case 'management':
      return [approval.program ? 'approvedPrograms' : null, { program: approval.program, ...head }]
  }
}
