/** A finding for tests, with defaults for everything that a test does not set. */
import type { Finding } from '../../../server/model/finding.ts'
import { T0 } from '../events.ts'

let made = 0
export function finding(fields: Partial<Finding> = {}): Finding {
  made++
  const { rule = `rule-${made}` } = fields
  return {
    id: made.toString(16).padStart(32, '0'),
    rule,
    ruleVersion: 'v1',
    title: 'a finding',
    level: null,
    family: 'remote-access',
    sensors: ['process'],
    strength: 3,
    rate: null,
    what: '',
    decibans: null,
    halfLifeDays: 14,
    pattern: null,
    fact: null,
    ordinaryFor: [],
    worker: 'w1',
    device: 'd1',
    group: 'g',
    time: T0,
    lastTime: T0,
    count: 1,
    // Findings of two rules are two facts while their sentences differ.
    says: `${rule} saw something`,
    events: [],
    ...fields,
  }
}
