/**
 * What was stored, to be asked about: by device, category and time. Fed from the stream; a question never reads it all.
 *
 * Errors  reading something damaged throws Fault 'store.damaged' with the place, unless `onDamaged` takes it.
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
  /** Null: every category. Contract, device and clock records come in any case, in their place. */
  categories: readonly Category[] | null
  /** Positions: after < position <= upTo. */
  after: number
  upTo: number
  /**
   * At least one of these must stand in one of the record's values, without regard to case; left out: no such demand.
   * In the value as it is, not as JSON escapes it.
   */
  literals?: readonly string[]
}

export interface History {
  /**
   * Takes what the stream holds, in order of position, all of it or nothing; positions up to `last()` are passed over.
   * One at a time feeds it: what somebody else left out behind him is never asked for again.
   */
  append(stored: readonly Stored[], rejected?: readonly Rejected[]): Promise<void>
  /** How far it has come; 0 for nothing: whoever feeds it goes on from there. */
  last(): Promise<number>
  /** Event records that fit, newest first by event time (then position), at most `limit`. */
  events(query: HistoryQuery, limit: number, damage?: OnDamage): Promise<Stored[]>
  /** By hour, device, category. An hour that the query touches is counted whole. */
  counts(query: HistoryQuery): Promise<HourCount[]>
  /** The event stored under this number, or null. */
  bySeq(device: string, epoch: number, seq: number): Promise<Event | null>
  /** In order of position, in blocks: every record that may fit (more may come than asked for, never fewer). */
  scan(query: ScanQuery, damage?: OnDamage): AsyncIterable<readonly Stored[]>
  /** Newest first. The newest `REJECTED_PER_DEVICE` of a device are kept. */
  rejected(device: string, limit: number): Promise<Rejected[]>
  /** How many were ever rejected, kept or not, by device; a device without any is left out. */
  rejectedTotals(devices: readonly string[]): Promise<Map<string, number>>
  /** Deletes what came before `time`, as `Stream.trim` does. Resolves with how many records went. */
  retain(time: number): Promise<number>
  close(): Promise<void>
}

/** Of each device; what is older is counted only. */
export const REJECTED_PER_DEVICE = 1_000
