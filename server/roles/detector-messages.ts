/** What the server and a detector's thread say to each other. */
import type { Problem } from '../../rules/language/index.ts'
import type { Config } from '../config.ts'
import type { FeedChange } from '../derive/kit/place-changes.ts'
import type { Verdict } from '../model/case.ts'

export interface DetectorOptions {
  config: Config
  /** Left out where its ruleset is already the active one: then there is nothing to do. */
  onlyIfChanged: boolean
}

export type ToDetector =
  | { type: 'published'; last: number }
  | { type: 'decided'; verdict: Verdict }
  /** The active evaluation has stopped: its place may be taken. */
  | { type: 'granted' }
  | { type: 'stop' }

export type FromDetector =
  | { type: 'log'; level: 'debug' | 'info' | 'warn' | 'error'; facts: Record<string, unknown>; message: string }
  | { type: 'ruleset'; rules: number; leftOut: number; problems: Problem[] }
  /** Its ruleset is the active one. */
  | { type: 'unchanged' }
  | { type: 'opened'; evaluation: string; isActive: boolean; position: number; time: number }
  | { type: 'progress'; position: number; last: number }
  /** It has judged everything, and asks for the place of the active evaluation. */
  | { type: 'ready' }
  | { type: 'active'; evaluation: string }
  | { type: 'committed'; evaluation: string; position: number; time: number }
  | { type: 'clock'; held: { stamp: number; time: number } | null }
  | { type: 'moved'; changes: FeedChange[] }
  | { type: 'stopped' }
