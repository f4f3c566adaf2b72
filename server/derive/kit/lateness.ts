import { DAY } from '../../../wire/time.ts'

/** Eight days: a spool keeps seven, so a laptop that was offline for a week is judged as if it had not been. */
export const LATENESS_MS = 8 * DAY
