/**
 * A screen that is shared all day through a meeting (#28, P21): hours in which the laptop sends a slow, steady stream
 * and receives little, on days on which a meeting program ran.
 *
 * Shape   one `volume_anomaly` with metric 'screen_share_hours' and WindowDays 1 per laptop and UTC day with at least
 *         `hours`, once the day is over; a second one with the sum of `ofDays` days when `days` of those had as many.
 * Silent  calls, which receive as much; uploads, which are faster; days without a meeting program.
 *         An agent that tells bytes by program, too, tells a stream twice: in the sum of the laptop, and as a part of
 *         it. The longer of the two counts.
 * Memory  per laptop three numbers for each day of three weeks.
 */

import * as z from 'zod'
import type { EventOf } from '../../../wire/event.ts'
import { DAY } from '../../../wire/time.ts'
import { deriverKind, LATENESS_MS, type Seen } from '../deriver.ts'
import { hoursStatement } from '../kit/hours-statement.ts'
import { Names, Subjects, single } from '../kit/kept.ts'
import { type Statement, statements } from '../kit/statements.ts'

const thresholds = z.strictObject({
  /** Hours of a UTC day. Threat model #28 says 8; a working day west of Greenwich ends after midnight UTC. */
  hours: z.number().min(1).max(24).default(6),
  /** Days of `ofDays` that must have as many: threat model P21, three. */
  days: z.int().min(1).max(7).default(3),
  ofDays: z.int().min(1).max(14).default(7),
  /** Kilobits per second of a shared screen: 100 for a still page, 1,500 for a moving one. The vendors' figures. */
  leastKbps: z.number().min(1).default(100),
  mostKbps: z.number().min(1).default(1_500),
  /** Least ratio of bytes sent to received: calls are symmetrical, and loading a page is the reverse. */
  ratio: z.number().min(1).default(4),
})

/** Seconds with such a stream by UTC day, and the days on which a meeting program was seen. */
interface ScreenDays {
  seconds: Map<number, number>
  /** The same, by program and peer. */
  parts: Map<number, number>
  meetings: Set<number>
}

export const shareHours = deriverKind('share_hours', thresholds, (limits, world) => {
  const laptops = new Subjects<ScreenDays>({
    save: ({ seconds, parts, meetings }) => ({ seconds: [...seconds], parts: [...parts], meetings: [...meetings] }),
    load(state) {
      const { seconds, parts, meetings } = state as Record<'seconds' | 'parts', [number, number][]> & {
        meetings: number[]
      }
      return { seconds: new Map(seconds), parts: new Map(parts), meetings: new Set(meetings) }
    },
  })
  /** Laptops to judge at the next advance. Those with data of a day that is not over stay. */
  const due = new Names()
  let judgedTo = 0
  const reported = statements()
  const keptDays = LATENESS_MS / DAY + limits.ofDays + 1

  return {
    take(seen) {
      const { event, device, conflict, time, receivedAt } = seen
      if (!event || device === null || conflict || time > receivedAt + DAY) return
      const isMeeting = showsMeeting(seen)
      const seconds = event.category === 'egress' ? streamed(event) : 0
      if (!isMeeting && seconds === 0) return
      const day = Math.floor(time / DAY)
      if (day < judgedTo - keptDays) return
      due.add(device)
      const laptop = laptops.ensure(device, () => ({ seconds: new Map(), parts: new Map(), meetings: new Set() }))
      if (seconds === 0 && laptop.meetings.has(day)) return
      if (isMeeting) laptop.meetings.add(day)
      const kind = event.category === 'egress' && isPart(event) ? laptop.parts : laptop.seconds
      if (seconds > 0) kind.set(day, (kind.get(day) ?? 0) + seconds)
      laptops.touch(device)
    },
    advance(now, emit) {
      const today = Math.floor(now / DAY)
      for (const device of due) {
        const since = (Math.min(judgedTo || today, today) - LATENESS_MS / DAY) * DAY
        reported.revise(device, since, statementsOn(device, since, today), emit)
        // A day that is not over is judged later.
        const { seconds, parts } = laptops.get(device)!
        if (!seconds.has(today) && !parts.has(today)) due.delete(device)
      }
      if (today > judgedTo) forget(today)
      judgedTo = today
    },
    kept: {
      laptops,
      due,
      judgedTo: single(
        () => judgedTo,
        (state) => {
          judgedTo = state
        },
      ),
      reported: reported.kept,
    },
  }

  /** Seconds of the event's window in which a screen may have been shared. */
  function streamed({
    BytesSent,
    BytesReceived,
    WindowSeconds,
  }: {
    BytesSent: number
    BytesReceived: number
    WindowSeconds: number
  }): number {
    const kbps = (BytesSent * 8) / 1_000 / WindowSeconds
    const fits = kbps >= limits.leastKbps && kbps <= limits.mostKbps && BytesSent >= limits.ratio * BytesReceived
    return fits ? WindowSeconds : 0
  }

  function statementsOn(device: string, since: number, today: number): Statement[] {
    const { seconds, parts, meetings } = laptops.get(device)!
    const longest = (day: number) => Math.max(seconds.get(day) ?? 0, parts.get(day) ?? 0)
    const hoursOf = (day: number) => (meetings.has(day) ? longest(day) / 3_600 : 0)
    return [...new Set([...seconds.keys(), ...parts.keys()])].flatMap((day) => {
      if (day >= today || day * DAY < since || hoursOf(day) < limits.hours) return []
      const window = Array.from({ length: limits.ofDays }, (_, ago) => hoursOf(day - ago))
      const isRepeated = window.filter((it) => it >= limits.hours).length >= limits.days
      const sum = window.reduce((all, it) => all + it, 0)
      return [
        statement(device, day, hoursOf(day), 1),
        ...(isRepeated && limits.ofDays > 1 ? [statement(device, day, sum, limits.ofDays)] : []),
      ]
    })
  }

  function statement(device: string, day: number, hours: number, windowDays: number): Statement {
    return hoursStatement(world, device, (day + 1) * DAY - 1, {
      metric: 'screen_share_hours',
      value: hours,
      windowDays,
    })
  }

  function forget(today: number): void {
    for (const [device, { seconds, parts, meetings }] of laptops) {
      for (const days of [seconds, parts, meetings])
        for (const day of days.keys())
          if (day < today - keptDays) {
            days.delete(day)
            laptops.touch(device)
          }
      if (seconds.size + parts.size + meetings.size === 0) laptops.delete(device)
    }
  }
})

/** Of a program or peer, and not the sum of the laptop. */
function isPart({ Image, DestinationIp }: EventOf<'egress'>): boolean {
  return Image !== null || DestinationIp !== null
}

/** Whether a meeting or screen sharing program was seen. Remote control has rules of its own. */
function showsMeeting({ facts }: Seen): boolean {
  return facts?.tools?.some(({ category }) => category === 'meeting' || category === 'screen-sharing') ?? false
}
