/** `tellwire agent`: the laptop's side of the command line. */
import { randomBytes } from 'node:crypto'
import { defineCommand } from 'citty'
import { runCli } from '../bin/cli.ts'
import { Fault } from '../wire/fault.ts'
import { collectorsOf } from './collectors/index.ts'
import { agentFolder, layout, loadConfig, readJson } from './config.ts'
import { enroll } from './enroll.ts'
import { thisSystem } from './host/systems.ts'
import { lockHolder } from './lock.ts'
import { lastPolicy } from './policy.ts'
import { run } from './run.ts'
import { describeShown, shown } from './show.ts'
import { lastSent } from './spool/sent.ts'
import { describeStatus, Status } from './status.ts'
import { AGENT_VERSION } from './version.ts'

/** The agent with everything this system can collect. Resolves after a clean stop. Errors: see `run`. */
export function runAgent(options: { folder: string }, signal: AbortSignal): Promise<void> {
  const starts = { seen: 0, total: 0 }
  const system = thisSystem()
  return run({ folder: options.folder, system, collectors: collectorsOf(system.product, starts), starts }, signal)
}

const folder = {
  type: 'string',
  valueHint: 'path',
  description: 'Where the agent keeps its key, spool and status (also TELLWIRE_AGENT_FOLDER)',
} as const
const json = { type: 'boolean', description: 'Print JSON' } as const

const runCommand = defineCommand({
  meta: { name: 'run', description: 'Collect and report until stopped' },
  args: { folder },
  async run({ args }) {
    const stop = new AbortController()
    process.once('SIGTERM', () => stop.abort())
    process.once('SIGINT', () => stop.abort())
    // Started by `tellwire up`: when that is killed, its agent does not stay behind.
    process.once('disconnect', () => stop.abort())
    process.channel?.unref()
    await runAgent({ folder: folderOf(args) }, stop.signal)
  },
})

const enrollCommand = defineCommand({
  meta: { name: 'enroll', description: 'Make this laptop known to a server' },
  args: {
    token: { type: 'positional', description: 'The one-time token, tw1.…, from the console', required: true },
    folder,
    ca: { type: 'string', valueHint: 'file', description: "Certificate (PEM) of the server's own authority" },
    replace: { type: 'boolean', description: 'Enrol anew; what was not sent yet is thrown away' },
    json,
  },
  async run({ args }) {
    const system = thisSystem()
    const { fingerprint } = await system.machine(system.host({ hmac: () => '', memoryFolder: '' }))
    const config = await enroll(args.token, folderOf(args), {
      now: Date.now,
      random: randomBytes,
      version: AGENT_VERSION,
      platform: system.product,
      fingerprint,
      caFile: args.ca ?? null,
      replace: args.replace === true,
    })
    const { device, url } = config
    console.log(
      args.json ? JSON.stringify({ device, url }) : `Enrolled as ${device} with ${url}\nNow run: tellwire agent run`,
    )
  },
})

const statusCommand = defineCommand({
  meta: { name: 'status', description: 'Is it connected, and what is not sent yet' },
  args: { folder, json },
  run({ args }) {
    const at = layout(folderOf(args))
    loadConfig(folderOf(args))
    const status = readJson(at.status, Status)
    const pid = lockHolder(at.lock)
    if (args.json) console.log(JSON.stringify({ running: pid !== null, pid, ...status }))
    else
      console.log(
        status ? describeStatus(status, pid, Date.now()) : 'Enrolled, but not started yet: tellwire agent run',
      )
  },
})

const showCommand = defineCommand({
  meta: { name: 'show', description: 'What is collected on this laptop, what never is, and what was last sent' },
  args: {
    folder,
    last: { type: 'string', valueHint: 'count', default: '20', description: 'How many of the last sent events' },
    json,
  },
  run({ args }) {
    const limit = Number(args.last)
    if (!Number.isInteger(limit) || limit < 0 || limit > 10_000)
      throw new Fault('usage', { where: '--last', todo: 'Give a number from 0 to 10000.' })
    const at = layout(folderOf(args))
    const config = loadConfig(folderOf(args))
    const all = shown(config, lastPolicy(at.policy, config.serverKey), lastSent(at.sent, limit), thisSystem().product)
    console.log(args.json ? JSON.stringify(all) : describeShown(all))
  },
})

export const agentCommand = defineCommand({
  meta: { name: 'agent', description: "The laptop's side: run, enroll, status, show" },
  subCommands: { run: runCommand, enroll: enrollCommand, status: statusCommand, show: showCommand },
})

/** The agent alone, as the one file that a laptop installs. */
export function main(args: string[]): Promise<void> {
  const meta = { name: 'tellwire', description: "The laptop's agent" }
  return runCli(defineCommand({ meta, subCommands: { agent: agentCommand } }), args)
}

function folderOf(args: { folder?: string | undefined }): string {
  return agentFolder(args.folder, process.env, process.getuid?.(), thisSystem())
}

// As one file it is run by itself: `node agent.mjs run`.
if (import.meta.main) await main(['agent', ...process.argv.slice(2)])
