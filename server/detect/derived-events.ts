/**
 * The derived events in force, with what is needed to evaluate them by other rules without running the derivers.
 *
 * Shape   one row per event, by its id; `position` is that of the last record taken when the event was emitted, so that
 *         a later contract is not applied to it.
 * Memory  only the rows changed since the last save: `kept.changed` hands them over, emitted and retracted ones.
 */
import type { Event } from '../../wire/event.ts'
import type { Kept } from '../derive/kit/kept.ts'

/** The part of an evaluation's saved state that holds them. */
export const DERIVED_PART = 'derived'

export interface DerivedEvent {
  event: Event
  device: string | null
  worker: string | null
  position: number
}

export class DerivedEvents {
  #changed = new Map<string, DerivedEvent | undefined>()

  readonly kept: Kept = {
    changed: () => {
      const changed = this.#changed
      this.#changed = new Map()
      return changed
    },
    // `opening.ts` reads them from the store when rules change.
    restore: () => {},
  }

  set(id: string, event: DerivedEvent): void {
    this.#changed.set(id, event)
  }

  delete(id: string): void {
    this.#changed.set(id, undefined)
  }
}
