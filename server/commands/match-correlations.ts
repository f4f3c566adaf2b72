/**
 * Runs correlations over a file of events: the engine's correlator, with line numbers as ids and event times as clock.
 *
 * Shape   a firing is returned once nothing later in the file can change it: when an event is later by more than the
 *         correlation's lateness, or at the end. So the order of the lines does not change the firings.
 * Units   at most `MAX_HELD` firings wait; beyond that, the earliest is returned unsettled.
 */
import {
  correlator,
  type Firing,
  type FlatEvent,
  type LoadedCorrelation,
  type Match,
} from '../../rules/language/index.ts'

const MAX_HELD = 100_000
/** Firings are checked each time the clock has advanced by this. */
const STEP_MS = 60_000
/** Wide enough that ids sort in the order of the lines. */
const DIGITS = 15

export interface Correlating {
  /** Firings that nothing can change any more. */
  take(event: FlatEvent, line: number, matches: readonly Match[]): Firing[]
  end(): Firing[]
  /** The rule is used by correlations only: its own matches are not reported. */
  hides(rule: string): boolean
  /** Sentences about events and matches that were not counted. */
  uncounted(): string[]
}

export function correlating(correlations: readonly LoadedCorrelation[]): Correlating {
  const engine = correlator(correlations)
  const latenessOf = new Map(correlations.map((it) => [it.id, it.latenessMs]))
  const longest = Math.max(0, ...correlations.map((it) => it.latenessMs + it.spanMs))
  const waiting = new Map<string, Firing>()
  let clock = -Infinity
  let looked = -Infinity
  let timeless = 0

  return {
    take(event, line, matches) {
      const time = timeOf(event)
      if (time === null) {
        if (matches.length > 0) timeless++
        return []
      }
      if (matches.length > 0) follow(engine.take({ event, time, id: String(line).padStart(DIGITS, '0'), matches }))
      if (time > clock) follow(engine.advance((clock = time)))
      if (waiting.size <= MAX_HELD && clock < looked + STEP_MS) return []
      looked = clock
      return settled()
    },
    end() {
      if (Number.isFinite(clock)) follow(engine.advance(clock + longest + 1))
      clock = Number.POSITIVE_INFINITY
      return settled()
    },
    hides: engine.hides,
    uncounted() {
      const late = engine
        .counters()
        .values()
        .reduce((sum, it) => sum + it.late, 0)
      const over = engine
        .counters()
        .values()
        .reduce((sum, it) => sum + it.evicted + it.truncated, 0)
      return [
        ...(timeless > 0 ? [`${timeless} matching events have no time; no correlation counts them.`] : []),
        ...(late > 0 ? [`${late} matches arrived too late for their correlations: sort the events by time.`] : []),
        ...(over > 0
          ? [`${over} times a correlation reached its limit of groups or matches and dropped the oldest.`]
          : []),
      ]
    },
  }

  function follow({ fired, retracted }: ReturnType<typeof engine.advance>): void {
    for (const id of retracted) waiting.delete(id)
    for (const firing of fired) waiting.set(firing.id, firing)
  }

  function settled(): Firing[] {
    const order = [...waiting.values()].sort((a, b) => a.time - b.time || (a.id < b.id ? -1 : 1))
    const excess = order.length - MAX_HELD
    const given = order.filter((it, place) => place < excess || it.time < clock - latenessOf.get(it.rule.id)!)
    for (const { id } of given) waiting.delete(id)
    return given
  }
}

export function lineOf(event: string): number {
  return Number(event)
}

/** From `time` in our format, or as Sysmon and log shippers write it. UTC without a zone. Null: no readable time. */
export function timeOf(event: FlatEvent): number | null {
  const value = event.time ?? event['@timestamp'] ?? event.UtcTime
  if (typeof value === 'number') return Number.isFinite(value) ? value : null
  if (typeof value !== 'string' || value.length > 64) return null
  const [, day, time = '00:00', zone = 'Z'] =
    /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?))?\s?(Z|[+-]\d\d:\d\d)?$/.exec(value.trim()) ?? []
  const ms = Date.parse(`${day}T${time}${zone}`)
  return Number.isNaN(ms) ? null : ms
}
