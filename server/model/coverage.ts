/** How much of a laptop its agent can see. */
import * as z from 'zod'

/** How well one category can be seen on one laptop. */
export const Coverage = z.object({
  category: z.string(),
  /** seen: events arrived · quiet: the collector runs, nothing happened · partial: some of it could not be read ·
   *  blind: the agent cannot read it · off: by policy · unknown: no report */
  state: z.enum(['seen', 'quiet', 'partial', 'blind', 'off', 'unknown']),
  detail: z.string().nullable(),
  lastEvent: z.int().nullable(),
})
export type Coverage = z.infer<typeof Coverage>

/**
 * The program starts of an hour that a laptop's agent saw, of those that its system counted. `by`: in which way; by
 * 'poll' the system's number includes forks and threads, so the share is a lower bound.
 */
export const StartsSeen = z.object({
  seen: z.int(),
  total: z.int(),
  by: z.string(),
  time: z.int(),
})
export type StartsSeen = z.infer<typeof StartsSeen>

/** What an agent reported as unreadable. */
export const Gap = z.object({
  about: z.string(),
  reason: z.string(),
  count: z.int().nullable(),
  detail: z.string().nullable(),
  time: z.int(),
})
export type Gap = z.infer<typeof Gap>
