/**
 * What a laptop tells in one hour besides what its day had planned: programs, connections, and the hour's summaries.
 *
 * Units   per hour at work 7 to 13 programs and 6 to 10 connections by role, so that a working day has 150 to 350
 *         events in all. Real agents see more of both: what rules read in them is rare anyway, and a run of sixty days
 *         should stay a file that can be replayed.
 * Source  assumed; hours differ by a log-normal factor.
 */
import type { DayPlan } from './day.ts'
import { observed } from './observations.ts'
import type { Person, Span } from './person.ts'
import { bulkOf, connectionBody, processBody } from './programs.ts'
import { below, between, logNormal, poisson, type Random } from './random.ts'
import type { Role } from './scene.ts'
import { type Draft, within } from './spool.ts'

const HOUR = 3_600_000
const MINUTE = 60_000

const RATES: Readonly<Record<Role, { processes: number; connections: number }>> = {
  developer: { processes: 13, connections: 10 },
  'platform engineer': { processes: 13, connections: 10 },
  support: { processes: 7, connections: 7 },
  designer: { processes: 8, connections: 7 },
  sales: { processes: 7, connections: 8 },
}
/** With nobody there. */
const IDLE = { processes: 1, connections: 0.8 }

/** Appends to `out`, in no order. */
export function hourOf(person: Person, plans: readonly DayPlan[], hour: Span, random: Random, out: Draft[]): void {
  const awake = overlaps(
    plans.flatMap((it) => it.awake),
    hour,
  )
  if (awake.length === 0) return
  const active = overlaps(
    plans.flatMap((it) => it.active),
    hour,
  )
  const busy = logNormal(random, 0.9, 0.45)
  const bulk = bulkOf(person.role, person.system)
  const place = (spans: readonly Span[], perHour: number, body: () => string) => {
    for (const { from, to } of spans)
      for (let left = poisson(random, (perHour * (to - from)) / HOUR); left > 0; left--)
        out.push({ time: Math.floor(between(random, from, to)), kind: 'event', body: body() })
  }
  const rates = RATES[person.role]
  const process = () => processBody(bulk, random)
  const connection = () => connectionBody(bulk, random, person.machine.lanAddress)
  place(active, rates.processes * busy, process)
  place(active, rates.connections * busy, connection)
  place(awake, IDLE.processes, process)
  place(awake, IDLE.connections, connection)
  summaries(person, hour, { awake, active }, random, out)
}

function overlaps(spans: readonly Span[], hour: Span): Span[] {
  const found: Span[] = []
  for (const { from, to } of spans)
    if (from < hour.to && to > hour.from) found.push({ from: Math.max(from, hour.from), to: Math.min(to, hour.to) })
  return found
}

/** The agent on itself, and how long somebody was there. Each laptop has its own minute. */
function summaries(
  person: Person,
  hour: Span,
  { awake, active }: { awake: Span[]; active: Span[] },
  random: Random,
  out: Draft[],
): void {
  const { machine } = person
  const time = hour.from + ((machine.hash >>> 0) % 60) * MINUTE
  if (!within(awake, time)) return
  const state = observed('agent_state', { Action: 'summary', ...COST }, { laptop: machine, time, random })
  out.push({ time, kind: 'event', body: state })
  const minutes = Math.min(60, Math.round(active.reduce((sum, it) => sum + it.to - it.from, 0) / MINUTE))
  const ActiveMinutes = Math.round(minutes * between(random, 0.6, 1))
  const idle = minutes === 0 ? 3_600 : (60 - minutes) * 60 + below(random, 900)
  const presence = { ActiveMinutes, LongestIdleSeconds: Math.min(3_600, idle) }
  out.push({ time: time + 10, kind: 'event', body: observed('presence', presence, { laptop: machine, time, random }) })
  if (minutes === 0) return
  for (const Kind of ['keyboard', 'relative_pointer'] as const) {
    const Events = Math.round(ActiveMinutes * logNormal(random, Kind === 'keyboard' ? 40 : 160, 0.6))
    const fields = { Kind, Events, SourceDevice: `built-in ${Kind === 'keyboard' ? 'keyboard' : 'trackpad'}` }
    const body = observed(
      'input_pattern',
      { ...fields, IntervalHistogramMs: histogram(Events) },
      { laptop: machine, time, random },
    )
    out.push({ time: time + 20, kind: 'event', body })
  }
}

const COST = {
  CpuMs: 4_200,
  ResidentBytes: 71_000_000,
  SpoolBytes: 4_096,
  WireBytes: 21_000,
  ForksSeen: 240,
  ForksTotal: 410,
}

/** Hands are irregular: most intervals short, a long tail. */
function histogram(events: number): Record<string, number> {
  return {
    '50': Math.round(events * 0.2),
    '100': Math.round(events * 0.3),
    '200': Math.round(events * 0.28),
    '1000': Math.round(events * 0.16),
    '60000': Math.round(events * 0.06),
  }
}
