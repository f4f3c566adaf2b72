/** What all commands share: help, refusal of unknown commands and options, one line per error, safe output. */
import { format } from 'node:util'
import { type CommandDef, runCommand } from 'citty'
import { Fault } from '../wire/fault.ts'
import { nearest } from '../wire/nearest.ts'
import { printable, visible } from '../wire/printable.ts'
import { hasColours } from './colours.ts'
import { argsOf, isPositional, resolved, usageOf } from './usage.ts'

/** Exit code 0 on success, 1 on failure, 2 on wrong usage. Sets `process.exitCode`, never throws. */
export async function runCli(root: CommandDef, given: string[]): Promise<void> {
  // A reader that closes the pipe early (`| head`) is not a failure.
  process.stdout.on('error', (cause: NodeJS.ErrnoException) => process.exit(cause.code === 'EPIPE' ? 0 : 1))
  const args = withoutColourOption(given)
  const restore = guardOutput()
  try {
    await run(root, args)
  } catch (cause) {
    process.exitCode = await explain(cause, root, args)
  } finally {
    restore()
  }
}

async function run(root: CommandDef, args: string[]): Promise<void> {
  const [first] = args
  if (first === '--version' || first === 'version') {
    await refuseWrongWords({}, ['tellwire', 'version'], args.slice(1))
    const { name, version } = (await resolved(root.meta)) as { name?: string; version?: string }
    console.log(`${name} ${version}`)
    return
  }
  const end = args.indexOf('--')
  const options = end < 0 ? args : args.slice(0, end)
  if (args.length === 0 || first === 'help' || options.some((it) => it === '--help' || it === '-h')) {
    if (first === 'help') await checkHelp(root, args.slice(1))
    const words = (first === 'help' ? args.slice(1) : args).filter((it) => !it.startsWith('-'))
    console.log(await usage(root, words))
    return
  }
  await checkUsage(root, args)
  await runCommand(root, { rawArgs: args })
}

/**
 * Refuses what citty ignores, so that no mistake goes unnoticed.
 *
 * Errors  Fault 'usage' for a command, an option or an argument that does not exist, and for an option without a value.
 */
export async function checkUsage(root: CommandDef, args: readonly string[]): Promise<void> {
  await refuseUnknownCommand(root, args)
  const { command, path, rest } = await deepest(root, args)
  await refuseWrongWords(command, path, rest)
}

/** `words`: what follows `tellwire help`. */
async function checkHelp(root: CommandDef, words: readonly string[]): Promise<void> {
  const option = words.find((it) => it.startsWith('-') && it !== '--help' && it !== '-h')
  if (option !== undefined) throw noOption(option, [])
  const names = words.filter((it) => !it.startsWith('-'))
  await refuseUnknownCommand(root, names)
  const { path, rest } = await deepest(root, names)
  const [extra] = rest
  if (extra !== undefined)
    throw new Fault('usage', { where: extra, why: `\`${path.join(' ')}\` has no subcommands.`, todo: 'Remove it.' })
}

/** For every command; citty and the libraries read the variable. */
function withoutColourOption(args: string[]): string[] {
  const end = args.indexOf('--')
  const isColour = (it: string, at: number) => it === '--no-color' && (end < 0 || at < end)
  if (!args.some(isColour)) return args
  process.env.NO_COLOR = '1'
  return args.filter((it, at) => !isColour(it, at))
}

/**
 * The last guard between what others wrote and the terminal. Commands already make such text printable where they put
 * it into a line; this one is for what they forget.
 */
function guardOutput(): () => void {
  const { log, error, warn } = console
  const safe = (write: typeof log, stream: NodeJS.WriteStream) => {
    return (...parts: unknown[]) => write(visible(format(...parts), hasColours(stream)))
  }
  console.log = safe(log, process.stdout)
  console.error = safe(error, process.stderr)
  console.warn = safe(warn, process.stderr)
  return () => void Object.assign(console, { log, error, warn })
}

async function explain(cause: unknown, root: CommandDef, args: string[]): Promise<number> {
  // The line of a command's progress, which the error interrupted.
  if (process.stderr.isTTY) process.stderr.write('\r\u001b[K')
  if (cause instanceof Fault) {
    console.error(`tellwire: ${printable(cause.message)}`)
    return cause.code === 'usage' ? 2 : 1
  }
  if (cause instanceof Error && cause.name === 'CLIError') {
    // citty colours its messages whatever the output is.
    const message = cause.message.replace(/\u001b\[[0-9;]*m/g, '')
    console.error(`tellwire: ${printable(message)}\n\n${await usage(root, args)}`)
    return 2
  }
  console.error('tellwire: unexpected error; please report it with these lines:')
  console.error(cause)
  return 1
}

async function usage(root: CommandDef, args: readonly string[]): Promise<string> {
  const { command, path } = await deepest(root, args)
  return usageOf(command, path)
}

async function refuseUnknownCommand(root: CommandDef, args: readonly string[]): Promise<void> {
  const { command, rest } = await deepest(root, args)
  const names = Object.keys(((await resolved(command.subCommands)) ?? {}) as Record<string, unknown>)
  const [word] = rest
  if (names.length === 0 || word === undefined || word.startsWith('-')) return
  throw new Fault('usage', { where: word, why: 'There is no such command.', todo: instead(word, names) })
}

/** `words`: what follows the command. */
async function refuseWrongWords(command: CommandDef, path: readonly string[], words: readonly string[]): Promise<void> {
  const all = await argsOf(command)
  const options = new Map(all.filter(([, it]) => !isPositional(it)))
  const positionals = all.filter(([, it]) => isPositional(it))
  const isGroup = Object.keys(((await resolved(command.subCommands)) ?? {}) as object).length > 0
  const end = words.indexOf('--')
  const before = end < 0 ? words : words.slice(0, end)
  const given = []
  for (let at = 0; at < before.length; at++) {
    const word = before[at]!
    if (!word.startsWith('-') || word === '-') {
      given.push(word)
      continue
    }
    const [, no, name = '', value] = /^--(no-)?([^=]+)(=[\s\S]*)?$/.exec(word) ?? []
    const plain = options.get(name)
    const option = no === undefined ? plain : (options.get(`no-${name}`) ?? (plain?.type === 'boolean' ? plain : null))
    if (!option) throw isGroup ? optionTooEarly(word, path) : noOption(word, [...options.keys()])
    if (option.type === 'boolean' || value !== undefined) continue
    const next = before[++at]
    if (next === undefined || next.startsWith('--'))
      throw new Fault('usage', { where: word, why: 'Its value is missing.', todo: `Give it: ${word} VALUE.` })
  }
  if (end >= 0) given.push(...words.slice(end + 1))
  const extra = given[positionals.length]
  if (extra === undefined || positionals.at(-1)?.[1].several) return
  throw noArgument(extra, { path, positionals: positionals.map(([name]) => name), options: [...options.keys()] })
}

function noArgument(
  word: string,
  { path, positionals, options }: { path: readonly string[]; positionals: readonly string[]; options: string[] },
): Fault {
  const names = positionals.map((it) => it.toUpperCase())
  const why =
    names.length === 0 ? 'This command takes no arguments.' : `This command takes only ${names.join(' and ')}.`
  const option = nearest(word, options)
  const remove =
    names.length === 0
      ? `Remove it; \`${path.join(' ')} --help\` shows the options.`
      : 'Remove it, or quote a value that contains spaces.'
  return new Fault('usage', { where: word, why, todo: option === null ? remove : `Did you mean '--${option}'?` })
}

/** For `tellwire --config FILE server`. */
function optionTooEarly(word: string, path: readonly string[]): Fault {
  const todo = `Put it behind the command: ${path.join(' ')} COMMAND ${word}`
  return new Fault('usage', { where: word, why: 'There is no such option here.', todo })
}

function noOption(word: string, names: readonly string[]): Fault {
  if (names.length === 0)
    return new Fault('usage', { where: word, why: 'This command has no options.', todo: 'Remove it.' })
  const options = names.map((it) => `--${it}`)
  return new Fault('usage', { where: word, why: 'There is no such option.', todo: instead(word, options) })
}

function instead(word: string, known: readonly string[]): string {
  const near = nearest(word.replace(/=.*/s, ''), known)
  return near === null ? `Use one of: ${known.join(', ')}.` : `Did you mean '${near}'?`
}

/** The deepest subcommand that `args` select, its name in full, and the remaining arguments. */
async function deepest(root: CommandDef, args: readonly string[]) {
  let command = root
  const path = [((await resolved(root.meta)) as { name?: string }).name ?? 'tellwire']
  let at = 0
  for (; at < args.length; at++) {
    const children = (await resolved(command.subCommands)) as Record<string, unknown> | undefined
    const word = args[at] as string
    if (!children || !Object.hasOwn(children, word)) break
    command = (await resolved(children[word])) as CommandDef
    path.push(word)
  }
  return { command, path, rest: args.slice(at) }
}
