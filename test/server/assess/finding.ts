/** A finding for tests, with defaults for everything that a test does not set. */
import type { Finding } from '../../../server/model/finding.ts'
import { T0 } from '../events.ts'

let made = 0
export function finding(fields: Partial<Finding> = {}): Finding {
  made++
  return {
    id: made.toString(16).padStart(32, '0'),
    rule: `rule-${made}`,
    ruleVersion: 'v1',
    title: 'a finding',
    level: null,
    family: 'remote-access',
    strength: 3,
    halfLifeDays: 14,
    pattern: null,
    ordinaryFor: [],
    worker: 'w1',
    device: 'd1',
    group: 'g',
    time: T0,
    lastTime: T0,
    count: 1,
    says: 'something was seen',
    events: [],
    ...fields,
  }
}
