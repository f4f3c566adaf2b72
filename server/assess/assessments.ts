/**
 * Computes a worker's assessment from findings and contracts.
 *
 * Shape   pure: the same findings, contracts, rarity and hour give the same result.
 */
import type { Contract } from '../../wire/contract.ts'
import type { RecordedRarity } from '../../wire/recording.ts'
import type { Assessment, Cluster, Explained } from '../model/assessment.ts'
import type { Finding } from '../model/finding.ts'
import { clusters } from './clusters.ts'
import { assess, explained, type ScoreContext } from './score.ts'

export interface Known {
  findings: { of(worker: string): Finding[]; all(): Iterable<Finding> }
  world: { contractAt(worker: string, time: number): Contract | null }
  colleagues: { record: RecordedRarity | null }
  /** When somebody decided about the worker last. Omitted: nobody ever did. */
  decidedAt?(worker: string): number | null
}

export class Assessments {
  readonly #known: Known

  constructor(known: Known) {
    this.#known = known
  }

  of(worker: string, now: number): Assessment {
    return assess(worker, this.#known.findings.of(worker), now, this.#contextOf(worker, now))
  }

  /** The same, with the effect of each part and sensor. */
  explained(worker: string, now: number): Explained {
    return explained(worker, this.#known.findings.of(worker), now, this.#contextOf(worker, now))
  }

  clusters(now: number): Cluster[] {
    return clusters([...this.#known.findings.all()], (worker) => this.of(worker, now), now)
  }

  /** The referrer is assessed without their own referrer, so that referrals in a circle end. */
  #contextOf(worker: string, now: number): ScoreContext {
    const { findings, world, colleagues, decidedAt = () => null } = this.#known
    const given = { rarity: colleagues.record, decidedAt: decidedAt(worker) }
    const contract = world.contractAt(worker, now)
    const by = contract?.referredBy
    if (!by || by === worker) return { contract, referrer: null, ...given }
    const alone = { contract: world.contractAt(by, now), referrer: null, ...given, decidedAt: decidedAt(by) }
    return { contract, referrer: { worker: by, band: assess(by, findings.of(by), now, alone).band }, ...given }
  }
}
