/** Conflicts of one laptop: numbers used twice, two machines under one identity, and a machine that became another. */
import type { EventOf } from '../../../../wire/event.ts'
import { DAY, HOUR, MINUTE } from '../../../../wire/time.ts'
import type { Emit, Seen } from '../../deriver.ts'
import { type Buckets, buckets, earliestAndLatest, type Fact } from '../../kit/buckets.ts'
import type { Parts } from '../../kit/kept.ts'
import type { Statement, Statements } from '../../kit/statements.ts'
import type { World } from '../../kit/world.ts'
import { BUCKET_MS, conflictOf, firstOpenDay, KEEP_MS } from './conflict.ts'

interface Limits {
  backWithinHours: number
  togetherMinutes: number
  overlapMinutes: number
}

type Reason = EventOf<'identity_conflict'>['Reason']

export interface LaptopConflicts {
  take(seen: Seen, time: number, emit: Emit): void
  readonly kept: Parts
}

export function laptopConflicts(limits: Limits, world: World, reported: Statements): LaptopConflicts {
  const bounds = { keepMs: KEEP_MS, width: 2, merge: earliestAndLatest }
  const replays = buckets({ ...bounds, bucketMs: DAY })
  /** Of sessions, and of what the agent says about itself: the two need not be computed in the same way. */
  const fingerprints = buckets({ ...bounds, bucketMs: BUCKET_MS })
  const told = buckets({ ...bounds, bucketMs: BUCKET_MS })
  /** By fingerprint and boot: first and last by the laptop's clock, and by the server's. */
  const boots = buckets({
    keepMs: KEEP_MS,
    width: 4,
    merge: ([a, b, c, d], [e, f, g, h]) => [Math.min(a!, e!), Math.max(b!, f!), Math.min(c!, g!), Math.max(d!, h!)],
    bucketMs: BUCKET_MS,
  })
  /** Whether the agent calls its machine virtual. */
  const virtual = buckets({ ...bounds, bucketMs: BUCKET_MS })

  return {
    take(seen, time, emit) {
      const { connection, device, worker, conflict, event } = seen
      if (device === null) return
      const fingerprint = connection?.fingerprint
      if (!conflict && !fingerprint && event?.category !== 'agent_state') return
      const subject = JSON.stringify([device, worker])
      if (conflict && replays.add(subject, time, '', [time, time])) judgeReplays(subject, device, worker, emit)
      if (fingerprint && fingerprints.add(subject, time, fingerprint, [time, time]))
        judgeFingerprints('f', fingerprints, subject, device, worker, emit)
      if (event?.category === 'agent_state') takeState(event, subject, time, seen, emit)
    },
    kept: {
      replays: replays.kept,
      fingerprints: fingerprints.kept,
      told: told.kept,
      boots: boots.kept,
      virtual: virtual.kept,
    },
  }

  function takeState(
    { Fingerprint, BootId, Virtual }: EventOf<'agent_state'>,
    subject: string,
    time: number,
    { receivedAt, device, worker }: Seen,
    emit: Emit,
  ): void {
    if (Fingerprint !== null && told.add(subject, time, Fingerprint, [time, time]))
      judgeFingerprints('t', told, subject, device!, worker, emit)
    const key = JSON.stringify([Fingerprint, BootId])
    if (BootId !== null && boots.add(subject, time, key, [time, time, receivedAt, receivedAt]))
      judgeBoots(subject, device!, worker, emit)
    if (Virtual !== null && virtual.add(subject, time, String(Virtual), [time, time]))
      judgeVirtual(subject, device!, worker, emit)
  }

  function judgeReplays(subject: string, device: string, worker: string | null, emit: Emit): void {
    const times = replays.of(subject).map(({ values }) => values[0]!)
    const from = firstOpenDay(replays.reached(subject))
    reported.revise(`r${subject}`, from, daily('sequence_replay', device, worker, times), emit)
  }

  /** `by`: keeps the events of one source apart from those of others. */
  function judgeFingerprints(
    by: 'f' | 't',
    prints: Buckets,
    subject: string,
    device: string,
    worker: string | null,
    emit: Emit,
  ): void {
    if (prints.keys(subject).length < 2) return
    const facts = prints.of(subject)
    const sightings = facts
      .flatMap(({ key, values }) => [...new Set(values)].map((time) => ({ fingerprint: key, time })))
      .sort((a, b) => a.time - b.time || (a.fingerprint < b.fingerprint ? -1 : 1))
    const times = sightings.flatMap(({ fingerprint, time }, index) => {
      const earlier = sightings.slice(0, index)
      const other = earlier.findLast((it) => it.fingerprint !== fingerprint)
      if (!other) return []
      const same = earlier.findLast((it) => it.fingerprint === fingerprint && it.time <= other.time)
      const isTogether = time - other.time <= limits.togetherMinutes * MINUTE
      const isBack = same !== undefined && time - same.time <= limits.backWithinHours * HOUR
      return isTogether || isBack ? [time] : []
    })
    const now = [
      ...daily('two_fingerprints', device, worker, times, by),
      ...(times.length === 0 ? daily('fingerprint_changed', device, worker, changes(facts), by) : []),
    ]
    reported.revise(`${by}${subject}`, firstOpenDay(prints.reached(subject)), now, emit)
  }

  /**
   * A boot is one stretch of time: when two overlap, two machines ran. By the server's clock, too, because a laptop's
   * own may jump when it starts.
   */
  function judgeBoots(subject: string, device: string, worker: string | null, emit: Emit): void {
    if (boots.keys(subject).length < 2) return
    const facts = boots.of(subject)
    const runs = [...Map.groupBy(facts, (it) => it.key)].map(([key, ofKey]) => {
      const [fingerprint, boot] = JSON.parse(key) as [string | null, string]
      const least = (at: number) => Math.min(...ofKey.map((it) => it.values[at]!))
      const most = (at: number) => Math.max(...ofKey.map((it) => it.values[at]!))
      return { fingerprint, boot, facts: ofKey, first: least(0), last: most(1), from: least(2), to: most(3) }
    })
    const times: Record<'two_machines_at_once' | 'two_boots_at_once', number[]> = {
      two_machines_at_once: [],
      two_boots_at_once: [],
    }
    for (const [index, a] of runs.entries())
      for (const b of runs.slice(index + 1)) {
        const [start, end] = [Math.max(a.first, b.first), Math.min(a.last, b.last)]
        const heard = Math.min(a.to, b.to) - Math.max(a.from, b.from)
        if (a.boot === b.boot || Math.min(end - start, heard) < limits.overlapMinutes * MINUTE) continue
        const isOther = a.fingerprint !== null && b.fingerprint !== null && a.fingerprint !== b.fingerprint
        const [ofA, ofB] = [a, b].map(({ facts }) => [
          ...new Set(facts.flatMap(({ values }) => values.slice(0, 2)).filter((it) => it >= start && it <= end)),
        ])
        // One event that names the other boot, as around a restart, is not a second machine.
        if (ofA!.length < 2 || ofB!.length < 2) continue
        times[isOther ? 'two_machines_at_once' : 'two_boots_at_once'].push(...ofA!, ...ofB!)
      }
    const now = (['two_machines_at_once', 'two_boots_at_once'] as const).flatMap((it) =>
      daily(it, device, worker, times[it]),
    )
    reported.revise(`b${subject}`, firstOpenDay(boots.reached(subject)), now, emit)
  }

  function judgeVirtual(subject: string, device: string, worker: string | null, emit: Emit): void {
    if (!virtual.keys(subject).includes('true')) return
    const facts = virtual.of(subject)
    const real = Math.min(...facts.filter((it) => it.key === 'false').map((it) => it.values[0]!))
    const times = facts.filter((it) => it.key === 'true').flatMap((it) => it.values)
    const isListed = world.holdingsOf(device).some((it) => it.serial != null)
    const now = [
      ...daily(
        'virtual_after_hardware',
        device,
        worker,
        times.filter((it) => it > real),
      ),
      ...(isListed ? daily('virtual_though_listed', device, worker, times) : []),
    ]
    reported.revise(`v${subject}`, firstOpenDay(virtual.reached(subject)), now, emit)
  }
}

/** The first times of fingerprints that replaced another for good. */
function changes(facts: readonly Fact[]): number[] {
  const stretches = [...Map.groupBy(facts, (it) => it.key).values()].map((ofKey) => ({
    first: Math.min(...ofKey.map((it) => it.values[0]!)),
    last: Math.max(...ofKey.map((it) => it.values[1]!)),
  }))
  return stretches
    .filter((it) => stretches.some((other) => other.last < it.first))
    .filter((it) => stretches.every((other) => other.last < it.first || other.first >= it.first))
    .map((it) => it.first)
}

/** One per UTC day, at its first time. */
function daily(
  reason: Reason,
  device: string,
  worker: string | null,
  times: readonly number[],
  by: 'f' | 't' = 'f',
): Statement[] {
  return [...Map.groupBy(times, (it) => Math.floor(it / DAY)).values()].map((ofDay) => ({
    about: { device, worker, time: Math.min(...ofDay) },
    key: by === 't' ? `${reason} told` : reason,
    draft: conflictOf(reason),
  }))
}
