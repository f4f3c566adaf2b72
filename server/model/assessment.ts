/** How somebody stands: a band and points, in parts that add up exactly; and who stands together. */
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
  /** The findings behind it: their ids. */
  findings: z.array(z.string()),
  /** How the worker would stand without this part; null for caps, and where nobody asked. */
  without: z.object({ points: z.int(), band: Band }).nullable(),
})
export type Part = z.infer<typeof Part>

export const Assessment = z.object({
  worker: z.string(),
  band: Band,
  points: z.int(),
  /** One line: why this band. */
  reason: z.string(),
  /** Which findings carry the band, in words. */
  parts: z.array(Part),
})
export type Assessment = z.infer<typeof Assessment>

/** One case with all its people: workers joined by what unrelated people do not share. */
export const Cluster = z.object({
  /** The hash of the key that says most; stable while it is shared. */
  key: z.string(),
  kind: z.string(),
  workers: z.array(z.string()),
  band: Band,
  /** Of whoever in it has most. */
  points: z.int(),
  keys: z.array(
    z.object({ key: z.string(), kind: z.string(), workers: z.array(z.string()), days: z.int(), strength: z.int() }),
  ),
})
export type Cluster = z.infer<typeof Cluster>
