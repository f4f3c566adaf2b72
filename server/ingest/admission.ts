/**
 * Turns batches into records: unpacks and validates them, compares them with stored events, and makes them durable.
 *
 * There is one lane per device, across its sessions: a batch that a reconnected agent resends waits until the first
 * copy is durable or has failed, so that it is known whether it was stored. Lanes of different devices run in parallel
 * and share the stream's commits. Detection is not awaited: the detector reads the stream itself.
 *
 * Shape   a number above the highest stored one is new. One at or below is looked up: a missing event fills a gap, the
 *         same id is a retry, and another id is a conflict, which is kept as evidence.
 * Errors  Fault 'batch.*' for a malformed batch, 'server.busy' when it cannot be made durable or the memory for batches
 *         is used up. Nothing of the batch is stored then, and the caller must close the session: a later batch would
 *         otherwise be acknowledged beyond the missing one.
 */

import { setImmediate } from 'node:timers/promises'
import type { Event } from '../../wire/event.ts'
import { Fault } from '../../wire/fault.ts'
import { type Ack, LIMITS, type Policy } from '../../wire/messages.ts'
import type { CatalogueFacts, Recorded, RecordedEvent } from '../../wire/recording.ts'
import { DAY, HOUR } from '../../wire/time.ts'
import type { Logger } from '../log.ts'
import type { Metrics } from '../metrics.ts'
import type { History } from '../store/history.ts'
import type { Published, Rejected, Stored, Stream } from '../store/stream.ts'
import { type Bucket, bucket } from './bucket.ts'
import { type Accepted, guardParsing, parseBatch, type Refused, unpack, validateEvents } from './validation.ts'

export interface AdmissionLimits {
  /** Events a device may send, sustained and in a burst. An agent that sends a backlog is slowed down, not refused. */
  eventsPerSecond: number
  eventsBurst: number
  /** Unpacked bytes a device may send, sustained and in a burst. Beyond them it is told when to come back. */
  bytesPerDay: number
  bytesBurst: number
  /** Bytes of batches in memory, all sessions together. */
  inFlightBytes: number
  /** Rejected and conflicting events stored per device and hour, so that no laptop fills the disk with junk. */
  evidencePerHour: number
}

export interface AdmissionDeps {
  stream: Pick<Stream, 'publish' | 'acked'>
  history: Pick<History, 'bySeq'>
  /**
   * Called with the records that `publish` stored, in the stream's order, each once. Laptops' events are not included.
   */
  delivered(stored: readonly Stored[]): void
  /** Events of this device and epoch are stored up to `seq`. */
  durable(device: string, epoch: number, seq: number): void
  recognise(event: Event): CatalogueFacts | undefined
  /** The policy of the group that the laptop is in. */
  policy(device: string): Policy
  /** True while the disk is nearly full and telemetry is refused. */
  isFull(): boolean
  limits: AdmissionLimits
  now(): number
  /** Processor time of this thread, ms. */
  cpuMs(): number
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

/** The cost of a batch besides its events, in events. */
const BATCH_COST = 5
/**
 * Looking up an old number unpacks a segment: 2 ms measured. An honest agent causes it for one batch per reconnection.
 */
const LOOKUP_COST = 20
/** Bytes that count as one event, so that a batch of few huge events is charged for its size. */
const BYTES_PER_EVENT = 1_024
/**
 * What a millisecond of this thread counts as. Ordinary events take 5 µs each; those of a batch that is made to be slow
 * to read take many times as long.
 */
const EVENTS_PER_CPU_MS = 200

const DAY_SECONDS = DAY / 1_000

/** A device's queue of batches, and what it may still send. */
interface Lane {
  device: string
  tail: Promise<unknown>
  budget: Bucket
  bytes: Bucket
  /** The day on which its use of all its bytes was logged. */
  reportedDay: number
  hour: number
  evidence: number
}

/** A batch that was unpacked and validated. */
interface Received {
  epoch: number
  receivedAt: number
  accepted: Accepted[]
  refused: Refused[]
  /** The highest number of the batch, up to which it is acknowledged. */
  highest: number
}

/** A batch after the comparison with stored events. */
interface Compared {
  records: RecordedEvent[]
  duplicates: number
  conflicts: Refused[]
}

export class Admission {
  readonly #deps: AdmissionDeps
  readonly #lanes = new Map<string, Lane>()
  #inFlight = 0
  #isStoring = true
  /** Resolves when everything published so far has been delivered. */
  #delivering: Promise<void> = Promise.resolve()

  constructor(deps: AdmissionDeps) {
    this.#deps = deps
  }

  /** Takes one batch of a device. The caller must have reserved memory for `frame`, and releases it. */
  batch(device: string, epoch: number, frame: Uint8Array): Promise<Admitted> {
    const lane = this.#laneOf(device)
    const admitted = lane.tail.then(() => this.#take(lane, epoch, frame))
    lane.tail = admitted.catch(() => {})
    return admitted
  }

  /**
   * Makes records that no laptop sent durable, and delivers them. All of them go through here while the server runs, so
   * that `delivered` sees positions in order.
   *
   * Shape   resolves when the records are durable and delivered.
   * Errors  Fault 'server.busy' when the stream cannot be written: nothing is stored then.
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

  /** False after a record could not be stored, until one was. */
  get isStoring(): boolean {
    return this.#isStoring
  }

  /** What is left of the burst, but at least enough for a small batch. */
  credit(device: string): number {
    return creditOf(this.#laneOf(device))
  }

  /** False when the memory for batches is used up. */
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

  /** The retry delay is jittered, so that agents refused together do not all reconnect at once. */
  busy(why: string, cause?: unknown): Fault {
    return new Fault('server.busy', {
      why,
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
    if (this.#deps.isFull()) throw this.busy("The server's disk is nearly full.")
    this.#guardBytes(lane)
    // Wait for the debt of earlier batches before this one takes memory.
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
    const { cpuMs, now, policy } = this.#deps
    const before = cpuMs()
    let events = 0
    try {
      guardParsing(text)
      const batch = parseBatch(text.toString('utf8'))
      events = batch.events.length
      if (batch.epoch !== epoch)
        throw new Fault('batch.malformed', { where: 'epoch', todo: 'Reconnect with a hello that names the new epoch.' })
      const validated = validateEvents(batch.events, policy(lane.device))
      if (validated.highest === 0)
        throw new Fault('batch.malformed', { where: 'events[0].seq', todo: 'Number the events from 1 upwards.' })
      return { epoch, receivedAt: now(), ...validated }
    } finally {
      // A batch that is refused has cost the same.
      lane.bytes.charge(text.length)
      const worked = (cpuMs() - before) * EVENTS_PER_CPU_MS
      lane.budget.charge(Math.max(events, text.length / BYTES_PER_EVENT, worked) + BATCH_COST)
    }
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
      // The history may be behind the stream, so the stream decides.
      for (const index of published.duplicates) if (!records[index]!.conflict) late++
      const reached = Math.max(known, lastSeq(records), ...rejected.map((it) => it.seq ?? 0))
      if (reached > known) durable(device, epoch, reached)
    } else {
      // Nothing was awaited so far: let other devices have a turn before this one's next batch.
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
      // Empty facts are stored too, so that a later catalogue does not recognise something in old events.
      const facts = this.#deps.recognise(event) ?? {}
      const record: RecordedEvent = { type: 'event', device, receivedAt, epoch, event, facts }
      if (before === null) compared.records.push(record)
      else {
        compared.conflicts.push({ seq, code: 'event.conflict', where: `seq ${seq}`, raw: '' })
        this.#deps.metrics.rejected('event.conflict')
        // Stored as a whole record.
        if (this.#mayKeepEvidence(lane)) compared.records.push({ ...record, conflict: true })
      }
    }
    return compared
  }

  /** The refused events that are stored as evidence, as received. */
  #evidence(lane: Lane, { epoch, receivedAt, refused }: Received): Rejected[] {
    const kept: Rejected[] = []
    for (const it of refused) {
      this.#deps.metrics.rejected(it.code)
      if (this.#mayKeepEvidence(lane)) kept.push({ device: lane.device, receivedAt, epoch, ...it })
    }
    return kept
  }

  /** The id stored under this number; null when there is none or its segment is damaged, and the stream decides. */
  async #lookUp(lane: Lane, epoch: number, seq: number): Promise<string | null> {
    const { history, log } = this.#deps
    const { device } = lane
    lane.budget.charge(LOOKUP_COST)
    // Let other devices have a turn between lookups.
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
      this.#isStoring = true
      return published
    } catch (cause) {
      this.#isStoring = false
      log.error({ err: cause }, 'telemetry could not be stored')
      throw this.busy('The server cannot store right now.', cause)
    }
  }

  async #deliver(written: Promise<Published>, records: readonly Recorded[]): Promise<void> {
    // A failure is reported to the caller of `publish`; there is nothing to deliver.
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
    const bytes = bucket(now, limits.bytesPerDay / DAY_SECONDS, limits.bytesBurst)
    const made: Lane = { device, tail: Promise.resolve(), budget, bytes, reportedDay: 0, hour: 0, evidence: 0 }
    this.#lanes.set(device, made)
    return made
  }

  /** Errors  Fault 'rate.exceeded' with the time until more is allowed. */
  #guardBytes(lane: Lane): void {
    const debtMs = lane.bytes.debtMs()
    if (debtMs === 0) return
    const day = Math.floor(this.#deps.now() / DAY)
    if (lane.reportedDay !== day)
      this.#deps.log.warn(
        { device: lane.device },
        'a laptop has sent more than its bytes of a day; the rest waits on it',
      )
    lane.reportedDay = day
    throw new Fault('rate.exceeded', {
      where: lane.device,
      why: 'This laptop has sent more than its bytes of a day.',
      todo: 'Keep the rest until then.',
      facts: { retryAfterMs: Math.min(debtMs, HOUR) },
    })
  }

  /** The stream stores each conflict and rejected number once; this bounds how many different ones it gets. */
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

/** The highest number among records that are not conflicts; these are in ascending order. 0 for none. */
function lastSeq(records: readonly RecordedEvent[]): number {
  return records.findLast((it) => !it.conflict)?.event.seq ?? 0
}
