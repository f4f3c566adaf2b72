/** A whole command line as it may leave the laptop: without secrets and NULs, and bounded. */
import { redactCommandLine } from '../../redact/index.ts'
import { bounded } from './bounded.ts'

export function commandText(command: string | null): string | null {
  return command === null ? null : bounded(redactCommandLine(command.replaceAll('\0', ' ')), 8_192)
}
