/**
 * How everybody stands, worked out again only where something changed: a finding, the contract, or the hour.
 *
 * Memory  one assessment a worker who was asked for.
 */

import type { World } from '../derive/kit/world.ts'
import type { Findings } from '../detect/findings.ts'
import type { Assessment, Cluster } from '../model/assessment.ts'
import { clusters } from './clusters.ts'
import { assess, type Beside, explained } from './score.ts'

const HOUR = 3_600_000

interface Known {
  key: string
  assessment: Assessment
}

export class Assessments {
  readonly #findings: Findings
  readonly #world: World
  readonly #known = new Map<string, Known>()

  constructor(pipeline: { findings: Findings; world: World }) {
    this.#findings = pipeline.findings
    this.#world = pipeline.world
  }

  of(worker: string, now: number): Assessment {
    const { referredBy } = this.#world.contractAt(worker, now) ?? {}
    const revisions = [worker, ...(referredBy ? [referredBy] : [])].map((it) => this.#findings.revisionOf(it))
    const key = `${Math.floor(now / HOUR)} ${this.#world.revision} ${revisions}`
    const before = this.#known.get(worker)
    if (before?.key === key) return before.assessment
    const assessment = assess(worker, this.#findings.of(worker), now, this.#beside(worker, now))
    this.#known.set(worker, { key, assessment })
    return assessment
  }

  /** The same, with what each part is worth. */
  explained(worker: string, now: number): Assessment {
    return explained(worker, this.#findings.of(worker), now, this.#beside(worker, now))
  }

  clusters(now: number): Cluster[] {
    return clusters(this.#findings.all(), (worker) => this.of(worker, now), now)
  }

  /** Of the referrer counts what was found about them, not who referred them: a ring has no beginning. */
  #beside(worker: string, now: number): Beside {
    const contract = this.#world.contractAt(worker, now)
    const by = contract?.referredBy
    if (!by || by === worker) return { contract, referrer: null }
    const alone = { contract: this.#world.contractAt(by, now), referrer: null }
    return { contract, referrer: { worker: by, band: assess(by, this.#findings.of(by), now, alone).band } }
  }
}
