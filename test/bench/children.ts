/** The real server and the real agent, as processes of their own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

export const BINARY = join(import.meta.dirname, '../../bin/tellwire.js')

export interface ServerChild {
  pid: number
  url: string
  /** The session cookie of a signed-in console user. */
  cookie: string
  /** Reads the console's API: `get('/workers')`. */
  get<T>(path: string): Promise<T>
  /** The last part of its output. */
  printed(): string
  stop(): Promise<void>
}

/** Errors  rejects with the server's output when it does not start within a minute. */
export async function startServer(
  folder: string,
  env: Record<string, string> = {},
  more: readonly string[] = [],
): Promise<ServerChild> {
  const args = [BINARY, 'server', '--data-folder', folder, '--port', '0', ...more]
  const child = spawn(process.execPath, args, {
    env: { ...process.env, TELLWIRE_LOG_LEVEL: 'warn', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output = collected(child)
  const [, url, link] = await until(
    () => /listening on (\S+)[\s\S]*#\/welcome\/(\S+)/.exec(output()),
    60_000,
    () => `the server does not start:\n${output()}`,
  )
  const cookie = await signIn(url!, link!)
  return {
    pid: child.pid!,
    url: url!,
    cookie,
    get: (path) => json(fetch(`${url}/api/v1${path}`, { headers: { Cookie: cookie } })),
    printed: output,
    stop: () => stop(child),
  }
}

/** The session's cookie. `link`: the secret of a one-time link. */
export async function signIn(url: string, link: string): Promise<string> {
  const answer = await fetch(`${url}/api/v1/session/once`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Origin: url },
    body: JSON.stringify({ secret: link }),
  })
  const cookie = answer.headers.getSetCookie()[0]?.split(';')[0]
  if (!cookie) throw new Error(`signing in failed: ${answer.status} ${await answer.text()}`)
  return cookie
}

export async function json<T>(answer: Promise<Response>): Promise<T> {
  const found = await answer
  const text = await found.text()
  if (!found.ok) throw new Error(`${found.url}: ${found.status} ${text}`)
  return JSON.parse(text) as T
}

export interface AgentChild {
  pid: number
  stop(): Promise<void>
}

export async function enrollAgent(folder: string, token: string): Promise<void> {
  const child = spawn(process.execPath, [BINARY, 'agent', 'enroll', token, '--folder', folder], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output = collected(child)
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  if (code !== 0) throw new Error(`the agent cannot enroll:\n${output()}`)
}

export function startAgent(folder: string): AgentChild {
  const child = spawn(process.execPath, [BINARY, 'agent', 'run', '--folder', folder], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  collected(child)
  return { pid: child.pid!, stop: () => stop(child) }
}

function collected(child: ChildProcess): () => string {
  let text = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (data) => {
      text = `${text}${data}`.slice(-65_536)
    })
  return () => text
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  child.kill('SIGTERM')
  const killed = setTimeout(() => child.kill('SIGKILL'), 20_000)
  await ended
  clearTimeout(killed)
}

/** Calls it every 50 ms until there is a result. */
export async function until<T>(
  ask: () => T | null | Promise<T | null>,
  withinMs: number,
  why: () => string,
): Promise<T> {
  for (const end = performance.now() + withinMs; performance.now() < end; await delay(50)) {
    const answer = await ask()
    if (answer !== null) return answer
  }
  throw new Error(why())
}

/** CPU time of a process and its ended children, in ms. Linux: 100 ticks a second everywhere Node runs. */
export function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks) * 10, 0)
}

/** Bytes of memory: resident, and the part of it that no other process shares. */
export function memoryOf(pid: number): { resident: number; own: number } {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  const sum = (pattern: RegExp) => text.matchAll(pattern).reduce((total, it) => total + Number(it[1]) * 1_024, 0)
  return { resident: sum(/^Rss:\s+(\d+) kB/gm), own: sum(/^Private_(?:Clean|Dirty):\s+(\d+) kB/gm) }
}
