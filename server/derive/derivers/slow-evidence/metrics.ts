/** What slow evidence counts, and how often a day with as much is to be expected before a company is known. */
import type { SLOW_METRICS } from '../../../../wire/events/derived.ts'

export type SlowMetric = (typeof SLOW_METRICS)[number]

/** Sums and distinct things of one day. A metric that two sources see is the larger of both. */
export const COUNTS = [
  ...(['sync_bytes', 'share_bytes', 'removable_bytes', 'locked_archives', 'pushes_seen', 'pushes_audited'] as const),
  ...(['cloned', 'audited', 'other_teams'] as const),
] as const
export type Count = (typeof COUNTS)[number]

/**
 * The share of active days on which somebody moves at least as much: [value, share], rising; in between on a straight
 * line of logarithms, beyond the last as the last. Our judgement from ordinary people of simulated companies, on the
 * side of more: with few colleagues these decide, and must not add up for somebody who merely works much.
 */
export const TYPICAL: Readonly<Record<SlowMetric, readonly (readonly [value: number, share: number])[]>> = {
  repositories: [
    [1, 0.3],
    [3, 0.1],
    [5, 0.04],
    [8, 0.02],
    [15, 0.005],
  ],
  other_teams: [
    [1, 0.05],
    [2, 0.02],
    [5, 0.005],
  ],
  sync_bytes: [
    [20e6, 0.2],
    [100e6, 0.08],
    [300e6, 0.03],
    [2e9, 0.01],
  ],
  share_bytes: [
    [10e6, 0.2],
    [50e6, 0.08],
    [200e6, 0.03],
    [2e9, 0.01],
  ],
  removable_bytes: [
    [1e6, 0.08],
    [100e6, 0.03],
    [500e6, 0.015],
    [2e9, 0.005],
  ],
  locked_archives: [
    [1, 0.03],
    [3, 0.005],
  ],
  outside_pushes: [
    [1, 0.05],
    [3, 0.02],
    [10, 0.005],
  ],
  remote_hours: [
    [0.1, 0.03],
    [0.5, 0.015],
    [2, 0.005],
    [4, 0.002],
  ],
  approved_remote_hours: [
    [0.1, 0.1],
    [1, 0.05],
    [2, 0.02],
    [4, 0.005],
  ],
  round_trip_ms: [
    [10, 0.2],
    [40, 0.08],
    [80, 0.02],
    [150, 0.005],
  ],
  unseen_device_hours: [
    [1, 0.03],
    [3, 0.01],
  ],
}

/** The share of active days with at least `value`; `value` above 0. */
export function typicalShare(metric: SlowMetric, value: number): number {
  const points = TYPICAL[metric]
  const next = points.findIndex(([at]) => value < at)
  if (next === -1) return points.at(-1)![1]
  if (next === 0) return points[0]![1]
  const [[low, above], [high, below]] = [points[next - 1]!, points[next]!]
  return above * (below / above) ** (Math.log(value / low) / Math.log(high / low))
}
