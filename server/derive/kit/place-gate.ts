/**
 * Lets connection records through to the derivers, without the places that a database moved by itself (N27).
 *
 * Shape   `take` and `advance` say what goes on now: a record as it is, or without its place when the place is the
 *         feed's doing. One that others may yet show to be the feed's waits until they do, or a day has passed.
 * Memory  what `PlaceChanges` keeps, and `MAX_HELD` waiting records; beyond, the one that waits longest goes on.
 */
import type { AddressFacts, RecordedConnection } from '../../../wire/recording.ts'
import { type FeedChange, PlaceChanges, type PlaceChangeThresholds } from './place-changes.ts'

const MAX_HELD = 1_000

export type PlacedRecord = RecordedConnection & { geo: AddressFacts }

export class PlaceGate {
  readonly #changes: PlaceChanges
  #held: PlacedRecord[] = []

  constructor(thresholds?: PlaceChangeThresholds) {
    this.#changes = new PlaceChanges(thresholds)
  }

  /** `worker` who held the laptop at that time. */
  take(record: PlacedRecord, worker: string | null): PlacedRecord[] {
    this.#changes.take({ connection: record, device: record.device, worker })
    const whose = this.#changes.whose(record, record.time)
    if (whose === 'laptop') return [record]
    this.#held.push(record)
    // Whoever makes them enough frees those before.
    return whose === 'feed' || this.#held.length > MAX_HELD ? this.advance(record.time) : []
  }

  /** The log's clock reached `now`: what is decided, in the order of arrival. */
  advance(now: number): PlacedRecord[] {
    const decided: PlacedRecord[] = []
    this.#held = this.#held.filter((record, at) => {
      const whose = this.#changes.whose(record, now)
      if (whose === 'undecided' && this.#held.length - at <= MAX_HELD) return true
      decided.push(whose === 'feed' ? withoutPlace(record) : record)
      return false
    })
    return decided
  }

  /** For the operators. `revision` of them goes up when they may have changed. */
  changes(now: number): FeedChange[] {
    return this.#changes.changes(now)
  }

  get revision(): number {
    return this.#changes.revision
  }

  save(): unknown {
    return { changes: this.#changes.save(), held: this.#held }
  }

  load(state: unknown): void {
    const { changes, held } = state as { changes: unknown; held: PlacedRecord[] }
    this.#changes.load(changes)
    this.#held = held
  }
}

function withoutPlace(record: PlacedRecord): PlacedRecord {
  const nowhere = { country: null, region: null, city: null, lat: null, lon: null, accuracyKm: null }
  return { ...record, geo: { ...record.geo, ...nowhere } }
}
