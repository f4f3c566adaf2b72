/** What the conflicts of laptops and of places have in common. */
import { DAY, HOUR } from '../../../../wire/time.ts'
import { type Draft, LATENESS_MS } from '../../deriver.ts'

type Conflict = Extract<Draft, { category: 'identity_conflict' }>

/** Judgements look one day back: see `placeHoldsHours`. */
export const KEEP_MS = LATENESS_MS + 2 * DAY
export const BUCKET_MS = 6 * HOUR

export function conflictOf(Reason: Conflict['Reason']): Conflict {
  return {
    category: 'identity_conflict',
    Reason,
    LaptopCountry: null,
    LoginCountry: null,
    ManagedDevice: null,
    Days: null,
  }
}

/** The start of the first day that can still change. */
export function firstOpenDay(reached: number): number {
  return Math.floor((reached - LATENESS_MS) / DAY) * DAY
}
