/**
 * Opens an evaluation: it continues a saved one, takes over what an edit of the rules did not change, or starts with
 * the first record.
 *
 * Shape   resumed     a saved evaluation by the same ruleset continues, on the same log
 *         rebased     only rules changed: it continues from the state of the active evaluation, after re-evaluating the
 *                     log by the changed rules only
 *         fresh       thresholds, catalogue or engine changed, or it is another log: the whole log is re-evaluated
 *         A new evaluation runs next to the active one until it has caught up with the log, and then replaces it. A
 *         rebased one is not saved before that: interrupted, it starts again.
 *         Findings whose telemetry has been deleted by age cannot be made again, and are carried over.
 */
import type { Event } from '../../wire/event.ts'
import type { AddressFacts, CatalogueFacts } from '../../wire/recording.ts'
import type { Thresholds } from '../derive/index.ts'
import type { Logger } from '../log.ts'
import type { Finding } from '../model/finding.ts'
import { RULES_PART, type RuleFacts } from '../model/rule.ts'
import type { History } from '../store/history.ts'
import type { KeptRow, Evaluation as SavedEvaluation, Store } from '../store/store.ts'
import type { Stream } from '../store/stream.ts'
import { evaluateChangedRules } from './changed-rules.ts'
import { DERIVED_PART, type DerivedEvent } from './derived-events.ts'
import { Evaluation } from './evaluation.ts'
import { differenceOf, type Identity } from './identity.ts'
import { LogClock } from './log-clock.ts'
import { CLOCK_PART, STATE_FORM } from './pipeline.ts'
import type { Ruleset } from './program.ts'
import { type Subset, subsetOf } from './subset.ts'

export interface OpeningDeps {
  stream: Pick<Stream, 'id' | 'digest' | 'last'>
  history: Pick<History, 'scan'>
  store: Store
  ruleset: Ruleset
  identity: Identity
  thresholds: Thresholds
  recognise(event: Event): CatalogueFacts | undefined
  lookup(address: string, at: number): AddressFacts
  /** Telemetry from before this may have been deleted. Epoch ms. */
  horizon(): number
  makeId(): string
  signal: AbortSignal
  onProgress(progress: { position: number; last: number }): void
  log: Logger
}

/** What the store knows a ruleset by: the evaluator's identity, and the form of the saved state. */
interface SavedIdentity extends Identity {
  form: number
}

export async function openEvaluation(deps: OpeningDeps): Promise<Evaluation> {
  const { store, identity, log } = deps
  const rulesetId = textOf(identity)
  const saved = await store.evaluations.list()
  for (const it of saved) if (!it.active && it.ruleset !== rulesetId) await store.evaluations.drop(it.id)
  const begun = saved.find((it) => !it.active && it.ruleset === rulesetId)
  if (begun && begun.position > 0 && (await mismatch(begun, deps)) === null) return resumed(begun, deps)
  if (begun) await store.evaluations.drop(begun.id)

  const active = saved.find((it) => it.active)
  if (!active) return fresh(rulesetId, null, deps)
  const reason = await mismatch(active, deps)
  if (reason !== null) {
    log.error(
      { position: active.position, last: await deps.stream.last() },
      `the saved evaluation does not belong to this log: ${reason}; re-evaluating the log`,
    )
    return fresh(rulesetId, active, deps)
  }
  if (active.ruleset === rulesetId) return resumed(active, deps)
  const before = identityIn(active)
  const difference = before && before.form === STATE_FORM ? differenceOf(before, identity) : null
  if (difference === null || difference.derivation || difference.engine) {
    log.info({}, 'thresholds, catalogue or engine changed; re-evaluating the log')
    return fresh(rulesetId, active, deps)
  }
  log.info({ rules: difference.changed }, 'rules changed; re-evaluating the log by those')
  return rebased(rulesetId, active, difference.changed, deps)
}

/**
 * The active evaluation as it is saved now, to try something on it that is not committed.
 * Null: there is none by this ruleset.
 */
export async function openActive(deps: Making & Pick<OpeningDeps, 'identity'>): Promise<Evaluation | null> {
  const { evaluations } = deps.store
  for (;;) {
    const saved = await evaluations.active()
    if (saved?.ruleset !== textOf(deps.identity)) return null
    const state = await Snapshot.of(evaluations.kept(saved.id))
    const findings = await Snapshot.of(evaluations.findings(saved.id))
    try {
      const after = await evaluations.active()
      if (after?.id === saved.id && after.position === saved.position && after.time === saved.time)
        return await restored(saved, state.blocks(), findings.blocks(), deps)
    } finally {
      for (const it of [state, findings]) await it.close()
    }
  }
}

/** Whether the active evaluation is by this ruleset. */
export async function isActiveIdentity(store: Store, identity: Identity): Promise<boolean> {
  return (await store.evaluations.active())?.ruleset === textOf(identity)
}

function textOf(identity: Identity): string {
  return JSON.stringify({ ...identity, form: STATE_FORM } satisfies SavedIdentity)
}

/** Why a saved evaluation does not belong to this log; null when it does. */
async function mismatch({ stream, position, digest }: SavedEvaluation, deps: OpeningDeps): Promise<string | null> {
  const log = deps.stream
  if (stream !== log.id) return 'the log has another id'
  const last = await log.last()
  if (position > last) return `it had evaluated ${position} records, and the log has ${last}`
  if (position > 0 && digest !== null && (await log.digest(position)) !== digest)
    return `record ${position} of the log differs`
  return null
}

function identityIn(saved: SavedEvaluation): SavedIdentity | null {
  try {
    const identity = JSON.parse(saved.ruleset) as Partial<SavedIdentity>
    return typeof identity.form === 'number' && identity.rules ? (identity as SavedIdentity) : null
  } catch {
    return null
  }
}

type Making = Pick<OpeningDeps, 'stream' | 'store' | 'ruleset' | 'thresholds' | 'recognise' | 'lookup'>

function make(id: string, deps: Making, base?: string): Evaluation {
  const { stream, store, ruleset, thresholds, recognise, lookup } = deps
  return new Evaluation({ id, base, stream, store, pipeline: { ...ruleset, thresholds, recognise, lookup } })
}

function resumed(saved: SavedEvaluation, deps: OpeningDeps): Promise<Evaluation> {
  const { evaluations } = deps.store
  return restored(saved, evaluations.kept(saved.id), evaluations.findings(saved.id), deps)
}

async function restored(
  saved: SavedEvaluation,
  state: AsyncIterable<readonly KeptRow[]>,
  findings: AsyncIterable<readonly Finding[]>,
  deps: Making,
): Promise<Evaluation> {
  const evaluation = make(saved.id, deps)
  for await (const block of state) for (const row of block) if (row.part !== DERIVED_PART) evaluation.restore(row)
  for await (const block of findings) for (const it of block) evaluation.pipeline.findings.restore(it)
  return ready(evaluation, saved, deps)
}

async function fresh(rulesetId: string, active: SavedEvaluation | null, deps: OpeningDeps): Promise<Evaluation> {
  const evaluation = await begin(rulesetId, deps)
  evaluation.put(ruleRows(deps.ruleset))
  if (active) await carryOver(active.id, evaluation, null, deps)
  evaluation.standings.restore([], [], await deps.store.cases.latest())
  return evaluation
}

async function rebased(
  rulesetId: string,
  active: SavedEvaluation,
  changed: readonly string[],
  deps: OpeningDeps,
): Promise<Evaluation> {
  const { ruleset, history, store, signal, onProgress, log } = deps
  const subset = subsetOf(ruleset, changed)
  const { evaluation, moment, clock, state, derived, findings } = await beginFrom(active.id, rulesetId, deps)
  try {
    // Before the state is restored: unpacking the log takes twice as long in a thread with a large heap.
    const found = await evaluateChangedRules(subset, {
      ...{ history, clock, signal, onProgress, upTo: moment.position },
      derived: await readDerived(derived, evaluation, subset, deps),
      onDamaged: (fault) => log.error({ err: fault }, 'part of the log cannot be read; skipping it'),
    })
    for await (const block of state.blocks()) for (const row of block) restoreOrDrop(row, evaluation, subset)
    for await (const block of findings.blocks()) for (const it of block) evaluation.pipeline.findings.restore(it)
    evaluation.put(ruleRows(ruleset))
    evaluation.pipeline.restored()
    evaluation.restorePosition(moment.position)
    evaluation.standings.restore([], [], await store.cases.latest())
    evaluation.pipeline.detector.drop(subset.replaced)
    await carryOver(active.id, evaluation, subset.replaced, deps)
    evaluation.pipeline.detector.adopt(found, subset)
  } finally {
    for (const it of [state, derived, findings]) await it.close()
  }
  return evaluation
}

async function begin(rulesetId: string, deps: OpeningDeps, base?: string): Promise<Evaluation> {
  const id = deps.makeId()
  await deps.store.evaluations.begin({ id, ruleset: rulesetId, stream: deps.stream.id, base })
  return make(id, deps, base)
}

/** Begins an evaluation from the active one, with the state that this has at that moment. */
async function beginFrom(base: string, rulesetId: string, deps: OpeningDeps) {
  const { evaluations } = deps.store
  const savedBase = async () => {
    const found = (await evaluations.list()).find((it) => it.id === base)
    if (!found) throw new Error('the active evaluation was dropped while its state was read')
    return found
  }
  for (;;) {
    const moment = await savedBase()
    const evaluation = await begin(rulesetId, deps, base)
    const state = await Snapshot.of(evaluations.kept(base))
    const derived = await Snapshot.of(evaluations.kept(base, DERIVED_PART))
    const findings = await Snapshot.of(evaluations.findings(base))
    const clock = new LogClock()
    const reading = await evaluations.keptOf(base, CLOCK_PART, '')
    if (reading !== null) clock.kept().restore('', JSON.parse(reading))
    const after = await savedBase()
    // With no commit in between, all of these are of the moment at which the evaluation began.
    if (after.position === moment.position && after.time === moment.time)
      return { evaluation, moment, clock, state, derived, findings }
    for (const it of [state, derived, findings]) await it.close()
    await evaluations.drop(evaluation.id)
  }
}

/** Blocks as of the moment at which it was made. */
class Snapshot<T> {
  readonly #iterator: AsyncIterator<T>
  readonly #first: IteratorResult<T>

  private constructor(iterator: AsyncIterator<T>, first: IteratorResult<T>) {
    this.#iterator = iterator
    this.#first = first
  }

  static async of<T>(blocks: AsyncIterable<T>): Promise<Snapshot<T>> {
    const iterator = blocks[Symbol.asyncIterator]()
    return new Snapshot(iterator, await iterator.next())
  }

  async *blocks(): AsyncIterable<T> {
    for (let it = this.#first; !it.done; it = await this.#iterator.next()) yield it.value
  }

  async close(): Promise<void> {
    await this.#iterator.return?.()
  }
}

/** In order of position. */
async function readDerived(
  rows: Snapshot<readonly KeptRow[]>,
  evaluation: Evaluation,
  { reads }: Subset,
  { horizon }: OpeningDeps,
): Promise<DerivedEvent[]> {
  const derived: DerivedEvent[] = []
  for await (const block of rows.blocks())
    for (const row of block) {
      if (row.part !== DERIVED_PART || row.state === null || !mayMatch(row.state, reads)) continue
      const it = JSON.parse(row.state) as DerivedEvent
      // From before the telemetry that is kept: a replay of the log would not find it.
      if (it.event.time < horizon()) evaluation.put([{ ...row, state: null }])
      else derived.push(it)
    }
  return derived.sort((a, b) => a.position - b.position)
}

/** What belongs to changed rules, or to a part that there is no more, is not kept. */
function restoreOrDrop(row: KeptRow, evaluation: Evaluation, { replaced }: Subset): void {
  if (row.part === DERIVED_PART) return
  const isKept = row.part !== RULES_PART && !belongsTo(row, replaced) && evaluation.restore(row)
  if (!isKept) evaluation.put([{ ...row, state: null }])
}

/** Whether the rules can match the derived event in `text`; parsing only those saves seconds. */
function mayMatch(text: string, { categories }: Subset['reads']): boolean {
  return categories === null || [...categories].some((it) => text.includes(`"category":"${it}"`))
}

/** The state of a correlation has its id in the part's name. */
function belongsTo({ part }: KeptRow, replaced: ReadonlySet<string>): boolean {
  const [, correlation] = /^detect\.correlation\.([^ ]+)/.exec(part) ?? []
  return correlation !== undefined && replaced.has(correlation)
}

/** Carries over the findings whose telemetry is deleted: of all rules, or of `rules`. */
async function carryOver(
  from: string,
  to: Evaluation,
  rules: ReadonlySet<string> | null,
  { store, horizon }: OpeningDeps,
): Promise<void> {
  const deletedBefore = horizon()
  for await (const block of store.evaluations.findings(from))
    to.pipeline.findings.adopt(block.filter((it) => it.lastTime < deletedBefore && (rules?.has(it.rule) ?? true)))
}

/** Completes the restored state: position, standings and clusters of `saved`. */
async function ready(evaluation: Evaluation, saved: SavedEvaluation, { store }: Making): Promise<Evaluation> {
  const { evaluations, cases } = store
  evaluation.pipeline.restored()
  evaluation.restorePosition(saved.position)
  evaluation.isActive = saved.active
  // An evaluation that is not active yet has reported nothing: all its standings are new.
  const { standings } = saved.active ? await evaluations.standingsSince(saved.id, 0) : { standings: [] }
  const clusters = saved.active ? await evaluations.clusters(saved.id) : []
  evaluation.standings.restore(standings, clusters, await cases.latest())
  return evaluation
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
