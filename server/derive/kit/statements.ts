/**
 * The derived events of a subject, computed again as a whole; only differences from the last time are emitted.
 *
 * Memory  the events that can still change. An event from before `from` stays in force, and is forgotten here.
 */
import type { About, Draft, Emit } from '../deriver.ts'
import { type Part, Subjects } from './kept.ts'

/** A derived event, and whom it is about. */
export interface Statement {
  about: About
  /** Distinguishes the events about one device or worker at one time. */
  key: string
  draft: Draft
}

export interface Statements {
  /** `now`: all events of `subject` from `from` (epoch ms) on. */
  revise(subject: string, from: number, now: readonly Statement[], emit: Emit): void
  /** Whether any event of `subject` can still change. */
  has(subject: string): boolean
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
      const beforeByIdentity = new Map(before.map((it) => [identityOf(it), it]))
      const identities = new Set(next.map(identityOf))
      const gone = before.filter((it) => !identities.has(identityOf(it)))
      const changed = next.filter((it) => {
        const same = beforeByIdentity.get(identityOf(it))
        return !same || JSON.stringify(same.draft) !== JSON.stringify(it.draft)
      })
      for (const { about, key } of gone) emit(about, key, null)
      for (const it of changed) emit(it.about, it.key, it.draft)
      if (next.length === 0) subjects.delete(subject)
      else if (gone.length + changed.length > 0 || known.length > before.length) subjects.set(subject, next)
    },
    has: (subject) => subjects.has(subject),
    kept: subjects,
  }
}

function identityOf({ about, key }: Statement): string {
  return JSON.stringify([about.device, about.worker, about.time, key])
}
