/**
 * How an evaluation begins: it goes on where a saved one stopped, takes over what an edit of the rules left as it is,
 * or starts with the first record.
 *
 * Shape   resumed     the same ruleset judged before, and the log still is the one it judged
 *         rebased     only rules changed: everything is copied from the active evaluation, and the changed rules judge
 *                     the log beside it
 *         fresh       thresholds, catalogue or engine changed, or the log is another one: the log is judged anew
 *         What is not active yet goes on beside the active evaluation until it has judged as much.
 *         Findings whose telemetry was deleted because of its age cannot be made again, and are carried over.
 */
import type { Event } from '../../wire/event.ts'
import type { Fault } from '../../wire/fault.ts'
import type { AddressFacts, CatalogueFacts } from '../../wire/recording.ts'
import type { Thresholds } from '../derive/index.ts'
import type { Logger } from '../log.ts'
import { RULES_PART, type RuleFacts } from '../model/rule.ts'
import type { History } from '../store/history.ts'
import type { Commit, KeptRow, Evaluation as Saved, Store } from '../store/store.ts'
import type { Stream } from '../store/stream.ts'
import { judgeByChangedRules } from './changed-rules.ts'
import { DERIVED_PART, type DerivedEvent } from './derived-events.ts'
import { Evaluation } from './evaluation.ts'
import { differenceOf, type Identity } from './identity.ts'
import { STATE_FORM } from './pipeline.ts'
import type { Ruleset } from './program.ts'
import { subsetOf } from './subset.ts'

export interface OpeningDeps {
  stream: Pick<Stream, 'id' | 'digest' | 'last'>
  history: Pick<History, 'scan'>
  store: Store
  ruleset: Ruleset
  identity: Identity
  thresholds: Thresholds
  recognise(event: Event): CatalogueFacts | undefined
  lookup(address: string, at: number): AddressFacts
  /** Findings from before this may rest on telemetry that is gone. Epoch ms. */
  horizon(): number
  makeId(): string
  signal: AbortSignal
  onProgress(progress: { position: number; last: number }): void
  log: Logger
}

/** As it stands in the store: what judged, and the form of its state. */
interface Judged extends Identity {
  form: number
}

export async function openEvaluation(deps: OpeningDeps): Promise<Evaluation> {
  const { store, identity, log } = deps
  const judged = textOf(identity)
  const saved = await store.evaluations.list()
  for (const it of saved) if (!it.active && it.ruleset !== judged) await store.evaluations.drop(it.id)
  const begun = saved.find((it) => !it.active && it.ruleset === judged)
  if (begun && begun.position > 0 && (await restsOn(begun, deps)) === null) return resumed(begun, deps)
  if (begun) await store.evaluations.drop(begun.id)

  const active = saved.find((it) => it.active)
  if (!active) return fresh(judged, null, deps)
  const doubt = await restsOn(active, deps)
  if (doubt !== null) {
    log.error(
      { position: active.position, last: await deps.stream.last() },
      `the judgement that was saved does not rest on this log: ${doubt}; the log is judged anew`,
    )
    return fresh(judged, active, deps)
  }
  if (active.ruleset === judged) return resumed(active, deps)
  const before = judgedBy(active)
  const difference = before && before.form === STATE_FORM ? differenceOf(before, identity) : null
  if (difference === null || difference.derivation || difference.engine) {
    log.info({}, 'thresholds, catalogue or engine changed; the log is judged anew beside the judgement in use')
    return fresh(judged, active, deps)
  }
  log.info({ rules: difference.changed }, 'rules changed; the log is judged by those')
  return rebased(judged, active, difference.changed, deps)
}

/** Whether the active evaluation is by this ruleset. */
export async function isJudgedBy(store: Store, identity: Identity): Promise<boolean> {
  return (await store.evaluations.active())?.ruleset === textOf(identity)
}

function textOf(identity: Identity): string {
  return JSON.stringify({ ...identity, form: STATE_FORM } satisfies Judged)
}

/** Null: yes. Otherwise why not. */
async function restsOn({ stream, position, digest }: Saved, deps: OpeningDeps): Promise<string | null> {
  const log = deps.stream
  if (stream !== log.id) return 'the log is another one'
  const last = await log.last()
  if (position > last) return `it had judged ${position} records, and the log has ${last}`
  if (position > 0 && digest !== null && (await log.digest(position)) !== digest)
    return `record ${position} of the log is another one`
  return null
}

function judgedBy(saved: Saved): Judged | null {
  try {
    const judged = JSON.parse(saved.ruleset) as Partial<Judged>
    return typeof judged.form === 'number' && judged.rules ? (judged as Judged) : null
  } catch {
    return null
  }
}

function make(id: string, deps: OpeningDeps): Evaluation {
  const { stream, store, ruleset, thresholds, recognise, lookup } = deps
  return new Evaluation({ id, stream, store, pipeline: { ...ruleset, thresholds, recognise, lookup } })
}

async function resumed(saved: Saved, deps: OpeningDeps): Promise<Evaluation> {
  const { evaluations } = deps.store
  const evaluation = make(saved.id, deps)
  for await (const block of evaluations.kept(saved.id))
    for (const row of block) if (row.part !== DERIVED_PART) evaluation.restore(row)
  for await (const block of evaluations.findings(saved.id))
    for (const it of block) evaluation.pipeline.findings.restore(it)
  return ready(evaluation, saved, deps)
}

async function fresh(judged: string, active: Saved | null, deps: OpeningDeps): Promise<Evaluation> {
  const evaluation = await begin(judged, deps)
  if (active) await carryOver(active.id, evaluation, null, deps)
  evaluation.standings.restore([], [], await deps.store.cases.latest())
  return evaluation
}

async function rebased(
  judged: string,
  active: Saved,
  changed: readonly string[],
  deps: OpeningDeps,
): Promise<Evaluation> {
  const { ruleset, history, signal, onProgress, log } = deps
  const subset = subsetOf(ruleset, changed)
  const evaluation = await begin(judged, deps)
  const { moment, derived } = await copy(active.id, evaluation, subset.replaced, deps)
  await ready(evaluation, { ...moment, active: false }, deps)
  evaluation.pipeline.detector.without(subset.replaced)
  await carryOver(active.id, evaluation, subset.replaced, deps)
  const onDamaged = (fault: Fault) => log.error({ err: fault }, 'a part of the log cannot be read and is not judged')
  const { clock } = evaluation.pipeline
  const found = await judgeByChangedRules(subset, {
    ...{ history, derived, clock, signal, onProgress, onDamaged },
    upTo: moment.position,
  })
  evaluation.pipeline.detector.adopt(found, subset)
  await evaluation.commit()
  return evaluation
}

async function begin(judged: string, deps: OpeningDeps): Promise<Evaluation> {
  const id = deps.makeId()
  await deps.store.evaluations.begin({ id, ruleset: judged, stream: deps.stream.id })
  const evaluation = make(id, deps)
  evaluation.put(ruleRows(deps.ruleset))
  return evaluation
}

/**
 * Everything of the active evaluation at one moment, but what belongs to rules that are judged anew.
 *
 * Shape   written as it is read, at position 0: an evaluation that stops here is not gone on with.
 */
async function copy(from: string, to: Evaluation, replaced: ReadonlySet<string>, deps: OpeningDeps) {
  const { evaluations } = deps.store
  for (;;) {
    const before = (await evaluations.list()).find((it) => it.id === from)
    if (!before) throw new Error('the active evaluation went while it was copied')
    const kept = evaluations.kept(from)[Symbol.asyncIterator]()
    const findings = evaluations.findings(from)[Symbol.asyncIterator]()
    const first = [await kept.next(), await findings.next()] as const
    const after = (await evaluations.list()).find((it) => it.id === from)
    // Both show one moment each; nothing was committed between them, so it is the same one.
    if (after?.position !== before.position || after.time !== before.time) {
      await Promise.all([kept.return?.(), findings.return?.()])
      continue
    }
    const derived: DerivedEvent[] = []
    for (let it = first[0]; !it.done; it = await kept.next()) {
      const rows = it.value.filter(
        (row) => row.part !== RULES_PART && !belongsTo(row, replaced) && !isOld(row, deps.horizon()),
      )
      for (const row of rows) {
        if (row.part === DERIVED_PART && row.state !== null) derived.push(JSON.parse(row.state) as DerivedEvent)
        else to.restore(row)
      }
      await evaluations.commit(to.id, { ...NOTHING, kept: rows })
    }
    for (let it = first[1]; !it.done; it = await findings.next()) {
      for (const finding of it.value) to.pipeline.findings.restore(finding)
      await evaluations.commit(to.id, { ...NOTHING, findings: it.value })
    }
    derived.sort((a, b) => a.position - b.position)
    return { moment: before, derived }
  }
}

/** A derived event from before the telemetry that is kept: a replay of the log would not find it. */
function isOld({ part, state }: KeptRow, horizon: number): boolean {
  return part === DERIVED_PART && state !== null && (JSON.parse(state) as DerivedEvent).event.time < horizon
}

/** State of a correlation is kept under its id. */
function belongsTo({ part }: KeptRow, replaced: ReadonlySet<string>): boolean {
  const [, correlation] = /^detect\.correlation\.([^ ]+)/.exec(part) ?? []
  return correlation !== undefined && replaced.has(correlation)
}

/** Findings that cannot be made again: of all rules, or of those that are judged anew. */
async function carryOver(
  from: string,
  to: Evaluation,
  rules: ReadonlySet<string> | null,
  { store, horizon }: OpeningDeps,
): Promise<void> {
  const gone = horizon()
  for await (const block of store.evaluations.findings(from))
    to.pipeline.findings.adopt(block.filter((it) => it.lastTime < gone && (rules?.has(it.rule) ?? true)))
}

/** Everything is back in its place, as of `saved`. */
async function ready(evaluation: Evaluation, saved: Saved, { store }: OpeningDeps): Promise<Evaluation> {
  const { evaluations, cases } = store
  evaluation.pipeline.restored()
  evaluation.restorePosition(saved.position)
  evaluation.isActive = saved.active
  // Of one that is not active yet nobody has heard: all its standings are new.
  const { standings } = saved.active ? await evaluations.standingsSince(saved.id, 0) : { standings: [] }
  const clusters = saved.active ? await evaluations.clusters(saved.id) : []
  evaluation.standings.restore(standings, clusters, await cases.latest())
  return evaluation
}

/** At position 0, where an evaluation that was not finished begins again. */
const NOTHING: Commit = {
  ...{ position: 0, digest: null, time: 0 },
  ...{ kept: [], findings: [], gone: [], standings: [], standingsGone: [], changes: [] },
}

function ruleRows({ program, correlations, credit }: Ruleset): KeptRow[] {
  return [...program.rules, ...correlations].map((rule) => {
    const { author = null, license = null, link = null } = credit(rule)
    const facts: RuleFacts = {
      blindTo: rule.tellwire?.blindTo ?? null,
      response: rule.tellwire?.response ?? null,
      falsepositives: [...rule.falsepositives],
      tags: [...rule.tags],
      ...{ author, license, link },
    }
    return { part: RULES_PART, subject: rule.id, state: JSON.stringify(facts) }
  })
}
