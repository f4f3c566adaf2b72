/**
 * What approvals would change, computed from the saved state in a thread of its own.
 *
 * Shape   one at a time, because each needs as much memory as the detector.
 * Errors  Fault 'server.busy' while another is computed, or while a change of rules is being worked in; 'api.failed'
 *         when the thread fails.
 */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { Fault } from '../../wire/fault.ts'
import type { RecordedOf } from '../../wire/recording.ts'
import type { Config } from '../config.ts'
import type { Effect } from '../model/effect.ts'
import { HEAP_MB } from './detector.ts'

const AGAIN_MS = 10_000

export interface EffectQuestion {
  config: Config
  approvals: readonly RecordedOf<'approval'>[]
}

/** Null: no evaluation is active by this configuration. */
export type EffectAnswer = Effect | null

export function effects(configNow: () => Config): (approvals: EffectQuestion['approvals']) => Promise<Effect> {
  let isAtWork = false
  return async (approvals) => {
    if (isAtWork) throw busy('What another approval would change is being computed.')
    isAtWork = true
    try {
      const found = await asked({ config: configNow(), approvals })
      if (!found) throw busy('A change of the rules is being worked in.')
      return found
    } finally {
      isAtWork = false
    }
  }
}

async function asked(question: EffectQuestion): Promise<EffectAnswer> {
  const worker = new Worker(new URL('./effect-thread.ts', import.meta.url), {
    workerData: question,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
  })
  // Not terminated: Node aborts the whole process when that hits a zstd stream being made.
  const [answer] = await once(worker, 'message')
  return answer as EffectAnswer
}

function busy(why: string): Fault {
  return new Fault('server.busy', { why, todo: 'Ask again in a moment.', facts: { retryAfterMs: AGAIN_MS } })
}
