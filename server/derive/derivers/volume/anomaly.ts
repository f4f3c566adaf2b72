/**
 * Far more data than this worker usually moves, and than peers of the same role (#70, #72, #74, #75, #77, #78, P12).
 *
 * Shape   one `volume_anomaly` per worker, metric and UTC day: of the day's sum, or where neither this day nor the one
 *         before is an anomaly, of the largest sum of 24 hours that end on this day. Its time is when the floor was
 *         passed, and it is updated as the sum grows. A day that came before there was a habit is judged again when
 *         there is one, and reported on that day. 'archive_then_upload_bytes' is judged without peers. 'drip' is
 *         judged over 14 days, when the last of these UTC days is over, with that day's end as its time.
 * Judged  a sum over its floor is an anomaly when it exceeds own habit and the peers' 99th percentile, or `alone` and
 *         several times their 85th: peers may be thieves, too. Where habit is missing, or there are too few peers, the
 *         thresholds are higher. Habit is the median of the active days among
 *         the 28 before; peers are other workers with the same first role, over 14 days.
 * Silent  transfers that the contract approves (N17, N18); one large repository, which counts as one (N15); what
 *         everybody in the role does (N16, N19). Events dated more than a day after their arrival have a wrong clock.
 * Memory  per worker in the bounds of `book.ts`, 4 to 8 KB, dropped after 60 days without an event; per role in those
 *         of `peers.ts`; candidates of the last ten days.
 */
import { DAY } from '../../../../wire/time.ts'
import { type Draft, deriverKind, type Emit } from '../../deriver.ts'
import { Subjects, single } from '../../kit/kept.ts'
import { statements } from '../../kit/statements.ts'
import { byDay, sumsAfter, sumsOf } from './book.ts'
import { drips } from './drip.ts'
import { archiveUpload, type Candidate, daily, draftOf, hindsight } from './habit.ts'
import { additionsOf, DAILY, type Daily, isActive, measured } from './metrics.ts'
import { type Levels, PEER_DAYS, type Peers, peers } from './peers.ts'
import { volumeThresholds } from './thresholds.ts'
import { type Worker, Workers } from './workers.ts'

const KEPT_DAYS = 60
/** Days since the start of the contract in which a day is not judged by the days after it. */
const HABIT_START_DAYS = 30
/** Candidates can change for as long as late events may arrive, and for the rest of their day. */
const OPEN_DAYS = 10

export const volumeAnomaly = deriverKind('volume_anomaly', volumeThresholds, (chosen, world) => {
  const workers = new Workers()
  /** Workers that changed since the last judgement: those with a `since`. */
  const stale = new Set<string>()
  /** Anomalies by floor and habit. They are compared with the peers again whenever those change. */
  const open = new Subjects<Candidate[]>()
  /** Days up to this one are over, and have been judged. */
  let closedThrough = Number.NEGATIVE_INFINITY
  const reported = statements()
  const roles = new Map<string, Peers>()
  const drip = drips(chosen, workerOf, rolePeers)
  /** The state of peers and contracts at the last comparison. Not saved: compared again after a restart. */
  const comparedAt = new Map<string, { changes: number; revision: number }>()

  return {
    take(seen) {
      const { event, worker: name, device, conflict, time, receivedAt } = seen
      if (!event || name === null || conflict || time > receivedAt + DAY) return
      const worker = workers.ensure(name)
      const day = Math.floor(time / DAY)
      if (day > worker.roleDay || worker.roleRevision !== world.revision) updateRole(name, worker, day)
      const role = rolePeers(worker.role)
      const additions = additionsOf(seen)
      if ((device !== null || additions.length > 0) && workers.markActive(worker, time)) {
        role?.activeOn(day, 1)
        markChanged(name, day)
      }
      if (additions.length === 0) return
      const before = role && sumsOf(worker.book, day)
      let added = false
      for (const [count, value] of additions) added = workers.add(worker, time, count, value) || added
      if (!added) return
      markChanged(name, day)
      if (!role || !before) return
      const after = sumsAfter(worker.book, day, before, additions)
      for (const metric of DAILY) role.move(day, metric, measured(metric, before), measured(metric, after))
    },

    advance(now, emit) {
      const today = Math.floor(now / DAY)
      const isNewDay = closedThrough < today - 1
      if (isNewDay) closeDays(today - 1)
      const changed = new Set<string>()
      for (const name of stale) {
        const worker = workers.get(name)!
        const { book, since } = worker
        if (since === null) continue
        worker.since = null
        workers.touch(name)
        changed.add(name)
        const kept = (open.get(name) ?? []).filter((it) => it.day < since)
        const found = [
          ...daily(book, since, chosen),
          ...hindsight(book, since, today - 1, chosen),
          ...archiveUpload(book, since, chosen),
          ...drip.of(name, since, today - 1),
        ]
        if (kept.length + found.length > 0 || open.has(name)) open.set(name, [...kept, ...found])
      }
      stale.clear()
      for (const [name, candidates] of open) {
        const since = today - OPEN_DAYS
        if (changed.has(name) || isStale(name, candidates)) compare(name, candidates, since, emit)
        const still = candidates.filter((it) => it.day >= since)
        if (still.length < candidates.length) open.set(name, still)
        if (still.length > 0) continue
        reported.revise(name, since * DAY, [], emit)
        open.delete(name)
        comparedAt.delete(name)
      }
      if (isNewDay) forget(today)
    },

    kept: {
      ...workers.kept,
      open,
      closedThrough: single(
        () => (Number.isFinite(closedThrough) ? closedThrough : null),
        (state) => {
          closedThrough = state ?? Number.NEGATIVE_INFINITY
        },
      ),
      reported: reported.kept,
    },
    restored() {
      for (const [name, worker] of workers) {
        count(name, worker, 1)
        if (worker.since !== null) stale.add(name)
      }
    },
  }

  function workerOf(name: string): Worker | undefined {
    return workers.get(name)
  }

  function rolePeers(role: string | null): Peers | null {
    if (role === null) return null
    const known = roles.get(role) ?? peers()
    roles.set(role, known)
    return known
  }

  /** The worker must be judged again from `day` on. */
  function markChanged(name: string, day: number): void {
    const worker = workers.ensure(name)
    if (worker.since === null || day < worker.since) {
      worker.since = day
      stale.add(name)
      workers.touch(name)
    }
    drip.changed(name, day)
  }

  /** The role of the contract at the end of the worker's latest day. */
  function updateRole(name: string, worker: Worker, day: number): void {
    if (day > worker.roleDay) {
      worker.roleDay = day
      workers.touch(name)
    }
    worker.roleRevision = world.revision
    const contract = world.contractAt(name, (worker.roleDay + 1) * DAY - 1)
    const role = contract ? (contract.roles?.[0] ?? null) : worker.role
    if (worker.role === role) return
    count(name, worker, -1)
    worker.role = role
    count(name, worker, 1)
    markChanged(name, day)
    drip.changed(name, Number.NEGATIVE_INFINITY)
  }

  /** Adds (1) a worker's days to the role's histograms, or removes them (-1). */
  function count(name: string, { role, book }: Worker, sign: 1 | -1): void {
    const group = rolePeers(role)
    if (!group) return
    if (sign === 1) group.members.add(name)
    else group.members.delete(name)
    for (const [day, sums] of byDay(book, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY)) {
      if (isActive(sums)) group.activeOn(day, sign)
      for (const metric of DAILY) {
        const value = measured(metric, sums)
        group.move(day, metric, sign === 1 ? 0 : value, sign === 1 ? value : 0)
      }
    }
  }

  /** A day is over: workers who were active on it are judged for the drip. */
  function closeDays(through: number): void {
    for (const [name, { book }] of workers) {
      const reached = Math.floor(book.reached / DAY)
      if (reached > closedThrough) markChanged(name, Math.max(closedThrough + 1, reached - OPEN_DAYS))
    }
    closedThrough = through
  }

  function forget(today: number): void {
    for (const [name, worker] of workers) {
      if (Math.floor(worker.book.reached / DAY) >= today - KEPT_DAYS) continue
      count(name, worker, -1)
      workers.forget(name)
    }
    for (const group of roles.values()) group.forget(today)
    drip.forget(today - OPEN_DAYS)
  }

  /** Whether peers or contracts changed since the last comparison. */
  function isStale(name: string, candidates: readonly Candidate[]): boolean {
    const last = comparedAt.get(name)
    if (!last || last.revision !== world.revision) return true
    const group = peersOf(name)
    return candidates.some(({ metric, day }) => {
      if (metric === 'archive_then_upload_bytes') return false
      if (metric === 'drip') return !drip.isJudged(name, day)
      return group !== null && group.lastChange(day, metric) > last.changes
    })
  }

  function compare(name: string, candidates: readonly Candidate[], since: number, emit: Emit): void {
    const found = candidates.flatMap((it) => {
      const { day, metric, time } = it
      const start = world.contractAt(name, time)?.start
      const daysSinceStart = start == null ? null : Math.max(0, time - start) / DAY
      const draft = judge(name, it, daysSinceStart)
      return draft ? [{ about: { device: null, worker: name, time }, key: `${metric} ${day}`, draft }] : []
    })
    comparedAt.set(name, { changes: peersOf(name)?.changes ?? 0, revision: world.revision })
    const first = Math.min(since, ...candidates.map((it) => it.day))
    reported.revise(name, first * DAY, found, emit)
  }

  function judge(name: string, it: Candidate, daysSinceStart: number | null): Draft | null {
    const { metric, value, median, day } = it
    // Who is new sets folders up.
    if (it.inHindsight && (daysSinceStart ?? 0) < HABIT_START_DAYS) return null
    if (metric === 'drip') return drip.judge(name, day, daysSinceStart)
    if (metric === 'archive_then_upload_bytes') return draftOf(it, null, daysSinceStart)
    const levels = peerLevels(name, metric, day)
    if (!levels) return median !== null || value >= chosen[metric].alone ? draftOf(it, null, daysSinceStart) : null
    const ratio = median === null ? chosen.newcomerRatio : 1
    // The most that peers move may be what other thieves take. Then a day must not need any comparison.
    const isFarAbove = value > levels.p85 * chosen.peersRatio * ratio && value >= chosen[metric].alone
    return value > levels.p99 * ratio || isFarAbove ? draftOf(it, levels.p99, daysSinceStart) : null
  }

  function peerLevels(name: string, metric: Daily, day: number): Levels | null {
    const group = peersOf(name)
    if (!group || !drip.enoughPeers(name, group, day)) return null
    const own = [...byDay(workers.get(name)!.book, day - PEER_DAYS + 1, day)].filter(([, sums]) => isActive(sums))
    return group.levels(day, metric, new Map(own.map(([on, sums]) => [on, measured(metric, sums)])))
  }

  function peersOf(name: string): Peers | null {
    return rolePeers(workers.get(name)?.role ?? null)
  }
})
