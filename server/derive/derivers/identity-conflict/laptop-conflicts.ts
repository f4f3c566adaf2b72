/** Conflicts of one laptop: sequence numbers that were used twice, and sessions from two machines. */
import { DAY, HOUR, MINUTE } from '../../../../wire/time.ts'
import type { Emit, Seen } from '../../deriver.ts'
import { buckets, earliestAndLatest } from '../../kit/buckets.ts'
import type { Parts } from '../../kit/kept.ts'
import type { Statement, Statements } from '../../kit/statements.ts'
import { BUCKET_MS, conflictOf, firstOpenDay, KEEP_MS } from './conflict.ts'

interface Limits {
  backWithinHours: number
  togetherMinutes: number
}

export interface LaptopConflicts {
  take(seen: Seen, time: number, emit: Emit): void
  readonly kept: Parts
}

export function laptopConflicts(limits: Limits, reported: Statements): LaptopConflicts {
  const bounds = { keepMs: KEEP_MS, width: 2, merge: earliestAndLatest }
  const replays = buckets({ ...bounds, bucketMs: DAY })
  const fingerprints = buckets({ ...bounds, bucketMs: BUCKET_MS })

  return {
    take({ connection, device, worker, conflict }, time, emit) {
      const fingerprint = connection?.fingerprint
      if (device === null || !(conflict || fingerprint)) return
      const subject = JSON.stringify([device, worker])
      if (conflict && replays.add(subject, time, '', [time, time])) judgeReplays(subject, device, worker, emit)
      if (fingerprint && fingerprints.add(subject, time, fingerprint, [time, time]))
        judgeFingerprints(subject, device, worker, emit)
    },
    kept: { replays: replays.kept, fingerprints: fingerprints.kept },
  }

  function judgeReplays(subject: string, device: string, worker: string | null, emit: Emit): void {
    const times = replays.of(subject).map(({ values }) => values[0]!)
    const from = firstOpenDay(replays.reached(subject))
    reported.revise(`r${subject}`, from, daily('sequence_replay', device, worker, times), emit)
  }

  function judgeFingerprints(subject: string, device: string, worker: string | null, emit: Emit): void {
    if (fingerprints.keys(subject).length < 2) return
    const sessions = fingerprints
      .of(subject)
      .flatMap(({ key, values }) => [...new Set(values)].map((time) => ({ fingerprint: key, time })))
      .sort((a, b) => a.time - b.time || (a.fingerprint < b.fingerprint ? -1 : 1))
    const times = sessions.flatMap(({ fingerprint, time }, index) => {
      const earlier = sessions.slice(0, index)
      const other = earlier.findLast((it) => it.fingerprint !== fingerprint)
      if (!other) return []
      const same = earlier.findLast((it) => it.fingerprint === fingerprint && it.time <= other.time)
      const isTogether = time - other.time <= limits.togetherMinutes * MINUTE
      const isBack = same !== undefined && time - same.time <= limits.backWithinHours * HOUR
      return isTogether || isBack ? [time] : []
    })
    const from = firstOpenDay(fingerprints.reached(subject))
    reported.revise(`f${subject}`, from, daily('two_fingerprints', device, worker, times), emit)
  }
}

/** One per UTC day, at its first time. */
function daily(
  reason: 'sequence_replay' | 'two_fingerprints',
  device: string,
  worker: string | null,
  times: readonly number[],
): Statement[] {
  return [...Map.groupBy(times, (it) => Math.floor(it / DAY)).values()].map((ofDay) => ({
    about: { device, worker, time: Math.min(...ofDay) },
    key: reason,
    draft: conflictOf(reason),
  }))
}
