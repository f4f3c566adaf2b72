/** Unpacks a binary frame, and validates the events in it. Pure except for the unpacking. */
import { promisify } from 'node:util'
import { constants, zstdDecompress, zstdDecompressSync } from 'node:zlib'
import { CATEGORIES, Event } from '../../wire/event.ts'
import { Fault, type FaultCode } from '../../wire/fault.ts'
import { fits } from '../../wire/fits.ts'
import { Batch, LIMITS, type Policy } from '../../wire/messages.ts'

const unzstd = promisify(zstdDecompress)
/**
 * An ordinary batch is unpacked synchronously: 23 µs of processor time for 100 events, instead of 116 µs with a stream
 * and a thread. A larger one must not block other laptops: 8 MiB take 20 ms.
 */
const AT_ONCE_BYTES = 65_536
const AT_ONCE_UNPACKED = 1_048_576
const UNPACK = {
  // A frame may ask for a window of 128 MiB whatever it contains; a window of a batch's size is always enough.
  params: { [constants.ZSTD_d_windowLogMax]: Math.ceil(Math.log2(LIMITS.batchBytes)) },
  chunkSize: 65_536,
}
/** A batch of this size, whatever it contains, is parsed within 70 ms. */
const PARSED_AT_ONCE_BYTES = 1_048_576
/** Of a larger batch: names and values, of which a valid event has about fifty, and levels, of which it has five. */
const PARTS_MAX = 500 * LIMITS.batchEvents
const LEVELS_MAX = 64
/** Short, so that an ack that rejects 1,000 events stays a small message. */
const WHERE_MAX = 120
const TOO_MUCH = 'ERR_BUFFER_TOO_LARGE'
const BOMBS = [TOO_MUCH, 'ZSTD_error_frameParameter_windowTooLarge']
const isEvent = fits(Event)
const [QUOTE, COMMA, BACKSLASH, BRACKET, BRACKET_END, BRACE, BRACE_END] = [...Buffer.from('",\\[]{}')]
/**
 * JSON.stringify compares each level with those around it, so its time grows with the square of the depth. No valid
 * event has more than a few.
 */
const EVIDENCE_LEVELS = 32

/** The JSON text of a batch. Errors: Fault 'batch.bomb', 'batch.malformed'. */
export async function unpack(frame: Uint8Array): Promise<Buffer> {
  try {
    return unpackedAtOnce(frame) ?? (await unzstd(frame, { ...UNPACK, maxOutputLength: LIMITS.batchBytes }))
  } catch (cause) {
    const code = codeOf(cause)
    if (BOMBS.includes(code))
      throw new Fault('batch.bomb', { todo: `Send batches that unpack to at most ${LIMITS.batchBytes} bytes.`, cause })
    throw new Fault('batch.malformed', { todo: 'Send one zstd frame per batch.', facts: { zstd: code }, cause })
  }
}

/** Null when the frame is too large for that. */
function unpackedAtOnce(frame: Uint8Array): Buffer | null {
  if (frame.length > AT_ONCE_BYTES) return null
  try {
    return zstdDecompressSync(frame, { ...UNPACK, maxOutputLength: AT_ONCE_UNPACKED })
  } catch (cause) {
    if (codeOf(cause) === TOO_MUCH) return null
    throw cause
  }
}

function codeOf(cause: unknown): string {
  return String((cause as NodeJS.ErrnoException).code)
}

/**
 * Refuses a batch that is made to be slow to parse, before it is: 8 MiB of brackets take 400 ms, and of names 600 ms.
 * Errors: Fault 'batch.malformed'.
 */
export function guardParsing(text: Uint8Array): void {
  if (text.length <= PARSED_AT_ONCE_BYTES || isOrdinary(text)) return
  const todo = `Send at most ${PARTS_MAX} names and values in a batch, nested at most ${LEVELS_MAX} levels deep.`
  throw new Fault('batch.malformed', { where: 'batch', todo })
}

function isOrdinary(text: Uint8Array): boolean {
  let [parts, levels, isInString] = [0, 0, false]
  for (let at = 0; at < text.length; at++) {
    const byte = text[at]
    if (isInString) {
      if (byte === BACKSLASH) at++
      else if (byte === QUOTE) isInString = false
    } else if (byte === QUOTE) {
      isInString = true
      parts++
    } else if (byte === COMMA) parts++
    else if (byte === BRACE || byte === BRACKET) {
      parts++
      levels++
    } else if (byte === BRACE_END || byte === BRACKET_END) levels--
    if (parts > PARTS_MAX || levels > LEVELS_MAX) return false
  }
  return true
}

/** The envelope. Errors: Fault 'batch.malformed' with the field's path. */
export function parseBatch(text: string): Batch {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new Fault('batch.malformed', { todo: 'Send JSON, compressed with zstd.', cause })
  }
  const batch = Batch.safeParse(value)
  if (batch.success) return batch.data
  const [issue] = batch.error.issues
  throw new Fault('batch.malformed', {
    where: whereOf(issue!) || 'batch',
    why: issue!.message.slice(0, 200),
  })
}

export interface Accepted {
  seq: number
  event: Event
}
export interface Refused {
  /** Null when it has no usable number. */
  seq: number | null
  code: FaultCode
  where: string
  /** The event as JSON; '' where the policy forbids keeping it, or it is nested too deeply. */
  raw: string
}

/**
 * Validates each event by itself, in order: a bad one does not affect the others.
 *
 * Shape   `highest` is the highest number among all of them, up to which they may be acknowledged; 0 for none.
 * Errors  event.malformed · event.origin · event.off · batch.order, in `refused`.
 */
export function validateEvents(
  events: readonly unknown[],
  policy: Policy,
): { accepted: Accepted[]; refused: Refused[]; highest: number } {
  const accepted: Accepted[] = []
  const refused: Refused[] = []
  let highest = 0
  for (const [index, value] of events.entries()) {
    const fields: Record<string, unknown> =
      typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
    const seq = Number.isSafeInteger(fields.seq) && (fields.seq as number) > 0 ? (fields.seq as number) : null
    const refuse = (code: FaultCode, field: string, raw = jsonOf(value)) =>
      refused.push({ seq, code, where: `events[${index}]${field && `.${field}`}`.slice(0, WHERE_MAX), raw })

    if (seq === null) {
      refuse('event.malformed', 'seq')
      continue
    }
    if (seq <= highest) {
      refuse('batch.order', 'seq')
      continue
    }
    highest = seq
    const category = fields.category as Event['category']
    const facts = typeof category === 'string' && Object.hasOwn(CATEGORIES, category) ? CATEGORIES[category] : null
    if (facts && facts.origin !== 'agent') {
      refuse('event.origin', 'category')
      continue
    }
    if (facts && isOff(category, policy)) {
      // What must not be collected must not be kept as evidence either.
      refuse('event.off', 'category', '')
      continue
    }
    const event = eventOf(value)
    if (typeof event === 'string') refuse('event.malformed', event)
    else if (event.product === 'tellwire') refuse('event.origin', 'product')
    else accepted.push({ seq, event })
  }
  return { accepted, refused, highest }
}

/** The event, or the path of the wrong field. The schema parses only the rare event that `fits` does not accept. */
function eventOf(value: unknown): Event | string {
  if (isEvent(value)) return value as Event
  const parsed = Event.safeParse(value)
  return parsed.success ? parsed.data : whereOf(parsed.error.issues[0]!)
}

/** Gaps cannot be switched off: it must always be known what was not seen. */
export function isOff(category: Event['category'], policy: Policy): boolean {
  if (category === 'collection_gap') return false
  return policy.off.includes(category) || (CATEGORIES[category].sensitive && !policy.on.includes(category))
}

/** Such as 'DnsServers.3'; of unknown keys, the first. */
export function whereOf(issue: { code: string; path: readonly PropertyKey[]; keys?: readonly string[] }): string {
  const extra = issue.code === 'unrecognized_keys' ? (issue.keys ?? []).slice(0, 1) : []
  return [...issue.path, ...extra].map(String).join('.').slice(0, WHERE_MAX)
}

/** The evidence of a refused event; '' for one that is nested deeply, which only a hostile sender does. */
function jsonOf(value: unknown): string {
  return isDeeperThan(EVIDENCE_LEVELS, value) ? '' : JSON.stringify(value).slice(0, 4_096)
}

function isDeeperThan(levels: number, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  return levels === 0 || Object.values(value).some((it) => isDeeperThan(levels - 1, it))
}
