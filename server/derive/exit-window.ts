/**
 * The end of a contract, as events that rules can set beside what happens around it (#83, #84, P13).
 *
 * Shape   `ending` when the end comes within `daysBefore`, or when an end that near was entered; `ended` at the end.
 *         An end that is moved takes back what it has not yet come to.
 * Memory  per worker what was said of the ends within KEPT_DAYS.
 */
import * as z from 'zod'
import { type Draft, deriverKind } from './deriver.ts'

const DAY = 86_400_000
const EVERY_MS = 3_600_000
const KEPT_DAYS = 30

const thresholds = z.strictObject({
  /** Days before the end from which bulk movements weigh more: threat model #83, -14 to +2 days. */
  daysBefore: z.number().min(1).max(90).default(14),
})

type Said = [time: number, key: string, draft: Draft]

export const exitWindow = deriverKind('exit_window', thresholds, ({ daysBefore }, world) => {
  let said = new Map<string, Said[]>()
  let looked = { at: 0, revision: -1 }
  return {
    take: () => {},
    advance(now, emit) {
      if (now < looked.at + EVERY_MS && looked.revision === world.revision) return
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
        if (words.length > 0) said.set(worker, words)
        else said.delete(worker)
      }
    },
    save: () => [...said],
    load: (state) => {
      said = new Map(state as [string, Said[]][])
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

function word(time: number, action: 'ending' | 'ended', end: number): Said {
  const draft = { category: 'contract_event', Action: action, EffectiveAt: end, ToThirdParty: null, Relation: null }
  return [time, action, draft as Draft]
}
