/** An in-memory log and store with evaluations over them, for tests. */
import assert from 'node:assert/strict'
import { compile, load, type RuleFile } from '../../../rules/language/index.ts'
import type { Thresholds } from '../../../server/derive/index.ts'
import type { Evaluation } from '../../../server/detect/evaluation.ts'
import { identityOf } from '../../../server/detect/identity.ts'
import { type OpeningDeps, openEvaluation } from '../../../server/detect/opening.ts'
import type { Ruleset } from '../../../server/detect/program.ts'
import type { Change } from '../../../server/model/change.ts'
import type { Finding } from '../../../server/model/finding.ts'
import { memoryStore } from '../../../server/store/memory/store.ts'
import { memoryTelemetry } from '../../../server/store/memory/telemetry.ts'
import type { Recorded } from '../../../wire/recording.ts'
import { AUSTIN } from '../events.ts'

export interface LogLine {
  level: string
  message: string
  facts: Record<string, unknown>
}

export function rulesetOf(...texts: string[]): Ruleset {
  const files: RuleFile[] = texts.map((text, index) => ({ path: `${index}.yml`, text }))
  const { rules, correlations, problems } = load(files)
  const [error] = problems.filter((it) => it.severity === 'error')
  if (error) throw new Error(`${error.path}:${error.line}: ${error.message}`)
  return { program: compile(rules), correlations, credit: () => ({}) }
}

/** A rule for programs whose path ends with `ending`, two hex digits that also end the rule's id. */
export const programRule = (ending: string, more = '') => `
title: A program that ends with ${ending}
id: 11111111-1111-4111-8111-1111111111${ending}
level: high
logsource: { category: process_creation }
detection: { it: { Image|endswith: '${ending}' }, condition: it }
${more}`

export function evaluator() {
  const telemetry = memoryTelemetry()
  const store = memoryStore()
  const logged: LogLine[] = []
  const at = (level: string) => (facts: Record<string, unknown>, message: string) =>
    void logged.push({ level, message, facts })
  const log = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
  let ids = 0

  return { ...telemetry, store, logged, log, open, follow, records, findings, state, changes }

  function open(ruleset: Ruleset, more: Partial<OpeningDeps> & { thresholds?: Thresholds } = {}): Promise<Evaluation> {
    const thresholds = more.thresholds ?? {}
    return openEvaluation({
      stream: telemetry.stream,
      history: telemetry.history,
      ...{ store, ruleset, thresholds, log },
      identity: identityOf(ruleset, { thresholds, catalogueHash: 'catalogue' }),
      recognise: () => undefined,
      lookup: () => AUSTIN,
      horizon: () => 0,
      makeId: () => `e${++ids}`,
      signal: new AbortController().signal,
      onProgress: () => {},
      ...more,
    })
  }

  /** Publishes `records`, evaluates everything that is stored, commits, and makes it the active evaluation. */
  async function follow(evaluation: Evaluation, records: readonly Recorded[] = []): Promise<void> {
    if (records.length > 0) await telemetry.stream.publish(records)
    for await (const block of telemetry.stream.read(evaluation.position)) evaluation.take(block)
    if (evaluation.isActive) await evaluation.commit()
    else await evaluation.activate()
  }

  /** The stored findings of the active evaluation. */
  async function findings(): Promise<Finding[]> {
    const active = await store.evaluations.active()
    const all: Finding[] = []
    if (active) for await (const block of store.evaluations.findings(active.id)) all.push(...block)
    return all
  }

  /** Everything in the log. */
  async function records(): Promise<Recorded[]> {
    const all: Recorded[] = []
    for await (const block of telemetry.stream.read(0)) all.push(...block.map((it) => it.record))
    return all
  }

  /** What is stored of the active evaluation, sorted; without the ids of itself and the log. */
  async function state() {
    const active = await store.evaluations.active()
    assert.ok(active)
    const { id, stream: _, ...moment } = active
    const kept: string[] = []
    for await (const block of store.evaluations.kept(id)) kept.push(...block.map((it) => JSON.stringify(it)))
    const { standings } = await store.evaluations.standingsSince(id, 0)
    const byWorker = standings.sort((a, b) => (a.worker < b.worker ? -1 : 1))
    const clusters = await store.evaluations.clusters(id)
    return { moment, kept: kept.sort(), findings: await findings(), standings: byWorker, clusters }
  }

  async function changes(): Promise<Change[]> {
    return (await store.changes.after(0, 10_000)).map((it) => it.change)
  }
}
