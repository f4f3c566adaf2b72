/**
 * What a laptop reports in one hour besides its planned events: programs, connections, and the hour's summaries.
 *
 * Units   per hour at work 7 to 13 programs and 6 to 10 connections by role, so a working day has 150 to 350 events
 *         in all. Real agents report more of both, but the ones that rules match are rare anyway, and a run of sixty
 *         days should stay a file that can be replayed.
 * Source  assumed; hours differ by a log-normal factor.
 */
import type { DayPlan } from './day-plan.ts'
import { observed } from './observations.ts'
import type { Person, Span } from './person.ts'
import { bulkOf, connectionBody, processBody } from './programs.ts'
import { below, between, logNormal, poisson, type Random } from './random.ts'
import type { Hands, Role } from './scene.ts'
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
/** While nobody is at the laptop. */
const IDLE = { processes: 1, connections: 0.8 }

/** Appends to `out`, in any order. */
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
  const nudged = plans.flatMap((it) => it.nudged)
  const hands = plans.find((it) => within(it.active, active[0]?.from ?? hour.from))?.hands
  summaries(person, hour, { awake, active, nudged, hands }, random, out)
}

function overlaps(spans: readonly Span[], hour: Span): Span[] {
  const found: Span[] = []
  for (const { from, to } of spans)
    if (from < hour.to && to > hour.from) found.push({ from: Math.max(from, hour.from), to: Math.min(to, hour.to) })
  return found
}

/** The agent's own summary, and the minutes of activity. Each laptop reports at its own minute of the hour. */
function summaries(
  person: Person,
  hour: Span,
  { awake, active, nudged, hands }: { awake: Span[]; active: Span[] } & Pick<DayPlan, 'nudged' | 'hands'>,
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
  const idle = Math.min(3_600, minutes === 0 ? 3_600 : (60 - minutes) * 60 + below(random, 900))
  const nudge = within(nudged, time)
  const presence = nudge
    ? {
        ActiveMinutes: 60,
        LongestIdleSeconds: Math.min(idle, Math.round(nudge.everySeconds * between(random, 1, 1.3))),
      }
    : { ActiveMinutes, LongestIdleSeconds: idle }
  out.push({ time: time + 10, kind: 'event', body: observed('presence', presence, { laptop: machine, time, random }) })
  if (minutes === 0 || hands === null) return
  for (const Kind of ['keyboard', hands?.absolute ? 'absolute_pointer' : 'relative_pointer'] as const) {
    const Events = Math.round(ActiveMinutes * logNormal(random, Kind === 'keyboard' ? 40 : 160, 0.6))
    const { keyboard, pointer, virtual: Virtual = false } = hands ?? BUILT_IN
    const fields = { Kind, Events, Virtual, SourceDevice: Kind === 'keyboard' ? keyboard : pointer }
    const body = observed(
      'input_pattern',
      { ...fields, IntervalHistogramMs: histogram(Events) },
      { laptop: machine, time, random },
    )
    out.push({ time: time + 20, kind: 'event', body })
  }
}

const BUILT_IN: Hands = { keyboard: 'built-in keyboard', pointer: 'built-in trackpad' }

const COST = {
  CpuMs: 4_200,
  ResidentBytes: 71_000_000,
  SpoolBytes: 4_096,
  WireBytes: 21_000,
  ForksSeen: 240,
  ForksTotal: 410,
}

/** Human input is irregular: mostly short intervals, with a long tail. */
function histogram(events: number): Record<string, number> {
  return {
    '50': Math.round(events * 0.2),
    '100': Math.round(events * 0.3),
    '200': Math.round(events * 0.28),
    '1000': Math.round(events * 0.16),
    '60000': Math.round(events * 0.06),
  }
}
