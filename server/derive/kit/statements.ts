/**
 * What a deriver says of its subjects: judged anew as a whole, told only where it differs from what was said.
 *
 * Memory  what can still change: what was said for a time before `from` stands, and is forgotten here.
 */
import type { About, Draft, Emit } from '../deriver.ts'
import { type Part, Subjects } from './kept.ts'

export interface Statement {
  about: About
  /** Tells apart what is said of one device or worker for one time. */
  key: string
  draft: Draft
}

export interface Statements {
  /** `now` is all that follows for `subject` from `from` (epoch ms) on. */
  revise(subject: string, from: number, now: readonly Statement[], emit: Emit): void
  readonly kept: Part
}

export function statements(): Statements {
  const subjects = new Subjects<Statement[]>()
  return {
    revise(subject, from, now, emit) {
      const known = subjects.get(subject) ?? []
      if (known.length + now.length === 0) return
      const before = known.filter((it) => it.about.time >= from)
      const next = now.filter((it) => it.about.time >= from)
      const held = new Map(before.map((it) => [placeOf(it), it]))
      const places = new Set(next.map(placeOf))
      const gone = before.filter((it) => !places.has(placeOf(it)))
      const fresh = next.filter((it) => {
        const same = held.get(placeOf(it))
        return !same || JSON.stringify(same.draft) !== JSON.stringify(it.draft)
      })
      for (const { about, key } of gone) emit(about, key, null)
      for (const it of fresh) emit(it.about, it.key, it.draft)
      if (next.length === 0) subjects.delete(subject)
      else if (gone.length + fresh.length > 0 || known.length > before.length) subjects.set(subject, next)
    },
    kept: subjects,
  }
}

function placeOf({ about, key }: Statement): string {
  return JSON.stringify([about.device, about.worker, about.time, key])
}
