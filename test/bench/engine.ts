/**
 * The Sigma engine on real rules and events.
 *
 * Units   rates per second of this process's CPU time, so that other processes matter less (they still take caches and
 *         half of a shared core); latencies are wall time, where they do matter.
 */
import { compile, type FlatEvent, load, type Program, type RuleFile } from '../../rules/language/index.ts'
import { hasSharedData, ruleFiles, sigmaFiles, sysmonLines } from '../rules/language/shared-data.ts'
import { type BenchOptions, median, quantile, type Row } from './row.ts'

const PASSES = 40
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
  says(`${windows.size} rules on ${processes.length} process events`)

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
      budget: '<= 1,500',
    },
    ...asRows('process_creation', rates, latencies),
    ...asRows('process_creation, every CommandLine new', newRates, newLatencies),
    {
      name: 'endpoint rules, all events, with parsing, median pass',
      unit: 'events/s of CPU',
      value: median(mixedRates),
      budget: '>= 80,000',
    },
    { name: 'endpoint rules, best pass', unit: 'events/s of CPU', value: Math.max(...mixedRates), budget: '' },
    { name: 'regular-expression bomb, twice the input', unit: 'times', value: bombGrowth(), budget: '<= 2' },
  ]
}

/** The engine caches values: the plain rows are with warm caches, the others with new values of CommandLine. */
function asRows(what: string, rates: readonly number[], latencies: readonly number[]): Row[] {
  return [
    { name: `${what}, median pass`, unit: 'events/s of CPU', value: median(rates), budget: '>= 50,000' },
    { name: `${what}, best pass`, unit: 'events/s of CPU', value: Math.max(...rates), budget: '' },
    { name: `${what}, p50`, unit: 'µs', value: median(latencies), budget: '' },
    { name: `${what}, p99`, unit: 'µs', value: quantile(latencies, 0.99), budget: '<= 100' },
    { name: `${what}, worst event`, unit: 'µs', value: Math.max(...latencies), budget: '<= 5,000' },
  ]
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
