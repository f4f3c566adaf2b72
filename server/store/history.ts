/**
 * Stored telemetry, to query by device, category and time. Fed from the stream; no query reads all of it.
 *
 * Errors  reading damaged data throws Fault 'store.damaged' with the place, unless `onDamaged` is given.
 */
import type { Category, Event } from '../../wire/event.ts'
import type { OnDamage, Rejected, Stored } from './stream.ts'

export interface HistoryQuery {
  devices?: readonly string[]
  categories?: readonly Category[]
  /** Event time, epoch ms, half open: from <= time < to. */
  from?: number
  to?: number
}

export interface HourCount {
  /** Epoch ms of the hour's start. */
  hour: number
  device: string
  category: Category
  events: number
}

export interface ScanQuery {
  /** Null: every category. Contract, device and clock records are always included, in order. */
  categories: readonly Category[] | null
  /** Positions: after < position <= upTo. */
  after: number
  upTo: number
  /**
   * At least one of these must occur in one of the record's values, ignoring case; omitted: no such condition.
   * Compared with the value itself, not with its JSON escapes.
   */
  literals?: readonly string[]
}

export interface History {
  /**
   * Stores records of the stream in order of position, all or none; positions up to `last()` are skipped.
   * Only one caller may feed a history: it does not notice records that another caller skipped.
   */
  append(stored: readonly Stored[], rejected?: readonly Rejected[]): Promise<void>
  /** The last position stored; 0 for none. Feeding resumes there. */
  last(): Promise<number>
  /** Matching event records, newest first by event time (then position), at most `limit`. */
  events(query: HistoryQuery, limit: number, damage?: OnDamage): Promise<Stored[]>
  /** By hour, device, category. Hours that the query covers in part are counted whole. */
  counts(query: HistoryQuery): Promise<HourCount[]>
  /** The event stored under this number, or null. */
  bySeq(device: string, epoch: number, seq: number): Promise<Event | null>
  /** In order of position, in blocks: every record that may match (possibly more than asked for, never fewer). */
  scan(query: ScanQuery, damage?: OnDamage): AsyncIterable<readonly Stored[]>
  /** Newest first. The newest `REJECTED_PER_DEVICE` of a device are kept. */
  rejected(device: string, limit: number): Promise<Rejected[]>
  /** The number of rejected events by device, stored or not; devices without any are omitted. */
  rejectedTotals(devices: readonly string[]): Promise<Map<string, number>>
  /** Deletes what arrived before `time`, as `Stream.trim` does. Resolves with the number of deleted records. */
  retain(time: number): Promise<number>
  close(): Promise<void>
}

/** Per device; older ones are only counted. */
export const REJECTED_PER_DEVICE = 1_000
