/** Runs the command line as a process of its own. */
import { spawn } from 'node:child_process'
import { BINARY } from '../../bench/children.ts'

/** For a process whose standard error is to be a terminal. */
export const AT_TERMINAL = "Object.defineProperty(process.stderr, 'isTTY', { value: true });"

/** The environment of a process that first runs this JavaScript. */
export function preloaded(code: string): { NODE_OPTIONS: string } {
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(code)}` }
}

export interface Ended {
  code: number | null
  out: string
  err: string
}

export interface Run {
  input?: string
  env?: Record<string, string>
  cwd?: string
}

/** Resolves when it has ended. `env` is added to this process's, without its TELLWIRE_ variables. */
export function tellwire(args: readonly string[], run: Run = {}): Promise<Ended> {
  return started(BINARY, args, run)
}

/** The same with another program: a copy of the command line, or a script. */
export function started(
  program: string,
  args: readonly string[],
  { input = '', env = {}, cwd }: Run = {},
): Promise<Ended> {
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('TELLWIRE_')))
  const child = spawn(process.execPath, [program, ...args], {
    env: { ...inherited, ...env },
    ...(cwd === undefined ? {} : { cwd }),
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const out: Buffer[] = []
  const err: Buffer[] = []
  child.stdout.on('data', (it) => out.push(it))
  child.stderr.on('data', (it) => err.push(it))
  child.stdin.on('error', () => {}) // a command that does not read its input may close it
  child.stdin.end(input)
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) =>
      resolve({ code, out: Buffer.concat(out).toString('utf8'), err: Buffer.concat(err).toString('utf8') }),
    )
  })
}
