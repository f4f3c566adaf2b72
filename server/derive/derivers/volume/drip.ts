/**
 * The slow drip (P12): less than the daily floors, and over two weeks more than anybody else of the role.
 *
 * Shape   the sum of three shares: clones, bytes sent, and bytes set aside (removable media, sync, file shares,
 *         archives), each relative to the most that peers move in 14 days. A day counts at most the daily floor, so
 *         that one large day is not a drip, and at least `dripDays` days must each contribute.
 * Judged  when the last of the 14 days is over, for days on which the worker was active. Also compared with the 21 days
 *         before, if ten of those were active (without enough peers, with these only): a drip that continues is
 *         reported in its first weeks, and then becomes the habit.
 */
import { DAY } from '../../../../wire/time.ts'
import type { Draft } from '../../deriver.ts'
import { activeDays, byDay, type Sums } from './book.ts'
import type { Candidate } from './habit.ts'
import { isActive, measured } from './metrics.ts'
import { PEER_DAYS, type Peers } from './peers.ts'
import { DRIP_DAYS, DRIP_HABIT_DAYS, type VolumeThresholds } from './thresholds.ts'
import type { Worker } from './workers.ts'

/** Clones, bytes sent, bytes set aside. */
type Moved = [number, number, number]

interface Verdict {
  value: number
  usual: number | null
  peerP99: number | null
}

export function drips(
  chosen: VolumeThresholds,
  workerOf: (name: string) => Worker | undefined,
  peersOf: (role: string | null) => Peers | null,
) {
  /** The sums of peers, by the last of the 14 days; null: not active. A worker's entry is dropped when it changes. */
  const known = new Map<number, Map<string, Moved | null>>()
  /** The verdicts by the same day and worker, until any worker changes. */
  const judged = new Map<number, Map<string, Verdict | null>>()
  const least: Moved = [chosen.dripRepositories, chosen.dripEgressBytes, chosen.dripAsideBytes]

  return {
    /** Days from `since` to `through` that would be a drip if peers moved almost nothing. */
    of(name: string, since: number, through: number): Candidate[] {
      const { book } = workerOf(name)!
      const last = Math.min(through, Math.floor(book.reached / DAY))
      const found: Candidate[] = []
      const table = last < since ? null : byDay(book, since - DRIP_DAYS - DRIP_HABIT_DAYS, last)
      for (let day = since; table && day <= last; day++) {
        if (!isActive(table.get(day) ?? [])) continue
        const value = share(windowOf(table, day, DRIP_DAYS).sums, least)
        if (value <= chosen.dripShare) continue
        found.push({ metric: 'drip', day, time: (day + 1) * DAY - 1, value, median: null, p99: null, z: null })
      }
      return found
    },

    judge(name: string, day: number, daysSinceStart: number | null): Draft | null {
      const ofDay = judged.get(day) ?? new Map<string, Verdict | null>()
      judged.set(day, ofDay)
      if (!ofDay.has(name)) ofDay.set(name, verdictOn(name, day))
      const verdict = ofDay.get(name)
      return verdict
        ? {
            category: 'volume_anomaly',
            Metric: 'drip',
            Value: verdict.value,
            OwnMedian: verdict.usual,
            OwnP99: null,
            PeerP99: verdict.peerP99,
            Z: null,
            WindowDays: DRIP_DAYS,
            DaysSinceStart: daysSinceStart,
          }
        : null
    },

    /** Whether the verdict of that day is still valid. */
    isJudged(name: string, day: number): boolean {
      return judged.get(day)?.has(name) ?? false
    },

    enoughPeers,

    /** The worker's data of `from` or a later day changed. */
    changed(name: string, from: number): void {
      for (const [day, sums] of known) if (day >= from) sums.delete(name)
      for (const [day, verdicts] of judged) if (day >= from) verdicts.clear()
    },

    forget(before: number): void {
      for (const byDay of [known, judged]) for (const day of byDay.keys()) if (day < before) byDay.delete(day)
    },
  }

  function verdictOn(name: string, day: number): Verdict | null {
    const { book, role } = workerOf(name)!
    const table = byDay(book, day - DRIP_DAYS - DRIP_HABIT_DAYS, day)
    const own = windowOf(table, day, DRIP_DAYS)
    const before = windowOf(table, day - DRIP_DAYS, DRIP_HABIT_DAYS)
    const hasHabit = before.active >= chosen.dripHabitDays
    const habit = hasHabit ? (before.sums.map((it) => (it / before.active) * own.active) as Moved) : null
    const group = peersOf(role)
    const others = group && enoughPeers(name, group, day) ? peerSums(name, group, day) : null
    const compared = others
      ? least.map((_, kind) =>
          percentile(
            others.map((it) => it[kind]!),
            0.85,
          ),
        )
      : habit
    if (!compared) return null
    const most = least.map((it, kind) => Math.max(it, compared[kind]!)) as Moved
    const value = share(own.sums, most)
    const shares = others?.map((it) => share(it, most))
    const usual = habit && share(habit, most)
    const bounds = [
      chosen.dripShare,
      (shares ? percentile(shares, 0.85) : 0) * chosen.dripPeersRatio,
      (usual ?? 0) * chosen.dripRatio,
    ]
    if (value <= Math.max(...bounds)) return null
    const days = own.days.filter((it) => share(it, most) >= chosen.dripShare / DRIP_DAYS)
    if (days.length < chosen.dripDays) return null
    const peerP99 = shares ? twoDigits(percentile(shares, 0.99)) : null
    return { value: twoDigits(value), usual: usual && twoDigits(usual), peerP99 }
  }

  function enoughPeers(name: string, { members }: Peers, day: number): boolean {
    let active = 0
    for (const it of members) {
      const book = it === name ? undefined : workerOf(it)?.book
      if (!book || activeDays(book, day - PEER_DAYS + 1, day) < chosen.habitDays) continue
      if (++active >= chosen.leastPeers) return true
    }
    return false
  }

  function peerSums(name: string, { members }: Peers, day: number): Moved[] {
    const ofDay = known.get(day) ?? new Map<string, Moved | null>()
    known.set(day, ofDay)
    const all: Moved[] = []
    for (const it of members) {
      if (it === name) continue
      let sums = ofDay.get(it)
      if (sums === undefined) {
        const book = workerOf(it)?.book
        const window = book && windowOf(byDay(book, day - DRIP_DAYS + 1, day), day, DRIP_DAYS)
        sums = window && window.active >= chosen.habitDays ? window.sums : null
        ofDay.set(it, sums)
      }
      if (sums) all.push(sums)
    }
    return all
  }

  /** The sums of the `length` days that end with `last`, each day cut to the daily floors. */
  function windowOf(table: ReadonlyMap<number, Sums>, last: number, length: number) {
    const sums: Moved = [0, 0, 0]
    const days: Moved[] = []
    let active = 0
    for (let day = last - length + 1; day <= last; day++) {
      const ofDay = table.get(day)
      if (!ofDay) continue
      if (isActive(ofDay)) active++
      const kinds = kindsOf(ofDay)
      days.push(kinds)
      for (const kind of [0, 1, 2] as const) sums[kind] += kinds[kind]
    }
    return { sums, days, active }
  }

  function kindsOf(sums: Sums): Moved {
    const cut = (value: number, floor: number) => Math.min(value, floor)
    const aside = (['removable_bytes', 'sync_bytes', 'file_share_bytes', 'archive_bytes'] as const).reduce(
      (sum, metric) => sum + cut(measured(metric, sums), chosen[metric].floor),
      0,
    )
    return [
      cut(measured('repositories', sums), chosen.repositories.floor),
      cut(measured('egress_bytes', sums), chosen.egress_bytes.floor),
      aside,
    ]
  }
}

function share(sums: Moved, most: Moved): number {
  return sums[0] / most[0] + sums[1] / most[1] + sums[2] / most[2]
}

function twoDigits(value: number): number {
  return Math.round(value * 100) / 100
}

/** Of at least one value. */
function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.ceil(sorted.length * share) - 1]!
}
