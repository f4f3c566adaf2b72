/**
 * What a deriver says of its subjects: judged anew as a whole, told only where it differs from what was said.
 *
 * Memory  what can still change: what was said for a time before `from` stands, and is forgotten here.
 */
import type { About, Draft, Emit } from '../deriver.ts'

export interface Statement {
  about: About
  /** Tells apart what is said of one device or worker for one time. */
  key: string
  draft: Draft
}

export interface Statements {
  /** `now` is all that follows for `subject` from `from` (epoch ms) on. */
  revise(subject: string, from: number, now: readonly Statement[], emit: Emit): void
  save(): unknown
  load(state: unknown): void
}

export function statements(): Statements {
  let subjects = new Map<string, Statement[]>()
  return {
    revise(subject, from, now, emit) {
      const before = (subjects.get(subject) ?? []).filter((it) => it.about.time >= from)
      const held = new Map(before.map((it) => [placeOf(it), it]))
      const next = now.filter((it) => it.about.time >= from)
      const places = new Set(next.map(placeOf))
      for (const { about, key } of before.filter((it) => !places.has(placeOf(it)))) emit(about, key, null)
      for (const it of next) {
        const same = held.get(placeOf(it))
        if (!same || JSON.stringify(same.draft) !== JSON.stringify(it.draft)) emit(it.about, it.key, it.draft)
      }
      if (next.length > 0) subjects.set(subject, next)
      else subjects.delete(subject)
    },
    save: () => [...subjects],
    load(state) {
      subjects = new Map(state as [string, Statement[]][])
    },
  }
}

function placeOf({ about, key }: Statement): string {
  return JSON.stringify([about.device, about.worker, about.time, key])
}
