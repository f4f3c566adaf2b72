/**
 * How one worker stands, from what was found and what was agreed: the two that judgement rests on, put together.
 *
 * Shape   pure: the same findings, contracts and hour give the same answer.
 */
import type { Contract } from '../../wire/contract.ts'
import type { Assessment, Cluster } from '../model/assessment.ts'
import type { Finding } from '../model/finding.ts'
import { clusters } from './clusters.ts'
import { assess, type Beside, explained } from './score.ts'

export interface Known {
  findings: { of(worker: string): Finding[]; all(): Iterable<Finding> }
  world: { contractAt(worker: string, time: number): Contract | null }
}

export class Assessments {
  readonly #known: Known

  constructor(known: Known) {
    this.#known = known
  }

  of(worker: string, now: number): Assessment {
    return assess(worker, this.#known.findings.of(worker), now, this.#beside(worker, now))
  }

  /** The same, with what each part is worth. */
  explained(worker: string, now: number): Assessment {
    return explained(worker, this.#known.findings.of(worker), now, this.#beside(worker, now))
  }

  clusters(now: number): Cluster[] {
    return clusters([...this.#known.findings.all()], (worker) => this.of(worker, now), now)
  }

  /** Of the referrer counts what was found about them, not who referred them: a ring has no beginning. */
  #beside(worker: string, now: number): Beside {
    const { findings, world } = this.#known
    const contract = world.contractAt(worker, now)
    const by = contract?.referredBy
    if (!by || by === worker) return { contract, referrer: null }
    const alone = { contract: world.contractAt(by, now), referrer: null }
    return { contract, referrer: { worker: by, band: assess(by, findings.of(by), now, alone).band } }
  }
}
