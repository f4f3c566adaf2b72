/** What people read about a rule beside its finding. */
import * as z from 'zod'

export const RuleFacts = z.object({
  blindTo: z.string().nullable(),
  response: z.string().nullable(),
  falsepositives: z.array(z.string()),
  tags: z.array(z.string()),
  /** For a third-party rule: its author, licence and address. Null for our own rules, or when not known. */
  author: z.string().nullable(),
  license: z.string().nullable(),
  link: z.string().nullable(),
})
export type RuleFacts = z.infer<typeof RuleFacts>

/** The part of an evaluation under which the facts about its rules are stored, by rule id. */
export const RULES_PART = 'rules'
