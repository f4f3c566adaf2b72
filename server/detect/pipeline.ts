/**
 * The pipeline: a record of the log goes to the derivers, their events and the record's own to the rules, and matches
 * become findings.
 *
 * Shape   live detection, replay and back-test all run this, in log order; it has no clock, files or network. External
 *         facts (about addresses, from the catalogue) are in the record, or looked up through `deps` for recordings
 *         without them.
 */
import { createHash } from 'node:crypto'
import type { LoadedCorrelation, Program } from '../../rules/language/index.ts'
import { foldName } from '../../wire/common.ts'
import { CATEGORIES, type Category, type Event } from '../../wire/event.ts'
import type { AddressFacts, CatalogueFacts, Recorded, RecordedOf, RecordedRarity } from '../../wire/recording.ts'
import { DAY, MINUTE } from '../../wire/time.ts'
import { CoverageBook } from '../derive/coverage.ts'
import type { About, Deriver, Draft, Emit, Reading, Seen } from '../derive/deriver.ts'
import { wholeGeo } from '../derive/derivers/connection.ts'
import { derivers, placeChanges, type Thresholds } from '../derive/index.ts'
import { type Keeper, type Kept, single } from '../derive/kit/kept.ts'
import { type PlacedRecord, PlaceGate } from '../derive/kit/place-gate.ts'
import { type Changed, sourceOf, World } from '../derive/kit/world.ts'
import { Accounts } from './accounts.ts'
import { ColleagueBook } from './colleagues.ts'
import { DERIVED_PART, DerivedEvents } from './derived-events.ts'
import { Detector } from './detector.ts'
import type { Findings } from './findings.ts'
import { LogClock, stampOf } from './log-clock.ts'
import { Sources } from './sources.ts'

/** Increase it when the form or meaning of saved state changes: the log is then re-evaluated. */
export const STATE_FORM = 14
/** The part of the saved state that holds the log's clock. */
export const CLOCK_PART = 'clock'
/** How often derivers are given the time, by the log's clock: their time limits are hours and days. */
const TICK_MS = 5 * MINUTE

export interface PipelineDeps {
  program: Program
  correlations: readonly LoadedCorrelation[]
  /** By deriver; missing ones have their shipped values. */
  thresholds?: Thresholds
  recognise(event: Event): CatalogueFacts | undefined
  lookup(address: string, at: number): AddressFacts
}

interface NamedDeriver {
  name: string
  deriver: Deriver
  emit: Emit
}

/** A laptop that had been silent for `hours` at `time`. */
export interface Silent {
  device: string
  worker: string | null
  time: number
  hours: number
}

interface PipelineState {
  position: number
  counted: { events: number; ticked: number; swept: number }
  downSince: number | null
}

export class Pipeline {
  readonly world = new World()
  readonly coverage = new CoverageBook()
  readonly colleagues = new ColleagueBook()
  readonly clock = new LogClock()
  readonly #accounts = new Accounts()
  readonly #sources = new Sources()
  /** Removes the place from connections whose address moved only because of a new database edition. */
  readonly gate: PlaceGate
  readonly detector: Detector
  readonly #deps: PipelineDeps
  readonly #derivers: readonly NamedDeriver[]
  readonly #readers: ReadonlyMap<Reading, readonly NamedDeriver[]>
  /** Null while state is not saved. */
  #derived: DerivedEvents | null = null
  #silent: Silent[] = []
  #counted = { events: 0, ticked: 0, swept: 0 }
  /** The position of the last record taken. */
  #position = 0
  /** Since when the server was down, from a clock line whose own time is not yet confirmed. */
  #downSince: number | null = null

  constructor(deps: PipelineDeps) {
    this.#deps = deps
    this.detector = new Detector(deps.program, deps.correlations)
    this.gate = new PlaceGate(placeChanges(deps.thresholds))
    this.#derivers = derivers(this.world, deps.thresholds).map(([name, deriver]) => ({
      name,
      deriver,
      emit: (about, key, draft) => this.#emit(name, about, key, draft),
    }))
    const readings: Reading[] = ['session', ...(Object.keys(CATEGORIES) as Category[])]
    this.#readers = new Map(
      readings.map((it) => [it, this.#derivers.filter(({ deriver }) => deriver.reads?.includes(it) ?? true)]),
    )
  }

  get findings(): Findings {
    return this.detector.findings
  }

  get events(): number {
    return this.#counted.events
  }

  get position(): number {
    return this.#position
  }

  /** The log's clock. */
  get time(): number {
    return this.clock.time
  }

  /** `position` in the log; records of a recording are numbered in order. */
  take(record: Recorded, position = this.#position + 1): void {
    if (this.clock.take(record, position)) this.#reached()
    if (record.type === 'clock') this.#downSince = earlier(this.#downSince, record.downSince ?? null)
    this.#endDowntime(stampOf(record))
    switch (record.type) {
      case 'contract':
        this.#changed(this.world.addContract(record))
        this.#reattribute(record.worker)
        break
      case 'learning':
        this.world.census.addLearning(record)
        break
      case 'approval':
        this.#changed(this.world.addApproval(record))
        break
      case 'device':
        this.#changed(this.world.addDevice(record))
        break
      case 'revocation':
        this.world.addRevocation(record)
        for (const { deriver } of this.#derivers) deriver.revoked?.(record.device)
        break
      case 'rarity':
        this.colleagues.take(record)
        break
      case 'connection': {
        const placed = this.#placed(record)
        for (const it of this.gate.take(placed, this.world.holderAt(record.device, placed.time)))
          this.#run(this.#session(it))
        break
      }
      case 'event':
        this.#counted.events++
        this.#run(this.#event(record))
        break
      case 'feed':
        this.#counted.events++
        this.#takeFeed(record)
        break
    }
    this.#position = position
  }

  /** The server's own clock reads `now`. */
  reach(now: number): void {
    if (this.clock.reach(now, this.#position)) this.#reached()
  }

  /** As `reach`, and everything that depends on time is decided now. */
  advance(now: number): void {
    this.reach(now)
    this.#tick()
  }

  /** As `advance`, at a time that needs no confirmation from the log: the end of a replay. */
  judgeAt(now: number): void {
    this.clock.set(now)
    this.detector.advance(this.clock.time)
    this.#tick()
  }

  /**
   * Who shows which evidence, to be recorded in the log; null when it is not due. `isFlagged`: whether the worker is
   * high, critical or confirmed.
   */
  countColleagues(isFlagged: (worker: string) => boolean): RecordedRarity | null {
    if (!this.colleagues.isDue(this.time)) return null
    return this.colleagues.count(this.time, { findings: this.findings, world: this.world, isFlagged })
  }

  /** Laptops that fell silent since the last call. */
  silent(): Silent[] {
    const silent = this.#silent
    this.#silent = []
    return silent
  }

  /** All state, in named parts. */
  kept(): Map<string, Kept> {
    this.#derived ??= new DerivedEvents()
    const parts = new Map<string, Kept>([
      [CLOCK_PART, this.clock.kept()],
      [
        'pipeline',
        single(
          () => this.#saved(),
          (state) => this.#load(state),
        ),
      ],
      [DERIVED_PART, this.#derived.kept],
    ])
    const add = (prefix: string, kept: Readonly<Record<string, Kept>>) => {
      for (const [name, it] of Object.entries(kept)) parts.set(`${prefix}.${name}`, it)
    }
    add('world', this.world.kept)
    add('accounts', this.#accounts.kept)
    add('sources', this.#sources.kept)
    add('coverage', this.coverage.kept)
    add('colleagues', this.colleagues.kept)
    add('gate', this.gate.kept)
    for (const { name, deriver } of this.#derivers) add(`derive.${name}`, deriver.kept)
    add('detect', this.detector.kept())
    return parts
  }

  /** All saved state has been restored. */
  restored(): void {
    const keepers: Keeper[] = [this.world, this.coverage, this.gate, ...this.#derivers.map((it) => it.deriver)]
    for (const it of keepers) it.restored?.()
  }

  #saved(): PipelineState {
    return { position: this.#position, counted: this.#counted, downSince: this.#downSince }
  }

  #load(state: PipelineState): void {
    this.#position = state.position
    this.#counted = state.counted
    this.#downSince = state.downSince
  }

  /** The clock moved: correlations are advanced at once, derivers every `TICK_MS`. */
  #reached(): void {
    if (this.time >= this.#counted.ticked + TICK_MS) this.#tick()
    this.detector.advance(this.time)
    if (this.time < this.#counted.swept + DAY) return
    this.#counted.swept = this.time
    this.detector.sweep(this.time)
  }

  /** The first record with an accepted time after a start ends the server's downtime. */
  #endDowntime(stamp: number | null): void {
    if (this.#downSince === null || stamp === null || stamp > this.time) return
    const [from, to] = [Math.min(this.#downSince, this.time), stamp]
    this.#downSince = null
    if (from < to) for (const { deriver } of this.#derivers) deriver.serverDown?.(from, to)
  }

  #tick(): void {
    this.#counted.ticked = this.time
    for (const it of this.gate.advance(this.time)) this.#run(this.#session(it))
    if (this.world.advance(this.time)) for (const { deriver } of this.#derivers) deriver.commonChanged?.()
    for (const { deriver, emit } of this.#derivers) deriver.advance?.(this.time, emit)
  }

  #changed(changed: Changed | null): void {
    if (changed) for (const { deriver } of this.#derivers) deriver.changed?.(changed)
  }

  #takeFeed(record: RecordedOf<'feed'>): void {
    const seen = this.#feed(record)
    this.#sources.take(seen.worker, record.event, seen.time)
    this.#run(seen, this.#accounts.take(record, seen.worker, this.world))
  }

  /** A contract of the worker was added: the lines of an account that it claims are judged as the worker's. */
  #reattribute(worker: string): void {
    for (const { account, lines, ids, isWhole } of this.#accounts.claim(foldName(worker), this.world)) {
      for (const id of ids) {
        this.detector.forget(id)
        this.#derived?.delete(id)
      }
      // Of lines that were too many to keep.
      if (isWhole) for (const it of this.findings.of(account)) this.findings.remove(it.id)
      for (const line of lines) this.#takeFeed(line)
    }
  }

  /** `mayBeUndone`: the event may be found to be about somebody else. */
  #run(seen: Seen, mayBeUndone = false): void {
    this.coverage.take(seen)
    this.#changed(this.world.take(seen))
    if (seen.worker !== null) this.colleagues.saw(seen.worker, Math.min(seen.time, seen.receivedAt))
    for (const { deriver, emit } of this.#readers.get(seen.event?.category ?? 'session')!) deriver.take(seen, emit)
    if (seen.event && !seen.conflict) this.detector.take(seen.event, seen, seen.contract, mayBeUndone)
  }

  /** Passes a derived event to the rules; a null draft retracts the event and its findings. */
  #emit(name: string, { device, worker, time }: About, key: string, draft: Draft | null): void {
    const id = derivedId(name, device ?? worker, time, key)
    this.detector.forget(id)
    // What a deriver still knows about an account is about its owner, who is judged in another name.
    const isAnothers = worker !== null && device === null && this.world.ownerOf(worker) !== worker
    this.#accounts.note(worker, id, draft !== null && !isAnothers)
    if (draft === null || isAnothers) {
      this.#derived?.delete(id)
      return
    }
    const event = { ...draft, id, seq: null, time, product: 'tellwire', collector: name } as Event
    this.#derived?.set(id, { event, device, worker, position: this.#position })
    if (draft.category === 'silence' && device !== null)
      this.#silent.push({ device, worker, time, hours: draft.HoursSilent })
    this.detector.take(event, { device, worker }, this.world.contractAt(worker, time), true)
  }

  /** The connection at an accepted time, with the place of its address. */
  #placed(record: RecordedOf<'connection'>): PlacedRecord {
    const geo = record.geo ? wholeGeo(record.geo) : this.#deps.lookup(record.remoteAddress, record.time)
    return { ...record, time: this.#accepted(record.time), geo }
  }

  /** A held stamp is replaced by the clock's time. */
  #accepted(stamp: number): number {
    return this.time === 0 ? stamp : Math.min(stamp, this.time)
  }

  #session(record: PlacedRecord): Seen {
    return seenBy(this.world.contextOf(record.device, record.time), record.time, record.time, null, record)
  }

  #event({ device, event, receivedAt, epoch, conflict, facts }: RecordedOf<'event'>): Seen {
    const seen = seenBy(this.world.contextOf(device, event.time), event.time, this.#accepted(receivedAt), event, null)
    seen.epoch = epoch ?? 0
    seen.conflict = conflict ?? false
    seen.facts = facts ?? this.#deps.recognise(event)
    if (event.category === 'remote_session') seen.peer = this.#peer(facts?.peer, event.PeerIp, event.time)
    return seen
  }

  #feed({ worker: account, time, receivedAt, event, geo, mfaGeo }: RecordedOf<'feed'>): Seen {
    const worker = account === null ? null : this.world.workerOf(account, sourceOf(event), time)
    const context = { device: null, worker, contract: this.world.contractAt(worker, time), firstBoot: null }
    const seen = seenBy(context, time, this.#accepted(receivedAt ?? time), event, null)
    if (event.category !== 'idp_login' && event.category !== 'repo_audit') return seen
    seen.peer = this.#peer(geo, event.Ip, time)
    if (event.category === 'idp_login') seen.approval = this.#peer(mfaGeo, event.MfaIp, time)
    return seen
  }

  /** The recorded facts about the address, or a lookup where the recording has none. */
  #peer(known: RecordedOf<'connection'>['geo'], address: string | null, time: number): AddressFacts | null {
    if (known) return wholeGeo(known)
    return address === null ? null : this.#deps.lookup(address, time)
  }
}

function earlier(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : Math.min(a, b)
}

/** One literal for every record, so that all of them have the same hidden class in V8. */
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
    approval: null,
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

/** A UUID of version 8 (RFC 9562: custom) from a hash: the same derived event has the same id in every run. */
function derivedId(deriver: string, subject: string | null, time: number, key: string): string {
  const hex = createHash('sha256')
    .update(JSON.stringify([deriver, subject, time, key]))
    .digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
