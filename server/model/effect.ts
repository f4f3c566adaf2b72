/** What approvals would change. */
import { z } from 'zod'
import { BANDS } from './assessment.ts'

const Place = z.object({ points: z.int(), band: z.enum(BANDS) })

/** People at high or more, open cases, clusters, and how many of the confirmed infiltrators are at high or more. */
const Count = z.object({ high: z.int(), open: z.int(), clusters: z.int(), confirmed: z.int() })

export const Moved = z.object({ worker: z.string(), from: Place, to: Place })

export const Effect = z.object({
  before: Count,
  after: Count,
  /** People who were confirmed as infiltrators, whatever their band. */
  confirmed: z.int(),
  /** How many people's points change. */
  moves: z.int(),
  /** Some of them, those who were highest first. */
  moved: z.array(Moved),
  /** The highest of those at high or more whose points do not change. */
  stay: z.array(Moved),
})

export type Place = z.infer<typeof Place>
export type Count = z.infer<typeof Count>
export type Moved = z.infer<typeof Moved>
export type Effect = z.infer<typeof Effect>
