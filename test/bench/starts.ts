/**
 * What it costs to be told of 40 programs a second that run for 5 ms each, with the agent's flags.
 *
 * Other programs that start on the machine meanwhile are in the cost; their number is shown. Linux, as root.
 */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { build } from 'esbuild'
import { LEAN } from '../../bin/lean.js'
import { cpuMs } from './children.ts'
import type { BenchOptions, Row } from './row.ts'

const EVERY_MS = 25
/** A collector that has just started reads all processes, and V8 tidies up three times afterwards. */
const SETTLE_MS = 30_000

export async function bench({ seconds, says }: BenchOptions): Promise<Row[]> {
  if (process.platform !== 'linux') throw new Error('starts are told by the Linux kernel: run this on Linux')
  const folder = mkdtempSync(join(tmpdir(), 'tellwire-bench-'))
  const [mount, program] = ['trace', 'short'].map((it) => join(folder, it)) as [string, string]
  // Beside the agent's bundle, so that it finds the same native modules.
  const script = join(import.meta.dirname, '..', '..', 'dist', `bench-starts-${process.pid}.mjs`)
  mkdirSync(mount)
  copyFileSync('/bin/sleep', program)
  execFileSync('mount', ['-t', 'tracefs', 'tracefs', mount])
  try {
    await build({
      entryPoints: [join(import.meta.dirname, 'starts-child.ts')],
      outfile: script,
      bundle: true,
      platform: 'node',
      format: 'esm',
      logLevel: 'silent',
    })
    return await measured([...LEAN.flags, script, mount, program, folder], program, Math.min(seconds, 60), says)
  } finally {
    execFileSync('umount', [mount])
    rmSync(script, { force: true })
    rmSync(folder, { recursive: true, force: true })
  }
}

async function measured(args: string[], program: string, seconds: number, says: BenchOptions['says']): Promise<Row[]> {
  const child = spawn(process.execPath, args, {
    env: { ...process.env, ...LEAN.env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines: string[] = []
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line))
  try {
    while (lines.length === 0) await delay(50)
    await delay(SETTLE_MS)
    says(`${seconds} s without starts of ours`)
    const idle = await costOf(child.pid!, () => delay(seconds * 1_000))
    says(`${seconds} s with ${1_000 / EVERY_MS} a second`)
    let started = 0
    const busy = await costOf(child.pid!, async () => {
      const timer = setInterval(() => {
        started++
        spawn(program, ['0.005'], { stdio: 'ignore' })
      }, EVERY_MS)
      await delay(seconds * 1_000)
      clearInterval(timer)
    })
    await delay(1_000)
    child.kill('SIGTERM')
    await once(child, 'exit')
    const told = JSON.parse(lines.at(-1)!)
    return [
      { name: 'starts, CPU without any of ours', unit: '% of a core', value: idle, budget: '<= 0.3' },
      { name: 'starts, CPU with 40 a second', unit: '% of a core', value: busy, budget: '<= 0.5' },
      { name: 'starts, told', unit: '%', value: (told.here / started) * 100, budget: '>= 99' },
      { name: 'starts, told with their parent', unit: '%', value: (told.withParent / started) * 100, budget: '' },
      {
        name: 'starts, told with their command line',
        unit: '%',
        value: (told.withCommandLine / started) * 100,
        budget: '',
      },
      { name: 'starts, ours', unit: 'a second', value: started / seconds, budget: '' },
      { name: 'starts, of other programs, in all', unit: 'told', value: told.seen - told.here, budget: '' },
    ]
  } finally {
    child.kill('SIGKILL')
  }
}

async function costOf(pid: number, act: () => Promise<void>): Promise<number> {
  const before = { cpu: cpuMs(pid), at: performance.now() }
  await act()
  return ((cpuMs(pid) - before.cpu) / (performance.now() - before.at)) * 100
}
