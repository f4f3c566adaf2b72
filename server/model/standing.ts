/** One worker's current assessment, for the queue and the outputs: one row per worker, written with the findings. */
import * as z from 'zod'
import { Assessment } from './assessment.ts'

export const Standing = z.object({
  worker: z.string(),
  assessment: Assessment,
  /** Rules that have found something of strength 2 or more, with their titles: what reopens a decided case. */
  kinds: z.array(z.object({ rule: z.string(), title: z.string(), strength: z.int() })),
  /** Key of the cluster the worker is in; null: none. */
  cluster: z.string().nullable(),
  findings: z.int(),
  lastFinding: z.int().nullable(),
})
export type Standing = z.infer<typeof Standing>
