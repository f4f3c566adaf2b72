/** One line of recorded telemetry as a record. */
import { fits } from '../../wire/fits.ts'
import { mismatch } from '../../wire/mismatch.ts'
import { Recorded, RecordedComplete } from '../../wire/recording.ts'
import { MAX_LINE_BYTES } from './lines.ts'

/** Accepts nearly every valid line quickly; the schema decides about the others. */
const isRecorded = fits(RecordedComplete) as (value: unknown) => value is Recorded

/** The record, or a sentence that says why the line is not one. `text` null: a line that is too long. */
export function recordIn(text: string | null): Recorded | string {
  if (text === null || text.length > MAX_LINE_BYTES) return `It is longer than ${MAX_LINE_BYTES} characters.`
  try {
    const value: unknown = JSON.parse(text)
    if (isRecorded(value)) return value
    const checked = Recorded.safeParse(value)
    if (checked.success) return checked.data
    const { path, why } = mismatch(checked.error.issues, value)
    return `${path || 'record'}: ${why}`
  } catch {
    return 'It is not JSON.'
  }
}
