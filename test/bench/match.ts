/**
 * `tellwire match` as a process, with all of SigmaHQ's rules and Sysmon events: once over the events (what a person who
 * calls it pays), and over ten times as many through standard input (its rate).
 *
 * Shape   RSigma runs in turn with ours when TELLWIRE_BENCH_RSIGMA names its program (`rsigma.ts`); without it the rows
 *         about RSigma are omitted, with a message.
 * Units   CPU is user and system time of the whole process, as the shell's `times` reports it.
 */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { hasSharedData, sysmonLines } from '../rules/language/shared-data.ts'
import { type BenchOptions, median, type Row } from './row.ts'
import { inFolder, RSIGMA, rulesFolder } from './rsigma.ts'

const ROOT = join(import.meta.dirname, '..', '..')
const COMMAND = join(ROOT, 'bin', 'tellwire.js')
const RULES = join(ROOT, '..', 'shared', 'data', 'sigmahq.tar.gz')
const RUNS = 3
const ONCE_RUNS = 5
/** How often the same events are repeated, for a run long enough to measure. */
const TIMES = 10

export async function bench({ says }: BenchOptions): Promise<Row[]> {
  if (!hasSharedData()) throw new Error('needs ../shared/data: SigmaHQ rules and Sysmon events')
  const onceRows = inFolder((folder) => onceOver(folder, says))
  const block = Buffer.from(`${sysmonLines().join('\n')}\n`)
  const runs: Measured[] = []
  for (let run = 0; run < RUNS; run++) {
    runs.push(await measured(block))
    says(`run ${run + 1} of ${RUNS}`)
  }
  const row = (name: string, unit: string, key: keyof Measured, budget = ''): Row => {
    return { name, unit, value: median(runs.map((it) => it[key])), budget }
  }
  return [
    ...onceRows,
    row('match, all SigmaHQ rules, reading and parsing included', 'events/s', 'rate'),
    row('match, loading the rules from their archive', 's', 'loadSeconds'),
    row('match, most memory', 'MiB', 'memory', '<= 250'),
  ]
}

function onceOver(folder: string, says: BenchOptions['says']): Row[] {
  const events = join(folder, 'events.ndjson')
  writeFileSync(events, `${sysmonLines().join('\n')}\n`)
  const ours = [process.execPath, COMMAND, 'match', '--rules', RULES, events]
  const peer = RSIGMA ? [RSIGMA, rulesFolder(folder), events, 'match'] : null
  if (!peer) says('SKIPPED: RSigma beside it, because TELLWIRE_BENCH_RSIGMA does not name its program')
  // Ours keeps its compiled code in the first run.
  cpuSeconds(ours)
  const pairs = Array.from({ length: ONCE_RUNS }, () => ({ ours: cpuSeconds(ours), peer: peer && cpuSeconds(peer) }))
  says(`${ONCE_RUNS} runs over the events`)
  const name = 'match, all SigmaHQ rules once over the events'
  const rows = [{ name, unit: 's of CPU', value: median(pairs.map((it) => it.ours)), budget: '' }]
  if (!peer) return rows
  return [
    ...rows,
    { name: `${name}, RSigma`, unit: 's of CPU', value: median(pairs.map((it) => it.peer!)), budget: '' },
    {
      name: `${name}, to RSigma's`,
      unit: 'times',
      value: median(pairs.map((it) => it.ours / it.peer!)),
      budget: '<= 1.2',
    },
  ]
}

/** The second line that `times` prints is the time of the shell's children. */
function cpuSeconds(command: readonly string[]): number {
  const printed = execFileSync('sh', ['-c', '"$@" > /dev/null 2>&1; times', 'sh', ...command], { encoding: 'utf8' })
  const parts = [
    ...printed
      .trim()
      .split('\n')[1]!
      .matchAll(/(\d+)m([\d.]+)s/g),
  ]
  return parts.reduce((sum, [, minutes, seconds]) => sum + 60 * Number(minutes) + Number(seconds), 0)
}

interface Measured {
  rate: number
  loadSeconds: number
  memory: number
}

async function measured(block: Buffer): Promise<Measured> {
  const child = spawn(process.execPath, [COMMAND, 'match', '--rules', RULES, '--stats'], {
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
    memory: figure(/peak memory ([\d,]+) MiB/),
  }
}
