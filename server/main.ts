/** The command line: one binary, every command in a file of its own, loaded when it is called. */
import { type CommandDef, defineCommand, renderUsage, runCommand } from 'citty'
import { Fault } from '../wire/fault.ts'

const COMMANDS: Record<string, () => Promise<unknown>> = {
  up: () => import('./commands/up.ts').then((it) => it.upCommand),
  server: () => import('./commands/server.ts').then((it) => it.serverCommand),
  agent: () => import('../agent/main.ts').then((it) => it.agentCommand),
  rules: () => import('./commands/rules.ts').then((it) => it.rulesCommand),
  replay: () => import('./commands/replay.ts').then((it) => it.replayCommand),
  export: () => import('./commands/export.ts').then((it) => it.exportCommand),
  roster: () => import('./commands/roster.ts').then((it) => it.rosterCommand),
  feeds: () => import('./commands/feeds.ts').then((it) => it.feedsCommand),
  user: () => import('./commands/user.ts').then((it) => it.userCommand),
  doctor: () => import('./commands/doctor.ts').then((it) => it.doctorCommand),
}

const root = defineCommand({
  meta: {
    name: 'tellwire',
    description: "Tells which remote contractor's laptop is driven by somebody else, from somewhere else",
  },
  subCommands: COMMANDS as Record<string, () => Promise<CommandDef>>,
})

/** Exit 0 on success, 1 on failure, 2 on bad usage; an error is one line that says what to do. */
export async function main(args: string[]): Promise<void> {
  // A reader that closes early (`| head`) is no failure.
  process.stdout.on('error', (cause: NodeJS.ErrnoException) => process.exit(cause.code === 'EPIPE' ? 0 : 1))
  try {
    const help = args.findIndex((it) => it === '--help' || it === '-h')
    if (help >= 0 || args.length === 0) {
      console.log(await usage(help < 0 ? [] : args.slice(0, help)))
      return
    }
    await runCommand(root, { rawArgs: args })
  } catch (cause) {
    process.exitCode = await explain(cause, args)
  }
}

async function explain(cause: unknown, args: string[]): Promise<number> {
  if (cause instanceof Fault) {
    console.error(`tellwire: ${cause.message}`)
    return cause.code === 'usage' ? 2 : 1
  }
  if (cause instanceof Error && cause.name === 'CLIError') {
    console.error(`tellwire: ${cause.message}\n\n${await usage(args)}`)
    return 2
  }
  console.error('tellwire: this should not have happened; please report it with these lines:')
  console.error(cause)
  return 1
}

/** The help of the deepest command that `args` names. */
async function usage(args: readonly string[]): Promise<string> {
  let command: CommandDef = root
  let parent: CommandDef | undefined
  for (const word of args) {
    const children = (await resolved(command.subCommands)) as Record<string, unknown> | undefined
    const child = children && Object.hasOwn(children, word) ? await resolved(children[word]) : undefined
    if (!child) break
    parent = command
    command = child as CommandDef
  }
  return renderUsage(command, parent)
}

async function resolved(value: unknown): Promise<unknown> {
  return typeof value === 'function' ? await (value as () => unknown)() : await value
}
