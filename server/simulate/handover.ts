/** A laptop that changes hands: replaced by another, or returned on the last day. */

import type { DayPlan } from './day-plan.ts'
import { observed } from './observations.ts'
import { holdingLine, localAt, machineOf, type Person, type Run } from './person.ts'
import { stream } from './random.ts'

const HOUR = 3_600_000

export const swapTime = (run: Run, person: Person, day: number): number => localAt(run, person, day, person.from - 30)

/** Replaces the laptop: the old one reports that it stops, the new one starts from the beginning. */
export function swap(run: Run, person: Person, day: number, plan: DayPlan): void {
  const old = person.machine
  const at = swapTime(run, person, day)
  const about = { laptop: old, time: at, random: stream('stopping') }
  const body = observed('agent_state', { Action: 'stopping' }, about)
  plan.drafts.push({ time: at - 10_000, kind: 'event', body, machine: old })
  const fresh = machineOf(run, person.index, 1, person.system, old.zone)
  person.machine = fresh
  person.awakeUntil = 0
  const line = (body: string) => plan.drafts.push({ time: at, kind: 'line', body })
  line(holdingLine(run, person, old, { to: at, at }))
  line(holdingLine(run, person, fresh, { from: at, at }))
}

/** The last day: the agent is removed in the evening, and the holding ends. */
export function leave(run: Run, person: Person, day: number, plan: DayPlan): void {
  const { machine } = person
  const end = Math.max(...plan.awake.map((it) => it.to), localAt(run, person, day, 1_080)) + HOUR
  const laptop = { laptop: machine, time: end, random: stream('stopping') }
  plan.drafts.push({ time: end - 5_000, kind: 'event', body: observed('agent_state', { Action: 'stopping' }, laptop) })
  plan.drafts.push({
    time: end + 5_000,
    kind: 'line',
    body: holdingLine(run, person, machine, { to: end, at: end + 5_000 }),
  })
}
