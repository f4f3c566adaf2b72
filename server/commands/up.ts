/** `tellwire up`: a server, and an agent that watches this machine. What `npm start` runs. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { hostname, userInfo } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { defineCommand } from 'citty'
import { agentBundle } from '../../bin/agent-bundle.js'
import { colours } from '../../bin/colours.ts'
import { LEAN } from '../../bin/lean.js'
import { Fault } from '../../wire/fault.ts'
import { logger } from '../log.ts'
import { type Running, serve } from '../roles/all.ts'
import { configOf, type ServerArgs, serverArgs, untilStopped } from './server.ts'
import { printable, terminalLogger } from './terminal.ts'

// Colours on a terminal only: a log, or a test in CI, wants the bare link.
const pc = colours()
const BINARY = fileURLToPath(new URL('../../bin/tellwire.js', import.meta.url))

export const upCommand = defineCommand({
  meta: { name: 'up', description: 'Run a server and an agent of this machine, and print a console link' },
  args: {
    ...serverArgs,
    demo: { type: 'boolean', description: 'A simulated company instead of this machine, as `tellwire demo`' },
  },
  async run({ args }) {
    if (args.demo) {
      refuseWithDemo(args)
      const { demo } = await import('./demo.ts')
      return demo(args)
    }
    const config = configOf(args)
    const shown = process.stderr.isTTY ? terminalLogger(config.log.level, (line) => console.error(line)) : null
    const log = shown ?? logger(config.log.level)
    const running = await serve(config, log, { reload: () => configOf(args) }).catch((cause) => {
      shown?.release()
      throw cause
    })
    const stopping = new AbortController()
    try {
      const folder = join(config.dataFolder, 'agent')
      if (!existsSync(join(folder, 'agent.json'))) await enroll(running, folder)
      const agent = keepRunning(folder, stopping.signal)
      const link = await running.oneTimeLink()
      console.log(`
${pc.bold('Tellwire watches this machine.')}

  console      ${pc.cyan(link)}
               The link works once, within 24 hours; then choose a password.
  listening on ${running.url}
  data         ${printable(config.dataFolder)}
  this laptop  npx tellwire agent show --folder ${printable(folder)}   (what is collected, what was sent last)

Stop with Ctrl-C.`)
      shown?.release()
      await untilStopped()
      console.log('\nStopping; recorded events are kept …')
      stopping.abort()
      await agent
    } finally {
      stopping.abort()
      await running.close()
    }
  },
})

/** A demo keeps nothing, so a folder to keep it in would be misunderstood. */
function refuseWithDemo(args: ServerArgs): void {
  const given = (['data-folder', 'config'] as const).find((it) => args[it] !== undefined)
  if (given)
    throw new Fault('usage', { where: `--${given}`, todo: 'Remove it: a demo has its own folder and settings.' })
}

async function enroll(running: Running, folder: string): Promise<void> {
  const { token } = await running.makeToken(workerName(), 'tellwire up')
  const code = await ended(await tellwire(['agent', 'enroll', token, '--folder', folder], 'ignore'))
  if (code !== 0) throw new Fault('agent.not_enrolled', { where: folder, todo: 'See the line above.' })
}

/** The holder of this machine, as an identifier: the safe characters of user and host name. */
function workerName(): string {
  const safe = (text: string) => text.replace(/[^A-Za-z0-9._-]/g, '').slice(0, 60)
  return `${safe(userInfo().username) || 'user'}@${safe(hostname()) || 'this-machine'}`.replace(/^[^A-Za-z0-9]+/, '')
}

/** Restarts an agent that ends, with growing delays, and reports every restart. */
async function keepRunning(folder: string, signal: AbortSignal): Promise<void> {
  for (let deaths = 0; !signal.aborted; deaths++) {
    const child = await tellwire(['agent', 'run', '--folder', folder], 'inherit')
    const stop = () => child.kill('SIGTERM')
    signal.addEventListener('abort', stop, { once: true })
    const code = await ended(child)
    signal.removeEventListener('abort', stop)
    if (signal.aborted) return
    const seconds = Math.min(60, 2 ** deaths)
    console.error(`The agent ended (${code ?? 'killed'}); restarting it in ${seconds} s.`)
    await delay(seconds * 1_000, undefined, { signal }).catch(() => {})
  }
}

async function tellwire(args: string[], stdout: 'ignore' | 'inherit'): Promise<ChildProcess> {
  // Without the bundle the agent runs from its sources, which need more memory than the lean flags allow.
  const { flags, env } = (await agentBundle()) ? LEAN : { flags: [], env: {} }
  // Its own process group, so that Ctrl-C reaches only us and we stop it in order. The channel closes if we are killed.
  return spawn(process.execPath, [...flags, BINARY, ...args], {
    stdio: ['ignore', stdout, 'inherit', 'ipc'],
    env: { ...process.env, ...env },
    detached: true,
  })
}

function ended(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => resolve(code))
  })
}
