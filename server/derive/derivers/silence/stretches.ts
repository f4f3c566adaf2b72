/** Stretches of time in which a laptop was heard, the gaps between them, and the server's own downtime. */
import type { Revocation } from '../../kit/world.ts'

export type Stretch = [from: number, to: number]

export const MAX_STRETCHES = 400
/** A laptop that reconnects may first send what it saw meanwhile, so a gap counts as ended only after ten minutes. */
export const RECONNECTED_MS = 600_000

export interface Gap {
  from: number
  /** The present while the gap lasts. */
  to: number
  hasEnded: boolean
}

/** In order; stretches nearer to each other than `apartMs` are joined. */
export function joined(stretches: readonly Stretch[], apartMs: number): Stretch[] {
  const all: Stretch[] = []
  for (const [from, to] of [...stretches].sort((a, b) => a[0] - b[0])) {
    const last = all.at(-1)
    if (last && from - last[1] < apartMs) last[1] = Math.max(last[1], to)
    else all.push([from, to])
  }
  return all.slice(-MAX_STRETCHES)
}

/** The gap after each stretch. */
export function gapsAfter(stretches: readonly Stretch[], now: number): Gap[] {
  return stretches.map(([, from], index) => {
    const next = stretches[index + 1]
    const hasEnded = next !== undefined && (next[1] - next[0] >= RECONNECTED_MS || index + 2 < stretches.length)
    return { from, to: next?.[0] ?? now, hasEnded }
  })
}

/** The gaps, each at most until the laptop was revoked; one that began while it was revoked is empty. */
export function untilRevoked(gaps: readonly Gap[], revocations: readonly Revocation[]): Gap[] {
  return gaps.map((gap) => {
    const revoked = revocations.find((it) => it.to === null || it.to > gap.from)
    return revoked ? { ...gap, to: Math.min(gap.to, Math.max(gap.from, revoked.from)) } : gap
  })
}

/** With one more downtime, in order; those that ended before `oldest` are dropped. */
export function withDowntime(downtimes: readonly Stretch[], added: Stretch, oldest: number): Stretch[] {
  return [...downtimes.filter(([, to]) => to > oldest), added].sort((a, b) => a[0] - b[0]).slice(-MAX_STRETCHES)
}

/** When the server had been up for `ms` since `from`. */
export function afterUptime(from: number, ms: number, downtimes: readonly Stretch[]): number {
  let time = from + ms
  for (const [start, end] of downtimes) if (start < time && end > from) time += end - Math.max(start, from)
  return time
}
