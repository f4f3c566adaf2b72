/**
 * What the spool gives up, and when.
 *
 * Shape   two bounds that know nothing of each other. What the server never acknowledged is bounded by bytes and age:
 *         the least valuable category goes first, the oldest of it first, and each loss is counted. What it did
 *         acknowledge is kept for 48 h or 16 MiB, whichever is reached first, because a server that is restored from a
 *         backup asks for it again; the oldest goes first, and nobody has lost anything.
 * Units   bytes as they lie on disk; ages by the spool's clock.
 */
import { setImmediate as breathe } from 'node:timers/promises'
import { CATEGORIES } from '../../wire/event.ts'
import { categoryOf, type Segment } from './segment.ts'
import type { Segments } from './segments.ts'

export interface KeptBounds {
  bytes: number
  ms: number
}
export const KEPT: KeptBounds = { bytes: 16 * 1_048_576, ms: 48 * 3_600_000 }

/** Of what the server never acknowledged. */
export interface UnsentBounds {
  maxBytes: number
  maxAgeMs: number
}

/** How far the spool's events have come. */
export interface Marks {
  acked: number
  everAcked: number
  leased: number
  synced: number
}

/** When full, it is emptied to this share, so that a full spool does not rewrite itself at every event. */
const ROOM_AFTER_DROP = 0.9

/** Bytes of segments that the server has never had all of. */
export function unsentBytes(segments: Segments, { everAcked }: Marks): number {
  return sum(segments.all.filter((it) => it.last > everAcked))
}

/** Bytes of segments that the server acknowledged once, whether or not it still has them. */
export function keptBytes(segments: Segments, { everAcked }: Marks): number {
  return sum(segments.all.filter((it) => it.last <= everAcked))
}

/** Kept segments that are beyond their bounds, oldest first. What is to be sent again is never among them. */
export function beyondKept(segments: Segments, marks: Marks, now: number, bounds: KeptBounds): Segment[] {
  let excess = keptBytes(segments, marks) - bounds.bytes
  return segments.ended.filter((segment) => {
    if (segment.acknowledgedAt === null) return false
    const goes = excess > 0 || now - segment.acknowledgedAt >= bounds.ms
    if (goes) excess -= segment.bytes
    return goes
  })
}

export interface Room {
  segments: Segments
  marks(): Marks
  bounds: UnsentBounds
  now: number
  /** Called for every event that is given up. */
  drop(category: string): void
  /** A segment could not be written anew, for want of room or because it is unreadable: it stays as it is. */
  failed(cause: unknown): void
}

/** Brings what was never acknowledged within its bounds. Call it while nothing waits for `sync`. */
export async function makeRoom({ segments, marks, bounds, now, drop, failed }: Room): Promise<void> {
  const oldest = now - bounds.maxAgeMs
  const isTooOld = (it: Segment) => it.last > marks().acked && it.newestAt < oldest
  const isFull = () => unsentBytes(segments, marks()) > bounds.maxBytes
  if (!isFull() && !segments.all.some(isTooOld)) return
  segments.end()
  try {
    // What was acknowledged must not be given up with what was not.
    segments.splitAt(marks().everAcked)
  } catch (cause) {
    return failed(cause)
  }
  for (const segment of segments.ended.filter(isTooOld)) giveUp(segment, () => true)
  if (!isFull()) return
  const target = bounds.maxBytes * ROOM_AFTER_DROP
  for (let keep = 0; keep <= 9; keep++) {
    const holds = (it: Segment) =>
      it.last > marks().everAcked && it.categories.keys().some((category) => keepOf(category) === keep)
    for (const segment of segments.ended.filter(holds)) {
      let excess = unsentBytes(segments, marks()) - target
      if (excess <= 0) return
      if (!segments.ended.includes(segment)) continue
      giveUp(segment, (category, bytes) => {
        if (keepOf(category) !== keep || excess <= 0) return false
        excess -= bytes
        return true
      })
      await breathe()
    }
    // What is left of these is on its way, not synced yet or was written meanwhile: it goes first, at the next flush.
    if (segments.all.some(holds)) return
  }

  /** Never what is on its way, never the newest event: its number must not be given out again. */
  function giveUp(segment: Segment, gives: (category: string, bytes: number) => boolean): void {
    const { acked, leased, synced } = marks()
    const given: string[] = []
    try {
      segments.rewrite(segment, ({ seq, text, start, end }) => {
        if (seq <= acked) return false
        const category = categoryOf(text)
        if (seq <= leased || seq >= synced || !gives(category, end - start)) return true
        given.push(category)
        return false
      })
      for (const category of given) drop(category)
    } catch (cause) {
      failed(cause)
    }
  }
}

function sum(segments: readonly Segment[]): number {
  return segments.reduce((bytes, segment) => bytes + segment.bytes, 0)
}

function keepOf(category: string): number {
  return Object.hasOwn(CATEGORIES, category) ? CATEGORIES[category as keyof typeof CATEGORIES].priority : 0
}
