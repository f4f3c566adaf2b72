/**
 * The size of a large fleet's state, in memory and as stored: two working weeks of many laptops with few events each
 * (see fleet.ts), through the whole pipeline with the shipped rules.
 *
 * Shape   after that, half a minute of a steady fleet at a hundred records a second: what one commit then writes.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import v8 from 'node:v8'
import { runInNewContext } from 'node:vm'
import { loadCatalogue, recognise } from '../../rules/catalogue/index.ts'
import type { Kept } from '../../server/derive/kit/kept.ts'
import { Pipeline } from '../../server/detect/pipeline.ts'
import { loadRules } from '../../server/detect/program.ts'
import { NOWHERE } from '../server/events.ts'
import { fleet, WORKDAYS, WORKING_HOURS } from './fleet.ts'
import type { BenchOptions, Row } from './row.ts'

/** A part of the state has a fixed size: it is in both fleets, and not in the difference per further worker. */
const FEW = 3_000
const MANY = 10_000
const WEEKS = 2
/** Design, section 8: 4 GiB for 100,000. */
const BUDGET_KIB = (4 * 1_048_576) / 100_000
const STEADY_RECORDS = 30 * 100
const STEADY_MS = 30_000

export async function bench({ says }: BenchOptions): Promise<Row[]> {
  const few = await filled(FEW, says)
  const many = await filled(MANY, says)
  says(many.parts)
  const further = (few: number, many: number) => (many - few) / 1_024 / (MANY - FEW)
  const [least, most] = [FEW, MANY].map((it) => it.toLocaleString('en'))
  const steady = `after 30 s of ${most} workers at 100 records/s`
  return [
    {
      name: `pipeline, ${most} workers, ${WEEKS} weeks, ${many.records.toLocaleString('en')} records`,
      unit: 'records/CPU-s',
      value: many.records / many.spent,
      budget: '',
    },
    { name: `state of ${least} workers`, unit: 'MiB', value: few.bytes / 1_048_576, budget: '' },
    { name: `state of ${most} workers`, unit: 'MiB', value: many.bytes / 1_048_576, budget: '' },
    {
      name: 'state, each further worker',
      unit: 'KiB',
      value: further(few.bytes, many.bytes),
      budget: `<= ${BUDGET_KIB.toFixed(1)}`,
    },
    {
      name: 'kept rows, each further worker',
      unit: 'KiB',
      value: further(few.whole.bytes, many.whole.bytes),
      budget: '',
    },
    {
      name: `kept rows of ${most} workers, handed over`,
      unit: 'µs/row',
      value: (many.whole.seconds * 1e6) / many.whole.rows,
      budget: '',
    },
    { name: `a commit ${steady}`, unit: 'rows', value: many.steady.rows, budget: '' },
    { name: `a commit ${steady}`, unit: 'KiB', value: many.steady.bytes / 1_024, budget: '' },
    { name: `a commit ${steady}, handed over`, unit: 'CPU-ms', value: many.steady.seconds * 1_000, budget: '' },
  ]
}

async function filled(workers: number, says: BenchOptions['says']) {
  const { program, correlations } = await loadRules([], () => {})
  const catalogue = loadCatalogue()
  const before = await bytesInUse()
  const pipeline = new Pipeline({
    program,
    correlations,
    recognise: (event) => recognise(catalogue, event),
    lookup: () => NOWHERE,
  })
  const parts = pipeline.kept()
  let [records, spent] = [0, 0]
  const blocks = fleet({ workers, days: (WEEKS + 1) * WORKDAYS })
  const take = (block: Parameters<typeof pipeline.take>[0][]) => {
    const start = seconds()
    for (const it of block) pipeline.take(it)
    pipeline.advance(pipeline.time)
    spent += seconds() - start
  }
  for (let block = 0; block <= WEEKS * WORKDAYS * WORKING_HOURS; block++) {
    const fresh = blocks.next().value ?? []
    take(fresh)
    records += fresh.length
    if (records % 500_000 < fresh.length) says(`${records.toLocaleString('en')} records`)
  }
  const bytes = (await bytesInUse()) - before
  const whole = handedOver(parts)
  const measured = { records, spent, bytes, whole: whole.size, parts: shares(whole.byPart, workers) }
  // The morning of the next week with everybody's first sign-in, and then the steady load of a day.
  take(blocks.next().value ?? [])
  handedOver(parts)
  take((blocks.next().value ?? []).slice(0, STEADY_RECORDS))
  pipeline.advance(pipeline.time + STEADY_MS)
  return { ...measured, steady: handedOver(parts).size }
}

interface Size {
  rows: number
  bytes: number
  seconds: number
}

/** The rows that one commit would write, as text for the store. */
function handedOver(parts: ReadonlyMap<string, Kept>): { size: Size; byPart: Map<string, number> } {
  const size: Size = { rows: 0, bytes: 0, seconds: 0 }
  const byPart = new Map<string, number>()
  const start = seconds()
  for (const [part, kept] of parts) {
    let bytes = 0
    for (const [subject, state] of kept.changed()) {
      size.rows++
      bytes += part.length + subject.length + (state === undefined ? 0 : JSON.stringify(state).length)
    }
    size.bytes += bytes
    byPart.set(part, bytes)
  }
  size.seconds = seconds() - start
  return { size, byPart }
}

function seconds(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1e6
}

/** The size of each part, largest first. */
function shares(byPart: ReadonlyMap<string, number>, workers: number): string {
  return [...byPart]
    .map(([name, bytes]): [string, number] => [name, bytes / workers])
    .filter(([, bytes]) => bytes >= 10)
    .sort(([, a], [, b]) => b - a)
    .map(([name, bytes]) => `${name} ${Math.round(bytes)} B/worker`)
    .join(', ')
}

async function bytesInUse(): Promise<number> {
  v8.setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  // Buffers are freed shortly after the collection.
  for (let n = 0; n < 4; n++) {
    gc()
    await sleep(50)
  }
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
