/**
 * One evaluation of the log by one ruleset: its pipeline, the workers' standings, and the saved state of both.
 *
 * Shape   `take` evaluates records; `commit` writes what changed since the last commit, with the position in the log
 *         that it stands for, in one transaction. Only an active evaluation writes `Change` rows; one that is catching
 *         up writes none, and writes a large state in several transactions, because others write to the store too; until
 *         the last of them it cannot be resumed. One that amends another writes nothing before it replaces that.
 * Errors  after a failed commit, the next one writes everything. Nothing is lost, because all of it follows from the log.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { Standings } from '../assess/standings.ts'
import type { Kept } from '../derive/kit/kept.ts'
import type { Cluster } from '../model/assessment.ts'
import type { Verdict } from '../model/case.ts'
import { type Change, change } from '../model/change.ts'
import type { Finding } from '../model/finding.ts'
import type { Standing } from '../model/standing.ts'
import {
  type Commit,
  type KeptRow,
  type Evaluation as SavedEvaluation,
  type Store,
  superseded,
} from '../store/store.ts'
import type { Stored, Stream } from '../store/stream.ts'
import type { FindingChanges } from './findings.ts'
import { Pipeline, type PipelineDeps } from './pipeline.ts'

/** Some 20 ms. */
const STEP_ROWS = 2_000
/** Whoever waits for SQLite's write lock looks again after 1 to 100 ms, and finds it free in such a pause. */
const REST_MS = 10
/** No record has this digest, so the evaluation does not belong to any log. */
const UNFINISHED = 'unfinished'

export interface EvaluationDeps {
  id: string
  /** The id of the evaluation that this one amends. */
  base?: string | undefined
  stream: Pick<Stream, 'digest'>
  store: Store
  pipeline: PipelineDeps
}

export class Evaluation {
  readonly id: string
  readonly pipeline: Pipeline
  standings: Standings
  /** Whether the console shows this one. */
  isActive = false
  readonly #deps: EvaluationDeps
  readonly #parts: ReadonlyMap<string, Kept>
  readonly #unsaved = new Unsaved()
  #position = 0
  #savedPosition = 0

  constructor(deps: EvaluationDeps) {
    this.#deps = deps
    this.id = deps.id
    this.pipeline = new Pipeline(deps.pipeline)
    this.standings = new Standings(this.id, this.pipeline)
    this.#parts = this.pipeline.kept()
  }

  /** The last position that was evaluated. */
  get position(): number {
    return this.#position
  }

  /** How many records were evaluated since the last commit. */
  get unsaved(): number {
    return this.#position - this.#savedPosition
  }

  /** Whether there are findings or changes that people wait for. */
  get hasNews(): boolean {
    return this.pipeline.findings.isChanged || this.#unsaved.hasNews
  }

  /** It will replace the evaluation that it amends, and is saved only then: `commit` does nothing until `activate`. */
  get isAmending(): boolean {
    return this.#deps.base !== undefined && !this.isActive
  }

  /** In the log's order; records that were evaluated before are skipped. */
  take(stored: readonly Stored[]): void {
    for (const { position, record } of stored) {
      if (position <= this.#position) continue
      this.pipeline.take(record, position)
      this.#position = position
    }
  }

  /** Continues after `position` although its records could not be read: the end of the log is damaged. */
  skipTo(position: number): void {
    this.#position = Math.max(this.#position, position)
  }

  decided(verdict: Verdict): void {
    this.standings.decided(verdict)
  }

  async commit(): Promise<void> {
    if (this.isAmending) return
    this.#collect(this.pipeline.findings.changes())
    const commit = await this.#unsavedCommit()
    const kept = this.isActive ? commit.kept : await this.#writeInSteps(commit.kept)
    await this.#deps.store.evaluations.commit(this.id, { ...commit, kept })
    this.#saved(commit)
  }

  /** Adds rows to the next commit, besides those of this evaluation's own parts. */
  put(rows: readonly KeptRow[]): void {
    for (const row of rows) this.#unsaved.keep(row)
  }

  /** Replaces the active evaluation, and writes the differences from it as changes. */
  async activate(): Promise<void> {
    const { evaluations } = this.#deps.store
    const before = await evaluations.active()
    if (this.isAmending) return this.#amend(before)
    await this.commit()
    await evaluations.activate(this.id, before ? await this.#differences(before.id) : this.#everything())
    this.isActive = true
  }

  /** Continues after `position`, up to which the restored state has been saved. */
  restorePosition(position: number): void {
    this.#position = position
    this.#savedPosition = position
  }

  /** Restores a saved row; false when this evaluation has no such part. */
  restore({ part, subject, state }: KeptRow): boolean {
    const kept = this.#parts.get(part)
    if (kept && state !== null) kept.restore(subject, JSON.parse(state))
    return kept !== undefined
  }

  /** The kept rows of `before` become this evaluation's: only what differs is written. */
  async #amend(before: SavedEvaluation | null): Promise<void> {
    const { base, store } = this.#deps
    if (!before || before.id !== base) throw superseded(this.id)
    this.standings = await this.#standingsOf(before.id)
    // The store has what the other evaluation found since this one was opened.
    this.pipeline.findings.changes()
    this.#collect(await this.#foundSince(before.id), before.time)
    const commit = await this.#unsavedCommit()
    await store.evaluations.amend(this.id, commit)
    this.isActive = true
    this.#saved(commit)
  }

  async #unsavedCommit(): Promise<Commit> {
    const position = this.#position
    const digest = position === 0 ? null : await this.#deps.stream.digest(position)
    return { position, digest, time: this.pipeline.time, ...this.#unsaved.rows() }
  }

  #saved({ position }: Commit): void {
    this.#unsaved.clear()
    this.#savedPosition = position
  }

  /** The rows that are left for the last transaction. */
  async #writeInSteps(kept: readonly KeptRow[]): Promise<readonly KeptRow[]> {
    const { evaluations } = this.#deps.store
    let left = kept
    for (; left.length > STEP_ROWS; left = left.slice(STEP_ROWS)) {
      const step = { ...NOTHING, position: this.#savedPosition, digest: UNFINISHED, kept: left.slice(0, STEP_ROWS) }
      await evaluations.commit(this.id, step)
      await delay(REST_MS)
    }
    return left
  }

  /** `reportedTo`: another evaluation has reported the laptops that fell silent up to this time. */
  #collect(found: FindingChanges, reportedTo = 0): void {
    const { pipeline, standings } = this
    const revision = standings.revise(pipeline.findings.touched(), pipeline.time, this.#position)
    const changes = [...this.#findingChanges(found), ...this.#silenceChanges(reportedTo), ...revision.changes]
    this.#unsaved.add(found, revision, this.isActive || this.isAmending ? changes : [])
    for (const [part, kept] of this.#parts)
      for (const [subject, state] of kept.changed())
        this.#unsaved.keep({ part, subject, state: state === undefined ? null : JSON.stringify(state) })
  }

  #findingChanges({ opened, updated, retracted }: FindingChanges): Change[] {
    return [
      ...opened.map((it) => change({ kind: 'finding_opened', ...this.#about(it) }, this.id)),
      ...updated.map((it) => change({ kind: 'finding_updated', ...this.#about(it), count: it.count }, this.id)),
      ...retracted.map((it) => change({ kind: 'finding_retracted', ...this.#about(it) }, this.id)),
    ]
  }

  #about(it: Finding) {
    const { id, rule, title, strength } = it
    const worker = it.worker ?? it.device ?? 'unknown'
    return { finding: id, rule, title, strength, worker, time: this.pipeline.time, position: this.#position }
  }

  #silenceChanges(reportedTo: number): Change[] {
    return this.pipeline
      .silent()
      .filter(({ time }) => time > reportedTo)
      .map(({ device, worker, time, hours }) =>
        change(
          { kind: 'device_silent', device, worker: worker ?? device, time, hours, position: this.#position },
          this.id,
        ),
      )
  }

  #everything(): Change[] {
    return this.#findingChanges({ opened: [...this.pipeline.findings.all()], updated: [], retracted: [] })
  }

  /** The changes to write when this evaluation replaces `before`. */
  async #differences(before: string): Promise<Change[]> {
    const changes = this.#findingChanges({ ...(await this.#foundSince(before)), updated: [] })
    const shadow = await this.#standingsOf(before)
    return [...changes, ...shadow.revise(new Set(), this.pipeline.time, this.#position).changes]
  }

  /** The differences from the findings of `before`. */
  async #foundSince(before: string): Promise<FindingChanges> {
    const { findings } = this.pipeline
    const changes: FindingChanges = { opened: [], updated: [], retracted: [] }
    const known = new Set<string>()
    for await (const block of this.#deps.store.evaluations.findings(before))
      for (const theirs of block) {
        known.add(theirs.id)
        const ours = findings.get(theirs.id)
        if (ours === null) changes.retracted.push(theirs)
        else if (JSON.stringify(ours) !== JSON.stringify(theirs)) changes.updated.push(ours)
      }
    for (const it of findings.all()) if (!known.has(it.id)) changes.opened.push(it)
    return changes
  }

  /** The standings as `before` has them. */
  async #standingsOf(before: string): Promise<Standings> {
    const { evaluations, cases } = this.#deps.store
    const known = await evaluations.standingsSince(before, 0)
    const standings = new Standings(this.id, this.pipeline)
    standings.restore(known.standings, await evaluations.clusters(before), await cases.latest())
    return standings
  }
}

const NOTHING: Commit = {
  ...{ position: 0, digest: null, time: 0 },
  ...{ kept: [], findings: [], gone: [], standings: [], standingsGone: [], changes: [] },
}

/** What the next commit writes: the latest state of each row. */
class Unsaved {
  readonly #kept = new Map<string, KeptRow>()
  readonly #findings = new Map<string, Finding | null>()
  readonly #standings = new Map<string, Standing | null>()
  #clusters: readonly Cluster[] | null = null
  #changes: Change[] = []

  get hasNews(): boolean {
    return this.#changes.length > 0
  }

  keep(row: KeptRow): void {
    this.#kept.set(`${row.part}\n${row.subject}`, row)
  }

  add(
    { opened, updated, retracted }: FindingChanges,
    revision: { standings: readonly Standing[]; gone: readonly string[]; clusters: readonly Cluster[] | null },
    changes: readonly Change[],
  ): void {
    for (const it of [...opened, ...updated]) this.#findings.set(it.id, it)
    for (const it of retracted) this.#findings.set(it.id, null)
    for (const it of revision.standings) this.#standings.set(it.worker, it)
    for (const worker of revision.gone) this.#standings.set(worker, null)
    this.#clusters = revision.clusters ?? this.#clusters
    this.#changes.push(...changes)
  }

  rows(): Omit<Commit, 'position' | 'digest' | 'time'> {
    return {
      kept: [...this.#kept.values()],
      findings: [...this.#findings.values()].filter((it) => it !== null),
      gone: goneOf(this.#findings),
      standings: [...this.#standings.values()].filter((it) => it !== null),
      standingsGone: goneOf(this.#standings),
      ...(this.#clusters ? { clusters: this.#clusters } : {}),
      changes: this.#changes,
    }
  }

  clear(): void {
    this.#kept.clear()
    this.#findings.clear()
    this.#standings.clear()
    this.#clusters = null
    this.#changes = []
  }
}

function goneOf(rows: ReadonlyMap<string, unknown>): string[] {
  return [...rows].filter(([, it]) => it === null).map(([name]) => name)
}
