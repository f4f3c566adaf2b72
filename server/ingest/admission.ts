/**
 * Where batches become records: unpacked, validated, compared with what is stored, made durable.
 *
 * One lane per device, across its sessions: a batch that a reconnected agent sends again waits until the first copy is
 * durable or has failed, so that 'was this stored?' has one answer. Lanes of different devices run side by side and
 * share the stream's commits. Nothing here waits for judgement: the detector reads the stream itself.
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
import type { Logger } from '../log.ts'
import type { Metrics } from '../metrics.ts'
import type { History } from '../store/history.ts'
import type { Published, Rejected, Stored, Stream } from '../store/stream.ts'
import { type Bucket, bucket } from './bucket.ts'
import { type Accepted, parseBatch, type Refused, unpack, validateEvents } from './validation.ts'

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
  stream: Pick<Stream, 'publish' | 'acked'>
  history: Pick<History, 'bySeq'>
  /** What `publish` stored, in the order of the stream, each once; events of laptops are not among it. */
  delivered(stored: readonly Stored[]): void
  /** The stream now knows this life of the device's spool up to `seq`. */
  durable(device: string, epoch: number, seq: number): void
  recognise(event: Event): CatalogueFacts | undefined
  policy(): Policy
  limits: AdmissionLimits
  now(): number
  /** 0 <= random < 1: jitter. */
  random(): number
  /** May resolve early when the server closes. */
  sleep(ms: number): Promise<void>
  metrics: Metrics
  log: Logger
}

export interface Admitted {
  ack: Ack
  /** Stored for the first time. */
  events: number
}

/** What one batch costs besides its events, in events. */
const BATCH_COST = 5
/** Looking up an old number unpacks a segment: 2 ms measured. An honest agent needs it for one batch after a broken line. */
const LOOKUP_COST = 20
/** Bytes that count as one event: a batch of few huge events pays for its size. */
const BYTES_PER_EVENT = 1_024
const HOUR = 3_600_000

/** A device's turn, and what it may still send. */
interface Lane {
  device: string
  tail: Promise<unknown>
  budget: Bucket
  hour: number
  evidence: number
}

/** A batch that was read. */
interface Received {
  epoch: number
  receivedAt: number
  accepted: Accepted[]
  refused: Refused[]
  /** The highest number of the batch: what the acknowledgement reaches. */
  highest: number
}

/** A batch compared with what is stored. */
interface Compared {
  records: RecordedEvent[]
  duplicates: number
  conflicts: Refused[]
}

export class Admission {
  readonly #deps: AdmissionDeps
  readonly #lanes = new Map<string, Lane>()
  #inFlight = 0
  /** Ends when all that was published so far has been delivered. */
  #delivering: Promise<void> = Promise.resolve()

  constructor(deps: AdmissionDeps) {
    this.#deps = deps
  }

  /** One batch of a device. `frame` must have been reserved by the caller, and is released by it. */
  batch(device: string, epoch: number, frame: Uint8Array): Promise<Admitted> {
    const lane = this.#laneOf(device)
    const admitted = lane.tail.then(() => this.#take(lane, epoch, frame))
    lane.tail = admitted.catch(() => {})
    return admitted
  }

  /**
   * Makes records of others durable and delivers them. Whatever is written to the stream while the server runs and is
   * not an event of a laptop goes through here, so that `delivered` sees positions in order.
   *
   * Shape   resolves when the records are durable and delivered.
   * Errors  Fault 'server.busy' when the stream cannot be written: nothing was kept.
   */
  async publish(records: readonly Recorded[]): Promise<Published> {
    const written = this.#store(records, [])
    // Chained at the time of the call, because the stream applies calls in the order they were made.
    const delivering = this.#delivering.then(() => this.#deliver(written, records))
    this.#delivering = delivering
    const published = await written
    await delivering
    return published
  }

  /** What is left of the burst, but never so little that a batch of some size would not fit. */
  credit(device: string): number {
    return creditOf(this.#laneOf(device))
  }

  /** False: the memory for batches is used up. */
  reserve(bytes: number): boolean {
    if (this.#inFlight + bytes > this.#deps.limits.inFlightBytes) return false
    this.#inFlight += bytes
    this.#deps.metrics.inFlight(this.#inFlight)
    return true
  }

  release(bytes: number): void {
    this.#inFlight -= bytes
    this.#deps.metrics.inFlight(this.#inFlight)
  }

  /** Jittered, so that those who are sent away together do not come back together. */
  busy(todo: string, cause?: unknown): Fault {
    return new Fault('server.busy', {
      todo,
      facts: { retryAfterMs: 5_000 + Math.floor(this.#deps.random() * 10_000) },
      cause,
    })
  }

  /** Resolves when nothing is being stored or delivered. */
  async idle(): Promise<void> {
    await Promise.all([...this.#lanes.values()].map((lane) => lane.tail))
    await this.#delivering
  }

  async #take(lane: Lane, epoch: number, frame: Uint8Array): Promise<Admitted> {
    // The debt of earlier batches is waited for before this one takes any memory.
    const debtMs = lane.budget.debtMs()
    if (debtMs > 0) await this.#deps.sleep(debtMs)
    const text = await unpack(frame)
    if (!this.reserve(text.length)) throw this.busy('Too many batches are being stored.')
    try {
      this.#deps.metrics.batch(frame.length, text.length)
      return await this.#admit(lane, this.#receive(lane, epoch, text))
    } finally {
      this.release(text.length)
    }
  }

  #receive(lane: Lane, epoch: number, text: Buffer): Received {
    const batch = parseBatch(text.toString('utf8'))
    if (batch.epoch !== epoch)
      throw new Fault('batch.malformed', { where: 'epoch', todo: 'Say hello again with the new epoch.' })
    const validated = validateEvents(batch.events, this.#deps.policy())
    if (validated.highest === 0)
      throw new Fault('batch.malformed', { where: 'events[0].seq', todo: 'Number the events from 1 upwards.' })
    lane.budget.charge(Math.max(batch.events.length, text.length / BYTES_PER_EVENT) + BATCH_COST)
    return { epoch, receivedAt: this.#deps.now(), ...validated }
  }

  async #admit(lane: Lane, received: Received): Promise<Admitted> {
    const { metrics, stream, durable } = this.#deps
    const { device } = lane
    const { epoch, highest } = received
    const known = await stream.acked(device, epoch)
    const { records, duplicates, conflicts } = await this.#compare(lane, received, known)
    const rejected = this.#evidence(lane, received)
    let late = 0
    if (records.length + rejected.length > 0) {
      const published = await this.#store(records, rejected)
      // The history may be behind the stream: the stream's word counts.
      for (const index of published.duplicates) if (!records[index]!.conflict) late++
      const reached = Math.max(known, lastSeq(records), ...rejected.map((it) => it.seq ?? 0))
      if (reached > known) durable(device, epoch, reached)
    } else {
      // Nothing was waited for: before this device's next batch, everybody else has a turn.
      await setImmediate()
    }
    const events = records.reduce((sum, it) => sum + Number(!it.conflict), 0) - late
    metrics.accepted(events)
    metrics.duplicates(duplicates + late)
    metrics.conflicts(conflicts.length)
    const refused = [...received.refused, ...conflicts].map(({ seq, code, where }) => ({ seq, code, where }))
    return { ack: { type: 'ack', epoch, seq: highest, rejected: refused, credit: creditOf(lane) }, events }
  }

  async #compare(lane: Lane, received: Received, known: number): Promise<Compared> {
    const { device } = lane
    const { epoch, receivedAt, accepted } = received
    const compared: Compared = { records: [], duplicates: 0, conflicts: [] }
    for (const { seq, event } of accepted) {
      const before = seq > known ? null : await this.#lookUp(lane, epoch, seq)
      if (before === event.id) {
        compared.duplicates++
        continue
      }
      // Nothing recognised is a fact too: a later catalogue must not find in history what this one did not.
      const facts = this.#deps.recognise(event) ?? {}
      const record: RecordedEvent = { type: 'event', device, receivedAt, epoch, event, facts }
      if (before === null) compared.records.push(record)
      else {
        compared.conflicts.push({ seq, code: 'event.conflict', where: `seq ${seq}`, raw: '' })
        this.#deps.metrics.rejected('event.conflict')
        // Kept whole, as a record.
        if (this.#mayKeepEvidence(lane)) compared.records.push({ ...record, conflict: true })
      }
    }
    return compared
  }

  /** The refused events that are kept, as they came. */
  #evidence(lane: Lane, { epoch, receivedAt, refused }: Received): Rejected[] {
    const kept: Rejected[] = []
    for (const it of refused) {
      this.#deps.metrics.rejected(it.code)
      if (this.#mayKeepEvidence(lane)) kept.push({ device: lane.device, receivedAt, epoch, ...it })
    }
    return kept
  }

  /** The id stored under this number; null: none, or in a damaged segment: then the stream's own numbers decide. */
  async #lookUp(lane: Lane, epoch: number, seq: number): Promise<string | null> {
    const { history, log } = this.#deps
    const { device } = lane
    lane.budget.charge(LOOKUP_COST)
    // Between any two of them everybody else has a turn.
    await setImmediate()
    try {
      return (await history.bySeq(device, epoch, seq))?.id ?? null
    } catch (cause) {
      log.error({ err: cause, device, epoch, seq }, 'a stored event could not be compared with its retry')
      return null
    }
  }

  async #store(records: readonly Recorded[], rejected: readonly Rejected[]): Promise<Published> {
    const { stream, metrics, log } = this.#deps
    const began = performance.now()
    try {
      const published = await stream.publish(records, rejected)
      metrics.appended((performance.now() - began) / 1_000)
      return published
    } catch (cause) {
      log.error({ err: cause }, 'telemetry could not be stored')
      throw this.busy('The server cannot store right now.', cause)
    }
  }

  async #deliver(written: Promise<Published>, records: readonly Recorded[]): Promise<void> {
    // Rejected: whoever called `publish` hears of it, and there is nothing to deliver.
    const published = await written.catch(() => null)
    if (published === null) return
    const omitted = new Set<number>(published.duplicates)
    const stored = records.filter((_, index) => !omitted.has(index))
    if (stored.length === 0) return
    try {
      this.#deps.delivered(stored.map((record, index) => ({ position: published.first + index, record })))
    } catch (cause) {
      this.#deps.log.error({ err: cause }, 'stored records could not be delivered')
    }
  }

  #laneOf(device: string): Lane {
    const found = this.#lanes.get(device)
    if (found) return found
    const { now, limits } = this.#deps
    const budget = bucket(now, limits.eventsPerSecond, limits.eventsBurst)
    const made: Lane = { device, tail: Promise.resolve(), budget, hour: 0, evidence: 0 }
    this.#lanes.set(device, made)
    return made
  }

  /** The stream stores neither a conflict nor a rejected number twice; this bounds how many different ones it gets. */
  #mayKeepEvidence(lane: Lane): boolean {
    const hour = Math.floor(this.#deps.now() / HOUR)
    if (lane.hour !== hour) lane.evidence = 0
    lane.hour = hour
    if (lane.evidence >= this.#deps.limits.evidencePerHour) {
      this.#deps.metrics.capped(1)
      return false
    }
    lane.evidence++
    return true
  }
}

function creditOf(lane: Lane): number {
  return Math.max(100, Math.min(LIMITS.creditEvents, Math.floor(lane.budget.left())))
}

/** Of those that are no conflict, which come upwards; 0 for none. */
function lastSeq(records: readonly RecordedEvent[]): number {
  return records.findLast((it) => !it.conflict)?.event.seq ?? 0
}
