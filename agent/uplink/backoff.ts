/** The delay before the next attempt. */
export interface Backoff {
  baseMs: number
  capMs: number
}
export const BACKOFF: Backoff = { baseMs: 1_000, capMs: 15 * 60_000 }

/**
 * Full jitter, applied after the cap: a random delay in 0 .. min(cap, base * 2^failures). With jitter before the cap, a
 * fleet would reconnect in step once an outage lasts longer than the cap.
 */
export function backoffMs(failures: number, random: () => number, { baseMs, capMs }: Backoff = BACKOFF): number {
  return Math.floor(random() * Math.min(capMs, baseMs * 2 ** Math.min(failures, 40)))
}
