/**
 * Plans one ordinary day of one worker, with the changes of a scene.
 *
 * Shape   spans (at work, awake, without network or agent), the laptop's places, and events with a time of their own.
 *         Events that happen all day (processes, connections) are made hour by hour, in `hour.ts`.
 * Source  all figures are assumed: working days of 8 to 9.5 h with a break; 4 % of weekend days with some work; one
 *         laptop in eight never shut; a flaky network every fourth day; restarts every eighth morning.
 */

import { equipped, managed } from './company-tools.ts'
import type { DayPlan } from './day-plan.ts'
import { leave, swap, swapTime } from './handover.ts'
import { observed, type Say } from './observations.ts'
import { firstBootOf, isWorkday, localAt, type Person, type Place, type Run, type Span } from './person.ts'
import { placeAt, placesOf } from './places.ts'
import { between, chance, exponential, normal, poisson, type Random, stream } from './random.ts'
import { sessionLine, within } from './spool.ts'
import { isOn, type Script, stageOf } from './stage.ts'
import { crash, moves, resumed, stayAwake, wake } from './waking.ts'
import { feeds, helpdesk, meetingsOf, setUp, work } from './work.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

/** Null: no events, the laptop stays shut. */
export function planDay(run: Run, person: Person, day: number): DayPlan | null {
  const random = stream(run.seed, 'day', person.worker, day)
  const here = presenceOf(run, person, day)
  if (here === 'not yet' || here === 'gone') return null
  const working =
    here === 'here' && isWorkday(run, person, day) && !away(person, day) && !(person.lively && chance(random, 0.02))
  const { stage, script } = stageOf(run, person, day, working)
  for (const hook of person.hooks) if (isOn(hook.days, day, working)) hook.play(stage)
  const plan: DayPlan = {
    ...{ active: [], awake: [], meetings: [], places: [], gaps: [...script.gaps] },
    ...{ hands: script.hands, nudged: script.nudged },
    drafts: script.drafts,
  }
  if (person.swapDay === day) swap(run, person, day, plan)
  const midnight = localAt(run, person, day, 0)
  const boot =
    person.joins?.day === day
      ? firstBootOf(run, person)
      : person.swapDay === day
        ? swapTime(run, person, day)
        : midnight
  plan.active = activeSpans(run, person, day, working, script, random)
    .map((it) => ({ ...it, from: Math.max(it.from, boot) }))
    .filter((it) => it.from < it.to)
  const isCloudOnly = person.ownMachine !== undefined
  if (!isCloudOnly)
    plan.awake = awakeSpans(person, { from: boot, to: localAt(run, person, day, 1_440) }, plan.active, script, random)
  if (plan.awake.length === 0 && plan.drafts.length === 0 && !isCloudOnly) return null
  plan.places = placesOf(run, person, day, working, script, random)
  if (person.lively) flaky(plan, random)
  if (!isCloudOnly) happenings(run, person, day, plan, script, random)
  else if (plan.active.length > 0) feeds(run, person, day, plan, random)
  if (person.leaves === day) leave(run, person, day, plan)
  plan.drafts.sort((a, b) => a.time - b.time)
  return plan
}

function presenceOf(run: Run, person: Person, day: number): 'not yet' | 'here' | 'gone' {
  if (person.joins && day < person.joins.day) return 'not yet'
  if (person.leaves !== null && day > person.leaves) return 'gone'
  return run.days > day ? 'here' : 'gone'
}

const away = (person: Person, day: number): boolean =>
  person.lively && person.vacations.some((it) => it.from <= day && day <= it.to)

function activeSpans(run: Run, person: Person, day: number, working: boolean, script: Script, random: Random): Span[] {
  // Drawn before any decision, so that a scene's change of one thing does not shift the others.
  const shift = normal(random, 0, 22)
  const length = normal(random, 0, 30)
  const lunch = between(random, 25, 75)
  const [evening, weekend] = [random(), random()]
  const extra = between(random, 20, 120)
  if (script.rests) return []
  if (script.works) return script.works
  const at = (minutes: number) => localAt(run, person, day, 0) + Math.round(minutes * MINUTE)
  const begins = person.joins?.day === day ? person.joins.logsOn : person.from + shift
  if (!working) {
    if (weekend > 0.04 || away(person, day) || person.joins?.day === day) return []
    return [{ from: at(600 + shift * 4), to: at(600 + shift * 4 + extra) }]
  }
  const ends = Math.max(begins + 180, person.to + length)
  const noon = Math.min(Math.max(begins + 90, (begins + ends) / 2 - 20), ends - 80)
  const spans = [
    { from: at(begins), to: at(noon) },
    { from: at(noon + lunch), to: at(ends) },
  ]
  const late = person.role === 'platform engineer' ? 0.14 : 0.09
  if (evening < late) spans.push({ from: at(ends + 120), to: at(ends + 120 + extra) })
  return spans
}

function awakeSpans(person: Person, all: Span, active: Span[], script: Script, random: Random): Span[] {
  if (person.neverSleeps) return [all]
  const slack = () => Math.round(between(random, 0.5, 8) * MINUTE)
  const spans = active.map((it) => ({ from: Math.max(all.from, it.from - MINUTE), to: it.to + slack() }))
  spans.push(...script.awake)
  // An event that a scene places while the laptop is shut opens it.
  for (const { kind, time } of script.drafts)
    if (kind === 'event' && !within(spans, time)) spans.push({ from: time - MINUTE, to: time + 5 * MINUTE })
  return merged(spans, chance(random, 0.6) ? 90 * MINUTE : 5 * MINUTE)
}

/** Joins spans with no more than `gap` between them. */
function merged(spans: readonly Span[], gap: number): Span[] {
  const out: Span[] = []
  for (const span of [...spans].sort((a, b) => a.from - b.from)) {
    const last = out.at(-1)
    if (last && span.from - last.to <= gap) last.to = Math.max(last.to, span.to)
    else out.push({ ...span })
  }
  return out
}

/** Wi-Fi that drops for minutes every fourth day; hours without any network one day in a hundred. */
function flaky(plan: DayPlan, random: Random): void {
  for (const { from, to } of plan.awake) {
    for (let left = poisson(random, (0.25 * (to - from)) / (9 * HOUR)); left > 0; left--) {
      const at = Math.round(between(random, from, to))
      plan.gaps.push({ kind: 'offline', from: at, to: at + Math.round(exponential(random, 6 * MINUTE)) + 20_000 })
    }
    if (chance(random, 0.01)) {
      const at = Math.round(between(random, from, to))
      plan.gaps.push({ kind: 'offline', from: at, to: at + Math.round(between(random, 1, 5) * HOUR) })
    }
  }
}

/** Events with a time of their own. */
function happenings(run: Run, person: Person, day: number, plan: DayPlan, script: Script, random: Random): void {
  const { machine } = person
  const say: Say = (at, category, fields) => {
    const time = Math.round(at)
    const body = observed(category, fields, { laptop: machine, time, random })
    plan.drafts.push({ time, kind: 'event', body })
  }
  const session = (time: number, place: Place) => {
    const body = sessionLine(machine, { ...place, time: Math.round(time), random })
    plan.drafts.push({ time: Math.round(time), kind: 'session', body })
  }
  const firstDay = person.joins?.day === day || person.swapDay === day
  const isFirstLook = person.awakeUntil === 0
  if (run.company && isFirstLook && plan.awake[0])
    equipped(run.company, machine.system, plan.awake[0].from, firstDay, say)
  plan.awake.forEach((span, nth) => {
    const known = { nth, firstDay: firstDay && nth === 0, plan, say, session, random }
    if (span.from > person.awakeUntil) {
      const restart =
        nth === 0 && (firstDay || script.restarts || (run.company !== null && isFirstLook) || chance(random, 0.125))
      wake(run, person, span, { ...known, restart })
    } else stayAwake(run, person, span, known)
    person.awakeUntil = Math.max(person.awakeUntil, span.to)
  })
  const last = plan.awake.at(-1)
  if (last) person.lastPlace = placeAt(plan.places, last.to - 1) ?? null
  moves(machine, plan, say, session)
  person.gaps.push(...plan.gaps)
  person.gaps = person.gaps.filter((gap) => !resumed(machine, gap, plan, say, session))
  crash(person, plan, say, random)
  if (plan.active.length === 0) return
  if (firstDay) setUp(person, plan, say, random)
  meetingsOf(person, plan, say, random)
  work(person, plan, say, random)
  helpdesk(run, person, plan, say, random)
  managed(run, person, plan, say, random)
  feeds(run, person, day, plan, random)
}
