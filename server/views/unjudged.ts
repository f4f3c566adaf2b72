/** How somebody stands of whom nothing was found. */
import { assess } from '../assess/score.ts'
import type { Assessment } from '../model/assessment.ts'

/** `evaluation` null: nothing has been judged at all, which is another thing to say. */
export function unjudged(worker: string, evaluation: string | null): Assessment {
  const clean = assess(worker, [], 0)
  return evaluation === null ? { ...clean, reason: 'not evaluated yet' } : clean
}
