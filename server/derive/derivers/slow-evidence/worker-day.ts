/**
 * What one worker did on one UTC day, as it came in, and the numbers that follow from it.
 *
 * Memory  until the day is settled at most `THINGS` distinct things of a kind and `LOGINS` logins; after that two
 *         numbers for each metric that is not zero.
 */
import type { Contract } from '../../../../wire/contract.ts'
import { SLOW_METRICS } from '../../../../wire/events/derived.ts'
import { sha256 } from '../../../../wire/sha256.ts'
import type { Seen } from '../../deriver.ts'
import { additionsOf } from '../volume/metrics.ts'
import { COUNTS, type Count, type SlowMetric } from './metrics.ts'

const THINGS = 256
const LOGINS = 64

export const CODE_OF = Object.fromEntries(SLOW_METRICS.map((it, code) => [it, code])) as Record<SlowMetric, number>
const COUNT_OF = Object.fromEntries(COUNTS.map((it, code) => [it, code])) as Record<Count, number>
const DISTINCT: ReadonlySet<number> = new Set([COUNT_OF.cloned, COUNT_OF.audited, COUNT_OF.other_teams])

/** Pairs of a number that says what, and its value; flat, because there are many small ones. */
export type Pairs = number[]

export interface WorkerDay {
  /** By the index of the metric, those above zero; null: not judged yet. */
  values: Pairs | null
  /** A bit for each UTC hour in which a laptop of the worker sent an event. */
  hours: number
  /** Null when the day is settled. */
  raw: RawDay | null
}

export interface RawDay {
  /** By the index of the count. */
  sums: Pairs
  /** Index of the count and a hash, each pair once. */
  things: Pairs
  /** Hour and hash of the device, each pair once: logins from devices that are not ours. */
  logins: Pairs
  /** The shortest excess of a round trip, ms; null: none was measured. */
  excess: number | null
}

export function emptyDay(): WorkerDay {
  return { values: null, hours: 0, raw: { sums: [], things: [], logins: [], excess: null } }
}

export function numberOf(pairs: Pairs, code: number): number {
  for (let at = 0; at < pairs.length; at += 2) if (pairs[at] === code) return pairs[at + 1]!
  return 0
}

/** What an event adds to the day; empty for most. */
export function countsOf(seen: Seen): [Count, number][] {
  const { event } = seen
  const found: [Count, number][] = []
  for (const [count, value] of additionsOf(seen)) {
    if (count === 'sync_bytes' || count === 'removable_bytes' || count === 'cloned' || count === 'audited')
      found.push([count, value])
    else if (count === 'file_share') found.push(['share_bytes', value])
    if (count === 'audited' && event?.category === 'repo_audit' && event.OutsideTeam === true)
      found.push(['other_teams', value])
  }
  switch (event?.category) {
    case 'file_burst':
      if (event.RootKind === 'share' && event.Bytes > 0) found.push(['share_bytes', event.Bytes])
      break
    case 'archive_created':
      if (event.Encrypted === true || event.Parts >= 3) found.push(['locked_archives', 1])
      break
    case 'repository':
      if (isOutside(event.Action, event.InsideOrganisation)) found.push(['pushes_seen', 1])
      break
    case 'repo_audit':
      if (PUSHES.has(event.Action) && event.InsideOrganisation === false) found.push(['pushes_audited', 1])
      break
  }
  return found
}

const PUSHES = new Set(['push', 'force_push', 'transfer'])

/** A mirror of a whole repository counts although nobody knows whose the destination is: it is no ordinary work. */
function isOutside(action: string, inside: boolean | null): boolean {
  return (action === 'push' && inside === false) || (action === 'mirror' && inside !== true)
}

/** A login from a device that is named and not ours; null otherwise. */
export function unseenDevice({ event }: Seen, isOurs: (device: string) => boolean): number | null {
  if (event?.category !== 'idp_login' || event.Mobile === true || event.ManagedDevice === true) return null
  if (event.DeviceId === null || isOurs(event.DeviceId) || event.Result !== 'success') return null
  return Number.parseInt(sha256(event.DeviceId).slice(0, 12), 16)
}

export function addCount(raw: RawDay, count: Count, value: number): void {
  const code = COUNT_OF[count]
  if (DISTINCT.has(code)) addThing(raw.things, code, value, THINGS)
  else {
    for (let at = 0; at < raw.sums.length; at += 2)
      if (raw.sums[at] === code) {
        raw.sums[at + 1]! += value
        return
      }
    raw.sums.push(code, value)
  }
}

/** False when the login was known. */
export function addLogin(raw: RawDay, hour: number, device: number): boolean {
  return addThing(raw.logins, hour, device, LOGINS)
}

/** Of too many the lowest hashes are kept, so that their order of arrival makes no difference. */
function addThing(things: Pairs, code: number, hash: number, most: number): boolean {
  let [count, highest] = [0, -1]
  for (let at = 0; at < things.length; at += 2) {
    if (things[at] !== code) continue
    if (things[at + 1] === hash) return false
    count++
    if (highest === -1 || things[at + 1]! > things[highest + 1]!) highest = at
  }
  if (count < most) things.push(code, hash)
  else if (hash < things[highest + 1]!) things[highest + 1] = hash
  else return false
  return true
}

/** The numbers of the day, but for those of remote control and unseen devices, which need more than the day. */
export function plainValues({ sums, things, excess }: RawDay): Pairs {
  const sum = (count: Count) => numberOf(sums, COUNT_OF[count])
  const distinct = (count: Count) => {
    let found = 0
    for (let at = 0; at < things.length; at += 2) if (things[at] === COUNT_OF[count]) found++
    return found
  }
  const all: Partial<Record<SlowMetric, number>> = {
    repositories: Math.max(distinct('cloned'), distinct('audited')),
    other_teams: distinct('other_teams'),
    sync_bytes: sum('sync_bytes'),
    share_bytes: sum('share_bytes'),
    removable_bytes: sum('removable_bytes'),
    locked_archives: sum('locked_archives'),
    outside_pushes: Math.max(sum('pushes_seen'), sum('pushes_audited')),
    round_trip_ms: Math.round(excess ?? 0),
  }
  return Object.entries(all).flatMap(([metric, value]) => (value > 0 ? [CODE_OF[metric as SlowMetric], value] : []))
}

/** The first role of a contract. */
export function roleOf(contract: Contract | null): string | null {
  return contract?.roles?.[0] ?? null
}
