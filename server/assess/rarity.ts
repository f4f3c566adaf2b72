/**
 * The weight of a finding: how much likelier an infiltrator shows it than a colleague does.
 *
 * Shape   10 log10(p1 / p0), where p1 is the share of infiltrators who show it, by the rule's strength, and p0 the share
 *         of colleagues. p0 begins with the rule's rate, as if 200 people had been counted, and follows what was
 *         counted in the company's other roles, and then in the worker's own. It is never below a quarter of the rate.
 * Units   decibans: ten points are ten times likelier. Never negative: what is common here proves nothing.
 * Source  judgement, section 4. Counts come from the log's rarity records.
 */
import type { Contract } from '../../wire/contract.ts'
import type { RecordedRarity } from '../../wire/recording.ts'
import type { Finding } from '../model/finding.ts'

/** The share of infiltrators who show it, by strength. */
export const CHANCE = { 1: 0.05, 2: 0.2, 3: 0.5, 4: 0.8 } as const
/** The share of honest colleagues who show it, by strength, where the rule gives no rate. */
export const RATE = { 1: 1 / 20, 2: 1 / 100, 3: 1 / 400, 4: 1 / 2_000 } as const
/** The rate counts as much as this many people. */
const RATE_COUNTS = 200
/** However many colleagues do not show it, p0 is not below this share of the rate. */
const LEAST_SHARE = 0.25
/** A role of fewer people says little, and people know each other: the company's numbers are shown instead. */
const ROLE_FROM = 20
const MAX_KIND = 512

/** How many of a worker's colleagues show the same. */
export interface Colleagues {
  shown: number
  of: number
}

export interface Weight {
  decibans: number
  /** Null: nobody has been counted. */
  colleagues: Colleagues | null
}

interface Count {
  shown: number
  workers: number
}

/** What rarity is counted by: the rule, and what was seen where the rule names fields for it. */
export function kindOf({ rule, what }: Pick<Finding, 'rule' | 'what'>): string {
  return what === '' ? rule : `${rule} ${what}`.slice(0, MAX_KIND)
}

/** The first role of the contract, in lower case; '' without one. */
export function roleOf(contract: Contract | null): string {
  return contract?.roles?.[0]?.toLowerCase() ?? ''
}

/** `role`: of the worker, as in the record. `rarity` null: nobody has been counted. */
export function weigh(finding: Finding, role: string, rarity: RecordedRarity | null): Weight {
  const [own, others] = counted(finding, role, rarity)
  const all = { shown: own.shown + others.shown, workers: own.workers + others.workers }
  const seen = own.workers >= ROLE_FROM ? own : all
  const colleagues = rarity ? { shown: seen.shown, of: seen.workers } : null
  if (finding.decibans !== null) return { decibans: Math.round(finding.decibans), colleagues: null }
  const rate = finding.rate ?? RATE[finding.strength]
  const elsewhere = share(others, rate)
  const p0 = Math.max(share(own, elsewhere), rate * LEAST_SHARE)
  return { decibans: Math.max(0, Math.round(10 * Math.log10(CHANCE[finding.strength] / p0))), colleagues }
}

function share({ shown, workers }: Count, expected: number): number {
  return (shown + RATE_COUNTS * expected) / (workers + RATE_COUNTS)
}

/** Those of the same role, without the worker; and those of all other roles. */
function counted(finding: Finding, role: string, rarity: RecordedRarity | null): [own: Count, others: Count] {
  if (!rarity) return [NOBODY, NOBODY]
  const { byRole, all } = indexOf(rarity)
  const kind = kindOf(finding)
  const of = byRole.get(role)
  const own = { shown: of?.shown[kind] ?? 0, workers: of?.workers ?? 0 }
  const others = { shown: (all.shown.get(kind) ?? 0) - own.shown, workers: all.workers - own.workers }
  // The worker was among those counted.
  const isCounted = finding.time <= rarity.time
  const apart = { shown: Math.max(0, own.shown - (isCounted ? 1 : 0)), workers: Math.max(0, own.workers - 1) }
  // Those who share a key with the worker are what was found, and not colleagues who happen to show the same.
  const partners = isCounted ? partnersIn(finding) : 0
  const ofRole = Math.min(partners, apart.shown)
  return [
    { ...apart, shown: apart.shown - ofRole },
    { ...others, shown: Math.max(0, others.shown - (partners - ofRole)) },
  ]
}

function partnersIn({ events }: Finding): number {
  return Math.max(0, ...events.map((it) => (it.category === 'shared_key' ? it.Workers - 1 : 0)))
}

const NOBODY: Count = { shown: 0, workers: 0 }

interface Index {
  byRole: ReadonlyMap<string, RecordedRarity['roles'][number]>
  all: { workers: number; shown: ReadonlyMap<string, number> }
}

/** A record is read for every finding of everybody until the next one. */
const indexes = new WeakMap<RecordedRarity, Index>()

function indexOf(rarity: RecordedRarity): Index {
  const known = indexes.get(rarity)
  if (known) return known
  const shown = new Map<string, number>()
  for (const role of rarity.roles)
    for (const [kind, n] of Object.entries(role.shown)) shown.set(kind, (shown.get(kind) ?? 0) + n)
  const workers = rarity.roles.reduce((sum, it) => sum + it.workers, 0)
  const index = { byRole: new Map(rarity.roles.map((it) => [it.role, it])), all: { workers, shown } }
  indexes.set(rarity, index)
  return index
}
