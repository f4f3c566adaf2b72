/**
 * What the company approves, and the end of its learning period: the records that say so, and what is wrong with a new
 * one.
 */
import { randomUUID } from 'node:crypto'
import type { Approval, Learning } from '../../wire/contract.ts'
import { Fault } from '../../wire/fault.ts'
import type { Recorded } from '../../wire/recording.ts'
import type { AuditEntry } from '../model/user.ts'
import type { Directory } from './directory.ts'

/** Without what the server adds. `from` defaults to the beginning of the log: what is ours was ours before we said so. */
export type NewApproval = Omit<Approval, 'id' | 'from' | 'approvedBy' | 'revokedAt' | 'revokedBy'> & {
  from?: number | undefined
}

export interface Approvals {
  /** As last recorded, those in force first. */
  all(): Approval[]
  approve(wanted: NewApproval, by: string, user: string | null): Promise<Approval>
  /** `mistake`: it was never in force, and what it lowered counts again. Errors  Fault 'api.notfound'. */
  revoke(id: string, mistake: boolean, by: string, user: string | null): Promise<Approval>
  learnUntil(until: number, reason: string | null, by: string, user: string | null): Promise<Learning>
}

export interface ApprovalsDeps {
  directory: Pick<Directory, 'approvals'>
  /** When it resolves, the records are durable and in the directory. */
  append(records: readonly Recorded[]): Promise<unknown>
  audit(entry: AuditEntry): void | Promise<void>
  now(): number
}

/** The beginning of the log, for approvals: every event is later. */
const ALWAYS = Date.UTC(2000, 0, 1)

export function approvals({ directory, append, audit, now }: ApprovalsDeps): Approvals {
  return {
    all: () => directory.approvals().sort((a, b) => Number(isOver(a)) - Number(isOver(b)) || (a.id < b.id ? -1 : 1)),
    async approve(wanted, by, user) {
      const approval = made(wanted, by)
      await append([{ ...approval, type: 'approval', receivedAt: now() }])
      await audit(entry('approval.made', user, whatOf(approval)))
      return approval
    },
    async revoke(id, mistake, by, user) {
      const known = directory.approvals().find((it) => it.id === id)
      if (!known) throw new Fault('api.notfound', { where: id, todo: 'Look at the list of approvals.' })
      const at = mistake ? known.from : Math.max(now(), known.from)
      // An approval that was revoked earlier stays so.
      const approval =
        known.revokedAt == null || at < known.revokedAt ? { ...known, revokedAt: at, revokedBy: by } : known
      if (approval !== known) await append([{ ...approval, type: 'approval', receivedAt: now() }])
      await audit(entry('approval.revoked', user, whatOf(approval)))
      return approval
    },
    async learnUntil(until, reason, by, user) {
      const record: Learning = { until, saidAt: now(), saidBy: by, reason }
      await append([{ ...record, type: 'learning', receivedAt: now() }])
      await audit(entry('learning.set', user, new Date(until).toISOString()))
      return record
    },
  }

  function entry(action: string, user: string | null, detail: string): AuditEntry {
    return { at: now(), user, action, about: null, detail: detail.slice(0, 500) }
  }

  function isOver({ to, revokedAt }: Approval): boolean {
    return (to != null && to <= now()) || revokedAt != null
  }
}

/** Errors  Fault 'api.invalid' for one that would approve nothing, or everything. */
export function made(wanted: NewApproval, by: string): Approval {
  const problem = problemIn(wanted)
  if (problem) throw new Fault('api.invalid', { where: `body.${problem.field}`, why: problem.why })
  const from = wanted.from ?? ALWAYS
  if (wanted.to != null && wanted.to <= from)
    throw new Fault('api.invalid', { where: 'body.to', why: 'It ends before it begins.' })
  return { ...wanted, id: randomUUID(), from, approvedBy: by }
}

const NEEDS: Record<Approval['kind'], readonly (keyof NewApproval)[]> = {
  tool: ['tool'],
  exit: ['address', 'asn', 'domain'],
  hardware: ['deviceKind'],
  repository: ['host'],
  management: ['program'],
}

function problemIn(wanted: NewApproval): { field: string; why: string } | null {
  const needs = NEEDS[wanted.kind]
  if (!needs.some((it) => wanted[it] != null && wanted[it] !== ''))
    return { field: needs[0]!, why: `An approval of kind ${wanted.kind} names ${needs.join(' or ')}.` }
  if (wanted.level === 'role' && !wanted.role) return { field: 'role', why: 'Name the role.' }
  if (wanted.level === 'contract' && !wanted.worker) return { field: 'worker', why: 'Name the worker.' }
  return null
}

/** 'NinjaOne, tenant acme, for the company'. */
export function whatOf(approval: Approval): string {
  const { kind, tool, tenant, asn, address, domain, deviceKind, vendorId, productId, host, namespace, program } =
    approval
  const thing = {
    tool: [tool, tenant && `tenant ${tenant}`],
    exit: [asn != null && `AS${asn}`, address, domain],
    hardware: [deviceKind, vendorId && `${vendorId}:${productId ?? '*'}`],
    repository: [[host, namespace].filter(Boolean).join('/')],
    management: [program],
  }[kind]
  return [...thing.filter(Boolean), forWhom(approval)].join(', ')
}

function forWhom({ level, role, worker }: Approval): string {
  return level === 'company' ? 'for the company' : level === 'role' ? `for the role ${role}` : `for ${worker}`
}
