/** The command line: one binary; each command has its own file, loaded when the command is run. */
import { type CommandDef, defineCommand } from 'citty'
import { runCli } from '../bin/cli.ts'

const COMMANDS: Record<string, () => Promise<unknown>> = {
  up: () => import('./commands/up.ts').then((it) => it.upCommand),
  server: () => import('./commands/server.ts').then((it) => it.serverCommand),
  agent: () => import('../agent/main.ts').then((it) => it.agentCommand),
  rules: () => import('./commands/rules.ts').then((it) => it.rulesCommand),
  catalogue: () => import('./commands/catalogue.ts').then((it) => it.catalogueCommand),
  match: () => import('./commands/match.ts').then((it) => it.matchCommand),
  replay: () => import('./commands/replay.ts').then((it) => it.replayCommand),
  simulate: () => import('./commands/simulate.ts').then((it) => it.simulateCommand),
  export: () => import('./commands/export.ts').then((it) => it.exportCommand),
  roster: () => import('./commands/roster.ts').then((it) => it.rosterCommand),
  feeds: () => import('./commands/feeds.ts').then((it) => it.feedsCommand),
  laptops: () => import('./commands/laptops.ts').then((it) => it.laptopsCommand),
  user: () => import('./commands/user.ts').then((it) => it.userCommand),
  backup: () => import('./commands/backup.ts').then((it) => it.backupCommand),
  restore: () => import('./commands/restore.ts').then((it) => it.restoreCommand),
  doctor: () => import('./commands/doctor.ts').then((it) => it.doctorCommand),
}

export function main(args: string[]): Promise<void> {
  const root = defineCommand({
    meta: {
      name: 'tellwire',
      description: "Tells which remote contractor's laptop is driven by somebody else, from somewhere else",
    },
    subCommands: COMMANDS as Record<string, () => Promise<CommandDef>>,
  })
  return runCli(root, args)
}
