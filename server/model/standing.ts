/** How one worker stands, as the queue and the outputs need it: one row a worker, written with the judgement. */
import * as z from 'zod'
import { Assessment } from './assessment.ts'

export const Standing = z.object({
  worker: z.string(),
  assessment: Assessment,
  /** Rules that have found something of strength 2 or more, with their titles: what opens a decided case again. */
  kinds: z.array(z.object({ rule: z.string(), title: z.string(), strength: z.int() })),
  /** Key of the cluster the worker is in; null: none. */
  cluster: z.string().nullable(),
  findings: z.int(),
  lastFinding: z.int().nullable(),
})
export type Standing = z.infer<typeof Standing>
