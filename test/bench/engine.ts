/**
 * The Sigma engine on real rules and events.
 *
 * Shape   with RSigma's program (`rsigma.ts`) it runs in turn with ours over the same new values; without it the rows
 *         about RSigma are omitted, with a message.
 * Units   rates per second of this process's CPU time, so that other processes matter less (they still take caches and
 *         half of a shared core); latencies are wall time, where they do matter. `own worst event`: of the least times
 *         that the events take in several passes, the greatest, so that neither other processes nor collections of
 *         garbage count that happen to fall on an event.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  compile,
  type FlatEvent,
  LOGSOURCE_KEYS as KEYS,
  load,
  type Program,
  type RuleFile,
} from '../../rules/language/index.ts'
import { hasSharedData, ruleFiles, sigmaFiles, sysmonLines } from '../rules/language/shared-data.ts'
import { type BenchOptions, median, quantile, type Row } from './row.ts'
import { inFolder, RSIGMA, rsigmaRate, rulesFolder } from './rsigma.ts'

const PASSES = 40
const NEW_PASSES = 9
const WORST_PASSES = 9
const LOGSOURCE_KEYS: readonly string[] = KEYS
const BOMB_CHARS = 200_000
const BOMB_PAIRS = 11
/** Categories that an endpoint agent reports. */
const ENDPOINT = /^(process_|file_|registry_|image_load|network_connection|dns_query|pipe_created|driver_load|create_)/

export async function bench({ says }: BenchOptions): Promise<Row[]> {
  if (!hasSharedData()) throw new Error('needs ../shared/data: SigmaHQ rules and Sysmon events')
  const files = ruleFiles(sigmaFiles())
  const lines = shuffled(sysmonLines())
  const all = onCpu(() => load(files))
  const everything = onCpu(() => compile(all.result.rules))
  const first = onCpu(() => firstEvents(everything.result, lines))
  says(`${all.result.rules.length} rules loaded`)
  const pathsOf = (fits: (category: string, product: string | null) => boolean) =>
    new Set(
      all.result.rules
        .filter(({ logsource }) => fits(logsource.category ?? '', logsource.product))
        .map(({ path }) => path),
    )
  const windows = pathsOf((category, product) => category === 'process_creation' && product === 'windows')
  const endpoint = pathsOf((category) => ENDPOINT.test(category))
  const processes = lines
    .map((line) => JSON.parse(line) as FlatEvent)
    .filter(({ category }) => category === 'process_creation')

  const one = programOf(files, windows)
  const rates = passes(PASSES, processes.length, () => {
    for (const event of processes) one.match(event)
  })
  const latencies = processes.map((event) => timed(() => one.match(event)).ms * 1_000)
  let runs = 0
  const asNew = (): FlatEvent[] =>
    processes.map((event) => {
      const made = { ...event, CommandLine: `${event.CommandLine} ${(runs++).toString(36)}` }
      return JSON.parse(JSON.stringify(made)) as FlatEvent
    })
  const newRates = Array.from({ length: PASSES }, () => {
    const events = asNew()
    return passes(1, events.length, () => {
      for (const event of events) one.match(event)
    })[0]!
  })
  const newLatencies = asNew().map((event) => timed(() => one.match(event)).ms * 1_000)
  const ownWorst = ownWorstOf(() => processes, one)
  const newOwnWorst = ownWorstOf(asNew, one)
  says(`${windows.size} rules on ${processes.length} process events`)

  const pairs = inFolder((folder) => {
    const rules = RSIGMA === undefined ? '' : rulesFolder(folder)
    return Array.from({ length: NEW_PASSES }, (_, pass) => {
      const texts = lines.map((line) => allNew(line, () => `${pass}.${(runs++).toString(36)}`))
      // Parsed, as events are: texts put together here would be flattened in the measured pass.
      const events = texts.map((text) => JSON.parse(text) as FlatEvent)
      const [ours] = passes(1, events.length, () => {
        for (const event of events) everything.result.match(event)
      })
      if (RSIGMA === undefined) return { ours: ours!, peer: Number.NaN }
      const path = join(folder, 'events.ndjson')
      writeFileSync(path, `${texts.join('\n')}\n`)
      return { ours: ours!, peer: rsigmaRate(RSIGMA, rules, path) }
    })
  })
  if (RSIGMA === undefined) says('SKIPPED: RSigma beside it, because TELLWIRE_BENCH_RSIGMA does not name its program')
  says(`all rules on ${lines.length} events in which every text is new`)

  const mixed = programOf(files, endpoint)
  const mixedRates = passes(8, lines.length, () => {
    for (const line of lines) mixed.match(JSON.parse(line) as FlatEvent)
  })
  says(`${endpoint.size} rules on ${lines.length} events`)

  return [
    {
      name: 'load of all rules, YAML to program',
      unit: 'ms of CPU',
      value: all.ms + everything.ms,
      budget: '<= 600',
    },
    { name: 'first event of every logsource, compiled then', unit: 'ms of CPU', value: first.ms, budget: '' },
    ...asRows('process_creation', rates, latencies, ownWorst),
    ...asRows('process_creation, every CommandLine new', newRates, newLatencies, newOwnWorst),
    {
      name: 'endpoint rules, all events, with parsing, median pass',
      unit: 'events/s of CPU',
      value: median(mixedRates),
      budget: '>= 80,000',
    },
    { name: 'endpoint rules, best pass', unit: 'events/s of CPU', value: Math.max(...mixedRates), budget: '' },
    ...newRows(pairs),
    { name: 'regular-expression bomb, twice the input', unit: 'times', value: bombGrowth(), budget: '<= 2' },
  ]
}

/** The engine caches values: the plain rows are with warm caches, the others with new values of CommandLine. */
function asRows(what: string, rates: readonly number[], latencies: readonly number[], ownWorst: number): Row[] {
  return [
    { name: `${what}, median pass`, unit: 'events/s of CPU', value: median(rates), budget: '>= 50,000' },
    { name: `${what}, best pass`, unit: 'events/s of CPU', value: Math.max(...rates), budget: '' },
    { name: `${what}, p50`, unit: 'µs', value: median(latencies), budget: '' },
    { name: `${what}, p99`, unit: 'µs', value: quantile(latencies, 0.99), budget: '<= 100' },
    { name: `${what}, worst event`, unit: 'µs', value: Math.max(...latencies), budget: '<= 5,000' },
    { name: `${what}, own worst event`, unit: 'µs', value: ownWorst, budget: '<= 5,000' },
  ]
}

function newRows(pairs: readonly { ours: number; peer: number }[]): Row[] {
  const name = 'all rules, every text new'
  const [ours, peer, ratio] = [
    median(pairs.map((it) => it.ours)),
    median(pairs.map((it) => it.peer)),
    median(pairs.map((it) => it.ours / it.peer)),
  ]
  const row: Row = { name: `${name}, median pass`, unit: 'events/s of CPU', value: ours, budget: '' }
  if (Number.isNaN(peer)) return [row]
  return [
    row,
    { name: `${name}, RSigma`, unit: 'events/s of CPU', value: peer, budget: '' },
    { name: `${name}, to RSigma's`, unit: 'times', value: ratio, budget: '>= 1.5' },
  ]
}

/** In µs. An event has the same place in each of the passes. */
function ownWorstOf(pass: () => readonly FlatEvent[], program: Program): number {
  const costs = Array.from({ length: WORST_PASSES }, () => pass().map((event) => timed(() => program.match(event)).ms))
  return 1_000 * Math.max(...costs[0]!.map((_, place) => Math.min(...costs.map((each) => each[place]!))))
}

/** The event as JSON with a suffix to every text. */
function allNew(line: string, suffix: () => string): string {
  const made = Object.entries(JSON.parse(line) as FlatEvent).map(([key, value]) => [
    key,
    typeof value === 'string' && !LOGSOURCE_KEYS.includes(key) ? `${value} ${suffix()}` : value,
  ])
  return JSON.stringify(Object.fromEntries(made))
}

/** One event of each logsource, with which its rules are compiled. */
function firstEvents(program: Program, lines: readonly string[]): void {
  const events = new Map(
    lines.map((line) => JSON.parse(line) as FlatEvent).map((event) => [`${event.category} ${event.product}`, event]),
  )
  for (const event of events.values()) program.match(event)
}

function programOf(files: readonly RuleFile[], paths: ReadonlySet<string>): Program {
  return compile(load(files.filter(({ path }) => paths.has(path))).rules)
}

function passes(count: number, events: number, pass: () => void): number[] {
  return Array.from({ length: count }, () => {
    const before = process.cpuUsage()
    pass()
    const { user, system } = process.cpuUsage(before)
    return events / ((user + system) / 1e6)
  })
}

/**
 * The most expensive of some notorious expressions: the median of pairs measured one after the other, because of other
 * load.
 */
function bombGrowth(): number {
  const bombs = ['(a+)+$', '(a|aa)+$', '\\w+`(\\w+|-|.)`[\\w+|\\s]', '(x+x+)+y']
  return Math.max(
    ...bombs.map((bomb) => {
      const rule = { title: bomb, logsource: { category: 'c' }, detection: { sel: { 'F|re': bomb }, condition: 'sel' } }
      const program = compile(load([{ path: bomb, text: JSON.stringify(rule) }]).rules)
      const input = (chars: number) => ({
        category: 'c',
        F: `${bomb.includes('x') ? 'xy'.repeat(chars / 2) : 'a`'.repeat(chars / 2)}!`,
      })
      const [once, twice] = [input(BOMB_CHARS), input(2 * BOMB_CHARS)]
      const cost = (event: FlatEvent) => onCpu(() => program.match(event)).ms
      cost(once)
      return median(Array.from({ length: BOMB_PAIRS }, () => cost(twice) / cost(once)))
    }),
  )
}

function onCpu<T>(work: () => T): { result: T; ms: number } {
  const before = process.cpuUsage()
  const result = work()
  const { user, system } = process.cpuUsage(before)
  return { result, ms: (user + system) / 1_000 }
}

function timed<T>(work: () => T): { result: T; ms: number } {
  const started = performance.now()
  const result = work()
  return { result, ms: performance.now() - started }
}

/** The same order every time. */
function shuffled<T>(items: readonly T[]): T[] {
  const result = [...items]
  let seed = 1
  for (let i = result.length - 1; i > 0; i--) {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff
    const j = seed % (i + 1)
    ;[result[i], result[j]] = [result[j]!, result[i]!]
  }
  return result
}
