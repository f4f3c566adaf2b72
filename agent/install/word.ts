/** The small files beside the versions, and what IT put into the settings: one word each. */
import { chmodSync, readFileSync } from 'node:fs'
import { attempt } from '../attempt.ts'
import { writeFileAtomically } from '../config.ts'

/** For any user, because the launcher reads it. A line: a shell's `read` reports a failure for a text without an end. */
export function writeWord(path: string, word: string): void {
  writeFileAtomically(path, `${word}\n`)
  chmodSync(path, 0o644)
}

/** Null: it is empty, not there, or cannot be read. */
export function readWord(path: string): string | null {
  return attempt(() => readFileSync(path, 'utf8').trim()) || null
}
