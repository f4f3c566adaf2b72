/** What all commands share: help, rejection of unknown options, one line per error. */
import { type ArgsDef, type CommandDef, renderUsage, runCommand } from 'citty'
import { Fault } from '../wire/fault.ts'

/** Exit code 0 on success, 1 on failure, 2 on wrong usage. Sets `process.exitCode`, never throws. */
export async function runCli(root: CommandDef, args: string[]): Promise<void> {
  // A reader that closes the pipe early (`| head`) is not a failure.
  process.stdout.on('error', (cause: NodeJS.ErrnoException) => process.exit(cause.code === 'EPIPE' ? 0 : 1))
  try {
    const help = args.findIndex((it) => it === '--help' || it === '-h')
    if (help >= 0 || args.length === 0) {
      console.log(await usage(root, help < 0 ? [] : args.slice(0, help)))
      return
    }
    await rejectUnknownOptions(root, args)
    await runCommand(root, { rawArgs: args })
  } catch (cause) {
    process.exitCode = await explain(cause, root, args)
  }
}

async function explain(cause: unknown, root: CommandDef, args: string[]): Promise<number> {
  if (cause instanceof Fault) {
    console.error(`tellwire: ${cause.message}`)
    return cause.code === 'usage' ? 2 : 1
  }
  if (cause instanceof Error && cause.name === 'CLIError') {
    console.error(`tellwire: ${cause.message}\n\n${await usage(root, args)}`)
    return 2
  }
  console.error('tellwire: unexpected error; please report it with these lines:')
  console.error(cause)
  return 1
}

async function usage(root: CommandDef, args: readonly string[]): Promise<string> {
  const { command, parent } = await deepest(root, args)
  return renderUsage(command, parent)
}

/** citty ignores unknown options, so that a misspelt option would seem to have taken effect. */
async function rejectUnknownOptions(root: CommandDef, args: readonly string[]): Promise<void> {
  const { command, rest } = await deepest(root, args)
  const known = Object.entries(((await resolved(command.args)) ?? {}) as ArgsDef).filter(
    ([, it]) => it.type !== 'positional',
  )
  const names = known.map(([name]) => name)
  const end = rest.indexOf('--')
  for (const word of end < 0 ? rest : rest.slice(0, end)) {
    const [, no, name] = /^--(no-)?([^=]+)/.exec(word) ?? []
    if (name === undefined || names.includes(name) || names.includes(`${no ?? ''}${name}`)) continue
    const options = names.map((it) => `--${it}`).join(', ')
    throw new Fault('usage', {
      where: word,
      why: options ? 'There is no such option.' : 'This command has no options.',
      todo: options ? `Use one of: ${options}.` : 'Remove it.',
    })
  }
}

/** The deepest subcommand that `args` select, and the remaining arguments. */
async function deepest(root: CommandDef, args: readonly string[]) {
  let command = root
  let parent: CommandDef | undefined
  let at = 0
  for (; at < args.length; at++) {
    const children = (await resolved(command.subCommands)) as Record<string, unknown> | undefined
    const word = args[at] as string
    if (!children || !Object.hasOwn(children, word)) break
    parent = command
    command = (await resolved(children[word])) as CommandDef
  }
  return { command, parent, rest: args.slice(at) }
}

async function resolved(value: unknown): Promise<unknown> {
  return typeof value === 'function' ? await (value as () => unknown)() : await value
}
