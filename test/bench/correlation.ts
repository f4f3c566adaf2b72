/** The cost of a match for correlations: 100,000 groups, four matches each, in order of time. */
import { setTimeout as sleep } from 'node:timers/promises'
import v8 from 'node:v8'
import { runInNewContext } from 'node:vm'
import { type Correlator, correlator, load, type Match, type Rule } from '../../rules/language/index.ts'
import { type BenchOptions, median, type Row } from './row.ts'

const GROUPS = 100_000
const A_GROUP = 4
const EVENTS = GROUPS * A_GROUP
const SPAN_MS = 600_000
const PASSES = 5
const START = Date.UTC(2026, 0, 1)

const KINDS = [
  { name: 'event_count', rules: 1, condition: '{ gte: 100 }', budget: true },
  { name: 'value_count', rules: 1, condition: '{ field: Ip, gte: 100 }', budget: false },
  { name: 'value_sum', rules: 1, condition: '{ field: Bytes, gte: 1000000 }', budget: false },
  { name: 'value_percentile', rules: 1, condition: '{ field: Bytes, gte: 1000000 }', budget: false },
  { name: 'temporal', rules: 3, condition: '{ gte: 3 }', budget: false },
  { name: 'temporal_ordered', rules: 3, condition: '{ gte: 3 }', budget: false },
  { name: 'event_count', rules: 1, condition: '{ lt: 1 }', budget: false },
]

export async function bench({ says }: BenchOptions): Promise<Row[]> {
  const rows: Row[] = []
  for (const { name, rules, condition, budget } of KINDS) {
    says(`${name} ${condition}`)
    const correlations = load([{ path: 'bench.yml', text: documents(name, rules, condition) }]).correlations
    // All rules except one, to measure matches without firings.
    const matches = Array.from({ length: Math.max(1, rules - 1) }, (_, n): Match[] => [
      { rule: { id: `r${n}` } as Rule },
    ])
    const rates: number[] = []
    for (let pass = 0; pass < PASSES; pass++) {
      const { seconds } = run(correlator(correlations), matches)
      rates.push(EVENTS / seconds)
    }
    const bytes = await bytesOf(() => run(correlator(correlations), matches).engine)
    const label = `correlation, ${name} ${condition}`
    rows.push(
      { name: label, unit: 'updates/s', value: median(rates), budget: budget ? '>= 500,000' : '' },
      { name: `${label}, ${A_GROUP} matches kept`, unit: 'B/group', value: bytes, budget: budget ? '<= 500' : '' },
    )
  }
  return rows
}

/** Groups in turn, all within the time span, so that none can be dropped and every match finds its group uncached. */
function run(engine: Correlator, matches: readonly Match[][]): { engine: Correlator; seconds: number } {
  let spent = 0
  const batch = 1_000
  for (let from = 0; from < EVENTS; from += batch) {
    // Parsed JSON, so that every string is a new one that the engine may keep.
    const events = Array.from({ length: batch }, (_, i) => eventAt(from + i))
    const start = performance.now()
    for (let i = 0; i < batch; i++) {
      const { event, time, id } = events[i]!
      engine.take({ event, time, id, matches: matches[(((from + i) / GROUPS) % matches.length) | 0]! })
    }
    engine.advance(events[batch - 1]!.time)
    spent += performance.now() - start
  }
  return { engine, seconds: spent / 1_000 }
}

function eventAt(n: number): { event: Record<string, unknown>; time: number; id: string } {
  const hex = n.toString(16).padStart(12, '0')
  const text = `{"User":"user-${(n * 7_919) % GROUPS}","Ip":"192.0.2.${n % 251}","Bytes":${n % 1_000},"id":"01890000-0000-7000-8000-${hex}"}`
  const event = JSON.parse(text)
  return { event, time: START + Math.floor((n / EVENTS) * SPAN_MS), id: event.id }
}

function documents(type: string, rules: number, condition: string): string {
  const names = Array.from({ length: rules }, (_, n) => `r${n}`)
  const base = names.map(
    (name) => `title: ${name}\nid: ${name}\nlogsource: { category: x }\ndetection: { s: { K: v }, condition: s }\n`,
  )
  const top = `title: c\nid: c\ncorrelation: { type: ${type}, rules: [${names}], group-by: [User], timespan: 10m, condition: ${condition} }\n`
  return [...base, top].join('---\n')
}

/** The memory that an engine keeps, typed arrays included. */
async function bytesOf(fill: () => Correlator): Promise<number> {
  const before = await bytesInUse()
  const engine = fill()
  const bytes = (await bytesInUse()) - before
  // Used after the measurement, so that it is not garbage-collected before.
  if (engine.counters().get('c')?.groups !== GROUPS) throw new Error('some groups are missing')
  return bytes / GROUPS
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
