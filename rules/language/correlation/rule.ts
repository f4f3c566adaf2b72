import type { Rule } from '../rule.ts'

export const TYPES = [
  'event_count',
  'value_count',
  'temporal',
  'temporal_ordered',
  'value_sum',
  'value_avg',
  'value_percentile',
  'value_median',
] as const
export type CorrelationType = (typeof TYPES)[number]

export const OPERATORS = ['gt', 'gte', 'lt', 'lte', 'eq', 'neq'] as const
export interface Bound {
  by: (typeof OPERATORS)[number]
  than: number
}

/** One way in which a condition in words can hold. Bit n is the nth rule. */
export interface Alternative {
  /** Rules that must have matched; for `temporal_ordered`, in the order of the rules. */
  all: number
  /** Rules that must not have matched. */
  none: number
}

/** A rule or correlation that is counted, and the names of the fields in its events. */
export interface Member {
  id: string
  groupFields: readonly string[]
  valueFields: readonly string[]
}

/**
 * A correlation that `load` returns and `correlator` runs.
 *
 * Shape   `logsource` is unused: correlations do not read events themselves. `version` covers the members' versions.
 */
export interface LoadedCorrelation extends Rule {
  name: string | null
  type: CorrelationType
  members: readonly Member[]
  /** Field names or aliases. Empty: one group for everything. */
  groupBy: readonly string[]
  spanMs: number
  /** How long an event still counts after the log's clock has passed its time. */
  latenessMs: number
  /** All must hold for the number that the type computes of a window; unused with `anyOf`. */
  bounds: readonly Bound[]
  anyOf: readonly Alternative[] | null
  /** 0 to 100. */
  percentile: number
  /** More events could undo the condition, so it is decided at the end of the window. */
  atEnd: boolean
  /** The members' own matches are reported too. */
  generate: boolean
}
