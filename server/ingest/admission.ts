/**
 * Where batches become records: unpacked, judged, compared with what is stored, made durable, handed on.
 *
 * One lane per device, across its sessions: a batch that a reconnected agent sends again waits until the first copy is
 * durable or has failed, so that 'was this stored?' has one answer. Lanes of different devices run side by side and
 * share the log's commits.
 *
 * Shape   a number above the highest stored one is new. One at or below is looked up: nothing there is a hole being
 *         filled, the same id is a retry, another id is a conflict, which is evidence.
 * Errors  Fault 'batch.*' for a batch that is no batch, 'server.busy' when it could not be made durable or the memory
 *         for batches is used up. After either nothing of that batch is stored, and the caller must close the session:
 *         a later batch would otherwise be acknowledged over the hole.
 */

import { setImmediate } from 'node:timers/promises'
import type { Event } from '../../wire/event.ts'
import { Fault } from '../../wire/fault.ts'
import { type Ack, LIMITS, type Policy } from '../../wire/messages.ts'
import type { CatalogueFacts, Recorded, RecordedEvent } from '../../wire/recording.ts'
import type { Log } from '../log.ts'
import type { Metrics } from '../metrics.ts'
import type { Appended, Rejected, Stored, TelemetryLog } from '../store/state.ts'
import { type Bucket, bucket } from './bucket.ts'
import { judge, parseBatch, unpack } from './judge.ts'

export interface AdmissionLimits {
  /** Events a device may send, for ever and at once. An agent that drains a backlog is slowed down, not refused. */
  eventsPerSecond: number
  eventsBurst: number
  /** Bytes of batches in memory, all sessions together. */
  inFlightBytes: number
  /** Rejected and conflicting events a device may have stored in an hour: a laptop must not fill the disk with junk. */
  evidencePerHour: number
}

export interface AdmissionDeps {
  log: TelemetryLog
  /** What was stored, in the order of the log, each once. What it throws is logged. */
  deliver(stored: readonly Stored[]): void | Promise<void>
  recognise(event: Event): CatalogueFacts | undefined
  policy(): Policy
  limits: AdmissionLimits
  now(): number
  /** 0 <= random < 1: jitter. */
  random(): number
  /** May resolve early when the server closes. */
  sleep(ms: number): Promise<void>
  metrics: Metrics
  says: Log
}

export interface Admitted {
  ack: Ack
  /** Stored for the first time. */
  events: number
  /** Resolves when the records have been handed on; never rejects. Wait for it before the device's next batch. */
  delivered: Promise<void>
}

export interface Written {
  /** Indexes into the records of the call: these were stored before, and were left out. */
  duplicates: number[]
  /** Resolves when the others have been handed on; never rejects. */
  delivered: Promise<void>
}

/** What one batch costs besides its events, in events. */
const BATCH_COST = 5
/** Looking up an old number unpacks a segment: 2 ms measured. An honest agent needs it for one batch after a broken line. */
const LOOKUP_COST = 20
/** Bytes that count as one event: a batch of few huge events pays for its size. */
const BYTES_PER_EVENT = 1_024
const HOUR = 3_600_000

interface Lane {
  tail: Promise<unknown>
  budget: Bucket
  hour: number
  evidence: number
}

export function admission(deps: AdmissionDeps) {
  const { log, limits, now, metrics, says } = deps
  const lanes = new Map<string, Lane>()
  let inFlight = 0
  let handing: Promise<void> = Promise.resolve()

  return { batch, append, reserve, release, idle, busy, credit: (device: string) => credit(laneOf(device)) }

  /** One batch of a device. `frame` must have been reserved by the caller, and is released by it. */
  function batch(device: string, epoch: number, frame: Uint8Array): Promise<Admitted> {
    const lane = laneOf(device)
    const done = lane.tail.then(() => take(device, epoch, frame, lane))
    lane.tail = done.then(
      (it) => it.delivered,
      () => {},
    )
    return done
  }

  async function take(device: string, epoch: number, frame: Uint8Array, lane: Lane): Promise<Admitted> {
    // The debt of earlier batches is waited for before this one takes any memory.
    const debtMs = lane.budget.debtMs()
    if (debtMs > 0) await deps.sleep(debtMs)
    const text = await unpack(frame)
    if (!reserve(text.length)) throw busy('Too many batches are being stored.')
    let delivered: Promise<void> | null = null
    try {
      metrics.batch(frame.length, text.length)
      const received = parseBatch(text.toString('utf8'))
      if (received.epoch !== epoch)
        throw new Fault('batch.malformed', { where: 'epoch', todo: 'Say hello again with the new epoch.' })
      const { accepted, refused, highest } = judge(received.events, deps.policy())
      if (highest === 0)
        throw new Fault('batch.malformed', { where: 'events[0].seq', todo: 'Number the events from 1 upwards.' })
      lane.budget.charge(Math.max(received.events.length, text.length / BYTES_PER_EVENT) + BATCH_COST)

      const receivedAt = now()
      const records: Recorded[] = []
      const stored = log.acked(device, epoch)
      const counts = { accepted: 0, duplicates: 0, conflicts: 0 }
      for (const { seq, event } of accepted) {
        const before = seq > stored ? null : await lookUp(device, epoch, seq, lane)
        if (before === event.id) {
          counts.duplicates++
          continue
        }
        // Nothing recognised is a fact too: a later catalogue must not find in history what this one did not.
        const facts = deps.recognise(event) ?? {}
        const record: RecordedEvent = { type: 'event', device, receivedAt, epoch, event, facts }
        if (before === null) {
          counts.accepted++
          records.push(record)
        } else {
          counts.conflicts++
          refused.push({ seq, code: 'event.conflict', where: `seq ${seq}`, raw: '' })
          if (mayKeepEvidence(lane)) records.push({ ...record, conflict: true })
        }
      }
      const rejected: Rejected[] = []
      for (const it of refused) {
        metrics.rejected(it.code)
        // A conflict is kept whole, as a record; the others as they came.
        if (it.code !== 'event.conflict' && mayKeepEvidence(lane)) rejected.push({ device, receivedAt, epoch, ...it })
      }
      if (records.length + rejected.length > 0) delivered = (await append(records, rejected)).delivered
      metrics.accepted(counts.accepted)
      metrics.duplicates(counts.duplicates)
      metrics.conflicts(counts.conflicts)
      const spoken = refused.map(({ seq, code, where }) => ({ seq, code, where }))
      return {
        ack: { type: 'ack', epoch, seq: highest, rejected: spoken, credit: credit(lane) },
        events: counts.accepted,
        delivered: delivered ? delivered.then(() => release(text.length)) : Promise.resolve(),
      }
    } finally {
      if (delivered === null) release(text.length)
    }
  }

  /**
   * Makes lines durable and hands them on. Everything that writes to the log while the server runs goes through here,
   * so that the pipeline sees positions in order.
   * Errors  Fault 'server.busy' when the log cannot be written: nothing was kept.
   */
  async function append(records: readonly Recorded[], rejected: readonly Rejected[] = []): Promise<Written> {
    const began = performance.now()
    const written = log.append(records, rejected)
    // Chained at the time of the call, because the log applies calls in the order they were made.
    const delivered = (handing = handing.then(() => handOn(written, records)))
    try {
      const { duplicates } = await written
      metrics.appended((performance.now() - began) / 1_000)
      return { duplicates, delivered }
    } catch (cause) {
      says.error({ err: cause }, 'telemetry could not be stored')
      throw busy('The server cannot store right now.', cause)
    }
  }

  async function handOn(written: Promise<Appended>, records: readonly Recorded[]): Promise<void> {
    try {
      // Rejected: whoever called `append` hears of it, and there is nothing to hand on.
      const { first, duplicates } = await written.catch(() => ({ first: 0, duplicates: [] }))
      if (first === 0) return
      const left = new Set<number>(duplicates)
      const stored = records.filter((_, index) => !left.has(index))
      if (stored.length > 0) await deps.deliver(stored.map((record, index) => ({ position: first + index, record })))
    } catch (cause) {
      says.error({ err: cause }, 'stored telemetry could not be judged')
    }
  }

  /** The id stored under this number; null: none, or in a damaged segment: then the log's own numbers decide. */
  async function lookUp(device: string, epoch: number, seq: number, lane: Lane): Promise<string | null> {
    lane.budget.charge(LOOKUP_COST)
    // Between any two of them everybody else has a turn.
    await setImmediate()
    try {
      return (await log.bySeq(device, epoch, seq))?.id ?? null
    } catch (cause) {
      says.error({ err: cause, device, epoch, seq }, 'a stored event could not be compared with its retry')
      return null
    }
  }

  function laneOf(device: string): Lane {
    const found = lanes.get(device)
    if (found) return found
    const made: Lane = {
      tail: Promise.resolve(),
      budget: bucket(now, limits.eventsPerSecond, limits.eventsBurst),
      hour: 0,
      evidence: 0,
    }
    lanes.set(device, made)
    return made
  }

  /** The log stores neither a conflict nor a rejected number twice; this bounds how many different ones it gets. */
  function mayKeepEvidence(lane: Lane): boolean {
    const hour = Math.floor(now() / HOUR)
    if (lane.hour !== hour) lane.evidence = 0
    lane.hour = hour
    if (lane.evidence >= limits.evidencePerHour) {
      metrics.capped(1)
      return false
    }
    lane.evidence++
    return true
  }

  /** What is left of the burst, but never so little that a batch of some size would not fit. */
  function credit(lane: Lane): number {
    return Math.max(100, Math.min(LIMITS.creditEvents, Math.floor(lane.budget.left())))
  }

  function reserve(bytes: number): boolean {
    if (inFlight + bytes > limits.inFlightBytes) return false
    inFlight += bytes
    metrics.inFlight(inFlight)
    return true
  }

  function release(bytes: number): void {
    inFlight -= bytes
    metrics.inFlight(inFlight)
  }

  /** Jittered, so that those who are sent away together do not come back together. */
  function busy(todo: string, cause?: unknown): Fault {
    return new Fault('server.busy', {
      todo,
      facts: { retryAfterMs: 5_000 + Math.floor(deps.random() * 10_000) },
      cause,
    })
  }

  /** Resolves when nothing is being stored or handed on. */
  async function idle(): Promise<void> {
    await Promise.all([...lanes.values()].map((lane) => lane.tail))
    await handing
  }
}
export type Admission = ReturnType<typeof admission>
