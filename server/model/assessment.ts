/** A worker's band and points, as parts that add up exactly; and clusters of workers. */
import * as z from 'zod'

export const BANDS = ['none', 'low', 'medium', 'high', 'critical'] as const
export const Band = z.enum(BANDS)
export type Band = z.infer<typeof Band>

export function isAtLeast(band: Band, least: Band): boolean {
  return BANDS.indexOf(band) >= BANDS.indexOf(least)
}

/** Points of everybody before anything was seen: one worker in a hundred is an infiltrator. */
export const PRIOR = -20

/**
 * One bar of the score. The parts' points add up to the score exactly (they are whole numbers).
 *
 * Shape   `kind` prior: before anything was seen · finding: one fact · overlap: what a fact does not add, because a
 *         stronger one of the same sensor tells it too · mitigation: what an agreement explains · referral · doubt: what
 *         the sum is reduced by, because no data support such odds · floor: what a pattern adds to reach its band ·
 *         waiting: what has faded since the worker was high, while nobody decided.
 * Units   decibans: ten points are ten times likelier.
 */
export const Part = z.object({
  kind: z.enum(['prior', 'finding', 'overlap', 'mitigation', 'referral', 'doubt', 'floor', 'waiting']),
  label: z.string(),
  points: z.int(),
  /** Null where it belongs to none, or to several. */
  sensor: z.string().nullable(),
  /** Of the worker's role or company, how many show the same; null: not counted. */
  colleagues: z.object({ shown: z.int(), of: z.int() }).nullable(),
  /** Ids of the findings behind it. */
  findings: z.array(z.string()),
  /** The worker's score without this part; null where that says nothing, and where it was not computed. */
  without: z.object({ points: z.int(), band: Band }).nullable(),
})
export type Part = z.infer<typeof Part>

export const Assessment = z.object({
  worker: z.string(),
  band: Band,
  points: z.int(),
  /** One line that explains the band. */
  reason: z.string(),
  parts: z.array(Part),
})
export type Assessment = z.infer<typeof Assessment>

/** With what remains without each part, and without each sensor. */
export const Explained = Assessment.extend({
  /** By sensor, the score without every finding in which it takes part, alone or with others. */
  withoutSensor: z.record(z.string(), z.object({ points: z.int(), band: Band })),
})
export type Explained = z.infer<typeof Explained>

/** One case with several people: workers joined by something that unrelated people do not share. */
export const Cluster = z.object({
  /** The hash of the strongest key; stable while it is shared. */
  key: z.string(),
  kind: z.string(),
  workers: z.array(z.string()),
  band: Band,
  /** The highest among its workers. */
  points: z.int(),
  keys: z.array(
    z.object({ key: z.string(), kind: z.string(), workers: z.array(z.string()), days: z.int(), strength: z.int() }),
  ),
})
export type Cluster = z.infer<typeof Cluster>
