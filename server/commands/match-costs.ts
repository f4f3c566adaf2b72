/**
 * Measures what each rule costs, separately from matching: each rule alone on a sample of its logsource's events.
 *
 * Shape   alone, a rule pays for work that it shares with others in the full program, so the costs add up to more than
 *         the program's cost; the order of the most expensive rules is the same.
 */
import {
  compile,
  covers,
  type FlatEvent,
  type LoadedRule,
  type Logsource,
  type Rule,
} from '../../rules/language/index.ts'

/** Per logsource. */
const MAX_EVENTS = 64
const MAX_LOGSOURCES = 64
/** Larger events are skipped, so that the sample is bounded in bytes too. */
const MAX_CHARS = 16_384
/** The fastest pass counts: other load on the machine is not the rule's cost. */
const PASSES = 3

export interface Costs {
  events: number
  /** Microseconds that the rule adds per event of its logsource; absent when there were none. */
  perEvent: ReadonlyMap<Rule, number>
  /** The same, for all events of its logsource together. */
  total: ReadonlyMap<Rule, number>
}

/** Events of one logsource, evenly spread: every nth, where n doubles whenever there are too many. */
export interface Sample {
  logsource: Logsource
  kept: FlatEvent[]
  every: number
  seen: number
}

export function sampler(): { offer(event: FlatEvent, chars: number): void; samples(): Sample[] } {
  const samples = new Map<string, Sample>()
  return {
    offer(event, chars) {
      const logsource = logsourceOf(event)
      const key = `${logsource.category}\n${logsource.product}\n${logsource.service}`
      let sample = samples.get(key)
      if (!sample) {
        if (samples.size >= MAX_LOGSOURCES) return
        sample = { logsource, kept: [], every: 1, seen: 0 }
        samples.set(key, sample)
      }
      if (sample.seen++ % sample.every !== 0 || chars > MAX_CHARS) return
      sample.kept.push(event)
      if (sample.kept.length <= MAX_EVENTS) return
      sample.kept = sample.kept.filter((_, place) => place % 2 === 0)
      sample.every *= 2
    },
    samples: () => [...samples.values()],
  }
}

function logsourceOf(event: FlatEvent): Logsource {
  const text = (value: unknown) => (typeof value === 'string' ? value.slice(0, 64) : null)
  return { category: text(event.category), product: text(event.product), service: text(event.service) }
}

/** `now` in milliseconds. */
export function costs(rules: readonly LoadedRule[], samples: readonly Sample[], now: () => number): Costs {
  const perEvent = new Map<Rule, number>()
  const total = new Map<Rule, number>()
  const idle = new Map<string, number>()
  for (const rule of rules) {
    const its = samples.filter(({ logsource }) => covers(rule.logsource, logsource))
    const events = its.flatMap(({ kept }) => kept)
    if (events.length === 0) continue
    const key = JSON.stringify(rule.logsource)
    // The fixed cost of any rule: reading the event.
    const nothing: LoadedRule = { ...rule, condition: { kind: 'test', field: '\0', test: { op: 'present' } } }
    if (!idle.has(key)) idle.set(key, microseconds(nothing, events))
    const each = Math.max(0, microseconds(rule, events) - idle.get(key)!) / events.length
    perEvent.set(rule, each)
    total.set(rule, each * its.reduce((sum, { seen }) => sum + seen, 0))
  }
  return { events: samples.reduce((sum, { kept }) => sum + kept.length, 0), perEvent, total }

  function microseconds(rule: LoadedRule, events: readonly FlatEvent[]): number {
    const program = compile([rule])
    let least = Number.POSITIVE_INFINITY
    for (let pass = 0; pass < PASSES; pass++) {
      const start = now()
      for (const event of events) program.match(event)
      least = Math.min(least, now() - start)
    }
    return least * 1_000
  }
}
