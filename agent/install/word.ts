/** The small files beside the versions: one word each. The launcher reads them, for any user. */
import { chmodSync } from 'node:fs'
import { writeFileAtomically } from '../config.ts'

/** A line, because a shell's `read` reports a failure for a text without an end. */
export function writeWord(path: string, word: string): void {
  writeFileAtomically(path, `${word}\n`)
  chmodSync(path, 0o644)
}
