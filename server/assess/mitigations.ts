/**
 * Mitigations: agreements that explain a part of a finding, as negative parts of the score.
 *
 * Shape   at most one per finding: the first that applies. It removes `share` of the points. Full exceptions are not
 *         handled here: rules do not match them.
 * Source  the contract in force.
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
    // One day of grace: people leave the evening before, and address databases are updated late.
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
  for (const mitigationFor of MITIGATIONS) {
    const found = mitigationFor(finding, contract)
    if (found) return found
  }
  return null
}
