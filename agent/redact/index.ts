/**
 * Takes secrets and addresses' paths out of command lines, before anything else sees them.
 *
 * Shape   names of options and variables stay, their values become `***`; a URL keeps its scheme and host. When in doubt
 *         a value is masked: too much costs a rule a detail, too little costs somebody an account. Linux, macOS and
 *         Windows spellings alike.
 * Units   at most 8,192 characters go in, at most 8,192 come out.
 * Errors  none: any string gives a string. Time is linear in the input.
 * Blind   a short secret that is a bare word of a program that tools.ts does not know (`mytool hunter2`), and one that
 *         reads like ordinary words.
 */
import { CommandReader } from './command.ts'

const MAX = 8_192
const BLOCK = '-----BEGIN '

/** A command line as the kernel keeps it: one string an argument, so that a value with blanks is masked whole. */
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

/** A command line in one string, as Windows keeps it, or as in a crontab or a unit file. */
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
