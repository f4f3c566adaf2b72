/** Runs the command line as a process of its own. */
import { spawn } from 'node:child_process'
import { BINARY } from '../../bench/children.ts'

export interface Ended {
  code: number | null
  out: string
  err: string
}

export interface Run {
  input?: string
  env?: Record<string, string>
  cwd?: string
  /** Instead of the command line. */
  script?: string
}

/** Resolves when it has ended. `env` is added to this process's, without its TELLWIRE_ variables. */
export function tellwire(
  args: readonly string[],
  { input = '', env = {}, cwd, script = BINARY }: Run = {},
): Promise<Ended> {
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('TELLWIRE_')))
  const child = spawn(process.execPath, [script, ...args], {
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
