/** The sources of evidence about a worker, and when each was last heard of. */
import * as z from 'zod'

/** The part of an evaluation's saved state that holds them, by worker. */
export const SOURCES_PART = 'sources.seen'

export const FEED_SOURCES = ['identity_provider', 'code_host', 'hr'] as const
export type FeedSource = (typeof FEED_SOURCES)[number]

/** By source, the latest time of an event, to the hour, epoch ms. */
export type SeenSources = Partial<Record<FeedSource, number>>

export const WorkerSource = z.object({
  source: z.enum(['laptop', ...FEED_SOURCES]),
  /** Epoch ms; null: it has never said anything about this worker. */
  lastSeen: z.int().nullable(),
})
export type WorkerSource = z.infer<typeof WorkerSource>
