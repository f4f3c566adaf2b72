/** The command line: one binary; each command has its own file, loaded when the command is run. */
import { readFileSync } from 'node:fs'
import { type CommandDef, defineCommand } from 'citty'
import { runCli } from '../bin/cli.ts'

const COMMANDS: Record<string, () => Promise<unknown>> = {
  up: () => import('./commands/up.ts').then((it) => it.upCommand),
  demo: () => import('./commands/demo.ts').then((it) => it.demoCommand),
  server: () => import('./commands/server.ts').then((it) => it.serverCommand),
  agent: () => import('../agent/main.ts').then((it) => it.agentCommand),
  rules: () => import('./commands/rules.ts').then((it) => it.rulesCommand),
  catalogue: () => import('./commands/catalogue.ts').then((it) => it.catalogueCommand),
  match: () => import('./commands/match.ts').then((it) => it.matchCommand),
  replay: () => import('./commands/replay.ts').then((it) => it.replayCommand),
  simulate: () => import('./commands/simulate.ts').then((it) => it.simulateCommand),
  workers: () => import('./commands/workers.ts').then((it) => it.workersCommand),
  findings: () => import('./commands/findings.ts').then((it) => it.findingsCommand),
  evidence: () => import('./commands/evidence.ts').then((it) => it.evidenceCommand),
  import: () => import('./commands/import.ts').then((it) => it.importCommand),
  export: () => import('./commands/export.ts').then((it) => it.exportCommand),
  roster: () => import('./commands/roster.ts').then((it) => it.rosterCommand),
  learning: () => import('./commands/approve.ts').then((it) => it.learningCommand),
  approve: () => import('./commands/approve.ts').then((it) => it.approveCommand),
  approvals: () => import('./commands/approve.ts').then((it) => it.approvalsCommand),
  feeds: () => import('./commands/feeds.ts').then((it) => it.feedsCommand),
  laptops: () => import('./commands/laptops.ts').then((it) => it.laptopsCommand),
  user: () => import('./commands/user.ts').then((it) => it.userCommand),
  backup: () => import('./commands/backup.ts').then((it) => it.backupCommand),
  restore: () => import('./commands/restore.ts').then((it) => it.restoreCommand),
  doctor: () => import('./commands/doctor.ts').then((it) => it.doctorCommand),
}

/** The tree of all commands. */
export function rootCommand(): CommandDef {
  return defineCommand({
    meta: {
      name: 'tellwire',
      version: version(),
      description: "Tells which remote contractor's laptop is driven by somebody else, from somewhere else",
    },
    subCommands: COMMANDS as Record<string, () => Promise<CommandDef>>,
  })
}

export function main(args: string[]): Promise<void> {
  return runCli(rootCommand(), args)
}

function version(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}
