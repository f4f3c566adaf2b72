/**
 * Passes connection records to the derivers, without places that changed only because an address database did (N27).
 *
 * Shape   `take` returns the records to process now. A record loses its place when the database changed it. An
 *         undecided one is held until other records decide it or a day has passed; `advance` then returns it.
 * Memory  the state of `PlaceChanges`, and at most `HELD_A_LAPTOP` held records per laptop; beyond that, the longest
 *         held one of the same laptop is released.
 */
import type { AddressFacts, RecordedConnection } from '../../../wire/recording.ts'
import { type Keeper, type Parts, Subjects } from './kept.ts'
import { type Cause, type FeedChange, PlaceChanges, type PlaceChangeThresholds } from './place-changes.ts'

const HELD_A_LAPTOP = 64

export type PlacedRecord = RecordedConnection & { geo: AddressFacts }

export class PlaceGate implements Keeper {
  readonly #changes: PlaceChanges
  /** By laptop, in order of arrival. */
  readonly #held = new Subjects<PlacedRecord[]>()
  readonly kept: Parts

  constructor(thresholds?: PlaceChangeThresholds) {
    this.#changes = new PlaceChanges(thresholds)
    this.kept = { held: this.#held, ...this.#changes.kept }
  }

  /** `worker`: the holder of the laptop at that time. */
  take(record: PlacedRecord, worker: string | null): PlacedRecord[] {
    this.#changes.take({ connection: record, device: record.device, worker })
    const cause = this.#changes.causeOf(record, record.time)
    if (cause !== 'undecided') return [judged(record, cause)]
    const held = [...(this.#held.get(record.device) ?? []), record]
    const tooMany = held.splice(0, held.length - HELD_A_LAPTOP)
    this.#held.set(record.device, held)
    return tooMany.map((it) => judged(it, this.#changes.causeOf(it, record.time)))
  }

  /** The log's clock reached `now`: returns the records that are now decided, in order of time, then laptop. */
  advance(now: number): PlacedRecord[] {
    const decided: PlacedRecord[] = []
    for (const [device, held] of this.#held) {
      const waiting = held.filter((record) => {
        const cause = this.#changes.causeOf(record, now)
        if (cause !== 'undecided') decided.push(judged(record, cause))
        return cause === 'undecided'
      })
      if (waiting.length === 0) this.#held.delete(device)
      else if (waiting.length < held.length) this.#held.set(device, waiting)
    }
    return decided.sort((a, b) => a.time - b.time || (a.device < b.device ? -1 : a.device > b.device ? 1 : 0))
  }

  /** For operators. `revision` increases when they may have changed. */
  changes(now: number): FeedChange[] {
    return this.#changes.changes(now)
  }

  get revision(): number {
    return this.#changes.revision
  }
}

function judged(record: PlacedRecord, cause: Cause): PlacedRecord {
  if (cause !== 'database') return record
  const noPlace = { country: null, region: null, city: null, lat: null, lon: null, accuracyKm: null }
  return { ...record, geo: { ...record.geo, ...noPlace } }
}
