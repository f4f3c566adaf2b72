/** `tellwire agent`: the commands that run on the laptop. */
import { randomBytes } from 'node:crypto'
import { defineCommand } from 'citty'
import { runCli } from '../bin/cli.ts'
import { restartLean } from '../bin/lean.js'
import { Fault } from '../wire/fault.ts'
import { printable } from '../wire/printable.ts'
import { collectorsOf } from './collectors/index.ts'
import type { WatchFolder } from './collectors/shared/folder-watcher.ts'
import { agentFolder, agentPaths, type Config, loadConfig, readJson } from './config.ts'
import { enroll } from './enroll.ts'
import { thisSystem } from './host/systems.ts'
import { checkCommand, installCommand, uninstallCommand, upgradeCommand } from './install/commands.ts'
import { waitForEnrollment } from './install/enrollment.ts'
import { placesOf } from './install/places.ts'
import { lockHolder } from './lock.ts'
import { logger } from './log.ts'
import { policyInUse } from './policy-holder.ts'
import { readerOf, run } from './run.ts'
import { PAGE_PORT } from './show/page-server.ts'
import { lastSent } from './spool/sent.ts'
import { formatStatus, freshStatus, Status } from './status.ts'
import { AGENT_VERSION } from './version.ts'

/** Runs the agent with all collectors of this operating system. Resolves after a clean stop. Errors: see `run`. */
export async function runAgent(options: { folder: string }, signal: AbortSignal): Promise<void> {
  const starts = { seen: 0, total: 0 }
  const system = thisSystem()
  const reader = readerOf(system)
  // Where it is known which folders can hang, so that a watcher cannot block the agent. Elsewhere, chokidar's has run.
  const watch: WatchFolder | undefined = system.places && ((...asked) => reader.watch(...asked))
  const collectors = collectorsOf(system.product, starts, system.startSources, watch)
  const exhausted = new AbortController()
  const onExhausted = () => exhausted.abort()
  const either = AbortSignal.any([signal, exhausted.signal])
  await run({ folder: options.folder, system, collectors, starts, reader, onExhausted, pagePort: PAGE_PORT }, either)
  // Node waits for its threads before it exits, and one of them does not return: only the system can end it.
  if (reader.isHeld) process.kill(process.pid, 'SIGKILL')
}

const folder = {
  type: 'string',
  valueHint: 'path',
  description:
    'Where the agent keeps its key, spool and status (also TELLWIRE_AGENT_FOLDER; default: /var/lib/tellwire/agent ' +
    'for root, ~/.local/state/tellwire/agent for others, C:\\ProgramData\\Tellwire\\agent on Windows)',
} as const
const json = { type: 'boolean', description: 'Print JSON' } as const

const runCommand = defineCommand({
  meta: { name: 'run', description: 'Collect and report until stopped' },
  args: {
    folder,
    service: {
      type: 'boolean',
      description: "For Windows' service manager, which starts programs in a way of its own",
    },
    'wait-for-enrollment': { type: 'boolean', description: 'Without an enrollment, wait for a token: for services' },
  },
  async run({ args }) {
    const folder = folderOf(args)
    const system = thisSystem()
    if (args.service && system.service) {
      await system.service(async (signal) => {
        if (args['wait-for-enrollment']) await enrollUnattended(folder, signal)
        if (!signal.aborted) await runAgent({ folder }, signal)
      })
      // The manager's calls hold the process.
      process.exit(0)
    }
    const stop = new AbortController()
    process.once('SIGTERM', () => stop.abort())
    process.once('SIGINT', () => stop.abort())
    // `tellwire up` starts the agent with an IPC channel, so that the agent stops if `up` is killed.
    process.once('disconnect', () => stop.abort())
    process.channel?.unref()
    if (args['wait-for-enrollment']) await enrollUnattended(folder, stop.signal)
    if (stop.signal.aborted) return
    const { url, device } = loadConfig(folder)
    // For somebody at a terminal: a supervisor's log needs no such lines, and `tellwire up` has its own.
    if (process.stdout.isTTY && !process.channel) {
      console.log(printable(`This laptop reports to ${url} as ${device}. Stop with Ctrl-C.`))
      console.log(`To see how it goes: ${commandFor('status', args)}`)
    }
    await runAgent({ folder }, stop.signal)
  },
})

const enrollCommand = defineCommand({
  meta: { name: 'enroll', description: 'Register this laptop with a server' },
  args: {
    token: { type: 'positional', description: 'The one-time token, tw1.…, from the console', required: true },
    folder,
    ca: {
      type: 'string',
      valueHint: 'file',
      description: "PEM file of the authority that signed the server's certificate",
    },
    replace: { type: 'boolean', description: 'Enroll again; events that are not sent yet are deleted' },
    json,
  },
  async run({ args }) {
    const config = await enrollHere(args.token, folderOf(args), args.ca ?? null, args.replace === true)
    const { device, url } = config
    console.log(
      args.json
        ? JSON.stringify({ device, url })
        : `${printable(`Enrolled as ${device} with ${url}`)}\nNow run: ${commandFor('run', args)}`,
    )
  },
})

const statusCommand = defineCommand({
  meta: { name: 'status', description: 'Show whether it is connected, and how much is not sent yet' },
  args: { folder, json },
  async run({ args }) {
    const paths = agentPaths(folderOf(args))
    loadConfig(folderOf(args))
    const pid = lockHolder(paths.lock)
    // An agent that does not answer still has its last status.
    if (pid !== null) await freshStatus(paths.status, 4_000)
    const status = readJson(paths.status, Status)
    if (args.json) console.log(JSON.stringify({ running: pid !== null, pid, ...status }))
    else
      console.log(
        status
          ? formatStatus(status, pid, Date.now())
          : `Enrolled, but not started yet. Run: ${commandFor('run', args)}`,
      )
  },
})

const showCommand = defineCommand({
  meta: {
    name: 'show',
    description: 'Show what is collected on this laptop, what is never collected, and what was sent last',
  },
  args: {
    folder,
    last: { type: 'string', valueHint: 'count', default: '20', description: 'How many of the events sent last' },
    json,
  },
  async run({ args }) {
    const limit = Number(args.last)
    if (!Number.isInteger(limit) || limit < 0 || limit > 10_000)
      throw new Fault('usage', { where: '--last', todo: 'Use a number from 0 to 10000.' })
    const paths = agentPaths(folderOf(args))
    const config = enrolledHere(folderOf(args))
    const [{ languageOfTerminal }, { showReport }, { formatShowReport }] = await Promise.all([
      import('./show/languages.ts'),
      import('./show/report.ts'),
      import('./show/terminal.ts'),
    ])
    const isRunning = lockHolder(paths.lock) !== null
    if (isRunning) await freshStatus(paths.status, 4_000)
    const status = readJson(paths.status, Status)
    const report = showReport(
      {
        ...{ config, status, isRunning, product: thisSystem().product, now: Date.now() },
        policy: policyInUse(paths, config.serverKey),
        sent: lastSent(paths.sent, limit),
      },
      // Whoever can read the agent's folder can read all of it.
      { asker: { name: null, isRoot: true }, people: [] },
    )
    const language = languageOfTerminal(process.env)
    console.log(args.json ? JSON.stringify(report) : formatShowReport(report, language, Date.now(), limit))
    if (isRunning && status?.page && !args.json) console.log(`\n${printable(status.page)}`)
  },
})

export const agentCommand = defineCommand({
  meta: {
    name: 'agent',
    description: 'The agent on the laptop: run, enroll, status, show, install, upgrade, uninstall',
  },
  subCommands: {
    ...{ run: runCommand, enroll: enrollCommand, status: statusCommand, show: showCommand },
    ...{ install: installCommand, upgrade: upgradeCommand, uninstall: uninstallCommand, check: checkCommand },
  },
})

/** The agent without the server, as the single file that a laptop installs. */
export async function main(args: string[]): Promise<void> {
  const meta = { name: 'tellwire', version: AGENT_VERSION, description: 'The agent on the laptop' }
  await runCli(defineCommand({ meta, subCommands: { agent: agentCommand } }), args)
  await thisSystem().leave?.()
}

/** Errors  as `loadConfig`: whoever is not an administrator is told where to look instead. */
function enrolledHere(folder: string): Config {
  try {
    return loadConfig(folder)
  } catch (cause) {
    if (!(cause instanceof Fault) || process.getuid?.() === 0) throw cause
    const { code, where, why, todo } = cause
    const page = `If an administrator installed the agent, open http://127.0.0.1:${PAGE_PORT}/ in a browser. `
    throw new Fault(code, { where, why, todo: `${page}${todo ?? ''}`, cause })
  }
}

async function enrollHere(token: string, folder: string, caFile: string | null, replace: boolean): Promise<Config> {
  const system = thisSystem()
  system.protect?.(folder)
  const { fingerprint } = await system.machine(system.host({ hmac: () => '', stateFolder: '' }))
  const about = { version: AGENT_VERSION, platform: system.product, fingerprint }
  return enroll(token, folder, { now: Date.now, random: randomBytes, ...about, caFile, replace })
}

function enrollUnattended(folder: string, signal: AbortSignal): Promise<void> {
  const system = thisSystem()
  const { sleep } = system.host({ hmac: () => '', stateFolder: '' })
  return waitForEnrollment(
    {
      folder,
      places: placesOf(system.product),
      enroll: (token, caFile) => enrollHere(token, folder, caFile, false),
      random: Math.random,
      sleep,
      log: logger(Date.now, (line) => process.stderr.write(line)),
    },
    signal,
  )
}

/** What to run next, with the folder that was given: without it, the agent would look in another one. */
function commandFor(name: 'run' | 'status', { folder }: { folder?: string | undefined }): string {
  return `tellwire agent ${name}${folder === undefined ? '' : ` --folder ${printable(folder)}`}`
}

function folderOf(args: { folder?: string | undefined }): string {
  return agentFolder(args.folder, process.env, process.getuid?.(), thisSystem())
}

// The bundle is also run directly: `node agent.mjs run`, or with the word `agent` that our texts have.
if (import.meta.main) {
  const words = process.argv.slice(2)
  const args = words[0] === 'agent' ? words : ['agent', ...words]
  // The sources cannot run with these flags: stripping types needs the JIT.
  if (args[1] === 'run' && import.meta.filename.endsWith('.mjs')) restartLean(import.meta.filename)
  await main(args)
}
