/**
 * Lets connection records through to the derivers, without the places that a database moved by itself (N27).
 *
 * Shape   `take` says what goes on now: a record as it is, or without its place when the place is the feed's doing. One
 *         that others may yet show to be the feed's waits until they do, or a day has passed: `advance` lets it go.
 * Memory  what `PlaceChanges` keeps, and `HELD_A_LAPTOP` waiting records of each laptop; beyond, the one of the same
 *         laptop that waits longest goes on.
 */
import type { AddressFacts, RecordedConnection } from '../../../wire/recording.ts'
import { type Keeper, type Parts, Subjects } from './kept.ts'
import { type FeedChange, PlaceChanges, type PlaceChangeThresholds, type Whose } from './place-changes.ts'

const HELD_A_LAPTOP = 64

export type PlacedRecord = RecordedConnection & { geo: AddressFacts }

export class PlaceGate implements Keeper {
  readonly #changes: PlaceChanges
  /** By laptop, in the order they came. */
  readonly #held = new Subjects<PlacedRecord[]>()
  readonly kept: Parts

  constructor(thresholds?: PlaceChangeThresholds) {
    this.#changes = new PlaceChanges(thresholds)
    this.kept = { held: this.#held, ...this.#changes.kept }
  }

  /** `worker` who held the laptop at that time. */
  take(record: PlacedRecord, worker: string | null): PlacedRecord[] {
    this.#changes.take({ connection: record, device: record.device, worker })
    const whose = this.#changes.whose(record, record.time)
    if (whose !== 'undecided') return [judged(record, whose)]
    const held = [...(this.#held.get(record.device) ?? []), record]
    const tooMany = held.splice(0, held.length - HELD_A_LAPTOP)
    this.#held.set(record.device, held)
    return tooMany.map((it) => judged(it, this.#changes.whose(it, record.time)))
  }

  /** The log's clock reached `now`: what is decided, in order of time, then laptop. */
  advance(now: number): PlacedRecord[] {
    const decided: PlacedRecord[] = []
    for (const [device, held] of this.#held) {
      const waiting = held.filter((record) => {
        const whose = this.#changes.whose(record, now)
        if (whose !== 'undecided') decided.push(judged(record, whose))
        return whose === 'undecided'
      })
      if (waiting.length === 0) this.#held.delete(device)
      else if (waiting.length < held.length) this.#held.set(device, waiting)
    }
    return decided.sort((a, b) => a.time - b.time || (a.device < b.device ? -1 : a.device > b.device ? 1 : 0))
  }

  /** For the operators. `revision` of them goes up when they may have changed. */
  changes(now: number): FeedChange[] {
    return this.#changes.changes(now)
  }

  get revision(): number {
    return this.#changes.revision
  }
}

function judged(record: PlacedRecord, whose: Whose): PlacedRecord {
  if (whose !== 'feed') return record
  const nowhere = { country: null, region: null, city: null, lat: null, lon: null, accuracyKm: null }
  return { ...record, geo: { ...record.geo, ...nowhere } }
}
