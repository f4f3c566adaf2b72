/** `tellwire match` as a process, with all of SigmaHQ's rules and Sysmon events through standard input. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { hasSharedData, sysmonLines } from '../rules/language/shared-data.ts'
import { type BenchOptions, median, type Row } from './row.ts'

const ROOT = join(import.meta.dirname, '..', '..')
const RULES = join(ROOT, '..', 'shared', 'data', 'sigmahq.tar.gz')
const RUNS = 3
/** How often the same events are repeated, for a run long enough to measure. */
const TIMES = 10

export async function bench({ says }: BenchOptions): Promise<Row[]> {
  if (!hasSharedData()) throw new Error('needs ../shared/data: SigmaHQ rules and Sysmon events')
  const block = Buffer.from(`${sysmonLines().join('\n')}\n`)
  const runs: Measured[] = []
  for (let run = 0; run < RUNS; run++) {
    runs.push(await measured(block))
    says(`run ${run + 1} of ${RUNS}`)
  }
  const row = (name: string, unit: string, key: keyof Measured): Row => {
    return { name, unit, value: median(runs.map((it) => it[key])), budget: '' }
  }
  return [
    row('match, all SigmaHQ rules, reading and parsing included', 'events/s', 'rate'),
    row('match, loading the rules from their archive', 's', 'loadSeconds'),
    row('match, most memory', 'MiB', 'memory'),
  ]
}

interface Measured {
  rate: number
  loadSeconds: number
  memory: number
}

async function measured(block: Buffer): Promise<Measured> {
  const child = spawn(process.execPath, [join(ROOT, 'bin', 'tellwire.js'), 'match', '--rules', RULES, '--stats'], {
    stdio: ['pipe', 'ignore', 'pipe'],
  })
  const stderr = text(child.stderr)
  // Its clock starts with the first events, so they are sent after the rules are loaded.
  for (let time = 0; time < TIMES; time++) if (!child.stdin.write(block)) await once(child.stdin, 'drain')
  child.stdin.end()
  const report = await stderr
  const figure = (pattern: RegExp) => Number(pattern.exec(report)?.[1]?.replaceAll(',', ''))
  return {
    rate: figure(/ s: ([\d,]+) events\/s/),
    loadSeconds: figure(/loaded in ([\d.]+) s/),
    memory: figure(/at most (\d+) MiB/),
  }
}
