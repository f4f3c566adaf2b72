/**
 * Far more data than this worker's own habit, and than the peers of the same role (#70, #72, #74, #75, #77, #78, P12).
 *
 * Shape   one `volume_anomaly` per worker, metric and UTC day: the day's sum, or that of the 24 hours that reach most
 *         into the day before where neither day alone is one. It stands at the moment the floor was passed, and is said
 *         anew as the sum grows. 'archive_then_upload_bytes' is judged without peers. 'drip' is judged when its UTC
 *         day is over, over 14 days, and stands at that day's end.
 * Judged  a sum over its floor is an anomaly when it is beyond own habit, where there is one, and beyond the peers'
 *         99th percentile, where there are enough. Where one is missing it takes more. Habit is the median of the
 *         active days among the 28 before; peers are other workers with the same first role, over 14 days.
 * Silent  what went where the contract allows it (N17, N18); one large repository, which is one (N15); what everybody
 *         in the role does (N16, N19). An event whose time is a day ahead of its arrival is not counted: its clock is wrong.
 * Memory  as `book.ts` says for each worker, 4 to 8 KB, forgotten after 60 days without a word; as `peers.ts` for each
 *         role; candidates of the last ten days.
 */
import { DAY } from '../../../../wire/time.ts'
import { type Draft, deriverKind, type Emit } from '../../deriver.ts'
import { Subjects, single } from '../../kit/kept.ts'
import { statements } from '../../kit/statements.ts'
import { byDay, sumsAfter, sumsOf } from './book.ts'
import { drips } from './drip.ts'
import { archiveUpload, type Candidate, daily, draftOf } from './habit.ts'
import { additionsOf, DAILY, type Daily, isActive, measured } from './metrics.ts'
import { PEER_DAYS, type Peers, peers } from './peers.ts'
import { volumeThresholds } from './thresholds.ts'
import { type Worker, Workers } from './workers.ts'

const KEPT_DAYS = 60
/** Candidates stay under judgement while anything they are compared with may still come: lateness, and the day's rest. */
const OPEN_DAYS = 10

export const volumeAnomaly = deriverKind('volume_anomaly', volumeThresholds, (chosen, world) => {
  const workers = new Workers()
  /** Above the floors and the own habit; whether above the peers is asked again whenever they moved something. */
  const open = new Subjects<Candidate[]>()
  /** Days up to here are over, and were judged as such. */
  let closedThrough = Number.NEGATIVE_INFINITY
  const said = statements()
  const roles = new Map<string, Peers>()
  const drip = drips(chosen, workerOf, rolePeers)
  /** The peers' changes and the contracts' as of the last comparison. Not saved: asked again after a restart. */
  const comparedAt = new Map<string, { changes: number; revision: number }>()

  return {
    take(seen) {
      const { event, worker: name, device, conflict, time, receivedAt } = seen
      if (!event || name === null || conflict || time > receivedAt + DAY) return
      const worker = workers.ensure(name)
      const day = Math.floor(time / DAY)
      if (day > worker.roleDay || worker.askedAt !== world.revision) enter(name, worker, day)
      const role = rolePeers(worker.role)
      const additions = additionsOf(seen)
      if ((device !== null || additions.length > 0) && workers.markActive(worker, time)) {
        role?.activeOn(day, 1)
        touch(name, day)
      }
      if (additions.length === 0) return
      const before = role && sumsOf(worker.book, day)
      let added = false
      for (const [count, value] of additions) added = workers.add(worker, time, count, value) || added
      if (!added) return
      touch(name, day)
      if (!role || !before) return
      const after = sumsAfter(worker.book, day, before, additions)
      for (const metric of DAILY) role.move(day, metric, measured(metric, before), measured(metric, after))
    },

    advance(now, emit) {
      const today = Math.floor(now / DAY)
      const isNewDay = closedThrough < today - 1
      if (isNewDay) closeDays(today - 1)
      const changed = new Set<string>()
      for (const [name, worker] of workers) {
        const { book, since } = worker
        if (since === null) continue
        worker.since = null
        workers.touch(name)
        changed.add(name)
        const kept = (open.get(name) ?? []).filter((it) => it.day < since)
        const found = [
          ...daily(book, since, chosen),
          ...archiveUpload(book, since, chosen),
          ...drip.of(name, since, today - 1),
        ]
        if (kept.length + found.length > 0 || open.has(name)) open.set(name, [...kept, ...found])
      }
      for (const [name, candidates] of open) {
        const since = today - OPEN_DAYS
        if (changed.has(name) || isStale(name, candidates)) compare(name, candidates, since, emit)
        const still = candidates.filter((it) => it.day >= since)
        if (still.length < candidates.length) open.set(name, still)
        if (still.length > 0) continue
        said.revise(name, since * DAY, [], emit)
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
      said: said.kept,
    },
    restored() {
      for (const [name, worker] of workers) count(name, worker, 1)
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

  function touch(name: string, day: number): void {
    const worker = workers.ensure(name)
    if (worker.since === null || day < worker.since) {
      worker.since = day
      workers.touch(name)
    }
    drip.changed(name, day)
  }

  /** The role is what the contract says at the end of the latest day of which anything came. */
  function enter(name: string, worker: Worker, day: number): void {
    if (day > worker.roleDay) {
      worker.roleDay = day
      workers.touch(name)
    }
    worker.askedAt = world.revision
    const contract = world.contractAt(name, (worker.roleDay + 1) * DAY - 1)
    const role = contract ? (contract.roles?.[0] ?? null) : worker.role
    if (worker.role === role) return
    count(name, worker, -1)
    worker.role = role
    count(name, worker, 1)
    touch(name, day)
    drip.changed(name, Number.NEGATIVE_INFINITY)
  }

  /** Puts all that is known of a worker into the role's histograms, or takes it out. */
  function count(name: string, { role, book }: Worker, workers: 1 | -1): void {
    const group = rolePeers(role)
    if (!group) return
    if (workers === 1) group.members.add(name)
    else group.members.delete(name)
    for (const [day, sums] of byDay(book, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY)) {
      if (isActive(sums)) group.activeOn(day, workers)
      for (const metric of DAILY) {
        const value = measured(metric, sums)
        group.move(day, metric, workers === 1 ? 0 : value, workers === 1 ? value : 0)
      }
    }
  }

  /** A day is over: who was active on it is judged for the drip. */
  function closeDays(through: number): void {
    for (const [name, { book }] of workers) {
      const reached = Math.floor(book.reached / DAY)
      if (reached > closedThrough) touch(name, Math.max(closedThrough + 1, reached - OPEN_DAYS))
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

  /** The peers, or a contract, are no longer what the candidates were compared with. */
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
    said.revise(name, first * DAY, found, emit)
  }

  function judge(name: string, it: Candidate, daysSinceStart: number | null): Draft | null {
    const { metric, value, median, day } = it
    if (metric === 'drip') return drip.judge(name, day, daysSinceStart)
    if (metric === 'archive_then_upload_bytes') return draftOf(it, null, daysSinceStart)
    const p99 = peerP99(name, metric, day)
    const most = p99 === null ? 0 : median === null ? p99 * chosen.newcomerRatio : p99
    const least = p99 === null && median === null ? chosen[metric].alone : 0
    return value > most && value >= least ? draftOf(it, p99, daysSinceStart) : null
  }

  function peerP99(name: string, metric: Daily, day: number): number | null {
    const group = peersOf(name)
    if (!group || !drip.enoughPeers(name, group, day)) return null
    const own = [...byDay(workers.get(name)!.book, day - PEER_DAYS + 1, day)].filter(([, sums]) => isActive(sums))
    return group.p99(day, metric, new Map(own.map(([on, sums]) => [on, measured(metric, sums)])))
  }

  function peersOf(name: string): Peers | null {
    return rolePeers(workers.get(name)?.role ?? null)
  }
})
