/** What a rule found: the unit of evidence. */
import type { Event } from '../../wire/event.ts'

/**
 * Shape   `id` a hash of rule id, rule version, group and window; a later event of the same group and window adds to
 *         the row and never makes a second. `events` the earliest ten by (time, id).
 */
export interface Finding {
  id: string
  rule: string
  ruleVersion: string
  title: string
  level: string | null
  family: string
  /** What saw it; several for a correlation over events of several sensors. */
  sensors: readonly string[]
  strength: 1 | 2 | 3 | 4
  /** How often an honest colleague shows it, by the rule; null: by its strength. */
  rate: number | null
  /** Values of the rule's `rareBy` fields, as JSON; empty without such fields. */
  what: string
  /** The weight that the events have themselves: the largest of them. Null: it follows from strength and rarity. */
  decibans: number | null
  /** Findings with the same fact tell one thing; null: only those of the same rule do. */
  fact: string | null
  halfLifeDays: number | null
  pattern: 'high' | 'critical' | null
  /** Roles whose ordinary work looks like this, according to the rule. */
  ordinaryFor: readonly string[]
  worker: string | null
  device: string | null
  group: string
  /** Event times of the earliest and the latest event in it. */
  time: number
  lastTime: number
  count: number
  says: string
  events: Event[]
}
