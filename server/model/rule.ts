/** What people are told of a rule beside its finding. */
import * as z from 'zod'

export const RuleFacts = z.object({
  blindTo: z.string().nullable(),
  response: z.string().nullable(),
  falsepositives: z.array(z.string()),
  tags: z.array(z.string()),
  /** Of a rule that is not ours: who wrote it, under which licence, where it is. Null: ours, or not known. */
  author: z.string().nullable(),
  license: z.string().nullable(),
  link: z.string().nullable(),
})
export type RuleFacts = z.infer<typeof RuleFacts>

/** The part of an evaluation under which the facts of its rules are kept, by rule id. */
export const RULES_PART = 'rules'
