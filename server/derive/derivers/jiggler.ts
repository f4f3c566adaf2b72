/**
 * Recognises mouse jigglers by the timing of an input device (#63): no person is this regular.
 *
 * Source  the published firmware (threat model #63): PiKVM moves ten times, 0.1 s apart, every 60 s ±25 %, and ends
 *         where it began; JetKVM moves to the top left corner and back every 20 s; NanoKVM moves every 15 s.
 */
import type { EventOf } from '../../../wire/event.ts'

export interface Jiggler {
  id: string
  name: string
  kind: 'ip_kvm' | 'jiggler'
}

export interface Regularity {
  /** The number of long pauses that a window must have. */
  leastPauses: number
  /** The share of all intervals that must fit the rhythm. */
  leastShare: number
}

type Pattern = EventOf<'input_pattern'>

export function jigglerIn(pattern: Pattern, { leastPauses, leastShare }: Regularity): Jiggler | null {
  if (pattern.Kind === 'keyboard') return null
  const bins = binsOf(pattern)
  const all = bins.reduce((sum, it) => sum + it.count, 0)
  /** The count of the bins that overlap this range of seconds. */
  const within = (from: number, to: number) =>
    bins.filter((it) => it.over < to * 1_000 && it.upTo >= from * 1_000).reduce((sum, it) => sum + it.count, 0)
  const fits = (pauses: number, rest: number) => pauses >= leastPauses && pauses + rest >= leastShare * all

  const minutes = within(45, 75)
  const hops = within(0.08, 0.15)
  // Ten moves have nine intervals, or ten when the first one follows the pause immediately.
  if (pattern.ReturnedToOrigin === true && fits(minutes, hops) && hops >= 7 * minutes && hops <= 12 * minutes)
    return { id: 'pikvm-jiggler', name: 'Input in the rhythm of the PiKVM jiggler', kind: 'ip_kvm' }
  const twenties = within(16, 25)
  if (pattern.CornerPinned === true && fits(twenties, within(0, 1)))
    return { id: 'jetkvm-jiggler', name: 'Input in the rhythm of the JetKVM jiggler', kind: 'ip_kvm' }
  if (fits(within(14, 16.5), 0))
    return { id: 'nanokvm-jiggler', name: 'Input every 15 seconds, as the NanoKVM jiggler gives it', kind: 'jiggler' }
  return null
}

/** Each bin counts the intervals above the previous bound. */
function binsOf({ IntervalHistogramMs }: Pattern): { over: number; upTo: number; count: number }[] {
  const bounds = Object.entries(IntervalHistogramMs)
    .map(([bound, count]) => ({ upTo: Number(bound), count }))
    .sort((a, b) => a.upTo - b.upTo)
  return bounds.map((it, index) => ({ over: bounds[index - 1]?.upTo ?? 0, ...it }))
}
