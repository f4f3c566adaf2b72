/**
 * `state.db` and the API say what a fresh replay of the log finds, after any sequence of restarts, kills, and edits of
 * rules, filters, thresholds and catalogue.
 *
 * Shape   a simulated fleet of 50, a random history for each seed: rounds of steps, and after each round the findings,
 *         standings and clusters in the store, the queue of the API and the pages of the first workers in it are
 *         compared with the replay.
 */
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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
import type { Cluster } from '../../../server/model/assessment.ts'
import type { Finding } from '../../../server/model/finding.ts'
import type { Standing } from '../../../server/model/standing.ts'
import { Directory } from '../../../server/roster/directory.ts'
import { stream as randomStream } from '../../../server/simulate/random.ts'
import { simulate } from '../../../server/simulate/simulate.ts'
import { memoryTelemetry } from '../../../server/store/memory/telemetry.ts'
import { openStore } from '../../../server/store/open.ts'
import type { Store } from '../../../server/store/store.ts'
import { Queue } from '../../../server/views/queue.ts'
import type { Reader } from '../../../server/views/reader.ts'
import type { FindingView, QueuePage } from '../../../server/views/schema.ts'
import { Recorded } from '../../../wire/recording.ts'
import { fourStories } from '../../scenarios/four-stories.ts'
import { harness } from '../api/harness.ts'
import { NOWHERE, T0 } from '../events.ts'
import { POLICY } from '../views/stage.ts'

let counts = 0
const HISTORIES = Number(process.env.TELLWIRE_HISTORIES ?? (process.env.CI === 'true' ? 200 : 40))
const ROUNDS = 3
const STEPS = 6
const EVERY_NTH = 40
/** In memory where the system has such a folder: nothing here is about what a disk keeps, and there are thousands of commits. */
const FOLDERS = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()
/** Pages that are read of the API after each round: those of the first in its queue. */
const PAGES = 3
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
    const records = revoking([...fourStories(), ...others()].sort(byArrival))
    const files = await readRuleSources([SHIPPED_RULES], (fault) => assert.fail(String(fault)))
    world = { records, files: matching(files, records) }
    const workers = new Set(records.flatMap((it) => (it.type === 'contract' ? [it.worker] : [])))
    assert.ok(workers.size >= 50, `only ${workers.size} workers`)
  })

  after(() => assert.ok(counts > 0, 'no history counted colleagues'))

  for (let seed = 1; seed <= HISTORIES; seed++)
    it(`history ${seed}`, async () => {
      const folder = mkdtempSync(join(FOLDERS, 'tellwire-history-'))
      const history = new History(world, seed, folder)
      try {
        await history.run()
      } finally {
        await history.close()
        rmSync(folder, { recursive: true })
      }
    })
})

/** One random history: a store, a stream, and the current evaluation. */
class History {
  readonly #random: () => number
  readonly #records: Recorded[]
  readonly #files: readonly RuleFile[]
  readonly #folder: string
  readonly #telemetry = memoryTelemetry()
  #store: Store | null = null
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

  constructor({ records, files }: World, seed: number, folder: string) {
    this.#folder = folder
    this.#random = randomStream(seed, 'history')
    this.#records = records
    this.#files = files
  }

  async close(): Promise<void> {
    await this.#store?.close()
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
    await this.#countColleagues()
  }

  /** As the server does after a commit. */
  async #countColleagues(): Promise<void> {
    const { isActive, pipeline, standings } = this.#evaluation!
    const counted = isActive ? pipeline.countColleagues((it) => standings.isFlagged(it)) : null
    if (!counted) return
    counts++
    await this.#telemetry.stream.publish([counted])
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
    return rulesetOf([...files, ...EDITS.filter((_, index) => this.#own.has(index))])
  }

  async #open(): Promise<void> {
    const ruleset = this.#rules()
    const thresholds = this.#thresholds()
    this.#ruleset = ruleset
    await this.#store?.close()
    this.#store = await openStore({ engine: 'sqlite', folder: this.#folder }, { run: 'inline' })
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
    await this.#compareWithApi(fresh, steps)
  }

  async #compareWithApi({ findings, standings }: ReturnType<typeof seen>, steps: string): Promise<void> {
    const directory = new Directory()
    for await (const block of this.#telemetry.stream.read(0)) for (const { record } of block) directory.take(record)
    const { id, time } = (await this.#store!.evaluations.active())!
    const reader: Reader = {
      ...{ store: this.#store!, history: this.#telemetry.history, directory, now: () => time },
      ...{ evaluation: () => id, judgedAt: () => time, online: () => new Set(), policy: () => POLICY },
    }
    const queue = await Queue.open(reader)
    // By its link: hashing a password is meant to take long.
    const { browser, link } = await harness({ reader, queue })
    const person = browser()
    await person.post('/api/v1/session/once', { secret: await link() })
    const { rows } = await person.read<QueuePage>('/api/v1/workers?limit=1000')
    const shown = rows.filter((it) => it.lastFinding !== null)
    const listed = standings.filter((it) => it.lastFinding !== null)
    const brief = (it: { worker: string; band: string; points: number; reason: string }) =>
      `${it.worker} ${it.band} ${it.points} ${it.reason}`
    assert.deepEqual(
      shown.map(brief).sort(),
      listed.map((it) => brief({ ...it.assessment, worker: it.worker })).sort(),
      steps,
    )
    for (const { worker } of rows.slice(0, PAGES)) {
      const found = await person.read<FindingView[]>(`/api/v1/workers/${encodeURIComponent(worker)}/findings`)
      assert.deepEqual(
        found.map((it) => it.id).sort(),
        findings.filter((it) => (it.worker ?? it.device) === worker).map((it) => it.id),
        steps,
      )
    }
    queue.close()
  }

  async #stored() {
    const { evaluations } = this.#store!
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

/** By the paths of its files. Loading is a pure function of them, and most openings are of a ruleset that was in use before. */
const rulesets = new Map<string, Ruleset>()

function rulesetOf(files: readonly RuleFile[]): Ruleset {
  const key = files.map((it) => it.path).join('\n')
  const known = rulesets.get(key)
  if (known) return known
  const { rules, correlations } = load(files)
  const program = compile(rules.filter((it) => !it.tellwire?.sensitive))
  const made = { program, correlations, credit: () => ({}) }
  rulesets.set(key, made)
  return made
}

/** Those of the files whose rules find something in the records: the others would only be parsed at each edit. */
function matching(files: readonly RuleFile[], records: readonly Recorded[]): RuleFile[] {
  const { rules, correlations } = load(files)
  const fleet = new Pipeline({
    ...{ program: compile(rules), correlations, credit: () => ({}) },
    ...{ recognise: RECOGNISE, lookup: () => NOWHERE },
  })
  for (const [index, record] of records.entries()) fleet.take(record, index + 1)
  fleet.advance(fleet.time)
  const ids = new Set([...fleet.findings.all()].map((it) => it.rule))
  // A set grows while it is walked: members of members are found too.
  for (const id of ids)
    for (const { id: member } of correlations.find((it) => it.id === id)?.members ?? []) ids.add(member)
  const kept = files.filter(({ text }) => [...text.matchAll(/^id: (\S+)/gm)].some(([, id]) => ids.has(id!)))
  assert.ok(kept.length >= 20, `only ${kept.length} files`)
  return kept
}

/** Forty more workers besides those of the stories, with every fortieth line that their laptops report. */
function others(): Recorded[] {
  const lines = simulate({ scenarios: ['N9', 'P7'], seed: 7, workers: 40, days: 16, start: T0 })
  const all = [...lines].map((line, index): [Recorded, number] => [JSON.parse(line) as Recorded, index])
  const whole = (it: Recorded) => it.type === 'contract' || it.type === 'device'
  return all.filter(([it, index]) => whole(it) || index % EVERY_NTH === 0).map(([it]) => Recorded.parse(it))
}

/** Every third laptop is revoked in the middle, and every sixth enrolled again later. */
function revoking(records: readonly Recorded[]): Recorded[] {
  const laptops = [...new Set(records.flatMap((it) => (it.type === 'device' ? [it.device] : [])))]
  const at = (share: number) => Math.floor(records.length * share)
  const [from, to] = [at(0.5), at(0.8)].map((index) => stampOf(records[index]!)!)
  const revoked = laptops.filter((_, index) => index % 3 === 0)
  const lines = (of: readonly string[], ended: number | null): Recorded[] =>
    of.map((device) => ({ type: 'revocation', device, from: from!, to: ended }))
  const again = revoked.filter((_, index) => index % 2 === 0)
  return [
    ...records.slice(0, at(0.5)),
    ...lines(revoked, null),
    ...records.slice(at(0.5), at(0.8)),
    ...lines(again, to!),
    ...records.slice(at(0.8)),
  ]
}

function byArrival(a: Recorded, b: Recorded): number {
  return (stampOf(a) ?? 0) - (stampOf(b) ?? 0)
}

const CATALOGUE = loadCatalogue()
const RECOGNISE = (event: Parameters<typeof recognise>[1]) => recognise(CATALOGUE, event)

function seen(findings: readonly Finding[], standings: readonly Standing[], clusters: readonly Cluster[]) {
  const by =
    <T>(key: (it: T) => string) =>
    (a: T, b: T) =>
      key(a) < key(b) ? -1 : 1
  // As the store and the API give them back: without what JSON leaves out.
  const plain = <T>(value: T) => JSON.parse(JSON.stringify(value)) as T
  return {
    findings: plain([...findings].sort(by((it) => it.id))),
    standings: plain([...standings].sort(by((it) => it.worker))),
    clusters: plain(clusters),
  }
}
