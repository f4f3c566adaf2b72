/** Records a person's verdict on a worker's current standing, with an audit entry and a change. */

import { PRIOR } from '../model/assessment.ts'
import type { CaseView, Verdict } from '../model/case.ts'
import { change } from '../model/change.ts'
import type { Store } from '../store/store.ts'
import { caseOf } from './case.ts'

export interface DecideDeps {
  store: Pick<Store, 'cases' | 'evaluations'>
  /** Whether the worker exists; one without findings has no standing. */
  isWorker(worker: string): boolean
  now(): number
  /** Called when the verdict is durable; `decide` waits for it. */
  decided(verdict: Verdict): Promise<void>
}

/** Null: no such worker. */
export async function decide(
  { store, isWorker, now, decided }: DecideDeps,
  worker: string,
  { verdict, reason }: Pick<Verdict, 'verdict' | 'reason'>,
  by: string,
): Promise<CaseView | null> {
  const active = await store.evaluations.active()
  const standing = active && (await store.evaluations.standing(active.id, worker))
  if (!standing && !isWorker(worker)) return null
  const { band, points } = standing?.assessment ?? { band: 'none' as const, points: PRIOR }
  const kinds = standing?.kinds ?? []
  const at = now()
  const made: Verdict = { worker, verdict, reason, by, at, band, points, kinds: kinds.map((it) => it.rule) }
  await store.cases.decide(
    made,
    change({ kind: 'case_decided', position: active?.position ?? 0, time: at, worker, verdict, by }),
    { at, user: by, action: 'verdict', about: worker, detail: `${verdict}: ${reason}` },
  )
  await decided(made)
  return caseOf(made, band, kinds)
}
