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

/** One way in which a condition in words holds. Bit n stands for the nth rule. */
export interface Alternative {
  /** Seen, for `temporal_ordered` one after the other in the rules' order. */
  all: number
  /** Not seen at all. */
  none: number
}

/** A rule or correlation whose matches are counted, and where the fields are in its events. */
export interface Member {
  id: string
  groupFields: readonly string[]
  valueFields: readonly string[]
}

/**
 * A correlation that can be run: what `load` hands to `correlator`.
 *
 * Shape   `logsource` says nothing: correlations read no events themselves. `version` covers the members' versions too.
 */
export interface LoadedCorrelation extends Rule {
  name: string | null
  type: CorrelationType
  members: readonly Member[]
  /** Names or aliases. Empty: one group for everything. */
  groupBy: readonly string[]
  spanMs: number
  /** How long after the log's clock has passed an event's time it still counts. */
  latenessMs: number
  /** All must hold for the number that the type makes of a window; unused where `anyOf` decides. */
  bounds: readonly Bound[]
  anyOf: readonly Alternative[] | null
  /** 0 to 100. */
  percentile: number
  /** True: more events could undo it, so it is decided when the window is over. */
  atEnd: boolean
  /** True: the members' own matches are reported too. */
  generate: boolean
}
