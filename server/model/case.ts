/** What a person decided about a worker, and whether a decision is needed. */
import * as z from 'zod'
import { Band } from './assessment.ts'

export const VERDICTS = ['confirmed', 'benign_expected', 'rule_too_wide', 'bad_data'] as const
/** What a person decided about a worker, on what evidence. */
export const Verdict = z.object({
  worker: z.string(),
  verdict: z.enum(VERDICTS),
  reason: z.string(),
  by: z.string(),
  at: z.int(),
  /** The worker's score at that time, and the rules that had found something. */
  band: Band,
  points: z.int(),
  kinds: z.array(z.string()),
})
export type Verdict = z.infer<typeof Verdict>

export const CaseView = z.object({
  /** none: nothing to decide · open · closed: decided · reopened: evidence of a new kind came since. */
  state: z.enum(['none', 'open', 'closed', 'reopened']),
  verdict: Verdict.nullable(),
  /** Titles of the rules that are new since the verdict. */
  newKinds: z.array(z.string()),
})
export type CaseView = z.infer<typeof CaseView>
