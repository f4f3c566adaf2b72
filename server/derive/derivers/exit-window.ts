/**
 * The end of a contract, as events that rules can correlate with others (#83, #84, P13).
 *
 * Shape   `ending` `daysBefore` the end, or when an end that near was entered; `ended` at the end. When an end is
 *         moved, events of the old one that are no longer true are retracted. After the end, at most once per UTC day:
 *         `login_after_end` for a login, `work_after_end` for code downloaded or pushed, or a remote session on the
 *         laptop.
 * Memory  per worker the events of ends within KEPT_DAYS; per worker and day after an end two times.
 */

import * as z from 'zod'
import type { EventOf } from '../../../wire/event.ts'
import { DAY, HOUR } from '../../../wire/time.ts'
import { type Draft, deriverKind, type Seen } from '../deriver.ts'
import { mapCodec, Subjects, single } from '../kit/kept.ts'

const KEPT_DAYS = 30

const thresholds = z.strictObject({
  /** Days before the end in which bulk downloads weigh more: threat model #83, -14 to +2 days. */
  daysBefore: z.number().min(1).max(90).default(14),
  /** Hours after the end in which a login is not reported: the end is a date, in the worker's time zone. */
  graceHours: z.number().min(0).max(720).default(24),
})

type Action = EventOf<'contract_event'>['Action']
type EndEvent = [time: number, key: string, draft: Draft]

export const exitWindow = deriverKind('exit_window', thresholds, ({ daysBefore, graceHours }, world) => {
  /** The events in force, by worker. */
  const reported = new Subjects<EndEvent[]>()
  /** The first use after the end, by worker, then by action and day. */
  const uses = new Subjects<Map<string, number>>(mapCodec())
  let checked = { at: 0, revision: -1 }
  return {
    reads: ['idp_login', 'remote_session', 'repo_audit'],
    take({ event, worker, contract, time, conflict }, emit) {
      const end = contract?.end
      if (!event || worker === null || end == null || conflict || time < end + graceHours * HOUR) return
      const action = useIn(event)
      if (action === null) return
      const days = uses.ensure(worker, () => new Map())
      const key = `${action} ${Math.floor(time / DAY)}`
      const before = days.get(key)
      if (before !== undefined && before <= time) return
      if (before !== undefined) emit({ device: null, worker, time: before }, key, null)
      days.set(key, time)
      uses.touch(worker)
      emit({ device: null, worker, time }, key, draftOf(action, end))
    },
    advance(now, emit) {
      if (now < checked.at + HOUR && checked.revision === world.revision) return
      checked = { at: now, revision: world.revision }
      for (const worker of world.workers()) {
        const before = reported.get(worker) ?? []
        const events = eventsOf(worker, now)
        if (before.length === 0 && events.length === 0) continue
        for (const [time, key] of before)
          if (time > now - KEPT_DAYS * DAY && !events.some((it) => it[0] === time && it[1] === key))
            emit({ device: null, worker, time }, key, null)
        for (const it of events)
          if (!before.some((old) => old[0] === it[0] && old[1] === it[1]))
            emit({ device: null, worker, time: it[0] }, it[1], it[2])
        if (events.length === 0) reported.delete(worker)
        else if (JSON.stringify(events) !== JSON.stringify(before)) reported.set(worker, events)
      }
      for (const [worker, days] of uses) {
        for (const [key, time] of days)
          if (time < now - KEPT_DAYS * DAY) {
            days.delete(key)
            uses.touch(worker)
          }
        if (days.size === 0) uses.delete(worker)
      }
    },
    kept: {
      reported,
      uses,
      checked: single(
        () => checked,
        (state) => {
          checked = state
        },
      ),
    },
  }

  function eventsOf(worker: string, now: number): EndEvent[] {
    const ends = new Map<number, number>()
    for (const { from, end } of world.versionsOf(worker))
      if (end != null && end > now - KEPT_DAYS * DAY && !ends.has(end)) ends.set(end, from)
    return [...ends].flatMap(([end, from]) => {
      const nearFrom = Math.max(from, end - daysBefore * DAY)
      return [
        ...(nearFrom <= now && nearFrom < end && holdsAt(nearFrom) ? [event(nearFrom, 'ending', end)] : []),
        ...(end <= now && holdsAt(end) ? [event(end, 'ended', end)] : []),
      ]
      /** Whether this end was the agreed one at that time. */
      function holdsAt(time: number): boolean {
        return world.contractAt(worker, time)?.end === end
      }
    })
  }
})

function event(time: number, action: Action, end: number): EndEvent {
  return [time, action, draftOf(action, end)]
}

function draftOf(action: Action, end: number): Draft {
  return { category: 'contract_event', Action: action, EffectiveAt: end, ToThirdParty: null, Relation: null }
}

function useIn(event: NonNullable<Seen['event']>): 'login_after_end' | 'work_after_end' | null {
  if (event.category === 'idp_login') return event.Result === 'success' ? 'login_after_end' : null
  if (event.category === 'remote_session') return event.Direction === 'incoming' ? 'work_after_end' : null
  if (event.category !== 'repo_audit') return null
  return ['clone', 'fetch', 'download', 'push'].includes(event.Action) ? 'work_after_end' : null
}
