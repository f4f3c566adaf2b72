/** Makes the evidence pack about one worker, of the active evaluation. */
import type { RuleFile } from '../../rules/language/index.ts'
import { load } from '../../rules/language/index.ts'
import type { Contract } from '../../wire/contract.ts'
import { Fault } from '../../wire/fault.ts'
import type { RecordedRarity } from '../../wire/recording.ts'
import { kindOf } from '../assess/rarity.ts'
import { explained } from '../assess/score.ts'
import type { ServerKeys } from '../ingest/identity.ts'
import type { Finding } from '../model/finding.ts'
import { fromOne, type Reader } from '../views/reader.ts'
import { contextOf, isKnown } from '../views/worker.ts'
import { digestOf, type EventLine, type Head, type Line, PACK_VERSION, packed, sealed } from './pack.ts'
import { findingsAgain, matchesOf, membersIn, packRules } from './recompute.ts'

export interface MakeDeps {
  reader: Reader
  keys: Pick<ServerKeys, 'publicKey' | 'sign'>
  /** All rule files in use, with paths that say nothing about this machine. */
  files: readonly RuleFile[]
  placeholders: Readonly<Record<string, readonly string[]>>
  engine: number
  tellwire: string
}

export interface Made {
  text: string
  worker: string
  findings: number
  events: number
  /** Of the findings, those that do not follow from the pack's events alone. */
  uncounted: number
  /** Who signed: the server's public key. */
  key: string
}

/**
 * `by`: who asked for it.
 *
 * Errors  Fault 'api.notfound' when there is no such worker, or nobody has been judged yet; 'rule.invalid' when the rules
 *         have changed since the worker was judged.
 */
export function makePack(deps: MakeDeps, name: string, by: string): Promise<Made> {
  const { reader } = deps
  return fromOne(reader, async (judged) => {
    const worker = reader.directory.named(name)
    if (!judged || !(await isKnown(reader, worker, judged))) throw new Fault('api.notfound', { where: name })
    const active = await reader.store.evaluations.active()
    const findings = await reader.store.evaluations.findingsOf(judged.id, worker)
    const verdicts = await reader.store.cases.verdictsOf(worker)
    const context = await contextOf(reader, worker, judged, verdicts[0] ?? null)
    const rules = neededFiles(deps, findings)
    const known = packRules(rules, deps.placeholders)
    const ids = new Set(findings.flatMap(({ rule }) => [...known.membersOf(rule)]))
    const versions = Object.fromEntries([...known.versions].filter(([id]) => ids.has(id)).sort())
    const contracts: Contract[] = []
    const events = eventsOf(findings).map(({ event, device, worker: about }): EventLine => {
      const contract = about === null ? null : reader.directory.contractAt(about, event.time)
      const line = { kind: 'event' as const, event, device, worker: about, contract: indexOf(contracts, contract) }
      return { ...line, matches: matchesOf(known, line, contract, ids) }
    })
    const again = findingsAgain(known, events, contracts, judged.time)
    const finding = (it: Finding) => {
      const found = again.get(it.id)
      const line = packed(it)
      return { finding: line, again: found !== undefined && JSON.stringify(packed(found)) === JSON.stringify(line) }
    }
    const packedFindings = findings.map(finding)
    const inForce = indexOf(contracts, context.contract)
    const rarity = context.rarity && ofKinds(context.rarity, new Set(findings.map(kindOf)))
    const head: Head = {
      ...{ kind: 'pack', version: PACK_VERSION, worker, at: judged.time, madeAt: reader.now(), by },
      ...{ tellwire: deps.tellwire, engine: deps.engine },
      log: { stream: active?.stream ?? '', position: active?.position ?? 0, digest: active?.digest ?? null },
      ...{ rules: versions, placeholders: mutable(deps.placeholders) },
    }
    const assessment = explained(worker, findings, judged.time, { ...context, rarity })
    const lines: Line[] = [
      head,
      ...rules.map(({ path, text }) => ({ kind: 'rules' as const, path, text })),
      ...contracts.map((contract) => ({ kind: 'contract' as const, contract })),
      ...events,
      ...packedFindings.map((it) => ({ kind: 'finding' as const, ...it })),
      { kind: 'context', context: { ...context, contract: inForce, rarity } },
      { kind: 'assessment', assessment },
      ...verdicts.map((verdict) => ({ kind: 'verdict' as const, verdict })),
    ]
    return {
      ...{ text: withSeal(lines, deps.keys), worker, findings: findings.length, events: events.length },
      uncounted: packedFindings.filter((it) => !it.again).length,
      key: deps.keys.publicKey,
    }
  })
}

function withSeal(lines: readonly Line[], keys: MakeDeps['keys']): string {
  const texts = lines.map((it) => JSON.stringify(it))
  const digests = texts.map((it) => digestOf(Buffer.from(it)))
  const seal = { kind: 'seal', digests, key: keys.publicKey, signature: keys.sign(sealed(digests)) }
  return [...texts, JSON.stringify(seal), ''].join('\n')
}

/** The files of the findings' rules, of the rules that their correlations count, and of the filters on any of them. */
function neededFiles({ files, placeholders }: MakeDeps, findings: readonly Finding[]): RuleFile[] {
  const { rules, correlations, filters } = load(files, { placeholders })
  const byId = new Map([...rules, ...correlations].map((it) => [it.id, it]))
  for (const { rule, ruleVersion, title } of findings)
    if (byId.get(rule)?.version !== ruleVersion)
      throw new Fault('rule.invalid', {
        where: title,
        why: 'The rule is not the one that found it.',
        todo: 'Wait until the server has judged by the rules as they are now.',
      })
  const membersOf = membersIn(correlations)
  const needed = new Set(findings.flatMap(({ rule }) => [...membersOf(rule)]))
  const names = new Set([...needed, ...[...needed].flatMap((id) => byId.get(id)?.name ?? [])])
  const paths = new Set([...needed].flatMap((id) => byId.get(id)?.path ?? []))
  for (const { path, rules: named } of filters)
    if (named === 'any' || named.some((it) => names.has(it))) paths.add(path)
  return files.filter(({ path }) => paths.has(path))
}

/** Each once, from the earliest. */
function eventsOf(findings: readonly Finding[]): Pick<EventLine, 'event' | 'device' | 'worker'>[] {
  const found = new Map<string, Pick<EventLine, 'event' | 'device' | 'worker'>>()
  // A correlation over several laptops has none; what one of its events was found by names it.
  for (const { events, device, worker } of findings)
    for (const event of events)
      if (!found.has(event.id) || device !== null) found.set(event.id, { event, device, worker })
  return [...found.values()].sort((a, b) => a.event.time - b.event.time || (a.event.id < b.event.id ? -1 : 1))
}

function indexOf(contracts: Contract[], contract: Contract | null): number | null {
  if (contract === null) return null
  const text = JSON.stringify(contract)
  const known = contracts.findIndex((it) => JSON.stringify(it) === text)
  return known >= 0 ? known : contracts.push(contract) - 1
}

/** Counts of what the worker does not show are nobody's business. */
function ofKinds(rarity: RecordedRarity, kinds: ReadonlySet<string>): RecordedRarity {
  const roles = rarity.roles.map((it) => ({
    ...it,
    shown: Object.fromEntries(Object.entries(it.shown).filter(([kind]) => kinds.has(kind))),
  }))
  return { ...rarity, roles }
}

function mutable(placeholders: MakeDeps['placeholders']): Record<string, string[]> {
  return Object.fromEntries(Object.entries(placeholders).map(([name, values]) => [name, [...values]]))
}
