/**
 * Finds what is new in a roster, so that one that is imported every night adds only its changes to the log.
 *
 * Shape   each version is compared with the one in force at its `from`, whether it is recorded already or earlier in the
 *         same part. Changes that matter to rules are also recorded as a `contract_event`: another address or ship-to,
 *         an end date that was set or changed, a referral. A first version has no changes.
 * Units   the time of a change is the beginning of its version, or the time of receipt if that is earlier.
 */
import type { Contract, Device } from '../../wire/contract.ts'
import { FeedEvent } from '../../wire/events/feeds.ts'
import { completeFeedEvent } from '../../wire/feed-line.ts'
import type { Recorded, RecordedOf } from '../../wire/recording.ts'
import type { RosterPart } from './parts.ts'

/** The versions and assignments on record, oldest first, as copies. */
export interface OnRecord {
  versions(worker: string): Contract[]
  holdings(device: string): Device[]
}

export interface News extends RosterPart {
  /** For the log: contracts, assignments, and the events that they imply. */
  records: Recorded[]
}

export function newsOf(part: Readonly<RosterPart>, onRecord: OnRecord, receivedAt: number): News {
  const versions = listsOf((worker) => onRecord.versions(worker))
  const holdings = listsOf((device) => onRecord.holdings(device))
  const news: News = { contracts: [], devices: [], records: [] }
  const changes: RecordedOf<'feed'>[] = []
  for (const contract of part.contracts) {
    const theirs = versions(contract.worker)
    if (isSame(heldAt(theirs, contract.from), contract)) continue
    const before = heldAt(theirs, contract.from - 1)
    if (before) changes.push(...changeLines(before, contract, receivedAt))
    insert(theirs, contract)
    news.contracts.push(contract)
    news.records.push({ ...contract, type: 'contract', receivedAt })
  }
  for (const device of part.devices) {
    const theirs = holdings(device.device)
    const held = heldAt(theirs, device.from)
    const isKnown = held && held.worker === device.worker && held.to === device.to
    if (isKnown && isSame(held.serial, device.serial) && isSame(held.hostName, device.hostName)) continue
    insert(theirs, device)
    news.devices.push(device)
    news.records.push({ ...device, type: 'device', receivedAt })
  }
  news.records.push(...changes)
  return news
}

/** The list of each subject, as on record at first; this part adds to it. */
function listsOf<T>(known: (subject: string) => T[]): (subject: string) => T[] {
  const found = new Map<string, T[]>()
  return (subject) => {
    const list = found.get(subject) ?? known(subject)
    found.set(subject, list)
    return list
  }
}

/** The entry in force at `time`, of a list that is oldest first. */
function heldAt<T extends { from: number }>(list: readonly T[], time: number): T | undefined {
  return list.findLast((it) => it.from <= time)
}

/** Keeps the list oldest first. An entry with the same `from` is replaced. */
function insert<T extends { from: number }>(list: T[], it: T): void {
  const at = list.findLastIndex((other) => other.from <= it.from)
  if (list[at]?.from === it.from) list[at] = it
  else list.splice(at + 1, 0, it)
}

/** Keys that are not part of a contract's terms. */
const ENVELOPE: ReadonlySet<string> = new Set(['from', 'type', 'receivedAt'])
const NOTHING: ReadonlySet<string> = new Set()

/** Absent and null are equal, because both mean unknown; the order of keys does not matter. */
function isSame(a: unknown, b: unknown): boolean {
  return sameBut(ENVELOPE, a, b)
}

function sameBut(ignored: ReadonlySet<string>, a: unknown, b: unknown): boolean {
  if (a === b || (a ?? null) === (b ?? null)) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Array.isArray(a) || Array.isArray(b))
    return (
      Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((it, at) => sameBut(NOTHING, it, b[at]))
    )
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>]
  const own = (of: Record<string, unknown>, key: string) => (Object.hasOwn(of, key) ? of[key] : undefined)
  const agree = (key: string) => ignored.has(key) || sameBut(NOTHING, own(left, key), own(right, key))
  return Object.keys(left).every(agree) && Object.keys(right).every(agree)
}

/** The events that a new version implies. */
export function changeLines(before: Contract, after: Contract, receivedAt: number): RecordedOf<'feed'>[] {
  const time = Math.min(after.from, receivedAt)
  const line = (fields: Record<string, unknown>): RecordedOf<'feed'> => {
    const { worker } = after
    const facts = { worker, time, collector: 'roster', id: null, country: null }
    const event = FeedEvent.parse(completeFeedEvent({ category: 'contract_event', ...fields }, facts))
    return { type: 'feed', worker, time, receivedAt, event }
  }
  const address = hasMoved(before, after) ? [line({ Action: 'address_changed' })] : []
  const shipTo = hasMoved(before.shipTo ?? {}, after.shipTo ?? {}) ? [line({ Action: 'ship_to_changed' })] : []
  const end = after.end != null && after.end !== before.end
  const referral = after.referredBy != null && after.referredBy !== before.referredBy
  return [
    ...address,
    ...shipTo,
    ...(end ? [line({ Action: 'ending', EffectiveAt: after.end })] : []),
    ...(referral ? [line({ Action: 'referral', Relation: after.referredBy })] : []),
  ]
}

type AddressFields = Partial<Pick<Contract, 'country' | 'region' | 'city'>>

/** Compares names, because positions are rounded differently in each export. From unknown to known is not a move. */
function hasMoved(before: AddressFields, after: AddressFields): boolean {
  return (['country', 'region', 'city'] as const).some((key) => {
    const [was, is] = [before[key]?.toLowerCase(), after[key]?.toLowerCase()]
    return was !== undefined && is !== undefined && was !== is
  })
}
