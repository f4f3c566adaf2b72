/** The assessment of a worker without findings. */
import { unjudged as withoutFindings } from '../assess/score.ts'
import type { Assessment } from '../model/assessment.ts'

/** `evaluation` null: nothing has been evaluated yet, which the reason then says. */
export function unjudged(worker: string, evaluation: string | null): Assessment {
  const clean = withoutFindings(worker)
  return evaluation === null ? { ...clean, reason: 'not evaluated yet' } : clean
}
