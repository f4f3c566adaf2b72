import { sha256 } from '../../../wire/sha256.ts'
import type { Rule } from '../rule.ts'
import { type Entries, NONE } from './entries.ts'
import { textsOf } from './group-key.ts'
import type { Groups } from './groups.ts'
import type { Measure } from './measure.ts'
import type { LoadedCorrelation } from './rule.ts'

/**
 * The condition of a correlation came true for a group.
 *
 * Shape   `id` is a hash of rule id, rule version, group and the match that began or completed the window, so that the
 *         same events give the same firings. `events` are the earliest ten by (time, id); those beneath a firing that is
 *         counted stand for it.
 * Units   epoch ms; the window is (from, to]. `time` is when it came true: its last event, or the window's end.
 */
export interface Firing {
  rule: Rule
  id: string
  /** Values as text: 5 and '5' are one group. */
  group: Readonly<Record<string, string>>
  time: number
  from: number
  to: number
  events: readonly string[]
  /** `count` of matches, and the result of the type: `values`, `sum`, `average`, `percentile`, `rules` … */
  values: Readonly<Record<string, number>>
}

/** A firing that is new or different, or with null one that was retracted. */
export interface FiringChange {
  id: string
  time: number
  group: Readonly<Record<string, string>>
  firing: Firing | null
}

export type Report = (change: FiringChange) => void

const MAX_EVENTS = 10

/** Makes the changes of one correlation. The window of a firing is the current one in `groups`. */
export function firingMaker(correlation: LoadedCorrelation, groups: Groups, entries: Entries, measure: Measure) {
  const { id: ruleId, version, groupBy } = correlation
  return { fired, retracted }

  /** `anchor`: the entry that identifies the firing; `to`: the end of its window. */
  function fired(group: number, anchor: number, to: number): FiringChange {
    const { id, time, group: fields } = retracted(group, anchor, to)
    const firing: Firing = {
      ...{ rule: correlation, id, group: fields, time, from: to - correlation.spanMs, to },
      events: eventsOf(group),
      values: measure.values(group),
    }
    return { id, time, group: fields, firing }
  }

  function retracted(group: number, anchor: number, time: number): FiringChange {
    const texts = textsOf(groups.keys[group]!, groupBy.length)
    const identity = [ruleId, version, texts, entries.time[anchor], entries.ids[anchor], entries.rule[anchor]]
    return {
      id: sha256(JSON.stringify(identity)).slice(0, 32),
      time,
      group: Object.fromEntries(groupBy.map((field, n) => [field, texts[n]!])),
      firing: null,
    }
  }

  function eventsOf(group: number): string[] {
    const events: string[] = []
    const last = groups.to[group]!
    for (let entry = groups.from[group]!; entry !== NONE && events.length < MAX_EVENTS; entry = entries.next[entry]!) {
      // An event that matches several of the rules has adjacent entries.
      if (events.at(-1) !== entries.ids[entry]) events.push(entries.ids[entry]!)
      if (entry === last) break
    }
    return events
  }
}
