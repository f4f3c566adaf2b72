/** A log, a store and whoever judges, in memory: what tests of judgement start from. */
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

export interface Said {
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

/** A rule for programs whose path ends with two hex digits, which are also its id's. */
export const programRule = (ending: string, more = '') => `
title: A program that ends with ${ending}
id: 11111111-1111-4111-8111-1111111111${ending}
level: high
logsource: { category: process_creation }
detection: { it: { Image|endswith: '${ending}' }, condition: it }
${more}`

export function judged() {
  const telemetry = memoryTelemetry()
  const store = memoryStore()
  const said: Said[] = []
  const say = (level: string) => (facts: Record<string, unknown>, message: string) =>
    void said.push({ level, message, facts })
  const log = { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') }
  let ids = 0

  return { ...telemetry, store, said, log, open, follow, findings, changes }

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

  /** Judges everything that is stored, and writes it down; makes it the active evaluation. */
  async function follow(evaluation: Evaluation, records: readonly Recorded[] = []): Promise<void> {
    if (records.length > 0) await telemetry.stream.publish(records)
    for await (const block of telemetry.stream.read(evaluation.position)) evaluation.take(block)
    if (evaluation.isActive) await evaluation.commit()
    else await evaluation.activate()
  }

  /** Of the active evaluation, as the store has them. */
  async function findings(): Promise<Finding[]> {
    const active = await store.evaluations.active()
    const all: Finding[] = []
    if (active) for await (const block of store.evaluations.findings(active.id)) all.push(...block)
    return all
  }

  async function changes(): Promise<Change[]> {
    return (await store.changes.after(0, 10_000)).map((it) => it.change)
  }
}
