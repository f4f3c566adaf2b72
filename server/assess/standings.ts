/**
 * How everybody stands, worked out again only where something changed, and what is worth telling of it.
 *
 * Shape   a standing a worker (or laptop without one) of whom something was found; nobody else has one. Revised when
 *         a finding, a contract, a verdict or the hour changed, by the log's clock. `changes` say what others may want
 *         to hear: a band that moved, a case that opened.
 * Memory  one standing and its text a worker with findings.
 */
import { HOUR } from '../../wire/time.ts'
import { caseOf, kindsOf } from '../cases/case.ts'
import type { Band, Cluster } from '../model/assessment.ts'
import type { CaseView, Verdict } from '../model/case.ts'
import { type Change, change } from '../model/change.ts'
import type { Standing } from '../model/standing.ts'
import { Assessments, type Known } from './assessments.ts'
import { clusters, linksPeople } from './clusters.ts'

export interface Revision {
  standings: Standing[]
  gone: string[]
  /** All of them, when one is different; null: none is. */
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
}

export class Standings {
  readonly #evaluation: string
  readonly #deps: StandingsDeps
  readonly #assessments: Assessments
  readonly #rows = new Map<string, Row>()
  readonly #verdicts = new Map<string, Verdict>()
  /** Whose findings may join them with others. */
  readonly #linked = new Set<string>()
  #clusters: Cluster[] = []
  #hour = -1
  #worldRevision = -1

  /** `evaluation`: who tells the changes. */
  constructor(evaluation: string, deps: StandingsDeps) {
    this.#evaluation = evaluation
    this.#deps = deps
    this.#assessments = new Assessments(deps)
  }

  /** As they were written down: what is the same is not told again. */
  restore(standings: readonly Standing[], clusters: readonly Cluster[], verdicts: ReadonlyMap<string, Verdict>): void {
    for (const [worker, verdict] of verdicts) this.#verdicts.set(worker, verdict)
    for (const it of standings) this.#rows.set(it.worker, this.#row(it))
    this.#clusters = [...clusters]
  }

  /** Somebody decided. Answers whether the case is another now. */
  decided(verdict: Verdict): void {
    this.#verdicts.set(verdict.worker, verdict)
    const row = this.#rows.get(verdict.worker)
    if (row) this.#rows.set(verdict.worker, this.#row(row.standing))
  }

  get size(): number {
    return this.#rows.size
  }

  get(worker: string): Standing | null {
    return this.#rows.get(worker)?.standing ?? null
  }

  /** `touched`: whose findings changed since the last revision. `position` is what the changes stand for. */
  revise(touched: ReadonlySet<string>, now: number, position: number): Revision {
    const hour = Math.floor(now / HOUR)
    const { findings, world } = this.#deps
    const all = hour !== this.#hour || world.revision !== this.#worldRevision
    if (!all && touched.size === 0) return { standings: [], gone: [], clusters: null, changes: [] }
    this.#hour = hour
    this.#worldRevision = world.revision
    const due = all ? new Set([...findings.subjects(), ...this.#rows.keys()]) : this.#withReferred(touched, now)
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
      this.#tell(worker, before, null, now, position, revision.changes)
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
    this.#tell(worker, before ?? null, row, now, position, revision.changes)
  }

  #tell(worker: string, before: Row | null, row: Row | null, time: number, position: number, changes: Change[]): void {
    const about = { worker, time, position }
    const by = this.#evaluation
    const tell = (told: Change) => void changes.push(told)
    const from: Band = before?.standing.assessment.band ?? 'none'
    const { band: to, points, reason } = row?.standing.assessment ?? { band: 'none' as Band, points: 0, reason: '' }
    if (from !== to) tell(change({ kind: 'band_moved', ...about, from, to, points, reason }, by))
    if (!row || row.case === (before?.case ?? 'none')) return
    if (row.case === 'open') tell(change({ kind: 'case_opened', ...about, band: to, reason }, by))
    if (row.case === 'reopened') {
      const { newKinds } = caseOf(this.#verdicts.get(worker) ?? null, to, row.standing.kinds)
      tell(change({ kind: 'case_reopened', ...about, band: to, reason, newKinds }, by))
    }
  }

  #row(standing: Standing): Row {
    const verdict = this.#verdicts.get(standing.worker) ?? null
    const { state } = caseOf(verdict, standing.assessment.band, standing.kinds)
    return { standing, text: JSON.stringify(standing), case: state }
  }

  /** Looked for anew only where somebody who is joined with others, or may be, stands differently. */
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

  /** Who was recommended by somebody stands worse when that one is flagged. */
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
