/** When to try again. */
export interface Backoff {
  baseMs: number
  capMs: number
}
export const BACKOFF: Backoff = { baseMs: 1_000, capMs: 15 * 60_000 }

/**
 * Full jitter, after the cap: anywhere in 0 .. min(cap, base * 2^failures). Jitter before the cap would bring a fleet
 * back in step once an outage lasts longer than the cap.
 */
export function backoffMs(failures: number, random: () => number, { baseMs, capMs }: Backoff = BACKOFF): number {
  return Math.floor(random() * Math.min(capMs, baseMs * 2 ** Math.min(failures, 40)))
}
