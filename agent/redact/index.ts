/**
 * Removes secrets and the paths of URLs from command lines before anything else processes them.
 *
 * Shape   option and variable names stay, and their values become `***`; a URL keeps scheme and host. When in doubt,
 *         the value is removed: removing too much costs a rule a detail, removing too little exposes an account. Linux,
 *         macOS and Windows command lines are read alike.
 * Units   at most 8,192 characters of input, at most 8,192 of output.
 * Errors  none: any string gives a string. Time is linear in the input.
 * Blind   a short secret that is a plain word or behind a short option of a program that tools.ts does not know
 *         (`mytool hunter2`), and one that reads like ordinary words. test/agent/redact/unseen.ts has the rates.
 */
import { CommandReader } from './command.ts'

const MAX = 8_192
const BLOCK = '-----BEGIN '

/** A command line as the kernel has it, one string per argument, so that a value with blanks is removed as a whole. */
export function redactArguments(args: readonly string[]): string {
  const reader = new CommandReader(() => args.join(' ').slice(0, MAX))
  let size = 0
  for (const [at, arg] of args.entries()) {
    if (size >= MAX) break
    if (at > 0) reader.out += ' '
    const argument = arg.slice(0, MAX - size)
    size += argument.length + 1
    reader.argument(maskBlocks(argument))
  }
  return reader.out.slice(0, MAX)
}

/** A command line as one string, as Windows has it, or as in a crontab or a unit file. */
export function redactCommandLine(line: string): string {
  const text = maskBlocks(line.slice(0, MAX))
  const reader = new CommandReader(() => text)
  reader.line(text)
  return reader.out.slice(0, MAX)
}

/** Keys and messages in PEM or PGP armour: the first and the last line stay. */
function maskBlocks(text: string): string {
  let begin = text.indexOf(BLOCK)
  if (begin === -1) return text
  let out = ''
  let at = 0
  while (begin !== -1) {
    const label = text.indexOf('-----', begin + BLOCK.length)
    if (label === -1) break
    const end = text.indexOf('-----END ', label)
    out += `${text.slice(at, label + 5)}***`
    if (end === -1) return out
    at = end
    begin = text.indexOf(BLOCK, end)
  }
  return out + text.slice(at)
}
