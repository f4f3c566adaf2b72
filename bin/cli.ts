/** What all commands share: help, refusal of unknown commands and options, one line per error, safe output. */
import { format } from 'node:util'
import { type ArgsDef, type CommandDef, runCommand } from 'citty'
import { Fault } from '../wire/fault.ts'
import { nearest } from '../wire/nearest.ts'
import { printable, visible } from '../wire/printable.ts'
import { hasColours } from './colours.ts'
import { resolved, usageOf } from './usage.ts'

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
    const { name, version } = (await resolved(root.meta)) as { name?: string; version?: string }
    console.log(`${name} ${version}`)
    return
  }
  const end = args.indexOf('--')
  const options = end < 0 ? args : args.slice(0, end)
  if (args.length === 0 || first === 'help' || options.some((it) => it === '--help' || it === '-h')) {
    const words = (first === 'help' ? args.slice(1) : args).filter((it) => !it.startsWith('-'))
    if (first === 'help') await refuseUnknownCommand(root, words)
    console.log(await usage(root, words))
    return
  }
  await refuseUnknownCommand(root, args)
  await refuseUnknownOptions(root, args)
  await runCommand(root, { rawArgs: args })
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

/** citty ignores unknown options and takes the next one as a missing value, so that a mistake would go unnoticed. */
async function refuseUnknownOptions(root: CommandDef, args: readonly string[]): Promise<void> {
  const { command, rest } = await deepest(root, args)
  const known = new Map(
    Object.entries(((await resolved(command.args)) ?? {}) as ArgsDef).filter(([, it]) => it.type !== 'positional'),
  )
  const end = rest.indexOf('--')
  const words = end < 0 ? rest : rest.slice(0, end)
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!
    const [, no, name, value] = /^--(no-)?([^=]+)(=[\s\S]*)?$/.exec(word) ?? []
    if (name === undefined) {
      if (/^-[A-Za-z]/.test(word)) throw noOption(word, [...known.keys()])
      continue
    }
    const arg = known.get(`${no ?? ''}${name}`) ?? known.get(name)
    if (!arg) throw noOption(word, [...known.keys()])
    if (arg.type === 'boolean' || value !== undefined) continue
    const next = words[++at]
    if (next === undefined || next.startsWith('--'))
      throw new Fault('usage', { where: word, why: 'Its value is missing.', todo: `Give it: ${word} VALUE.` })
  }
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
