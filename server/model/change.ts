/**
 * What changed in judgement, as others may want to hear of it: the console, and what leaves the house.
 *
 * Shape   `id` is a hash over what happened and when, so that the same change told twice is one. `position` is the place in the
 *         log that it stands for: it is stored in one transaction with the judgement of everything up to there.
 * Units   `time` is the log's, epoch ms.
 */
import * as z from 'zod'
import { sha256 } from '../../wire/sha256.ts'
import { Band } from './assessment.ts'
import { VERDICTS } from './case.ts'

const about = {
  id: z.string(),
  position: z.int(),
  time: z.int(),
  /** Whom it is about: a worker, or a laptop that nobody is known to hold. */
  worker: z.string(),
}
const finding = { finding: z.string(), rule: z.string(), title: z.string(), strength: z.int() }

export const Change = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('finding_opened'), ...about, ...finding }),
  z.object({ kind: z.literal('finding_updated'), ...about, ...finding, count: z.int() }),
  z.object({ kind: z.literal('finding_retracted'), ...about, ...finding }),
  z.object({ kind: z.literal('band_moved'), ...about, from: Band, to: Band, points: z.int(), reason: z.string() }),
  z.object({ kind: z.literal('case_opened'), ...about, band: Band, reason: z.string() }),
  z.object({
    kind: z.literal('case_reopened'),
    ...about,
    band: Band,
    reason: z.string(),
    newKinds: z.array(z.string()),
  }),
  z.object({ kind: z.literal('case_decided'), ...about, verdict: z.enum(VERDICTS), by: z.string() }),
  z.object({ kind: z.literal('device_silent'), ...about, device: z.string(), hours: z.number() }),
])
export type Change = z.infer<typeof Change>
type Untold<C> = C extends unknown ? Omit<C, 'id'> : never

/** `by` is who tells it, an evaluation: two that say the same of one moment say it twice. */
export function change(told: Untold<Change>, by = ''): Change {
  return { ...told, id: sha256(JSON.stringify([by, told])).slice(0, 32) } as Change
}
