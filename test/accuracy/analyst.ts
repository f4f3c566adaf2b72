/**
 * An analyst who reviews a fixed number of cases a day, and always decides correctly.
 *
 * Shape   each working day, takes the open and reopened cases by band and points, as the console orders them, and
 *         decides the first few by the truth. A decided worker comes back only with evidence of a new kind
 *         (`server/cases/case.ts`), a confirmed one never.
 * Units   reviews a day per 1,000 laptops; a fraction carries over to the next day, unused reviews do not.
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
    isOpen,
    /** One day's work. Returns how many cases were open. */
    day(at: number, everybody: readonly InQueue[]): number {
      const queue = everybody.filter(isOpen).sort(byUrgency)
      allowed += perDay
      const today = Math.floor(allowed)
      allowed -= today
      for (const it of queue.slice(0, today)) decide(it, at)
      return queue.length
    },
  }

  function isOpen({ worker, band, findings }: InQueue): boolean {
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
