/**
 * Two sensors that contradict each other: the code host saw the worker clone or push, and the worker's laptop, which was
 * on and watches its repositories, did not. The reverse says nothing: not every code host has a feed.
 *
 * Shape   an `identity_conflict` with the reason `code_host_only`, one per worker and UTC day; not about a laptop.
 *         `Days`: distinct UTC days of the last 14. An act counts when its address is known and none of the worker's
 *         laptops had it within a day, no laptop did the same within an hour or two, and every laptop in use then
 *         watches: it has reported a repository within 30 days, and no gap since.
 * Silent  data centres (build servers, editors in the cloud), phones, company exits, relays, approved exits; acts that
 *         need no laptop; no laptop in use.
 * Memory  24 days. Per worker and hour at most 16 acts; per worker and day the laptops' addresses, and their hours of
 *         use; per laptop and day two times.
 */
import * as z from 'zod'
import type { NetworkClass } from '../../../wire/events/derived.ts'
import { DAY, HOUR } from '../../../wire/time.ts'
import { deriverKind, LATENESS_MS, type Seen } from '../deriver.ts'
import { buckets } from '../kit/buckets.ts'
import { Names } from '../kit/kept.ts'
import { approvedExit, networkOf } from '../kit/place.ts'
import { type Statement, statements } from '../kit/statements.ts'
import { conflictOf } from './identity-conflict/conflict.ts'

const WINDOW_DAYS = 14
const KEEP_MS = LATENESS_MS + (WINDOW_DAYS + 2) * DAY
const WATCH_DAYS = 30

const thresholds = z.strictObject({
  /** Hours around an act in which a laptop must have sent something to be in use, or may have done the act itself. */
  aroundHours: z.int().min(1).max(6).default(1),
})

/** What git does on a laptop, where the agent can see it. A token, a fork or a merge needs no laptop. */
const BY_LAPTOP: ReadonlySet<string> = new Set(['clone', 'push'])
const PERSONAL: ReadonlySet<NetworkClass> = new Set(['residential', 'unknown', 'vpn', 'tor'])

export const workElsewhere = deriverKind('work_elsewhere', thresholds, ({ aroundHours }, world) => {
  const earliest = ([a]: readonly number[], [b]: readonly number[]) => [Math.min(a!, b!)]
  const latest = ([a]: readonly number[], [b]: readonly number[]) => [Math.max(a!, b!)]
  const bits = ([a]: readonly number[], [b]: readonly number[]) => [a! | b!]
  /** By worker: what the code host saw, as [action, network]. */
  const acts = buckets({ keepMs: KEEP_MS, bucketMs: HOUR, width: 1, merge: earliest })
  /** By worker: what the laptops saw, by action. */
  const copies = buckets({ keepMs: KEEP_MS, bucketMs: HOUR, width: 1, merge: earliest })
  const networks = buckets({ keepMs: KEEP_MS, bucketMs: DAY, width: 1, merge: earliest })
  /** By worker and laptop, one bit for each UTC hour. */
  const used = buckets({ keepMs: KEEP_MS, bucketMs: DAY, width: 1, merge: bits })
  /** By laptop: when it last reported a repository ('seen'), and that it cannot see them ('blind'). */
  const watches = buckets({ keepMs: KEEP_MS + WATCH_DAYS * DAY, bucketMs: DAY, width: 1, merge: latest })
  const reported = statements()
  const stale = new Names()
  /** The worker and hour of each laptop's last record. Not saved. */
  const last = new Map<string, { worker: string; hour: number }>()
  /** Workers with an act from an address that none of their laptops had. Not saved. */
  const strange = new Set<string>()

  return {
    reads: ['session', 'repo_audit', 'repository', 'collection_gap', 'agent_state', 'network_place'],
    take(seen) {
      const { event, device, worker, conflict } = seen
      if (worker === null || conflict) return
      const time = Math.min(seen.time, seen.receivedAt)
      if (event?.category === 'repo_audit') takeAct(worker, time, seen)
      else if (device !== null) takeLaptop(device, worker, time, seen)
    },
    advance(_, emit) {
      for (const worker of stale) {
        const reached = Math.max(acts.reached(worker), used.reached(worker))
        const from = Math.floor((reached - LATENESS_MS) / DAY) * DAY
        reported.revise(worker, from, judged(worker, from), emit)
      }
      stale.clear()
    },
    restored() {
      for (const worker of acts.subjects()) review(worker)
    },
    kept: {
      acts: acts.kept,
      copies: copies.kept,
      networks: networks.kept,
      used: used.kept,
      watches: watches.kept,
      reported: reported.kept,
      stale,
    },
  }

  function takeAct(worker: string, time: number, { event, peer, contract }: Seen): void {
    if (event?.category !== 'repo_audit' || !BY_LAPTOP.has(event.Action) || event.Ip === null) return
    if (!peer || !PERSONAL.has(peer.class) || approvedExit(contract, event.Ip, peer.asn, time)) return
    if (!acts.add(worker, time, JSON.stringify([event.Action, networkOf(event.Ip)]), [time])) return
    review(worker)
    if (strange.has(worker)) stale.add(worker)
  }

  function takeLaptop(device: string, worker: string, time: number, { event, connection }: Seen): void {
    let isNew = addUse(device, worker, time)
    if (connection && networks.add(worker, time, networkOf(connection.remoteAddress), [time])) {
      review(worker)
      isNew = true
    }
    if (event?.category === 'repository') {
      isNew = watches.add(device, time, 'seen', [time]) || isNew
      if (BY_LAPTOP.has(event.Action)) isNew = copies.add(worker, time, event.Action, [time]) || isNew
      // A mirror is a push of everything.
      if (event.Action === 'mirror') isNew = copies.add(worker, time, 'push', [time]) || isNew
    }
    if (event?.category === 'collection_gap' && event.Categories.includes('repository'))
      isNew = watches.add(device, time, 'blind', [time]) || isNew
    if (isNew && (strange.has(worker) || reported.has(worker))) stale.add(worker)
  }

  function addUse(device: string, worker: string, time: number): boolean {
    const hour = Math.floor(time / HOUR)
    const before = last.get(device)
    if (before?.hour === hour && before.worker === worker) return false
    last.set(device, { worker, hour })
    return used.add(worker, time, device, [1 << (hour % 24)])
  }

  function review(worker: string): void {
    const known = new Set(networks.keys(worker))
    const isStrange = acts.keys(worker).some((key) => !known.has((JSON.parse(key) as [string, string])[1]))
    if (isStrange || reported.has(worker)) strange.add(worker)
    else strange.delete(worker)
  }

  function judged(worker: string, from: number): Statement[] {
    const days = new Map<number, number>()
    for (const { bucket: hour, key, values } of acts.of(worker)) {
      const [action, network] = JSON.parse(key) as [string, string]
      const day = Math.floor(hour / 24)
      if (!isUnseen(worker, hour, action, network)) continue
      days.set(day, Math.min(days.get(day) ?? Number.POSITIVE_INFINITY, values[0]!))
    }
    return [...days]
      .filter(([, time]) => time >= from)
      .map(([day, time]) => ({
        about: { device: null, worker, time },
        key: 'code_host_only',
        draft: {
          ...conflictOf('code_host_only'),
          Days: [...days.keys()].filter((it) => it <= day && it > day - WINDOW_DAYS).length,
        },
      }))
  }

  function isUnseen(worker: string, hour: number, action: string, network: string): boolean {
    const around = Array.from({ length: 2 * aroundHours + 1 }, (_, n) => hour - aroundHours + n)
    const day = Math.floor(hour / 24)
    if ([day - 1, day, day + 1].some((it) => networks.at(worker, it * DAY).some(({ key }) => key === network)))
      return false
    if (around.some((it) => copies.at(worker, it * HOUR).some(({ key }) => key === action))) return false
    const inUse = new Set(
      around.flatMap((it) =>
        used.at(worker, it * HOUR).flatMap(({ key, values }) => ((values[0]! & (1 << (it % 24))) !== 0 ? [key] : [])),
      ),
    )
    return inUse.size > 0 && [...inUse].every((device) => watchedAt(device, hour * HOUR) && isTheirs(device))

    function isTheirs(device: string): boolean {
      return world.holderAt(device, hour * HOUR) === worker
    }
  }

  /** The laptop has reported a repository in the 30 days before, and since then no gap. */
  function watchedAt(device: string, time: number): boolean {
    const before = watches.of(device).filter(({ values }) => values[0]! <= time + HOUR)
    const lastOf = (key: string) => Math.max(...before.filter((it) => it.key === key).map(({ values }) => values[0]!))
    return lastOf('seen') > Math.max(lastOf('blind'), time - WATCH_DAYS * DAY)
  }
})
