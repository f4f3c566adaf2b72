/** The plan of one person's day, before it becomes events. */
import type { Gap, Place, Span } from './person.ts'
import type { Draft } from './spool.ts'
import type { Script } from './stage.ts'
export interface DayPlan {
  active: Span[]
  awake: Span[]
  meetings: Span[]
  places: Place[]
  gaps: Gap[]
  drafts: Draft[]
  hands: Script['hands']
  nudged: Script['nudged']
}
