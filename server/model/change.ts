/**
 * What changed in the assessment, for consumers such as the console and the outputs.
 *
 * Shape   `id` is a hash over what happened and when, so that a change reported twice has one id. `position` is a place
 *         in the log: the change is stored in one transaction with the results for everything up to there.
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
  /** The worker it is about, or a laptop with no known holder. */
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
type WithoutId<C> = C extends unknown ? Omit<C, 'id'> : never

/** `by`: the evaluation that reports it. The same change from two evaluations has two ids. */
export function change(details: WithoutId<Change>, by = ''): Change {
  return { ...details, id: sha256(JSON.stringify([by, details])).slice(0, 32) } as Change
}
