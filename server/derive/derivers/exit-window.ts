/**
 * The end of a contract, as events that rules can set beside what happens around it (#83, #84, P13).
 *
 * Shape   `ending` when the end comes within `daysBefore`, or when an end that near was entered; `ended` at the end.
 *         An end that is moved takes back what it has not yet come to. After the end, once a UTC day each:
 *         `login_after_end` a login, `work_after_end` code taken or sent, or somebody in on the laptop from outside.
 * Memory  per worker what was said of the ends within KEPT_DAYS; per worker and day after an end two moments.
 */

import * as z from 'zod'
import type { EventOf } from '../../../wire/event.ts'
import { DAY, HOUR } from '../../../wire/time.ts'
import { type Draft, deriverKind, type Seen } from '../deriver.ts'
import { mapCodec, Subjects, single } from '../kit/kept.ts'

const KEPT_DAYS = 30

const thresholds = z.strictObject({
  /** Days before the end from which bulk movements weigh more: threat model #83, -14 to +2 days. */
  daysBefore: z.number().min(1).max(90).default(14),
  /** Hours after the end in which a login is still the last day's: the end is a date, and people live in time zones. */
  graceHours: z.number().min(0).max(720).default(24),
})

type Action = EventOf<'contract_event'>['Action']
type Said = [time: number, key: string, draft: Draft]

export const exitWindow = deriverKind('exit_window', thresholds, ({ daysBefore, graceHours }, world) => {
  const said = new Subjects<Said[]>()
  /** The first use of a day, by worker, then action and day. */
  const uses = new Subjects<Map<string, number>>(mapCodec())
  let looked = { at: 0, revision: -1 }
  return {
    reads: ['idp_login', 'remote_session', 'repo_audit'],
    take({ event, worker, contract, time, conflict }, emit) {
      const end = contract?.end
      if (!event || worker === null || end == null || conflict || time < end + graceHours * HOUR) return
      const action = useOf(event)
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
      if (now < looked.at + HOUR && looked.revision === world.revision) return
      looked = { at: now, revision: world.revision }
      for (const worker of world.workers()) {
        const before = said.get(worker) ?? []
        const words = wordsOn(worker, now)
        if (before.length === 0 && words.length === 0) continue
        for (const [time, key] of before)
          if (time > now - KEPT_DAYS * DAY && !words.some((it) => it[0] === time && it[1] === key))
            emit({ device: null, worker, time }, key, null)
        for (const it of words)
          if (!before.some((old) => old[0] === it[0] && old[1] === it[1]))
            emit({ device: null, worker, time: it[0] }, it[1], it[2])
        if (words.length === 0) said.delete(worker)
        else if (JSON.stringify(words) !== JSON.stringify(before)) said.set(worker, words)
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
      said,
      uses,
      looked: single(
        () => looked,
        (state) => {
          looked = state
        },
      ),
    },
  }

  function wordsOn(worker: string, now: number): Said[] {
    const ends = new Map<number, number>()
    for (const { from, end } of world.versionsOf(worker))
      if (end != null && end > now - KEPT_DAYS * DAY && !ends.has(end)) ends.set(end, from)
    return [...ends].flatMap(([end, from]) => {
      const near = Math.max(from, end - daysBefore * DAY)
      return [
        ...(near <= now && near < end && holdsAt(near) ? [word(near, 'ending', end)] : []),
        ...(end <= now && holdsAt(end) ? [word(end, 'ended', end)] : []),
      ]
      /** The end that was agreed at that moment. */
      function holdsAt(time: number): boolean {
        return world.contractAt(worker, time)?.end === end
      }
    })
  }
})

function word(time: number, action: Action, end: number): Said {
  return [time, action, draftOf(action, end)]
}

function draftOf(action: Action, end: number): Draft {
  return { category: 'contract_event', Action: action, EffectiveAt: end, ToThirdParty: null, Relation: null }
}

function useOf(event: NonNullable<Seen['event']>): 'login_after_end' | 'work_after_end' | null {
  if (event.category === 'idp_login') return event.Result === 'success' ? 'login_after_end' : null
  if (event.category === 'remote_session') return event.Direction === 'incoming' ? 'work_after_end' : null
  if (event.category !== 'repo_audit') return null
  return ['clone', 'fetch', 'download', 'push'].includes(event.Action) ? 'work_after_end' : null
}
