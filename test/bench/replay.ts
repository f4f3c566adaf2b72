/**
 * Replaying a long recording: reading, parsing, checking and evaluating, and evaluating alone.
 *
 * Units   events per second of the main thread's CPU time, so that other processes do not count. The first pass is the
 *         warm-up; the others are measured.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadCatalogue, recognise } from '../../rules/catalogue/index.ts'
import { replay } from '../../server/commands/replay.ts'
import { Pipeline } from '../../server/detect/pipeline.ts'
import { loadRules } from '../../server/detect/program.ts'
import { eventLines } from '../../server/recordings/lines.ts'
import { simulate } from '../../server/simulate/simulate.ts'
import { Recorded } from '../../wire/recording.ts'
import { NOWHERE } from '../server/events.ts'
import { type BenchOptions, median, type Row } from './row.ts'

const WORKERS = 30
const DAYS = 60
const PASSES = 3

export async function bench({ says }: BenchOptions): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'tellwire-bench-'))
  try {
    return await measured(join(folder, 'recording.ndjson'), says)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function measured(file: string, says: BenchOptions['says']): Promise<Row[]> {
  const rules = await loadRules([], () => {})
  const catalogue = loadCatalogue()
  const deps = { ...rules, recognise: (event: Recognised) => recognise(catalogue, event), lookup: () => NOWHERE }
  const records = recorded(deps.recognise)
  writeFileSync(file, records.map((it) => `${JSON.stringify(it)}\n`).join(''))
  const events = records.filter((it) => it.type === 'event' || it.type === 'feed').length
  const whole: number[] = []
  const judging: number[] = []
  for (let pass = 0; pass <= PASSES; pass++) {
    says(`pass ${pass} of ${PASSES}`)
    const start = seconds()
    const { stats } = await replay(eventLines(file), deps)
    whole.push(events / (seconds() - start))
    if (stats.rejected > 0) throw new Error(`${stats.rejected} lines were skipped`)
    const pipeline = new Pipeline(deps)
    const began = seconds()
    for (const it of records) pipeline.take(it)
    pipeline.advance(pipeline.time)
    judging.push(events / (seconds() - began))
  }
  const label = `${DAYS} days of ${WORKERS} workers, ${events.toLocaleString('en')} events`
  return [
    { name: `replay, ${label}`, unit: 'events/CPU-s', value: median(whole.slice(1)), budget: '>= 50,000' },
    {
      name: 'the same without reading, parsing and checking',
      unit: 'events/CPU-s',
      value: median(judging.slice(1)),
      budget: '',
    },
  ]
}

type Recognised = Parameters<ConstructorParameters<typeof Pipeline>[0]['recognise']>[0]

/** As in a server's log: with the catalogue's facts beside each event. */
function recorded(facts: ConstructorParameters<typeof Pipeline>[0]['recognise']): Recorded[] {
  const lines = simulate({ scenarios: [], seed: 5, workers: WORKERS, days: DAYS, start: Date.UTC(2026, 8, 14) })
  return [...lines].map((line) => {
    const record = Recorded.parse(JSON.parse(line))
    return record.type === 'event' ? { ...record, facts: facts(record.event) ?? {} } : record
  })
}

function seconds(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1e6
}
