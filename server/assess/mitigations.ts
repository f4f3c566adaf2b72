/**
 * What is known and agreed, and explains a part of what was found: a negative part of the score.
 *
 * Shape   at most one a finding: the first that fits. `share` of its points is taken away, and it carries the band as
 *         if it were one strength weaker. What excuses wholly never gets here: rules do not fire on it.
 * Source  the contract in force; what has lapsed is not in it.
 */

import type { Contract } from '../../wire/contract.ts'
import { DAY } from '../../wire/time.ts'
import type { Finding } from '../model/finding.ts'

export interface Mitigation {
  label: string
  share: number
}

const MITIGATIONS: readonly ((finding: Finding, contract: Contract) => Mitigation | null)[] = [
  function announcedJourney({ family, time, lastTime }, { travelNotices }) {
    if (family !== 'network' && family !== 'identity') return null
    // A day either way: people leave the evening before, and databases follow late.
    const notice = travelNotices?.find((it) => it.from - DAY <= time && lastTime <= it.to + DAY)
    if (!notice) return null
    const where = notice.city ?? notice.region ?? notice.country
    return { label: `on an announced journey${where ? ` to ${where}` : ''}`, share: 0.5 }
  },
  function ordinaryWork({ ordinaryFor }, { roles }) {
    const role = roles?.find((it) => ordinaryFor.some((ours) => ours.toLowerCase() === it.toLowerCase()))
    return role ? { label: `ordinary for the role ${role}`, share: 0.5 } : null
  },
]

export function mitigation(finding: Finding, contract: Contract | null): Mitigation | null {
  if (!contract || finding.pattern) return null
  for (const of of MITIGATIONS) {
    const found = of(finding, contract)
    if (found) return found
  }
  return null
}
