/**
 * What the fleet has in common, for the people who say what of it is the company's own.
 *
 * Shape   values that at least `LEAST` workers have, by kind. `roles`: of which roles they are (the first of their
 *         contract), the one with the greatest share first. `role`: what hardly anybody else has is offered for that
 *         role only; null: for the company. `offered` false: too rare to be anybody's. `approved`: the approval that
 *         covers it for them, in the spelling it was made in.
 */
import { isSameTool } from '../../rules/catalogue/tool-names.ts'
import type { Approval } from '../../wire/contract.ts'
import { roleOf } from '../assess/rarity.ts'
import { Census, type Counted } from '../derive/kit/census.ts'
import { restoreRows } from '../derive/kit/kept.ts'
import { hasWord } from '../derive/kit/tenant.ts'
import { fromOne, type Reader } from './reader.ts'
import type { LearningView } from './schema.ts'

const PART = 'world.census.'
/** What one person has is nobody's habit. */
const LEAST = 2
const MAX_OF_KIND = 50
/** The mock-up's 'too rare to offer': below a twentieth of the workers, and below three. */
const OFFERED_SHARE = 1 / 20

/** A role's own is what half of it has, and of those who have it nine in ten. Our judgement. */
const ROLE_SHARE = 1 / 2
const OWN_SHARE = 9 / 10
const MAX_ROLES = 3
const MAX_EXAMPLES = 3

const MOST_ROWS = 200

type Roles = LearningView['candidates'][number]['roles']

export async function learning(reader: Reader): Promise<LearningView> {
  const { census, now } = await censusOf(reader)
  const period = census.period()
  const everybody = census.workers()
  const sizes = new Map([...Map.groupBy(everybody, roleAt)].map(([role, { length }]) => [role, length]))
  const approvals = reader.directory.approvals()
  // A person's word counts from when it was said, although the log may end earlier.
  const today = Math.max(now, reader.now())
  const inForce = approvals.filter((it) => it.from <= today && !isOver(it, today))
  const counted = census.counts(now, LEAST)
  // A tool with tenants is listed by tenant; without any, by itself.
  const tenants = new Set(counted.filter((it) => it.tenant !== null).map((it) => it.value))
  const shown = counted.filter((it) => it.tenant !== null || !tenants.has(it.value) || it.kind !== 'tool')
  return {
    period: period && { ...period, isOver: period.until !== null && now >= period.until },
    now,
    workers: everybody.length,
    candidates: [...Map.groupBy(shown, (it) => it.kind).values()]
      .flatMap((it) => it.slice(0, MAX_OF_KIND))
      .slice(0, MOST_ROWS)
      .map(({ having, ...it }) => {
        const roles = rolesOf(having)
        const role = roles.find((one) => isOwn(one, it))?.role ?? null
        const isOffered = role !== null || it.workers >= Math.max(3, it.of * OFFERED_SHARE)
        return {
          ...it,
          examples: having.slice(0, MAX_EXAMPLES).map((worker) => ({
            worker,
            name: reader.directory.latestContract(worker)?.name ?? null,
          })),
          roles: roles.slice(0, MAX_ROLES),
          role,
          offered: isOffered && it.kind !== 'display' && it.kind !== 'usb',
          approved: inForce.find((approval) => covers(approval, it, role))?.id ?? null,
        }
      }),
    approvals: approvals.map((it) => ({ ...it, isOver: isOver(it, today) })),
  }

  function roleAt(worker: string): string {
    return roleOf(reader.directory.contractAt(worker, now))
  }

  function rolesOf(having: readonly string[]): Roles {
    return [...Map.groupBy(having, roleAt)]
      .flatMap(([role, { length }]) => (role === '' ? [] : { role, workers: length, of: sizes.get(role) ?? length }))
      .sort((a, b) => b.workers / b.of - a.workers / a.of || b.workers - a.workers || (a.role < b.role ? -1 : 1))
  }
}

/** Half of the role has it, and hardly anybody else; unless the role is nearly the whole company. */
function isOwn(role: Roles[number], { workers, of }: Pick<Counted, 'workers' | 'of'>): boolean {
  return role.workers >= Math.max(3, role.of * ROLE_SHARE, workers * OWN_SHARE) && role.of < of * OWN_SHARE
}

async function censusOf(reader: Reader): Promise<{ census: Census; now: number }> {
  return fromOne(reader, async (judged) => {
    const census = new Census()
    if (!judged) return { census, now: reader.now() }
    const parts = Object.fromEntries(Object.entries(census.kept).map(([name, it]) => [`${PART}${name}`, it]))
    for await (const rows of reader.store.evaluations.kept(judged.id, PART)) restoreRows(parts, rows)
    return { census, now: judged.time }
  })
}

/** An approval without ids is of all devices of its kind. */
function isSameHardware({ deviceKind, vendorId, productId }: Approval, kind: Counted['kind'], value: string): boolean {
  const [found, ids = ''] = kind === 'hardware' ? value.split(' ') : [null, value]
  if ((kind !== 'hardware' && kind !== 'usb') || (found !== null && found !== deviceKind)) return false
  if (vendorId == null) return found !== null
  return productId == null
    ? ids.startsWith(`${vendorId.toLowerCase()}:`)
    : ids === `${vendorId}:${productId}`.toLowerCase()
}

function isOver({ to, revokedAt }: Approval, now: number): boolean {
  return (to != null && to <= now) || (revokedAt != null && revokedAt <= now)
}

/** `role` null: it must be covered for the company. */
function covers(
  approval: Approval,
  { kind, value, tenant }: Pick<Counted, 'kind' | 'value' | 'tenant'>,
  role: string | null,
): boolean {
  const isForRole = approval.level === 'role' && role !== null && approval.role?.toLowerCase() === role
  if (approval.level !== 'company' && !isForRole) return false
  switch (approval.kind) {
    case 'tool':
      if (kind !== 'tool' || !approval.tool || !isSameTool(approval.tool, value)) return false
      return approval.tenant == null || (tenant !== null && hasWord(tenant, approval.tenant.toLowerCase()))
    case 'exit':
      return kind === 'exit' && String(approval.asn) === value
    case 'hardware':
      return isSameHardware(approval, kind, value)
    case 'repository': {
      const ours = approval.host?.toLowerCase() ?? ''
      const path = approval.namespace ? `${ours}/${approval.namespace.toLowerCase()}` : ours
      return kind === 'repository' && (value === path || value.startsWith(`${path}/`))
    }
    case 'management':
      return kind === 'management' && approval.program?.toLowerCase() === value
  }
}
