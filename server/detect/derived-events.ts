/**
 * The derived events in force, with what is needed to judge them again by other rules: derivers need not run for that.
 *
 * Shape   one row an event, by its id; `position` is the last record of the log that had been taken when it was
 *         emitted, so that a contract from after it is not read into it.
 * Memory  none: a row is written down and let go. `kept.changed` hands over what was emitted and retracted since.
 */
import type { Event } from '../../wire/event.ts'
import type { Kept } from '../derive/kit/kept.ts'

/** Under which they are kept. */
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
    // Read by whoever judges other rules, straight from the store.
    restore: () => {},
  }

  set(id: string, event: DerivedEvent): void {
    this.#changed.set(id, event)
  }

  delete(id: string): void {
    this.#changed.set(id, undefined)
  }
}
