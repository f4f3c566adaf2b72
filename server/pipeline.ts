/**
 * The one way through: a record of the log goes to the derivers, their events to the rules, matches to findings.
 *
 * Live, replay and back-test run this and nothing else, in log order; it has no clock, no files and no network. What a
 * record needs from outside (address facts, catalogue facts) stands in the record, or is looked up through `deps`
 * where a recording left it out.
 */
import { createHash } from 'node:crypto'
import type { LoadedCorrelation, Program } from '../rules/language/index.ts'
import type { Event } from '../wire/event.ts'
import type { AddressFacts, CatalogueFacts, Recorded, RecordedOf } from '../wire/recording.ts'
import { CoverageBook } from './assess/coverage.ts'
import { wholeGeo } from './derive/connection.ts'
import type { Deriver, Draft, Seen } from './derive/deriver.ts'
import { World } from './derive/world.ts'
import { Detector } from './detect/detector.ts'
import type { Findings } from './detect/findings.ts'
import type { Finding } from './store/store.ts'

/** Goes up when what `save` writes, or what derivers make of it, is no longer what it was. */
const STATE_FORM = 1

export interface PipelineDeps {
  program: Program
  correlations: readonly LoadedCorrelation[]
  derivers: Deriver[]
  recognise(event: Event): CatalogueFacts | undefined
  lookup(address: string, at: number): AddressFacts
}

export class Pipeline {
  readonly world = new World()
  readonly coverage = new CoverageBook()
  readonly #deps: PipelineDeps
  readonly #detector: Detector
  #events = 0
  #time = 0

  constructor(deps: PipelineDeps) {
    this.#deps = deps
    this.#detector = new Detector(deps.program, deps.correlations)
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
        this.advance(record.receivedAt)
        this.world.addContract(record)
        break
      case 'device':
        this.advance(record.receivedAt)
        this.world.addDevice(record)
        break
      case 'clock':
        if (record.downSince != null) for (const it of this.#deps.derivers) it.deaf?.(record.downSince, record.time)
        this.advance(record.time)
        break
      case 'connection':
        this.advance(record.time)
        this.#run(this.#session(record), 0)
        break
      case 'event':
        this.advance(record.receivedAt)
        this.#events++
        this.#run(this.#event(record), 0)
        break
      case 'feed':
        this.advance(record.receivedAt ?? record.time)
        this.#events++
        this.#run(this.#feed(record), 0)
        break
      case 'label':
        break
    }
  }

  /** The log's clock reached `now`: what depends on nothing having come is decided. Never goes back. */
  advance(now: number | undefined): void {
    if (now === undefined || now <= this.#time) return
    this.#time = now
    this.#deps.derivers.forEach((deriver, index) => {
      deriver.advance?.(now, (device, time, draft, key) => {
        const seen = this.#beside(device, time, now)
        this.#derived(deriver, index, seen, draft, key)
      })
    })
    this.#detector.advance(now)
  }

  save(): string {
    const { derivers } = this.#deps
    return JSON.stringify({
      form: STATE_FORM,
      time: this.#time,
      events: this.#events,
      world: this.world.save(),
      coverage: this.coverage.save(),
      detector: this.#detector.save(),
      derivers: Object.fromEntries(derivers.map((it) => [it.name, it.save()])),
    })
  }

  /** False: another Tellwire saved it in another form; nothing was loaded, and the log has to be judged anew. */
  load(state: string, findings: readonly Finding[]): boolean {
    const saved = JSON.parse(state)
    if (saved.form !== STATE_FORM) return false
    this.#time = saved.time
    this.#events = saved.events
    this.world.load(saved.world)
    this.coverage.load(saved.coverage)
    for (const it of this.#deps.derivers) if (it.name in saved.derivers) it.load(saved.derivers[it.name])
    this.#detector.load(saved.detector)
    this.findings.load(findings)
    return true
  }

  #run(seen: Seen, from: number): void {
    if (from === 0) this.coverage.take(seen)
    this.#deps.derivers.forEach((deriver, index) => {
      if (index >= from) deriver.take(seen, (draft, key) => this.#derived(deriver, index, seen, draft, key))
    })
    if (seen.event && !seen.conflict) this.#detector.take(seen.event, seen, seen.contract)
  }

  /** What a deriver emitted goes to the derivers after it, and to the rules. */
  #derived(deriver: Deriver, index: number, beside: Seen, draft: Draft, key: string): void {
    const id = derivedId(deriver.name, beside.device, beside.time, key)
    const event = { ...draft, id, seq: null, time: beside.time, product: 'tellwire', collector: deriver.name } as Event
    this.#run({ ...beside, event, connection: null, conflict: false, facts: undefined }, index + 1)
  }

  #beside(device: string | null, time: number, receivedAt: number): Seen {
    const worker = device === null ? null : this.world.holderAt(device, time)
    return {
      event: null,
      connection: null,
      conflict: false,
      device,
      worker,
      time,
      receivedAt,
      epoch: null,
      contract: this.world.contractAt(worker, time),
      firstBoot: device === null ? null : this.world.firstBoot(device),
      facts: undefined,
    }
  }

  #session(record: RecordedOf<'connection'>): Seen {
    const geo = record.geo ? wholeGeo(record.geo) : this.#deps.lookup(record.remoteAddress, record.time)
    return { ...this.#beside(record.device, record.time, record.time), connection: { ...record, geo } }
  }

  #event({ device, event, receivedAt, epoch, conflict, facts }: RecordedOf<'event'>): Seen {
    return {
      ...this.#beside(device, event.time, receivedAt),
      event,
      epoch: epoch ?? 0,
      conflict: conflict ?? false,
      facts: facts ?? this.#deps.recognise(event),
    }
  }

  #feed({ worker, time, receivedAt, event }: RecordedOf<'feed'>): Seen {
    const beside = this.#beside(null, time, receivedAt ?? time)
    return { ...beside, event, worker, contract: this.world.contractAt(worker, time) }
  }
}

/** A UUID of version 8 (RFC 9562: custom) from a hash: the same derivation has the same id in every run. */
function derivedId(deriver: string, device: string | null, time: number, key: string): string {
  const hex = createHash('sha256')
    .update(JSON.stringify([deriver, device, time, key]))
    .digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
