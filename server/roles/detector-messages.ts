/** Messages between the server and a detector thread. */
import type { Problem } from '../../rules/language/index.ts'
import type { RecordedRarity } from '../../wire/recording.ts'
import type { Config } from '../config.ts'
import type { FeedChange } from '../derive/kit/place-changes.ts'
import type { Verdict } from '../model/case.ts'

export interface DetectorOptions {
  config: Config
  /** Stop with 'unchanged' when the ruleset is that of the active evaluation. */
  onlyIfChanged: boolean
}

export type ToDetector =
  | { type: 'published'; last: number }
  | { type: 'decided'; verdict: Verdict }
  /** The active evaluation has stopped and may be replaced. */
  | { type: 'granted' }
  | { type: 'stop' }

export type FromDetector =
  | { type: 'log'; level: 'debug' | 'info' | 'warn' | 'error'; facts: Record<string, unknown>; message: string }
  | { type: 'ruleset'; rules: number; omitted: number; problems: Problem[] }
  /** The ruleset is that of the active evaluation. */
  | { type: 'unchanged' }
  | { type: 'opened'; evaluation: string; isActive: boolean; position: number; time: number }
  | { type: 'progress'; position: number; last: number }
  /** It has caught up with the log, and asks to replace the active evaluation. */
  | { type: 'ready' }
  | { type: 'active'; evaluation: string }
  | { type: 'committed'; evaluation: string; position: number; time: number }
  | { type: 'clock'; held: { stamp: number; time: number } | null }
  | { type: 'moved'; changes: FeedChange[] }
  /** To be recorded in the log. */
  | { type: 'rarity'; record: RecordedRarity }
  | { type: 'stopped' }
