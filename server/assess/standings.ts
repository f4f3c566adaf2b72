/**
 * The standings of all workers with findings, computed again only where something changed, and the changes of them.
 *
 * Shape   one standing per worker (or per laptop without a worker) with findings. Revised when a finding, a contract, a
 *         verdict, what is common, or the hour of the log's clock changed. `changes`: bands that moved, cases that opened.
 * Memory  one standing and its JSON text per worker with findings.
 */
import { HOUR } from '../../wire/time.ts'
import { caseOf, kindsOf } from '../cases/case.ts'
import { type Band, type Cluster, isAtLeast } from '../model/assessment.ts'
import type { CaseView, Verdict } from '../model/case.ts'
import { type Change, change } from '../model/change.ts'
import type { Standing } from '../model/standing.ts'
import { Assessments, type Known } from './assessments.ts'
import { clusters, linksPeople } from './clusters.ts'

export interface Revision {
  standings: Standing[]
  gone: string[]
  /** All clusters when any changed; null: none did. */
  clusters: Cluster[] | null
  changes: Change[]
}

interface Row {
  standing: Standing
  text: string
  case: CaseView['state']
}

export interface StandingsDeps extends Known {
  findings: Known['findings'] & { subjects(): string[] }
  world: Known['world'] & { revision: number }
  colleagues: Known['colleagues'] & { revision: number }
}

export class Standings {
  readonly #evaluation: string
  readonly #deps: StandingsDeps
  readonly #assessments: Assessments
  readonly #rows = new Map<string, Row>()
  readonly #verdicts = new Map<string, Verdict>()
  /** Decided since the last revision: what waited for the verdict no longer counts. */
  readonly #decided = new Set<string>()
  /** Workers with findings that can join them with others. */
  readonly #linked = new Set<string>()
  #clusters: Cluster[] = []
  #hour = -1
  #worldRevision = -1
  #rarityRevision = -1

  /** `evaluation`: the id of the evaluation that reports the changes. */
  constructor(evaluation: string, deps: StandingsDeps) {
    this.#evaluation = evaluation
    this.#deps = deps
    this.#assessments = new Assessments({
      ...{ findings: deps.findings, world: deps.world, colleagues: deps.colleagues },
      decidedAt: (worker) => this.#verdicts.get(worker)?.at ?? null,
    })
  }

  /** Restores what was saved, so that it is not reported as changed. */
  restore(standings: readonly Standing[], clusters: readonly Cluster[], verdicts: ReadonlyMap<string, Verdict>): void {
    for (const [worker, verdict] of verdicts) this.#verdicts.set(worker, verdict)
    for (const it of standings) this.#rows.set(it.worker, this.#row(it))
    this.#clusters = [...clusters]
  }

  /** A verdict was given. */
  decided(verdict: Verdict): void {
    this.#verdicts.set(verdict.worker, verdict)
    this.#decided.add(verdict.worker)
    const row = this.#rows.get(verdict.worker)
    if (row) this.#rows.set(verdict.worker, this.#row(row.standing))
  }

  get size(): number {
    return this.#rows.size
  }

  /** Whether the worker is high or critical, or was confirmed to be an infiltrator. */
  isFlagged(worker: string): boolean {
    const band = this.#rows.get(worker)?.standing.assessment.band ?? 'none'
    return isAtLeast(band, 'high') || this.#verdicts.get(worker)?.verdict === 'confirmed'
  }

  /** Everybody with findings, and the state of their case. */
  *all(): Iterable<{ standing: Standing; state: CaseView['state'] }> {
    for (const { standing, case: state } of this.#rows.values()) yield { standing, state }
  }

  /** As of the last revision. */
  get clusters(): readonly Cluster[] {
    return this.#clusters
  }

  get(worker: string): Standing | null {
    return this.#rows.get(worker)?.standing ?? null
  }

  /**
   * `touched`: subjects whose findings changed since the last revision. `position`: the log position of the changes.
   */
  revise(touched: ReadonlySet<string>, now: number, position: number): Revision {
    const hour = Math.floor(now / HOUR)
    const { findings, world, colleagues } = this.#deps
    const all =
      hour !== this.#hour || world.revision !== this.#worldRevision || colleagues.revision !== this.#rarityRevision
    if (!all && touched.size + this.#decided.size === 0) return { standings: [], gone: [], clusters: null, changes: [] }
    this.#hour = hour
    this.#worldRevision = world.revision
    this.#rarityRevision = colleagues.revision
    const due = all
      ? new Set([...findings.subjects(), ...this.#rows.keys()])
      : this.#withReferred(new Set([...touched, ...this.#decided]), now)
    this.#decided.clear()
    const found = this.#clustersNow(due, now)
    const clusterOf = new Map(found.flatMap(({ key, workers }) => workers.map((it) => [it, key] as const)))
    for (const { standing } of this.#rows.values())
      if (standing.cluster !== (clusterOf.get(standing.worker) ?? null)) due.add(standing.worker)

    const revision: Revision = { standings: [], gone: [], clusters: this.#different(found), changes: [] }
    for (const worker of [...due].sort()) this.#revise(worker, clusterOf.get(worker) ?? null, now, position, revision)
    return revision
  }

  #revise(worker: string, cluster: string | null, now: number, position: number, revision: Revision): void {
    const before = this.#rows.get(worker)
    const findings = this.#deps.findings.of(worker)
    if (findings.length === 0) {
      if (!before) return
      this.#rows.delete(worker)
      revision.gone.push(worker)
      this.#reportChanges(worker, before, null, now, position, revision.changes)
      return
    }
    const row = this.#row({
      worker,
      assessment: this.#assessments.of(worker, now),
      kinds: kindsOf(findings),
      cluster,
      findings: findings.length,
      lastFinding: Math.max(...findings.map((it) => it.lastTime)),
    })
    if (row.text === before?.text) return
    this.#rows.set(worker, row)
    revision.standings.push(row.standing)
    this.#reportChanges(worker, before ?? null, row, now, position, revision.changes)
  }

  #reportChanges(
    worker: string,
    before: Row | null,
    row: Row | null,
    time: number,
    position: number,
    changes: Change[],
  ): void {
    const about = { worker, time, position }
    const by = this.#evaluation
    const report = (it: Change) => void changes.push(it)
    const from: Band = before?.standing.assessment.band ?? 'none'
    const { band: to, points, reason } = row?.standing.assessment ?? { band: 'none' as Band, points: 0, reason: '' }
    if (from !== to) report(change({ kind: 'band_moved', ...about, from, to, points, reason }, by))
    if (!row || row.case === (before?.case ?? 'none')) return
    if (row.case === 'open') report(change({ kind: 'case_opened', ...about, band: to, reason }, by))
    if (row.case === 'reopened') {
      const { newKinds } = caseOf(this.#verdicts.get(worker) ?? null, to, row.standing.kinds)
      report(change({ kind: 'case_reopened', ...about, band: to, reason, newKinds }, by))
    }
  }

  #row(standing: Standing): Row {
    const verdict = this.#verdicts.get(standing.worker) ?? null
    const { state } = caseOf(verdict, standing.assessment.band, standing.kinds)
    return { standing, text: JSON.stringify(standing), case: state }
  }

  /** Computed again only when a worker changed who is, or can be, joined with others. */
  #clustersNow(due: ReadonlySet<string>, now: number): Cluster[] {
    const { findings } = this.#deps
    let isStale = false
    for (const worker of due) {
      const was = this.#linked.delete(worker)
      const is = findings.of(worker).some(linksPeople)
      if (is) this.#linked.add(worker)
      isStale ||= was || is
    }
    if (!isStale) return this.#clusters
    const linking = [...this.#linked].sort().flatMap((worker) => findings.of(worker))
    return clusters(linking, (worker) => this.#assessments.of(worker, now), now)
  }

  /** Adds workers whose referrer changed: their score depends on the referrer's band. */
  #withReferred(touched: ReadonlySet<string>, now: number): Set<string> {
    const due = new Set(touched)
    for (const worker of this.#rows.keys()) {
      const by = this.#deps.world.contractAt(worker, now)?.referredBy
      if (by && touched.has(by)) due.add(worker)
    }
    return due
  }

  #different(found: Cluster[]): Cluster[] | null {
    if (JSON.stringify(found) === JSON.stringify(this.#clusters)) return null
    this.#clusters = found
    return found
  }
}
