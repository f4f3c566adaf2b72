/**
 * What approvals would change: an evaluation takes them, and everybody is judged again.
 *
 * Errors  none. The evaluation is spent: it must not be committed.
 */
import type { RecordedOf } from '../../wire/recording.ts'
import { isAtLeast, PRIOR } from '../model/assessment.ts'
import type { Count, Effect, Moved, Place } from '../model/effect.ts'
import type { Evaluation } from './evaluation.ts'

const MOST_MOVED = 10
const MOST_STAY = 3

/** Their times are replaced by the log's, so that no time passes. `confirmed`: workers whose last verdict says so. */
export function effectOf(
  { pipeline, standings, position }: Evaluation,
  approvals: readonly RecordedOf<'approval'>[],
  confirmed: ReadonlySet<string>,
): Effect {
  const { time, findings } = pipeline
  pipeline.judgeAt(time)
  standings.revise(findings.touched(), time, position)
  const before = placesIn(standings)
  const countBefore = counted(standings, confirmed)
  for (const [at, it] of approvals.entries()) pipeline.take({ ...it, receivedAt: time }, position + at + 1)
  // Derivers judge again what approvals cover when they are given the time.
  pipeline.judgeAt(time)
  standings.revise(findings.touched(), time, position)
  const after = placesIn(standings)
  const all = [...before].map(([worker, from]): Moved => ({ worker, from, to: after.get(worker) ?? NOTHING }))
  const changed = all.filter(({ from, to }) => from.points !== to.points || from.band !== to.band).sort(byPoints)
  const same = all.filter((it) => !changed.includes(it) && isAtLeast(it.from.band, 'high')).sort(byPoints)
  return {
    ...{ before: countBefore, after: counted(standings, confirmed), confirmed: confirmed.size },
    ...{ moves: changed.length, moved: changed.slice(0, MOST_MOVED), stay: same.slice(0, MOST_STAY) },
  }
}

/** Of somebody without findings. */
const NOTHING: Place = { points: PRIOR, band: 'none' }

function placesIn(standings: Evaluation['standings']): Map<string, Place> {
  return new Map(
    [...standings.all()].map(({ standing: { worker, assessment } }) => [
      worker,
      { points: assessment.points, band: assessment.band },
    ]),
  )
}

function counted(standings: Evaluation['standings'], confirmed: ReadonlySet<string>): Count {
  const all = [...standings.all()]
  const high = all.filter(({ standing }) => isAtLeast(standing.assessment.band, 'high'))
  return {
    high: high.length,
    open: all.filter(({ state }) => state === 'open' || state === 'reopened').length,
    clusters: standings.clusters.length,
    confirmed: high.filter(({ standing }) => confirmed.has(standing.worker)).length,
  }
}

function byPoints(a: Moved, b: Moved): number {
  return b.from.points - a.from.points || (a.worker < b.worker ? -1 : 1)
}
