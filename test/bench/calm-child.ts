/** The process of calm-server.ts, from the bench's side. */
import { type ChildProcess, fork } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FromServer, Judged, Report, ToServer } from './calm-server.ts'
import { cpuMs, signIn } from './children.ts'

export class CalmServer {
  readonly #folder: string
  readonly #checkout: string | null
  #child: ChildProcess | null = null
  #startedAt = 0
  #printed = ''
  url = ''
  cookie = ''
  listeningAfterMs = 0
  /** What the server before judged until it listened. */
  judged: Judged | null = null
  /** Of the server before: how often other rules came into use, and whether it judges by others. */
  rules = { inUse: 0, isChanging: false }

  /** `checkout`: of the server before. */
  static async start(folder: string, checkout: string | null): Promise<CalmServer> {
    const server = new CalmServer(folder, checkout)
    await server.startAgain()
    return server
  }

  private constructor(folder: string, checkout: string | null) {
    this.#folder = folder
    this.#checkout = checkout
  }

  async startAgain(): Promise<void> {
    const script = join(import.meta.dirname, 'calm-server.ts')
    this.#startedAt = performance.now()
    // For a profile: --cpu-prof
    const flags = process.env.CALM_FLAGS?.split(' ') ?? []
    const child = fork(script, [join(this.#folder, 'tellwire.yml'), ...(this.#checkout ? [this.#checkout] : [])], {
      execArgv: ['--disable-warning=ExperimentalWarning', ...flags],
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
    })
    this.#child = child
    child.stderr?.on('data', (text) => {
      this.#printed = `${this.#printed}${text}`.slice(-65_536)
    })
    child.on('message', (message: FromServer) => {
      if (message.type !== 'rules') return
      this.rules = { inUse: this.rules.inUse + Number(message.inUse), isChanging: !message.inUse }
    })
    const { url, link, judged } = await this.#hears('listening')
    this.judged = judged
    this.listeningAfterMs = this.sinceStartMs()
    this.url = url
    this.cookie = await signIn(url, link.split('#/welcome/')[1]!)
  }

  sinceStartMs(): number {
    return performance.now() - this.#startedAt
  }

  async measure(): Promise<void> {
    this.#tell({ type: 'measure' })
  }

  async report(): Promise<Report> {
    const heard = this.#hears('report')
    this.#tell({ type: 'report' })
    return (await heard).report
  }

  async gauge(name: string): Promise<number> {
    const text = await (await fetch(`${this.url}/metrics`)).text()
    return Number(new RegExp(`^tellwire_${name} (.*)$`, 'm').exec(text)?.[1] ?? Number.NaN)
  }

  get pid(): number {
    return this.#child!.pid!
  }

  /** Of the whole process. */
  cpuMs(): number {
    return cpuMs(this.pid)
  }

  /** Of all threads but those of a lower priority, which judge. */
  servingCpuMs(): number {
    const { pid } = this.#child!
    const tasks = `/proc/${pid}/task`
    const main = ticksOf(readFileSync(join(tasks, String(pid), 'stat'), 'utf8')).nice
    return readdirSync(tasks).reduce((sum, task) => {
      const { cpuMs, nice } = ticksOf(readFileSync(join(tasks, task, 'stat'), 'utf8'))
      return sum + (nice === main ? cpuMs : 0)
    }, 0)
  }

  async kill(): Promise<void> {
    const child = this.#child
    this.#child = null
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    child.kill('SIGKILL')
    await gone
  }

  #tell(message: ToServer): void {
    this.#child?.send(message)
  }

  #hears<T extends FromServer['type']>(type: T): Promise<Extract<FromServer, { type: T }>> {
    const child = this.#child!
    return new Promise((resolve, reject) => {
      const ended = () => reject(new Error(`the server ended:\n${this.#printed}`))
      child.once('exit', ended)
      const hear = (message: FromServer) => {
        if (message.type !== type) return
        child.off('message', hear)
        child.off('exit', ended)
        resolve(message as Extract<FromServer, { type: T }>)
      }
      child.on('message', hear)
    })
  }
}

/** Of `/proc/<pid>/task/<tid>/stat`. */
function ticksOf(stat: string): { cpuMs: number; nice: number } {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return { cpuMs: (Number(fields[11]) + Number(fields[12])) * 10, nice: Number(fields[16]) }
}
