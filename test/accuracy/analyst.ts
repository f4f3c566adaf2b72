/**
 * Somebody who looks at so many cases a day and no more, and is never wrong about whom they looked at.
 *
 * Shape   each working day of the queue the open and the reopened cases, by band and points as the console shows them;
 *         the first few are decided by the truth. Who was decided upon comes back only with evidence of a new kind
 *         (`server/assess/case.ts`), the confirmed never.
 * Units   reviews a day per 1,000 laptops; the fraction is carried to the next day, what was not used is not.
 */

import { caseOf, kindsOf } from '../../server/cases/case.ts'
import type { Band } from '../../server/model/assessment.ts'
import type { Verdict } from '../../server/model/case.ts'
import type { Finding } from '../../server/model/finding.ts'
import { byUrgency } from '../../server/model/urgency.ts'

export interface InQueue {
  worker: string
  band: Band
  points: number
  findings: readonly Finding[]
}

export interface Review {
  worker: string
  at: number
  confirmed: boolean
}

export function analyst(perDay: number, isInfiltrator: (worker: string, at: number) => boolean) {
  const verdicts = new Map<string, Verdict>()
  const reviews: Review[] = []
  let allowed = 0
  return {
    reviews,
    /** A day's work. Returns how many cases asked for somebody. */
    day(at: number, everybody: readonly InQueue[]): number {
      const queue = everybody.filter(asksForSomebody).sort(byUrgency)
      allowed += perDay
      const today = Math.floor(allowed)
      allowed -= today
      for (const it of queue.slice(0, today)) decide(it, at)
      return queue.length
    },
  }

  function asksForSomebody({ worker, band, findings }: InQueue): boolean {
    const verdict = verdicts.get(worker) ?? null
    if (verdict?.verdict === 'confirmed') return false
    const { state } = caseOf(verdict, band, kindsOf(findings))
    return state === 'open' || state === 'reopened'
  }

  function decide({ worker, band, points, findings }: InQueue, at: number): void {
    const confirmed = isInfiltrator(worker, at)
    const verdict = confirmed ? 'confirmed' : 'benign_expected'
    verdicts.set(worker, {
      worker,
      verdict,
      reason: 'the truth',
      by: 'analyst',
      at,
      band,
      points,
      kinds: kindsOf(findings).map((it) => it.rule),
    })
    reviews.push({ worker, at, confirmed })
  }
}
