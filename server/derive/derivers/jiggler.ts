/**
 * The rhythm of a jiggler in the timing of an input device (#63): no hand is this even.
 *
 * Source  read in the published firmware (threat model #63): PiKVM hops ten times, 0.1 s apart, every 60 s ±25 %, and
 *         ends where it began; JetKVM goes to the top left corner and back every 20 s; NanoKVM moves every 15 s.
 */
import type { EventOf } from '../../../wire/event.ts'

export interface Jiggler {
  id: string
  name: string
  kind: 'ip_kvm' | 'jiggler'
}

export interface Evenness {
  /** How many of the long pauses a window must have. */
  leastPauses: number
  /** The share of all intervals that must fit. */
  leastShare: number
}

type Pattern = EventOf<'input_pattern'>

export function jigglerIn(pattern: Pattern, { leastPauses, leastShare }: Evenness): Jiggler | null {
  if (pattern.Kind === 'keyboard') return null
  const bins = binsOf(pattern)
  const all = bins.reduce((sum, it) => sum + it.count, 0)
  /** In seconds: the bins that reach into the stretch. */
  const within = (from: number, to: number) =>
    bins.filter((it) => it.over < to * 1_000 && it.upTo >= from * 1_000).reduce((sum, it) => sum + it.count, 0)
  const fits = (pauses: number, rest: number) => pauses >= leastPauses && pauses + rest >= leastShare * all

  const minutes = within(45, 75)
  const hops = within(0.08, 0.15)
  // Ten hops are nine intervals, or ten where the first follows the pause at once.
  if (pattern.ReturnedToOrigin === true && fits(minutes, hops) && hops >= 7 * minutes && hops <= 12 * minutes)
    return { id: 'pikvm-jiggler', name: 'Input in the rhythm of the PiKVM jiggler', kind: 'ip_kvm' }
  const twenties = within(16, 25)
  if (pattern.CornerPinned === true && fits(twenties, within(0, 1)))
    return { id: 'jetkvm-jiggler', name: 'Input in the rhythm of the JetKVM jiggler', kind: 'ip_kvm' }
  if (fits(within(14, 16.5), 0))
    return { id: 'nanokvm-jiggler', name: 'Input every 15 seconds, as the NanoKVM jiggler gives it', kind: 'jiggler' }
  return null
}

/** Each bound counts what is over the bound before it. */
function binsOf({ IntervalHistogramMs }: Pattern): { over: number; upTo: number; count: number }[] {
  const bounds = Object.entries(IntervalHistogramMs)
    .map(([bound, count]) => ({ upTo: Number(bound), count }))
    .sort((a, b) => a.upTo - b.upTo)
  return bounds.map((it, place) => ({ over: bounds[place - 1]?.upTo ?? 0, ...it }))
}
