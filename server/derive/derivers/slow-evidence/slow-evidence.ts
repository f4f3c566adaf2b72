/**
 * Slow evidence: days that stay under every floor, and add up to what ordinary days do not (P7, P12, F5).
 *
 * Shape   for each worker, metric and UTC day, once the day is over: how rare the day is among those of colleagues with
 *         the same first role (`rank.ts`), as -log10 of their share, less `usual`, so that only the highest tenth of
 *         days adds. These are summed up (CUSUM: never below zero, at most `mostADay` a day). One `slow_evidence` for
 *         each day that adds while the sum is at least `least`, of at least `leastDays` days. Days on which the worker was not active do not count.
 *         The colleagues' days are those of the same window, the day itself among them: what everybody does on one day
 *         (a move of a code host) is not rare.
 * Silent  what the contract approves, except remote control, which has a metric of its own; what is usual for the role.
 * Memory  per worker the days of the window (`worker-day.ts`), the sums of settled days, at most `DEVICES` devices and
 *         `SESSIONS` sessions of remote control. Days can change for `OPEN_DAYS`, and are settled after that.
 */
import * as z from 'zod'
import { SLOW_METRICS } from '../../../../wire/events/derived.ts'
import { DAY, HOUR } from '../../../../wire/time.ts'
import { type Draft, deriverKind, type Emit, LATENESS_MS, type Seen } from '../../deriver.ts'
import { Subjects, single } from '../../kit/kept.ts'
import { SLOW_LINKS } from '../../kit/place.ts'
import { hoursByDay, isLater, type RemoteSession, sessionOf, shortest } from '../../kit/remote-sessions.ts'
import { expectedMs, roundTripThresholds } from '../../kit/round-trip.ts'
import { type Statement, statements } from '../../kit/statements.ts'
import type { SlowMetric } from './metrics.ts'
import { type Member, type Ranked, ranksOn } from './rank.ts'
import {
  addCount,
  addLogin,
  CODE_OF,
  countsOf,
  emptyDay,
  numberOf,
  type Pairs,
  plainValues,
  type RawDay,
  roleOf,
  unseenDevice,
  type WorkerDay,
} from './worker-day.ts'

const OPEN_DAYS = LATENESS_MS / DAY + 2
const DEVICES = 32
const SESSIONS = 256

const thresholds = z.strictObject({
  ...roundTripThresholds,
  /** Days whose colleagues' days are compared, the judged day included. */
  windowDays: z.int().min(7).max(60).default(28),
  /** The share of colleagues that is left out of the comparison: those who moved most. */
  leftOut: z.number().min(0).max(0.5).default(0.2),
  /** A day of a colleague is as high from this part of the value on: to be a little ahead of others is no evidence. */
  exceeds: z.number().min(1).max(10).default(1.5),
  /** Days with the shipped shares that are added to those of colleagues. */
  typicalDays: z.int().min(1).max(10_000).default(100),
  /** The score of a day that adds nothing: 1 is the highest tenth. */
  usual: z.number().min(0).max(3).default(1),
  /** What one day adds at most, so that two days are never enough. */
  mostADay: z.number().min(0.1).max(5).default(2),
  /** The sum from which it is reported: ordinary people of simulated companies of 250 stay below 3.5. */
  least: z.number().min(0).max(100).default(4),
  /** The least number of days that added to it: a busy end of a week is not slow. */
  leastDays: z.int().min(1).max(60).default(4),
  /** The sum does not grow beyond this, so that it ends some time after what it tells of has ended. */
  most: z.number().min(1).max(1_000).default(100),
  /** Days for which a device counts as new to its worker. */
  newDeviceDays: z.int().min(1).max(90).default(30),
})
type Limits = z.output<typeof thresholds>

/** Of one metric, after the days so far. */
interface Run {
  sum: number
  days: number
  total: number
}

interface SlowWorker {
  /** Settled runs, by the index of the metric. */
  runs: [code: number, run: Run][]
  /** Hash of a device that is not ours, and the first UTC day on which the worker used it. */
  devices: [hash: number, day: number][]
  /** By key: the session, and whether the contract approves its tool. */
  sessions: Map<string, RemoteSession & { approved: boolean }>
}

export const slowEvidence = deriverKind('slow_evidence', thresholds, (limits, world) => {
  const workers = new Subjects<SlowWorker>({
    save: ({ sessions, ...rest }) => ({ ...rest, sessions: [...sessions] }),
    load(state) {
      const { sessions, ...rest } = state as Omit<SlowWorker, 'sessions'> & { sessions: [string, never][] }
      return { ...rest, sessions: new Map(sessions) }
    },
  })
  /** By day and worker. */
  const days = new Subjects<WorkerDay>(undefined, (name, day) => {
    const blank = name.indexOf(' ')
    index(name.slice(blank + 1)).set(Number(name.slice(0, blank)), day)
  })
  /** The same, by worker and day. */
  const byWorker = new Map<string, Map<number, WorkerDay>>()
  let progress = {
    /** Days up to this one are over, and have been judged; 0: none. */
    closedThrough: 0,
    /** Days before this one are settled; 0: none. */
    openFrom: 0,
  }
  const reported = statements()
  /** The first day that changed since the last judgement, by worker. Not saved: all are judged again after a restart. */
  const stale = new Map<string, number>()
  let isRestored = false
  let revision = -1
  const roles = new Map<string, string | null>()
  /** The ranks of open days, by worker and day: a pair for each metric with a value. */
  const ranks = new Map<string, Map<number, Map<number, Ranked>>>()
  /** The hour of each worker's last laptop event, because most events add nothing else. */
  const lastHour = new Map<string, number>()

  return {
    take(seen) {
      const { worker: name, device, conflict, time, receivedAt, event, connection } = seen
      if (name === null || conflict || time > receivedAt + DAY) return
      const day = Math.floor(time / DAY)
      if (day < progress.openFrom) return
      if (device !== null) {
        const hour = Math.floor(time / HOUR)
        if (lastHour.get(name) !== hour) {
          lastHour.set(name, hour)
          addHour(name, day, hour)
        }
      } else openDay(name, day)
      if (connection) addRoundTrip(name, day, seen)
      else if (event && COUNTED.has(event.category)) addEvent(name, day, seen)
    },

    advance(now, emit) {
      const before = progress.closedThrough
      const through = Math.max(before, Math.floor(now / DAY) - 1)
      const isNewDay = through > before
      if (!isNewDay && !isRestored && stale.size === 0 && revision === world.revision) return
      progress.closedThrough = through
      const areRolesNew = updateRoles(isNewDay)
      const isAll = areRolesNew || isRestored
      isRestored = false
      // Days that are over now are judged for all who were active on them.
      const since = isAll ? firstOpenDay() : before + 1
      if (isAll || isNewDay)
        for (const [name, own] of byWorker) {
          const first = [...own.keys()].filter((day) => day >= since && own.get(day)!.raw !== null)
          if (first.length > 0) markStale(name, Math.min(...first))
        }
      judge(isAll, emit)
      if (isNewDay) settle(emit)
    },

    kept: {
      workers,
      days,
      progress: single(
        () => progress,
        (state) => {
          progress = state
        },
      ),
      reported: reported.kept,
    },
    restored() {
      isRestored = byWorker.size > 0
    },
  }

  function index(name: string): Map<number, WorkerDay> {
    const known = byWorker.get(name) ?? new Map<number, WorkerDay>()
    byWorker.set(name, known)
    return known
  }

  function workerOf(name: string): SlowWorker {
    return workers.ensure(name, () => ({ runs: [], devices: [], sessions: new Map() }))
  }

  function openDay(name: string, day: number): WorkerDay {
    const own = index(name)
    const known = own.get(day)
    if (known) return known
    const made = emptyDay()
    own.set(day, made)
    days.set(`${day} ${name}`, made)
    markStale(name, day)
    return made
  }

  /** The day as it is changed now; null when it is settled. */
  function rawOf(name: string, day: number) {
    const { raw } = openDay(name, day)
    if (raw) days.touch(`${day} ${name}`)
    return raw
  }

  function firstOpenDay(): number {
    if (progress.openFrom > 0) return progress.openFrom
    let first = progress.closedThrough
    for (const own of byWorker.values()) for (const day of own.keys()) first = Math.min(first, day)
    return first
  }

  /** Days that are not over are judged when they are. */
  function markStale(name: string, day: number): void {
    if (day <= progress.closedThrough && day < (stale.get(name) ?? Number.POSITIVE_INFINITY)) stale.set(name, day)
  }

  function addHour(name: string, day: number, hour: number): void {
    const known = openDay(name, day)
    const bit = 1 << (hour % 24)
    if ((known.hours & bit) !== 0) return
    known.hours |= bit
    days.touch(`${day} ${name}`)
    if (workers.get(name)?.devices.length) markStale(name, day - 1)
  }

  function addRoundTrip(name: string, day: number, { connection, device }: Seen): void {
    const { geo, rttMinMs } = connection!
    if (rttMinMs == null || device === null || SLOW_LINKS.has(geo.class)) return
    const expected = expectedMs(limits, geo, geo.accuracyKm ?? 0)
    if (expected === null) return
    const excess = Math.max(0, rttMinMs - expected)
    const raw = rawOf(name, day)
    if (!raw || (raw.excess !== null && raw.excess <= excess)) return
    raw.excess = excess
    markStale(name, day)
  }

  function addEvent(name: string, day: number, seen: Seen): void {
    const { event, time, device } = seen
    if (event?.category === 'remote_session') {
      if (event.Direction !== 'incoming') return
      const worker = workerOf(name)
      const session = {
        ...sessionOf(event),
        approved: world.approvesSession(device, seen.worker, event.Tool, time),
      }
      session.start = Math.max(session.start, session.end - OPEN_DAYS * DAY)
      const key = JSON.stringify([device, event.Tool, event.PeerIdHash, event.StartedAt])
      const before = worker.sessions.get(key)
      if (before && isLater(before, session)) return
      worker.sessions.set(key, session)
      if (worker.sessions.size > SESSIONS) worker.sessions.delete(shortest(worker.sessions))
      workers.touch(name)
      markStale(name, Math.floor(Math.min(session.start, before?.start ?? session.start) / DAY))
      return
    }
    if (event?.category === 'idp_login') {
      const found = world.devicesOf(name).length > 0 ? unseenDevice(seen, (it) => world.deviceNamed(it) !== null) : null
      const raw = found === null ? null : rawOf(name, day)
      if (found === null || !raw || !addLogin(raw, Math.floor(time / HOUR) % 24, found)) return
      addDevice(name, found, day)
      markStale(name, day)
      return
    }
    const counts = countsOf(seen)
    const raw = counts.length > 0 ? rawOf(name, day) : null
    if (!raw) return
    for (const [count, value] of counts) addCount(raw, count, value)
    markStale(name, day)
  }

  /** The lowest hashes are kept, so that their order of arrival makes no difference. */
  function addDevice(name: string, hash: number, day: number): void {
    const worker = workerOf(name)
    const known = worker.devices.find((it) => it[0] === hash)
    if (known && known[1] <= day) return
    if (known) {
      known[1] = day
      // Later days on which it was new may no longer be.
      markStale(name, day)
    } else
      worker.devices = [...worker.devices, [hash, day] as [number, number]]
        .sort((a, b) => a[0] - b[0])
        .slice(0, DEVICES)
    workers.touch(name)
  }

  /** True when the role of somebody changed, so that everything is compared with others. */
  function updateRoles(isNewDay: boolean): boolean {
    const isSame = !isNewDay && revision === world.revision
    revision = world.revision
    let isChanged = false
    for (const name of isSame ? stale.keys() : byWorker.keys()) {
      if (isSame && roles.has(name)) continue
      const role = roleOf(world.contractAt(name, (progress.closedThrough + 1) * DAY - 1))
      if (roles.has(name) && roles.get(name) !== role) isChanged = true
      roles.set(name, role)
    }
    return isChanged
  }

  /** Computes the values of changed days, ranks them and those of colleagues, and reports what is different. */
  function judge(isAll: boolean, emit: Emit): void {
    const first = firstOpenDay()
    /** By role, the first day from which each metric must be ranked again. */
    const dirty = new Map<string | null, number[]>()
    for (const [name, since] of stale) {
      const own = byWorker.get(name)!
      const role = roles.get(name) ?? null
      const from = dirty.get(role) ?? SLOW_METRICS.map(() => Number.POSITIVE_INFINITY)
      dirty.set(role, from)
      for (let day = Math.max(first, since); day <= progress.closedThrough; day++) {
        const it = own.get(day)
        if (!it?.raw) continue
        const before = it.values
        const values = valuesOn(name, day, it.raw)
        // A new day is one more day of a colleague for every metric.
        for (const code of from.keys())
          if (isAll || before === null || numberOf(before, code) !== numberOf(values, code))
            from[code] = Math.min(from[code]!, day)
        it.values = values
        days.touch(`${day} ${name}`)
      }
    }
    const changed = new Set(stale.keys())
    stale.clear()
    for (const [role, from] of dirty) rank(role, from, changed)
    for (const name of changed) report(name, first, emit)
  }

  function valuesOn(name: string, day: number, raw: RawDay): Pairs {
    const values = plainValues(raw)
    const worker = workers.get(name)
    if (!worker) return values
    for (const approved of [false, true]) {
      const sessions = [...worker.sessions.values()].filter(
        (it) => it.approved === approved && it.end > day * DAY && it.start < (day + 1) * DAY,
      )
      const ms = sessions.length > 0 ? (hoursByDay(sessions, 0).get(day)?.ms ?? 0) : 0
      if (ms > 0) values.push(CODE_OF[approved ? 'approved_remote_hours' : 'remote_hours'], twoDigits(ms / HOUR))
    }
    const unseen = unseenHours(name, day, raw.logins, worker)
    if (unseen > 0) values.push(CODE_OF.unseen_device_hours, unseen)
    return values
  }

  /** Hours with a login from a device that is new to the worker, with no laptop in use in that hour or beside it. */
  function unseenHours(name: string, day: number, logins: Pairs, { devices }: SlowWorker): number {
    const found = new Set<number>()
    for (let at = 0; at < logins.length; at += 2) {
      const since = devices.find((it) => it[0] === logins[at + 1])?.[1]
      if (since === undefined || day - since >= limits.newDeviceDays) continue
      const hour = day * 24 + logins[at]!
      if (![hour - 1, hour, hour + 1].some((it) => wasInUse(name, it))) found.add(hour)
    }
    return found.size
  }

  function wasInUse(name: string, hour: number): boolean {
    const hours = byWorker.get(name)?.get(Math.floor(hour / 24))?.hours ?? 0
    return (hours & (1 << (hour % 24))) !== 0
  }

  /** Ranks the days of everybody in a role, each metric from its own day on. */
  function rank(role: string | null, from: readonly number[], changed: Set<string>): void {
    const since = Math.min(...from)
    const start = since - limits.windowDays + 1
    const own = [...byWorker].filter(([name]) => (roles.get(name) ?? null) === role)
    for (const [code, metric] of SLOW_METRICS.entries()) {
      if (from[code]! > progress.closedThrough) continue
      const members: Member[] = []
      let isMoved = false
      for (const [name, of] of own) {
        const values: (number | undefined)[] = []
        for (let day = start; day <= progress.closedThrough; day++) {
          const it = of.get(day)
          const value = it?.values ? numberOf(it.values, code) : undefined
          values.push(value)
          if (value && day >= from[code]!) isMoved = true
        }
        members.push({ name, values })
      }
      for (let day = from[code]!; day <= progress.closedThrough; day++) {
        const found = isMoved ? ranksOn(metric, members, day - start + 1, limits) : NONE
        for (const [name] of own) if (setRank(name, day, code, found.get(name))) changed.add(name)
      }
    }
  }

  /** True when it is different. */
  function setRank(name: string, day: number, code: number, rank: Ranked | undefined): boolean {
    const before = ranks.get(name)?.get(day)?.get(code)
    if (before?.rarity === rank?.rarity && before?.peerDays === rank?.peerDays) return false
    const ofWorker = ranks.get(name) ?? new Map<number, Map<number, Ranked>>()
    const ofDay = ofWorker.get(day) ?? new Map<number, Ranked>()
    ranks.set(name, ofWorker)
    ofWorker.set(day, ofDay)
    if (rank) ofDay.set(code, rank)
    else ofDay.delete(code)
    return true
  }

  function report(name: string, first: number, emit: Emit): void {
    const found: Statement[] = []
    const runs = runsBefore(name)
    for (let day = first; day <= progress.closedThrough; day++)
      step(name, day, runs, (metric, run, score, ranked, value) => {
        if (run.sum < limits.least || run.days < limits.leastDays) return
        const time = (day + 1) * DAY - 1
        const draft: Draft = {
          category: 'slow_evidence',
          Metric: metric,
          Role: roles.get(name) ?? null,
          DayScore: twoDigits(score),
          Sum: twoDigits(run.sum),
          Decibans: decibansOf(run.sum, limits),
          Days: run.days,
          Value: value,
          Total: twoDigits(run.total),
          PeerDays: ranked.peerDays,
        }
        found.push({ about: { device: null, worker: name, time }, key: metric, draft })
      })
    reported.revise(name, first * DAY, found, emit)
  }

  function runsBefore(name: string): Map<number, Run> {
    return new Map(workers.get(name)?.runs.map(([code, run]) => [code, { ...run }]))
  }

  /** Adds a day to the runs; `added` is called for each metric to which the day adds. */
  function step(
    name: string,
    day: number,
    runs: Map<number, Run>,
    added?: (metric: SlowMetric, run: Run, score: number, ranked: Ranked, value: number) => void,
  ): void {
    const it = byWorker.get(name)?.get(day)
    if (!it) return
    const ofDay = ranks.get(name)?.get(day) ?? NONE_OF_DAY
    for (const [code, run] of runs) {
      if (ofDay.has(code)) continue
      run.sum -= limits.usual
      if (run.sum <= 0) runs.delete(code)
    }
    for (const [code, ranked] of ofDay) {
      const run = runs.get(code) ?? { sum: 0, days: 0, total: 0 }
      const score = Math.min(ranked.rarity - limits.usual, limits.mostADay)
      run.sum = Math.min(run.sum + score, limits.most)
      if (run.sum <= 0) {
        runs.delete(code)
        continue
      }
      runs.set(code, run)
      if (score <= 0) continue
      const value = numberOf(it.values!, code)
      run.days++
      run.total += value
      added?.(SLOW_METRICS[code]!, run, score, ranked, value)
    }
  }

  /** Folds days that can no longer change into the runs, and forgets what is too old. */
  function settle(emit: Emit): void {
    const first = Math.max(progress.openFrom, progress.closedThrough - OPEN_DAYS)
    progress.openFrom = first
    const oldest = first - limits.windowDays
    for (const [name, own] of byWorker) {
      const settled = [...own.keys()].filter((day) => day < first && own.get(day)!.raw !== null).sort((a, b) => a - b)
      const runs = runsBefore(name)
      for (const day of settled) {
        step(name, day, runs)
        own.get(day)!.raw = null
        days.touch(`${day} ${name}`)
        ranks.get(name)?.delete(day)
      }
      if (settled.length > 0 && (runs.size > 0 || workers.get(name)?.runs.length)) {
        workerOf(name).runs = [...runs].sort((a, b) => a[0] - b[0])
        workers.touch(name)
      }
      for (const day of own.keys())
        if (day < oldest) {
          own.delete(day)
          days.delete(`${day} ${name}`)
        }
      forgetSessions(name, first)
      if (own.size > 0) continue
      reported.revise(name, Number.POSITIVE_INFINITY, [], emit)
      for (const it of [byWorker, ranks, roles, lastHour]) it.delete(name)
      workers.delete(name)
    }
  }

  function forgetSessions(name: string, first: number): void {
    const sessions = workers.get(name)?.sessions
    if (!sessions) return
    for (const [key, { end }] of sessions)
      if (end < (first - 1) * DAY) {
        sessions.delete(key)
        workers.touch(name)
      }
  }
})

const NONE: ReadonlyMap<string, Ranked> = new Map()
const NONE_OF_DAY: ReadonlyMap<number, Ranked> = new Map()
/** What the deriver counts. */
const COUNTED: ReadonlySet<string> = new Set([
  ...['egress', 'file_burst', 'archive_created', 'repository', 'repo_audit', 'remote_session', 'idp_login'],
])

/** 10 at the threshold, one more for each whole point above it, at most 30: a thousand to one. */
function decibansOf(sum: number, { least }: Limits): number {
  return Math.min(30, 10 + Math.floor(sum - least))
}

function twoDigits(value: number): number {
  return Math.round(value * 100) / 100
}
