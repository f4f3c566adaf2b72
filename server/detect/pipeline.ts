/**
 * The one way through: a record of the log goes to the derivers, their events to the rules, matches to findings.
 *
 * Live, replay and back-test run this and nothing else, in log order; it has no clock, no files and no network. What a
 * record needs from outside (address facts, catalogue facts) stands in the record, or is looked up through `deps`
 * where a recording left it out.
 */
import { createHash } from 'node:crypto'
import type { LoadedCorrelation, Program } from '../../rules/language/index.ts'
import { CATEGORIES, type Category, type Event } from '../../wire/event.ts'
import type { AddressFacts, CatalogueFacts, Recorded, RecordedOf } from '../../wire/recording.ts'
import { CoverageBook } from '../derive/coverage.ts'
import type { About, Deriver, Draft, Emit, Reading, Seen } from '../derive/deriver.ts'
import { wholeGeo } from '../derive/derivers/connection.ts'
import { derivers, placeChanges, type Thresholds } from '../derive/index.ts'
import { allRows, type Keeper, type Parts, prefixed, restoreRows } from '../derive/kit/kept.ts'
import { type PlacedRecord, PlaceGate } from '../derive/kit/place-gate.ts'
import { World } from '../derive/kit/world.ts'
import type { Finding } from '../model/finding.ts'
import { Detector } from './detector.ts'
import type { Findings } from './findings.ts'

/** Goes up when what `save` writes, or what derivers make of it, is no longer what it was. */
const STATE_FORM = 4
/** How often derivers are told the time, by the log's clock: what they decide by it is hours and days. */
const TICK_MS = 300_000

export interface PipelineDeps {
  program: Program
  correlations: readonly LoadedCorrelation[]
  /** By deriver; what is left out is as shipped. */
  thresholds?: Thresholds
  recognise(event: Event): CatalogueFacts | undefined
  lookup(address: string, at: number): AddressFacts
}

interface Running {
  name: string
  deriver: Deriver
  emit: Emit
}

export class Pipeline {
  readonly world = new World()
  readonly coverage = new CoverageBook()
  /** Takes the places out of connections that a database moved by itself. */
  readonly gate: PlaceGate
  readonly #deps: PipelineDeps
  readonly #derivers: readonly Running[]
  readonly #readers: ReadonlyMap<Reading, readonly Running[]>
  readonly #detector: Detector
  readonly #keepers: Readonly<Record<string, Keeper>>
  /** All state but the detector's and the clock, by part. */
  readonly kept: Parts
  #events = 0
  #time = 0
  /** When derivers were last told the time. */
  #ticked = 0

  constructor(deps: PipelineDeps) {
    this.#deps = deps
    this.#detector = new Detector(deps.program, deps.correlations)
    this.gate = new PlaceGate(placeChanges(deps.thresholds))
    this.#derivers = derivers(this.world, deps.thresholds).map(([name, deriver]) => ({
      name,
      deriver,
      emit: (about, key, draft) => this.#derived(name, about, key, draft),
    }))
    this.#keepers = {
      ...{ world: this.world, coverage: this.coverage, gate: this.gate },
      ...Object.fromEntries(this.#derivers.map((it) => [it.name, it.deriver])),
    }
    this.kept = Object.assign({}, ...Object.entries(this.#keepers).map(([name, it]) => prefixed(name, it.kept)))
    const readings: Reading[] = ['session', ...(Object.keys(CATEGORIES) as Category[])]
    this.#readers = new Map(
      readings.map((it) => [it, this.#derivers.filter(({ deriver }) => deriver.reads?.includes(it) ?? true)]),
    )
  }

  get findings(): Findings {
    return this.#detector.findings
  }

  get events(): number {
    return this.#events
  }

  /** The latest moment the log speaks of: what a replay is judged at unless it is told another. */
  get time(): number {
    return this.#time
  }

  take(record: Recorded): void {
    switch (record.type) {
      case 'contract':
        this.reach(record.receivedAt)
        this.world.addContract(record)
        break
      case 'device':
        this.reach(record.receivedAt)
        this.world.addDevice(record)
        break
      case 'clock':
        if (record.downSince != null)
          for (const { deriver } of this.#derivers) deriver.deaf?.(record.downSince, record.time)
        this.reach(record.time)
        break
      case 'connection':
        this.reach(record.time)
        for (const it of this.gate.take(this.#placed(record), this.world.holderAt(record.device, record.time)))
          this.#run(this.#session(it))
        break
      case 'event':
        this.reach(record.receivedAt)
        this.#events++
        this.#run(this.#event(record))
        break
      case 'feed':
        this.reach(record.receivedAt ?? record.time)
        this.#events++
        this.#run(this.#feed(record))
        break
      case 'label':
        break
    }
  }

  /** The log's clock reached `now`. Never goes back. */
  reach(now: number | undefined): void {
    if (now === undefined || now <= this.#time) return
    this.#time = now
    if (now >= this.#ticked + TICK_MS) this.#tick()
    this.#detector.advance(now)
  }

  /** The same, and what stands is going to be compared: everything is decided that can be. */
  advance(now: number | undefined): void {
    this.reach(now)
    this.#tick()
  }

  save(): string {
    return JSON.stringify({
      form: STATE_FORM,
      time: this.#time,
      ticked: this.#ticked,
      events: this.#events,
      rows: allRows(this.kept),
      detector: this.#detector.save(),
    })
  }

  /** False: another Tellwire saved it in another form; nothing was loaded, and the log has to be judged anew. */
  load(state: string, findings: readonly Finding[]): boolean {
    const saved = JSON.parse(state)
    if (saved.form !== STATE_FORM) return false
    this.#time = saved.time
    this.#ticked = saved.ticked
    this.#events = saved.events
    restoreRows(this.kept, saved.rows)
    for (const keeper of Object.values(this.#keepers)) keeper.restored?.()
    this.#detector.load(saved.detector)
    this.findings.load(findings)
    return true
  }

  #tick(): void {
    this.#ticked = this.#time
    for (const it of this.gate.advance(this.#time)) this.#run(this.#session(it))
    for (const { deriver, emit } of this.#derivers) deriver.advance?.(this.#time, emit)
  }

  #run(seen: Seen): void {
    this.coverage.take(seen)
    for (const { deriver, emit } of this.#readers.get(seen.event?.category ?? 'session')!) deriver.take(seen, emit)
    if (seen.event && !seen.conflict) this.#detector.take(seen.event, seen, seen.contract)
  }

  /** What a deriver emitted goes to the rules; what it takes back is found no more. */
  #derived(name: string, { device, worker, time }: About, key: string, draft: Draft | null): void {
    const id = derivedId(name, device ?? worker, time, key)
    this.#detector.forget(id)
    if (draft === null) return
    const event = { ...draft, id, seq: null, time, product: 'tellwire', collector: name } as Event
    this.#detector.take(event, { device, worker }, this.world.contractAt(worker, time), true)
  }

  #placed(record: RecordedOf<'connection'>): PlacedRecord {
    return { ...record, geo: record.geo ? wholeGeo(record.geo) : this.#deps.lookup(record.remoteAddress, record.time) }
  }

  #session(record: PlacedRecord): Seen {
    return seenBy(this.world.besideOf(record.device, record.time), record.time, record.time, null, record)
  }

  #event({ device, event, receivedAt, epoch, conflict, facts }: RecordedOf<'event'>): Seen {
    const seen = seenBy(this.world.besideOf(device, event.time), event.time, receivedAt, event, null)
    seen.epoch = epoch ?? 0
    seen.conflict = conflict ?? false
    seen.facts = facts ?? this.#deps.recognise(event)
    if (event.category === 'remote_session') seen.peer = this.#peer(facts?.peer, event.PeerIp, event.time)
    return seen
  }

  #feed({ worker, time, receivedAt, event, geo }: RecordedOf<'feed'>): Seen {
    const beside = { device: null, worker, contract: this.world.contractAt(worker, time), firstBoot: null }
    const seen = seenBy(beside, time, receivedAt ?? time, event, null)
    if (event.category === 'idp_login') seen.peer = this.#peer(geo, event.Ip, time)
    return seen
  }

  /** What was recorded about the address, or what the databases say where a recording left it out. */
  #peer(known: RecordedOf<'connection'>['geo'], address: string | null, time: number): AddressFacts | null {
    if (known) return wholeGeo(known)
    return address === null ? null : this.#deps.lookup(address, time)
  }
}

/** All in one place and order, so that what reads them finds each field where it was the last time. */
function seenBy(
  { device, worker, contract, firstBoot }: Pick<Seen, 'device' | 'worker' | 'contract' | 'firstBoot'>,
  time: number,
  receivedAt: number,
  event: Event | null,
  connection: PlacedRecord | null,
): Seen {
  return {
    event,
    connection,
    peer: null,
    conflict: false,
    device,
    worker,
    time,
    receivedAt,
    epoch: null,
    contract,
    firstBoot,
    facts: undefined,
  }
}

/** A UUID of version 8 (RFC 9562: custom) from a hash: the same derivation has the same id in every run. */
function derivedId(deriver: string, subject: string | null, time: number, key: string): string {
  const hex = createHash('sha256')
    .update(JSON.stringify([deriver, subject, time, key]))
    .digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
