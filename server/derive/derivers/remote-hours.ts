/**
 * Remote control that lasts for the working day (#27): hours of incoming sessions, on several days.
 *
 * Shape   one `volume_anomaly` with metric 'remote_session_hours' and WindowDays 1 per device and UTC day with at least
 *         `hours` of sessions; a second one with the sum of `ofDays` days when `days` of those had as many. The time of
 *         both is when the day reached `hours`.
 *         Short sittings count by days: one with metric 'remote_session_days', its value the days of the last
 *         `longDays` with at least `sittingMinutes`, from `sittings` days on; and from `longHours` hours on these days
 *         another one with their sum of hours. Their time is when the day reached `sittingMinutes`.
 *         Overlapping sessions count once. Of several events about one session the latest counts; a session without an
 *         end lasted until its latest event.
 * Silent  sessions of a tool that the company approves, also when it says so within `APPRAISED_DAYS`.
 * Memory  per device the sessions of the last two months: MAX_SESSIONS at most, the shortest dropped first.
 */

import * as z from 'zod'
import { DAY, HOUR, MINUTE } from '../../../wire/time.ts'
import { deriverKind } from '../deriver.ts'
import { APPRAISED_DAYS } from '../kit/appraised-days.ts'
import { hoursStatement } from '../kit/hours-statement.ts'
import { mapCodec, Names, Subjects } from '../kit/kept.ts'
import { hoursByDay, isLater, type RemoteSession, sessionOf, shortest } from '../kit/remote-sessions.ts'
import { type Statement, statements } from '../kit/statements.ts'

const MAX_SESSIONS = 512

const thresholds = z.strictObject({
  /** Hours per day: 'at least 4 h a day on 3 of 5 days' (threat model #27). */
  hours: z.number().min(0.1).max(24).default(4),
  /** Days of `ofDays` that must have as many, including the day itself. */
  days: z.int().min(1).max(14).default(3),
  ofDays: z.int().min(1).max(14).default(5),
  /** Days in which short sittings are counted: three weeks. */
  longDays: z.int().min(2).max(60).default(21),
  /** Minutes of a day that are a sitting: shorter ones are attempts to connect. Our judgement. */
  sittingMinutes: z.number().min(1).max(240).default(5),
  /** Days with a sitting, of `longDays`: more than a repair that takes a week. Our judgement. */
  sittings: z.int().min(2).max(60).default(6),
  /** Hours on these days: an hour and a half of each of fifteen working days. Our judgement. */
  longHours: z.number().min(0.1).max(500).default(24),
})

interface ToolSession extends RemoteSession {
  tool: string
}

export const remoteHours = deriverKind('remote_hours', thresholds, (limits, world) => {
  const { hours, days, ofDays, longDays } = limits
  const devices = new Subjects<Map<string, ToolSession>>(mapCodec())
  /** Devices to judge at the next advance. */
  const due = new Names()
  const reported = statements()
  const keptMs = (APPRAISED_DAYS + Math.max(ofDays, longDays) + 1) * DAY

  return {
    reads: ['remote_session'],
    take({ event, device, conflict, receivedAt }) {
      if (event?.category !== 'remote_session' || event.Direction !== 'incoming') return
      if (device === null || conflict || event.time > receivedAt + DAY) return
      const session = { ...sessionOf(event), tool: event.Tool }
      if (session.end - session.start > keptMs) session.start = session.end - keptMs
      const sessions = devices.ensure(device, () => new Map())
      const key = JSON.stringify([event.Tool, event.PeerIdHash, event.StartedAt])
      const before = sessions.get(key)
      if (before && isLater(before, session)) return
      sessions.set(key, session)
      devices.touch(device)
      due.add(device)
      if (sessions.size > MAX_SESSIONS) sessions.delete(shortest(sessions))
    },
    changed({ worker, device }) {
      const theirs = device !== null ? [device] : worker !== null ? world.devicesOf(worker) : devices.keys()
      for (const it of theirs) if (devices.has(it)) due.add(it)
    },
    advance(_now, emit) {
      for (const device of due) {
        const sessions = devices.get(device)!
        const reached = Math.max(...[...sessions.values()].map((it) => it.end))
        const since = Math.floor(reached / DAY) - APPRAISED_DAYS
        const unapproved = [...sessions.values()].filter(
          ({ tool, start }) => !world.approvesSession(device, world.holderAt(device, start), tool, start),
        )
        const all = [...statementsOn(device, unapproved, since), ...sittingsOn(device, unapproved, since)]
        reported.revise(device, since * DAY, all, emit)
        for (const [key, { end }] of sessions)
          if (end < reached - keptMs) {
            sessions.delete(key)
            devices.touch(device)
          }
      }
      due.clear()
    },
    kept: { devices, due, reported: reported.kept },
  }

  function statementsOn(device: string, sessions: readonly RemoteSession[], since: number): Statement[] {
    const table = hoursByDay(sessions, hours * HOUR)
    return [...table].flatMap(([day, { ms, full }]) => {
      if (day < since || full === null) return []
      const window = Array.from({ length: ofDays }, (_, ago) => table.get(day - ago)).filter((it) => it !== undefined)
      const covers = window.filter((it) => it.full !== null).length >= days
      const sum = window.reduce((all, it) => all + it.ms, 0)
      return [statement(device, full, ms, 1), ...(covers && ofDays > 1 ? [statement(device, full, sum, ofDays)] : [])]
    })
  }

  /** Sittings of any length, by days. */
  function sittingsOn(device: string, sessions: readonly RemoteSession[], since: number): Statement[] {
    const table = hoursByDay(sessions, limits.sittingMinutes * MINUTE)
    return [...table].flatMap(([day, { full }]) => {
      if (day < since || full === null) return []
      const window = Array.from({ length: longDays }, (_, ago) => table.get(day - ago)).filter((it) => it?.full != null)
      if (window.length < limits.sittings) return []
      const sum = window.reduce((all, it) => all + it!.ms, 0)
      const value = { metric: 'remote_session_days', value: window.length, windowDays: longDays } as const
      return [
        hoursStatement(world, device, full, value),
        ...(sum >= limits.longHours * HOUR ? [statement(device, full, sum, longDays)] : []),
      ]
    })
  }

  function statement(device: string, time: number, ms: number, windowDays: number): Statement {
    return hoursStatement(world, device, time, { metric: 'remote_session_hours', value: ms / HOUR, windowDays })
  }
})
