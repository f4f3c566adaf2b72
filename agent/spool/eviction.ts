/**
 * What the spool deletes, and when.
 *
 * Shape   two independent limits. Events that the server never acknowledged are limited by bytes and age: those with
 *         the lowest priority are dropped first, the oldest of them first, and each loss is counted. Acknowledged
 *         events are kept for 48 h or 16 MiB, whichever is reached first, because a server that is restored from a
 *         backup needs them again; the oldest are deleted first, which is not a loss.
 * Units   bytes on disk; ages by the spool's clock.
 */
import { setImmediate as yieldToEventLoop } from 'node:timers/promises'
import { CATEGORIES } from '../../wire/event.ts'
import { HOUR } from '../../wire/time.ts'
import { categoryOf, type Segment } from './segment.ts'
import type { Segments } from './segments.ts'

/** For acknowledged events. */
export interface KeptLimits {
  bytes: number
  ms: number
}
export const KEPT: KeptLimits = { bytes: 16 * 1_048_576, ms: 48 * HOUR }

/** For events that the server never acknowledged. */
export interface UnsentLimits {
  maxBytes: number
  maxAgeMs: number
}

/** How far events are acknowledged, leased and synced, as sequence numbers. See `Spool`. */
export interface Progress {
  acked: number
  everAcked: number
  leased: number
  synced: number
}

/** A full spool is reduced to this share of its limit, so that it does not rewrite segments at every event. */
const SHARE_AFTER_EVICTION = 0.9

/** Bytes of the segments that the server never acknowledged completely. */
export function unsentBytes(segments: Segments, { everAcked }: Progress): number {
  return sum(segments.all.filter((it) => it.last > everAcked))
}

/** Bytes of the segments that the server once acknowledged, whether or not it still has them. */
export function keptBytes(segments: Segments, { everAcked }: Progress): number {
  return sum(segments.all.filter((it) => it.last <= everAcked))
}

/** The acknowledged segments that exceed the limits, oldest first. Segments to be sent again are never among them. */
export function expiredKept(segments: Segments, progress: Progress, now: number, limits: KeptLimits): Segment[] {
  let excess = keptBytes(segments, progress) - limits.bytes
  return segments.closed.filter((segment) => {
    if (segment.acknowledgedAt === null) return false
    const isExpired = excess > 0 || now - segment.acknowledgedAt >= limits.ms
    if (isExpired) excess -= segment.bytes
    return isExpired
  })
}

export interface EvictionOptions {
  segments: Segments
  progress(): Progress
  limits: UnsentLimits
  now: number
  /** Called for every event that is dropped. */
  onDrop(category: string): void
  /** A segment could not be rewritten, because the disk is full or it is unreadable: it stays as it is. */
  onFailure(cause: unknown): void
}

/** Drops unacknowledged events until they are within their limits. Call it only while no write waits for `sync`. */
export async function evict(options: EvictionOptions): Promise<void> {
  const { segments, progress, limits, now, onDrop, onFailure } = options
  const oldest = now - limits.maxAgeMs
  const isTooOld = (it: Segment) => it.last > progress().acked && it.newestAt < oldest
  const isFull = () => unsentBytes(segments, progress()) > limits.maxBytes
  if (!isFull() && !segments.all.some(isTooOld)) return
  segments.close()
  try {
    // Acknowledged events must not be dropped together with unacknowledged ones.
    segments.splitAt(progress().everAcked)
  } catch (cause) {
    return onFailure(cause)
  }
  for (const segment of segments.closed.filter(isTooOld)) dropFrom(segment, () => true)
  if (!isFull()) return
  const target = limits.maxBytes * SHARE_AFTER_EVICTION
  for (let priority = 0; priority <= 9; priority++) {
    const holds = (it: Segment) =>
      it.last > progress().everAcked && it.categories.keys().some((category) => priorityOf(category) === priority)
    for (const segment of segments.closed.filter(holds)) {
      let excess = unsentBytes(segments, progress()) - target
      if (excess <= 0) return
      if (!segments.closed.includes(segment)) continue
      dropFrom(segment, (category, bytes) => {
        if (priorityOf(category) !== priority || excess <= 0) return false
        excess -= bytes
        return true
      })
      await yieldToEventLoop()
    }
    // The remaining events of this priority are in flight, not synced, or new. The next flush drops them first.
    if (segments.all.some(holds)) return
  }

  /** Never drops events in flight, nor the newest event, because its number must not be assigned again. */
  function dropFrom(segment: Segment, isDropped: (category: string, bytes: number) => boolean): void {
    const { acked, leased, synced } = progress()
    const dropped: string[] = []
    try {
      segments.rewrite(segment, ({ seq, text, start, end }) => {
        if (seq <= acked) return false
        const category = categoryOf(text)
        if (seq <= leased || seq >= synced || !isDropped(category, end - start)) return true
        dropped.push(category)
        return false
      })
      for (const category of dropped) onDrop(category)
    } catch (cause) {
      onFailure(cause)
    }
  }
}

function sum(segments: readonly Segment[]): number {
  return segments.reduce((bytes, segment) => bytes + segment.bytes, 0)
}

function priorityOf(category: string): number {
  return Object.hasOwn(CATEGORIES, category) ? CATEGORIES[category as keyof typeof CATEGORIES].priority : 0
}
