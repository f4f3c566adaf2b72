/** A worker's band and points, as parts that add up exactly; and clusters of workers. */
import * as z from 'zod'

export const BANDS = ['none', 'low', 'medium', 'high', 'critical'] as const
export const Band = z.enum(BANDS)
export type Band = z.infer<typeof Band>

/** One bar of the score. The parts' points add up to the score exactly (they are whole numbers). */
export const Part = z.object({
  kind: z.enum(['finding', 'mitigation', 'family_cap', 'referral', 'total_cap']),
  label: z.string(),
  points: z.int(),
  family: z.string().nullable(),
  /** Ids of the findings behind it. */
  findings: z.array(z.string()),
  /** The worker's score without this part; null for caps, and where it was not computed. */
  without: z.object({ points: z.int(), band: Band }).nullable(),
})
export type Part = z.infer<typeof Part>

export const Assessment = z.object({
  worker: z.string(),
  band: Band,
  points: z.int(),
  /** One line that explains the band. */
  reason: z.string(),
  /** Which findings carry the band, in words. */
  parts: z.array(Part),
})
export type Assessment = z.infer<typeof Assessment>

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
