/**
 * A server process and an agent process, which a test starts and kills.
 *
 * Errors  if one of them exits unexpectedly, the error contains its output.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Cursor } from '../../agent/spool/cursor.ts'
import { BINARY, enrollAgent, until } from '../bench/children.ts'

const STARTS_WITHIN_MS = 180_000
const PROGRESS_WITHIN_MS = 180_000

/** What is acknowledged, and the last number in use, according to the agent's cursor. */
export interface AgentProgress {
  epoch: number
  acked: number
  last: number
}

export class Rig {
  readonly folder: string
  /** For the agent's script, behind its folder. */
  agentArgs: readonly string[] = []
  serverArgs: readonly string[] = []
  readonly #agentScript: string
  readonly #port: number
  #server: Child | null = null
  #agent: Child | null = null

  /** `agentScript` gets the agent's folder as its argument. */
  static async open(agentScript: string): Promise<Rig> {
    const folder = mkdtempSync(join(tmpdir(), 'tellwire-kill-'))
    const rig = new Rig(folder, agentScript, await freePort())
    mkdirSync(rig.rules)
    return rig
  }

  private constructor(folder: string, agentScript: string, port: number) {
    this.folder = folder
    this.#agentScript = agentScript
    this.#port = port
  }

  get data(): string {
    return join(this.folder, 'data')
  }

  /** The agent's folder. */
  get agent(): string {
    return join(this.folder, 'agent')
  }

  /** The folder for custom rules. */
  get rules(): string {
    return join(this.folder, 'rules')
  }

  /** Does not wait until it listens. */
  startServer(): void {
    const args = ['server', '--data-folder', this.data, '--port', String(this.#port), ...this.serverArgs]
    const env = { TELLWIRE_LOG_LEVEL: 'error', TELLWIRE_RULES_FOLDERS: this.rules }
    this.#server = new Child('the server', [BINARY, ...args], env)
  }

  startAgent(): void {
    this.#agent = new Child('the agent', [this.#agentScript, this.agent, ...this.agentArgs], {})
  }

  /** Whether the server has printed its address. */
  get isListening(): boolean {
    return this.#welcome() !== null
  }

  async listening(): Promise<void> {
    await until(
      () => this.#welcome(),
      STARTS_WITHIN_MS,
      () => `the server does not start:\n${this.#server?.printed}`,
    )
  }

  async enroll(worker: string): Promise<void> {
    await this.listening()
    const [, url = '', secret] = this.#welcome()!
    const ask = (path: string, body: object, cookie = '') =>
      fetch(`${url}/api/v1/${path}`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', Origin: url, Cookie: cookie },
        body: JSON.stringify(body),
      })
    const session = await ask('session/once', { secret })
    const cookie = session.headers.getSetCookie()[0]?.split(';')[0] ?? ''
    const made = await ask('enrollment-tokens', { worker }, cookie)
    const { token } = (await made.json()) as { token: string }
    await enrollAgent(this.agent, token)
  }

  killServer(): Promise<void> {
    return this.#server?.end('SIGKILL') ?? Promise.resolve()
  }

  killAgent(): Promise<void> {
    return this.#agent?.end('SIGKILL') ?? Promise.resolve()
  }

  /** Stops it cleanly, so that it saves its state. */
  async stopServer(): Promise<void> {
    await this.#server?.end('SIGTERM')
  }

  /** The last part of what both have printed. */
  get printed(): string {
    return `${this.#server?.printed}\n${this.#agent?.printed}`
  }

  progressOfAgent(): AgentProgress {
    const cursor = new Cursor(join(this.agent, 'spool', 'cursor'))
    try {
      return cursor.read() ?? { epoch: -1, acked: 0, last: 0 }
    } finally {
      cursor.close()
    }
  }

  /** Resolves when that many more events are acknowledged, so that a kill happens while events are in flight. */
  async progress(events: number): Promise<void> {
    const from = this.progressOfAgent().acked
    await until(
      () => {
        this.#server?.assertAlive()
        this.#agent?.assertAlive()
        return this.progressOfAgent().acked >= from + events ? true : null
      },
      PROGRESS_WITHIN_MS,
      () => `no progress past ${from}:\n${this.#server?.printed}\n${this.#agent?.printed}`,
    )
  }

  async close(): Promise<void> {
    await Promise.all([this.killAgent(), this.killServer()])
    rmSync(this.folder, { recursive: true, force: true })
  }

  #welcome(): RegExpExecArray | null {
    return /listening on (\S+)[\s\S]*#\/welcome\/(\S+)/.exec(this.#server?.printed ?? '')
  }
}

class Child {
  readonly #name: string
  readonly #process: ChildProcess
  readonly #exited: Promise<void>
  #isEnding = false
  #printed = ''

  constructor(name: string, args: readonly string[], env: Record<string, string>) {
    this.#name = name
    this.#process = spawn(process.execPath, args, {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    for (const stream of [this.#process.stdout, this.#process.stderr])
      stream?.on('data', (text) => {
        this.#printed = `${this.#printed}${text}`.slice(-65_536)
      })
    this.#exited = new Promise((resolve) => this.#process.once('exit', () => resolve()))
  }

  get printed(): string {
    return this.#printed
  }

  assertAlive(): void {
    const { exitCode, signalCode } = this.#process
    if (!this.#isEnding && (exitCode !== null || signalCode !== null))
      throw new Error(`${this.#name} exited unexpectedly (${exitCode ?? signalCode}):\n${this.#printed}`)
  }

  /** Resolves when it has exited. */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    if (!this.#isEnding) this.assertAlive()
    this.#isEnding = true
    this.#process.kill(signal)
    await this.#exited
    if (signal === 'SIGTERM' && this.#process.exitCode !== 0)
      throw new Error(`${this.#name} did not stop cleanly (${this.#process.exitCode}):\n${this.#printed}`)
  }
}

/** A fixed port, so that the agent finds the server again after each restart. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => (typeof address === 'object' && address ? resolve(address.port) : reject(new Error('no port'))))
    })
  })
}
