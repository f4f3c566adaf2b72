/**
 * The store equals a fresh replay of the log after any sequence of restarts, kills, and edits of rules, filters,
 * thresholds and catalogue.
 *
 * Shape   a simulated fleet of 50, a random history for each seed: rounds of steps, and after each round findings,
 *         standings and clusters in the store are compared with a replay.
 */
import assert from 'node:assert/strict'
import { loadCatalogue, recognise } from '../../../rules/catalogue/index.ts'
import { compile, load, type RuleFile } from '../../../rules/language/index.ts'
import { readRuleSources } from '../../../rules/tooling/sources.ts'
import { Assessments } from '../../../server/assess/assessments.ts'
import { Standings } from '../../../server/assess/standings.ts'
import type { Evaluation } from '../../../server/detect/evaluation.ts'
import { identityOf } from '../../../server/detect/identity.ts'
import { stampOf } from '../../../server/detect/log-clock.ts'
import { openEvaluation } from '../../../server/detect/opening.ts'
import { Pipeline } from '../../../server/detect/pipeline.ts'
import { type Ruleset, SHIPPED_RULES } from '../../../server/detect/program.ts'
import { stream as randomStream } from '../../../server/simulate/random.ts'
import { simulate } from '../../../server/simulate/simulate.ts'
import { memoryStore } from '../../../server/store/memory/store.ts'
import { memoryTelemetry } from '../../../server/store/memory/telemetry.ts'
import type { Store } from '../../../server/store/store.ts'
import { Recorded } from '../../../wire/recording.ts'
import { fourStories } from '../../scenarios/four-stories.ts'
import { NOWHERE, T0 } from '../events.ts'

const HISTORIES = Number(process.env.TELLWIRE_HISTORIES ?? (process.env.CI === 'true' ? 200 : 40))
const ROUNDS = 3
const STEPS = 6
const EVERY_NTH = 40
const QUIET = { debug() {}, info() {}, warn() {}, error() {} }

/** Edits that an operator makes: a filter over shipped rules, and a rule and a correlation of their own. */
const EDITS: readonly RuleFile[] = [
  {
    path: 'own/filter-tool.yml',
    text: `
title: Help desk
id: 22222222-2222-4222-8222-222222222222
logsource: { category: tool }
filter:
  rules: any
  it: { Tool|contains: e }
  condition: not it
`,
  },
  {
    path: 'own/rule.yml',
    text: `
title: Any browser
id: 33333333-3333-4333-8333-333333333333
level: low
logsource: { category: process_creation }
detection: { it: { Image|contains: [chrome, firefox] }, condition: it }
`,
  },
  {
    path: 'own/correlation.yml',
    text: `
title: Browsers in a row
id: 44444444-4444-4444-8444-444444444444
level: medium
correlation:
  type: event_count
  rules: [33333333-3333-4333-8333-333333333333]
  group-by: [worker]
  timespan: 2h
  condition: { gte: 3 }
  generate: true
`,
  },
]

interface World {
  records: Recorded[]
  files: RuleFile[]
}

describe('server/detect: the state follows from the log', function () {
  this.timeout(600_000)
  let world: World

  before(async () => {
    const records = [...fourStories(), ...others()].sort(byArrival)
    world = { records, files: await readRuleSources([SHIPPED_RULES], (fault) => assert.fail(String(fault))) }
    const workers = new Set(records.flatMap((it) => (it.type === 'contract' ? [it.worker] : [])))
    assert.ok(workers.size >= 50, `only ${workers.size} workers`)
  })

  for (let seed = 1; seed <= HISTORIES; seed++) it(`history ${seed}`, () => new History(world, seed).run())
})

/** One random history: a store, a stream, and the current evaluation. */
class History {
  readonly #random: () => number
  readonly #records: Recorded[]
  readonly #files: readonly RuleFile[]
  readonly #telemetry = memoryTelemetry()
  readonly #store: Store = memoryStore()
  /** Paths of shipped rules that are switched off. */
  readonly #omitted = new Set<string>()
  /** Indexes of `EDITS` in use. */
  readonly #own = new Set<number>()
  #threshold = 24
  #catalogue = 'first'
  #evaluation: Evaluation | null = null
  #ruleset: Ruleset | null = null
  #ids = 0
  #next = 0
  readonly #steps: string[] = []

  constructor({ records, files }: World, seed: number) {
    this.#random = randomStream(seed, 'history')
    this.#records = records
    this.#files = files
  }

  async run(): Promise<void> {
    await this.#append()
    await this.#open()
    for (let round = 0; round < ROUNDS; round++) {
      const most = 2 + Math.floor(this.#random() * STEPS)
      for (let step = 0; step < most; step++) await this.#step()
      await this.#settleAndCompare()
    }
  }

  async #step(): Promise<void> {
    const steps = [this.#append, this.#append, this.#evaluate, this.#commit, this.#kill, this.#restart, this.#edit]
    const chosen = steps[Math.floor(this.#random() * steps.length)]!
    this.#steps.push(chosen.name)
    await chosen.call(this)
  }

  async #append(): Promise<void> {
    const size = 1 + Math.floor(this.#random() * 1_000)
    const batch = this.#records.slice(this.#next, this.#next + size)
    this.#next += batch.length
    if (batch.length > 0) await this.#telemetry.stream.publish(batch)
  }

  async #evaluate(): Promise<void> {
    for await (const block of this.#telemetry.stream.read(this.#evaluation!.position)) {
      this.#evaluation!.take(block.slice(0, 1 + Math.floor(this.#random() * block.length)))
      break
    }
  }

  async #commit(): Promise<void> {
    await this.#evaluation!.commit()
  }

  /** Loses everything that was not saved. */
  async #kill(): Promise<void> {
    await this.#evaluate()
    await this.#open()
  }

  async #restart(): Promise<void> {
    await this.#commit()
    await this.#open()
  }

  async #edit(): Promise<void> {
    const kind = this.#random()
    if (kind < 0.4) {
      const file = this.#files[Math.floor(this.#random() * this.#files.length)]!.path
      if (!this.#omitted.delete(file)) this.#omitted.add(file)
    } else if (kind < 0.8) {
      const index = Math.floor(this.#random() * EDITS.length)
      if (!this.#own.delete(index)) this.#own.add(index)
    } else if (kind < 0.9) this.#threshold = this.#threshold === 24 ? 30 : 24
    else this.#catalogue = this.#catalogue === 'first' ? 'second' : 'first'
    // Half of the edits are made while the server is stopped, half while it runs.
    if (this.#random() < 0.5) await this.#commit()
    await this.#open()
  }

  #rules(): Ruleset {
    const files = this.#files.filter((it) => !this.#omitted.has(it.path))
    const { rules, correlations } = load([...files, ...EDITS.filter((_, index) => this.#own.has(index))])
    return { program: compile(rules.filter((it) => !it.tellwire?.sensitive)), correlations, credit: () => ({}) }
  }

  async #open(): Promise<void> {
    const ruleset = this.#rules()
    const thresholds = this.#thresholds()
    this.#ruleset = ruleset
    this.#evaluation = await openEvaluation({
      ...this.#telemetry,
      ...{ store: this.#store, ruleset, thresholds, recognise: RECOGNISE, lookup: () => NOWHERE, log: QUIET },
      identity: identityOf(ruleset, { thresholds, catalogueHash: this.#catalogue }),
      horizon: () => 0,
      makeId: () => `e${++this.#ids}`,
      signal: new AbortController().signal,
      onProgress: () => {},
    })
  }

  #thresholds() {
    return { silence: { silentHours: this.#threshold } }
  }

  async #settleAndCompare(): Promise<void> {
    const { stream } = this.#telemetry
    const evaluation = this.#evaluation!
    for await (const block of stream.read(evaluation.position)) evaluation.take(block)
    if (!evaluation.isActive) await evaluation.activate()
    evaluation.pipeline.advance(evaluation.pipeline.time)
    await evaluation.commit()
    const steps = this.#steps.join(' ')
    const fresh = await this.#replayed()
    assert.deepEqual(await this.#stored(), fresh, steps)
  }

  async #stored() {
    const { evaluations } = this.#store
    const { id } = (await evaluations.active())!
    const findings = []
    for await (const block of evaluations.findings(id)) findings.push(...block)
    const { standings } = await evaluations.standingsSince(id, 0)
    return seen(findings, standings, await evaluations.clusters(id))
  }

  async #replayed() {
    const pipeline = new Pipeline({
      ...this.#ruleset!,
      thresholds: this.#thresholds(),
      recognise: RECOGNISE,
      lookup: () => NOWHERE,
    })
    for await (const block of this.#telemetry.stream.read(0))
      for (const { position, record } of block) pipeline.take(record, position)
    pipeline.advance(pipeline.time)
    const standings = new Standings('replay', pipeline)
    const revision = standings.revise(new Set(), pipeline.time, pipeline.position)
    const clusters = new Assessments(pipeline).clusters(pipeline.time)
    return seen([...pipeline.findings.all()], revision.standings, clusters)
  }
}

/** Forty more workers besides those of the stories, with every fortieth line that their laptops report. */
function others(): Recorded[] {
  const lines = simulate({ scenarios: ['N9', 'P7'], seed: 7, workers: 40, days: 16, start: T0 })
  const all = [...lines].map((line, index): [Recorded, number] => [JSON.parse(line) as Recorded, index])
  const whole = (it: Recorded) => it.type === 'contract' || it.type === 'device'
  return all.filter(([it, index]) => whole(it) || index % EVERY_NTH === 0).map(([it]) => Recorded.parse(it))
}

function byArrival(a: Recorded, b: Recorded): number {
  return (stampOf(a) ?? 0) - (stampOf(b) ?? 0)
}

const CATALOGUE = loadCatalogue()
const RECOGNISE = (event: Parameters<typeof recognise>[1]) => recognise(CATALOGUE, event)

function seen(
  findings: readonly { id: string }[],
  standings: readonly { worker: string }[],
  clusters: readonly unknown[],
) {
  const by = (key: string) => (a: object, b: object) => (String(a[key as never]) < String(b[key as never]) ? -1 : 1)
  return {
    findings: JSON.parse(JSON.stringify([...findings].sort(by('id')))),
    standings: JSON.parse(JSON.stringify([...standings].sort(by('worker')))),
    clusters: JSON.parse(JSON.stringify(clusters)),
  }
}
