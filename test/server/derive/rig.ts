/**
 * The derivers without the rules: called as by the pipeline, with everything they emit collected.
 *
 * Shape   `Ledger` is a store that receives changed rows only. A rig that is restored from it must behave like the one
 *         that wrote it.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { CoverageBook } from '../../../server/derive/coverage.ts'
import type { Deriver, Emit, Reading, Seen } from '../../../server/derive/deriver.ts'
import { wholeGeo } from '../../../server/derive/derivers/connection.ts'
import { derivers, placeChanges, type Thresholds } from '../../../server/derive/index.ts'
import {
  allRows,
  changedRows,
  type Keeper,
  type Parts,
  prefixed,
  type Row,
  restoreRows,
} from '../../../server/derive/kit/kept.ts'
import { PlaceGate } from '../../../server/derive/kit/place-gate.ts'
import { type Changed, sourceOf, World } from '../../../server/derive/kit/world.ts'
import type { Event } from '../../../wire/event.ts'
import type { CatalogueFacts, Recorded, RecordedOf } from '../../../wire/recording.ts'
import { NOWHERE } from '../events.ts'

const TICK_MS = 300_000

export interface Emitted {
  deriver: string
  device: string | null
  worker: string | null
  event: Event
  isRetracted: boolean
}

export class Rig {
  readonly world = new World()
  readonly coverage = new CoverageBook()
  readonly gate: PlaceGate
  readonly parts: Parts
  /** Emitted since the list was last emptied. */
  emitted: Emitted[] = []
  readonly #keepers: readonly Keeper[]
  readonly #derivers: readonly { deriver: Deriver; emit: Emit }[]
  readonly #recognise: (event: Event) => CatalogueFacts | undefined
  #time = 0
  #ticked = 0

  constructor(thresholds?: Thresholds, recognise: (event: Event) => CatalogueFacts | undefined = () => undefined) {
    this.#recognise = recognise
    this.gate = new PlaceGate(placeChanges(thresholds))
    const named = derivers(this.world, thresholds)
    this.#derivers = named.map(([name, deriver]) => ({ deriver, emit: this.#emitterOf(name) }))
    this.#keepers = [this.world, this.coverage, this.gate, ...named.map(([, it]) => it)]
    this.parts = {
      ...prefixed('world', this.world.kept),
      ...prefixed('coverage', this.coverage.kept),
      ...prefixed('gate', this.gate.kept),
      ...Object.assign({}, ...named.map(([name, it]) => prefixed(name, it.kept))),
    }
  }

  take(record: Recorded): void {
    switch (record.type) {
      case 'contract':
        this.#reach(record.receivedAt)
        this.#changed(this.world.addContract(record))
        break
      case 'learning':
        this.#reach(record.receivedAt)
        this.world.census.addLearning(record)
        break
      case 'approval':
        this.#reach(record.receivedAt)
        this.#changed(this.world.addApproval(record))
        break
      case 'device':
        this.#reach(record.receivedAt)
        this.#changed(this.world.addDevice(record))
        break
      case 'revocation':
        this.world.addRevocation(record)
        for (const { deriver } of this.#derivers) deriver.revoked?.(record.device)
        break
      case 'clock':
        if (record.downSince != null)
          for (const { deriver } of this.#derivers) deriver.serverDown?.(record.downSince, record.time)
        this.#reach(record.time)
        break
      case 'connection': {
        this.#reach(record.time)
        const placed = { ...record, geo: record.geo ? wholeGeo(record.geo) : NOWHERE }
        this.#pass(this.gate.take(placed, this.world.holderAt(record.device, record.time)))
        break
      }
      case 'event':
        this.#reach(record.receivedAt)
        this.#run(this.#event(record))
        break
      case 'feed':
        this.#reach(record.receivedAt ?? record.time)
        this.#run(this.#feed(record))
        break
      case 'label':
        break
    }
  }

  /** Sets the time, and decides everything that can be decided. */
  advance(now?: number): void {
    this.#reach(now)
    this.#tick()
  }

  /** Restores saved rows, in any order, as a new process does. */
  restored(rows: readonly Row[]): void {
    restoreRows(this.parts, rows)
    for (const it of this.#keepers) it.restored?.()
  }

  /** Takes over the clock, which is not part of the derivers' state. */
  clockOf(other: Rig): void {
    this.#time = other.#time
    this.#ticked = other.#ticked
  }

  #reach(now: number | undefined): void {
    if (now === undefined || now <= this.#time) return
    this.#time = now
    if (now >= this.#ticked + TICK_MS) this.#tick()
  }

  #tick(): void {
    this.#ticked = this.#time
    this.#pass(this.gate.advance(this.#time))
    if (this.world.advance(this.#time)) for (const { deriver } of this.#derivers) deriver.commonChanged?.()
    for (const { deriver, emit } of this.#derivers) deriver.advance?.(this.#time, emit)
  }

  #pass(records: ReturnType<PlaceGate['take']>): void {
    for (const it of records) {
      const seen = this.#seen(this.world.contextOf(it.device, it.time), it.time, it.time)
      this.#run({ ...seen, connection: it })
    }
  }

  #changed(changed: Changed | null): void {
    if (changed) for (const { deriver } of this.#derivers) deriver.changed?.(changed)
  }

  #run(seen: Seen): void {
    this.coverage.take(seen)
    this.#changed(this.world.take(seen))
    const reading: Reading = seen.event?.category ?? 'session'
    for (const { deriver, emit } of this.#derivers)
      if (deriver.reads?.includes(reading) ?? true) deriver.take(seen, emit)
  }

  #event({ device, event, receivedAt, epoch, conflict, facts }: RecordedOf<'event'>): Seen {
    return {
      ...this.#seen(this.world.contextOf(device, event.time), event.time, receivedAt),
      event,
      epoch: epoch ?? 0,
      conflict: conflict ?? false,
      facts: facts ?? this.#recognise(event),
      peer: event.category === 'remote_session' && facts?.peer ? wholeGeo(facts.peer) : null,
    }
  }

  #feed({ worker: account, time, receivedAt, event, geo, mfaGeo }: RecordedOf<'feed'>): Seen {
    const worker = account === null ? null : this.world.workerOf(account, sourceOf(event), time)
    const context = { device: null, worker, contract: this.world.contractAt(worker, time), firstBoot: null }
    const peer = (event.category === 'idp_login' || event.category === 'repo_audit') && geo ? wholeGeo(geo) : null
    const approval = mfaGeo ? wholeGeo(mfaGeo) : null
    return { ...this.#seen(context, time, receivedAt ?? time), event, peer, approval }
  }

  #seen(
    { device, worker, contract, firstBoot }: Pick<Seen, 'device' | 'worker' | 'contract' | 'firstBoot'>,
    time: number,
    receivedAt: number,
  ): Seen {
    const nothing = { event: null, connection: null, peer: null, approval: null, conflict: false }
    return { ...nothing, epoch: null, facts: undefined, device, worker, time, receivedAt, contract, firstBoot }
  }

  #emitterOf(deriver: string): Emit {
    return ({ device, worker, time }, key, draft) => {
      const id = createHash('sha256')
        .update(JSON.stringify([deriver, device ?? worker, time, key]))
        .digest('hex')
      const event = { ...draft, id, seq: null, time, product: 'tellwire', collector: deriver } as Event
      this.emitted.push({ deriver, device, worker, event, isRetracted: draft === null })
    }
  }
}

/** The content of a store that receives changed rows only. */
export class Ledger {
  readonly #rows = new Map<string, Row>()

  /** Stores the changed rows. */
  collect(parts: Parts): void {
    for (const row of changedRows(parts)) {
      const name = nameOf(row)
      if (row.state === null) this.#rows.delete(name)
      else this.#rows.set(name, row)
    }
  }

  /** Fails when the stored rows differ from the state: something was changed in place without `touch`. */
  check(parts: Parts): void {
    const all = new Map(allRows(parts).map((it) => [nameOf(it), it.state]))
    for (const [name, state] of all)
      assert.equal(this.#rows.get(name)?.state, state, `${name} was changed without \`touch\``)
    for (const name of this.#rows.keys()) assert.ok(all.has(name), `${name} was deleted without \`touch\``)
  }

  rows(): Row[] {
    return [...this.#rows.values()]
  }
}

function nameOf({ part, subject }: Row): string {
  return `${part} ${subject}`
}

/** In an order that depends on `seed` only. */
export function shuffled<T>(list: readonly T[], seed: number): T[] {
  const keyed = list.map((it, at) => ({ it, key: Math.imul(at + 1, 0x9e37_79b1) ^ Math.imul(seed + 1, 0x85eb_ca6b) }))
  return keyed
    .sort((a, b) => (Math.imul(a.key, 0xc2b2_ae35) | 0) - (Math.imul(b.key, 0xc2b2_ae35) | 0))
    .map(({ it }) => it)
}
