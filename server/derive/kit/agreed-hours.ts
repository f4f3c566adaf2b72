/** Whether a moment lies in the hours that were agreed with a worker. */
import type { Contract } from '../../../wire/contract.ts'
import { MINUTE } from '../../../wire/time.ts'

/** Local hours at which the night begins and ends. */
export interface Night {
  nightFrom: number
  nightTo: number
}

/** `wall`: local time, as epoch ms as if it were UTC. Where the contract declares no hours, the day is agreed. */
export function isAgreed({ declaredHours }: Contract, wall: number, { nightFrom: from, nightTo: to }: Night): boolean {
  if (declaredHours && declaredHours.length > 0)
    return declaredHours.some((it) => it.days.some((day) => isWithin(day, it.start, it.end, wall)))
  const hour = new Date(wall).getUTCHours()
  return from <= to ? hour < from || hour >= to : hour < from && hour >= to
}

/** Whether local time `wall` is in a period that begins on `weekday`. */
function isWithin(weekday: number, start: string, end: string, wall: number): boolean {
  const from = minuteOf(start)
  const to = minuteOf(end) <= from ? minuteOf(end) + 1_440 : minuteOf(end)
  const today = new Date(wall).getUTCDay() || 7
  const minute = Math.floor(wall / MINUTE) % 1_440
  return [0, 1].some((ago) => {
    const began = ((today - ago + 6) % 7) + 1
    const since = minute + ago * 1_440
    return began === weekday && since >= from && since < to
  })
}

function minuteOf(clock: string): number {
  const [hours, minutes] = clock.split(':')
  return Number(hours) * 60 + Number(minutes)
}
