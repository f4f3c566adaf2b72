/**
 * What the fleet has in common, for the people who say what of it is the company's own.
 *
 * Shape   values that at least `LEAST` workers have, by kind; `approved`: the approval that covers it for the whole
 *         company, in the spelling it was made in. `offered` false: too rare to be the company's.
 */
import { isSameTool } from '../../rules/catalogue/tool-names.ts'
import type { Approval } from '../../wire/contract.ts'
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

const MOST_ROWS = 200

export async function learning(reader: Reader): Promise<LearningView> {
  const { census, now } = await censusOf(reader)
  const period = census.period()
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
    workers: census.workers,
    candidates: [...Map.groupBy(shown, (it) => it.kind).values()]
      .flatMap((it) => it.slice(0, MAX_OF_KIND))
      .slice(0, MOST_ROWS)
      .map((it) => ({
        ...it,
        examples: it.examples.map((worker) => ({
          worker,
          name: reader.directory.latestContract(worker)?.name ?? null,
        })),
        offered: it.workers >= Math.max(3, it.of * OFFERED_SHARE) && it.kind !== 'display' && it.kind !== 'usb',
        approved: inForce.find((approval) => covers(approval, it))?.id ?? null,
      })),
    approvals: approvals.map((it) => ({ ...it, isOver: isOver(it, today) })),
  }
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

function isOver({ to, revokedAt }: Approval, now: number): boolean {
  return (to != null && to <= now) || (revokedAt != null && revokedAt <= now)
}

function covers(approval: Approval, { kind, value, tenant }: Counted): boolean {
  if (approval.level !== 'company') return false
  switch (approval.kind) {
    case 'tool':
      if (kind !== 'tool' || !approval.tool || !isSameTool(approval.tool, value)) return false
      return approval.tenant == null || (tenant !== null && hasWord(tenant, approval.tenant.toLowerCase()))
    case 'exit':
      return kind === 'exit' && String(approval.asn) === value
    case 'hardware':
      return kind === 'usb' && `${approval.vendorId}:${approval.productId}`.toLowerCase() === value
    case 'repository': {
      const ours = approval.host?.toLowerCase() ?? ''
      const path = approval.namespace ? `${ours}/${approval.namespace.toLowerCase()}` : ours
      return kind === 'repository' && (value === path || value.startsWith(`${path}/`))
    }
    case 'management':
      return kind === 'management' && approval.program?.toLowerCase() === value
  }
}
