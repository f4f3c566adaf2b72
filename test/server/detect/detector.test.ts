/** Correlations in the pipeline: live, with late events, across a restart. */
import assert from 'node:assert/strict'
import { compile, load } from '../../../rules/language/index.ts'
import { VOCABULARY } from '../../../rules/tooling/vocabulary.ts'
import { Pipeline } from '../../../server/detect/pipeline.ts'
import { Recorded } from '../../../wire/recording.ts'
import { AUSTIN, contract, HOUR, holding, processStart, received, T0 } from '../events.ts'
import { copyState } from './copy-state.ts'

const RULES = `
title: A shell began
id: 11111111-1111-4111-8111-111111111111
name: shell
logsource: { category: process_creation }
detection: { shell: { Image|endswith: /sh }, condition: shell }
---
title: Three shells in an hour
id: 22222222-2222-4222-8222-222222222222
correlation:
  type: event_count
  rules: [shell]
  group-by: [worker]
  timespan: 1h
  condition: { gte: 3 }
level: high
---
title: No more than one shell in an hour
id: 33333333-3333-4333-8333-333333333333
correlation:
  type: event_count
  rules: [shell]
  group-by: [worker]
  timespan: 1h
  condition: { lte: 1 }
level: low
`
const { rules, correlations, problems } = load([{ path: 'test.yml', text: RULES }])
const fresh = () =>
  new Pipeline({
    program: compile(rules),
    correlations,

    recognise: () => undefined,
    lookup: () => AUSTIN,
  })
const found = (pipeline: Pipeline) =>
  pipeline.findings
    .of('w1')
    .map((it) => `${it.title} @${Number(((it.time - T0) / HOUR).toFixed(3))}`)
    .sort()
const shell = (atHours: number, receivedAtHours = atHours): Recorded =>
  received('d1', processStart('/bin/sh', T0 + atHours * HOUR), T0 + receivedAtHours * HOUR)
const start = [contract('w1'), holding('d1', 'w1')]
const run = (records: readonly Recorded[], at?: number) => {
  const pipeline = fresh()
  for (const it of [...start, ...records]) pipeline.take(it)
  pipeline.judgeAt(at === undefined ? pipeline.time : T0 + at * HOUR)
  return pipeline
}

describe('correlations in the pipeline', () => {
  it('load', () =>
    assert.deepEqual(
      problems.filter((it) => it.severity === 'error'),
      [],
    ))

  it('a rule that only serves correlations makes no finding of its own', () =>
    assert.deepEqual(found(run([shell(0), shell(0.1)])), []))

  it('three in an hour are one finding, with its events and about the worker', () => {
    const [finding] = run([shell(0), shell(0.1), shell(0.2)]).findings.of('w1')
    assert.equal(finding?.title, 'Three shells in an hour')
    assert.deepEqual([finding?.count, finding?.events.length, finding?.worker, finding?.device], [3, 3, 'w1', 'd1'])
  })

  it("decisions at a window's end wait for the clock", () => {
    assert.deepEqual(found(run([shell(0)], 0.5)), [])
    assert.deepEqual(found(run([shell(0)], 2)), ['No more than one shell in an hour @1'])
  })

  it('a late event retracts a firing that it disproves', () =>
    assert.deepEqual(found(run([shell(0), shell(3), shell(0.5, 3.1), shell(0.6, 3.2)], 3.5)), [
      'Three shells in an hour @0.6',
    ]))

  const records = [shell(0), shell(0.1), shell(0.2), shell(5), shell(0.15, 5.1)]
  for (let cut = 0; cut <= records.length; cut++)
    it(`a restart after ${cut} records changes nothing`, () => {
      const before = run(records.slice(0, cut))
      const after = fresh()
      copyState(before, after)
      for (const it of records.slice(cut)) after.take(it)
      after.judgeAt(T0 + 9 * HOUR)
      const whole = run(records, 9)
      assert.deepEqual(found(after), found(whole))
      assert.deepEqual(
        [...after.findings.all()].map((it) => it.events.length).sort(),
        [...whole.findings.all()].map((it) => it.events.length).sort(),
      )
    })
})

describe('steps in the pipeline', () => {
  const STEP = `
title: A shell began
id: 44444444-4444-4444-8444-444444444444
name: step
logsource: { category: process_creation }
detection: { shell: { Image|endswith: /sh }, condition: shell }
tellwire: { family: identity, strength: 1, halfLifeDays: 1, step: true }
---
title: Two shells in an hour
id: 55555555-5555-4555-8555-555555555555
correlation:
  type: event_count
  rules: [step]
  group-by: [worker]
  timespan: 1h
  condition: { gte: 2 }
  generate: true
level: high
`
  it('are counted, and make no findings of their own even with `generate`', () => {
    const loaded = load([{ path: 'steps.yml', text: STEP }])
    assert.deepEqual(loaded.problems, [])
    const pipeline = new Pipeline({
      program: compile(loaded.rules),
      correlations: loaded.correlations,
      recognise: () => undefined,
      lookup: () => AUSTIN,
    })
    for (const it of [...start, shell(1), shell(1.5)]) pipeline.take(it)
    pipeline.advance(pipeline.time)
    assert.deepEqual(found(pipeline), ['Two shells in an hour @1.5'])
  })
})

describe('bounds of what correlations remember', () => {
  const PAIR = `
title: A shell
id: 44444444-4444-4444-8444-444444444444
name: a-shell
logsource: { category: process_creation }
detection: { shell: { Image|endswith: /sh }, condition: shell }
---
title: Two shells in a day
id: 55555555-5555-4555-8555-555555555555
correlation:
  type: event_count
  rules: [a-shell]
  group-by: [worker]
  timespan: 1d
  condition: { gte: 2 }
level: high
`
  it('a worker with many events does not displace the evidence of others', () => {
    const loaded = load([{ path: 'pair.yml', text: PAIR }])
    const pipeline = new Pipeline({
      program: compile(loaded.rules),
      correlations: loaded.correlations,
      recognise: () => undefined,
      lookup: () => AUSTIN,
    })
    const quiet = (atHours: number) => received('d2', processStart('/bin/sh', T0 + atHours * HOUR))
    for (const it of [...start, contract('w2'), holding('d2', 'w2'), quiet(0)]) pipeline.take(it)
    for (let n = 0; n < 3_000; n++) pipeline.take(shell(0.5 + n / 10_000))
    pipeline.take(quiet(1))
    assert.ok(pipeline.detector.dropped.evidence > 0)
    assert.deepEqual(
      pipeline.findings.of('w2').map((it) => it.events.length),
      [2],
    )
  })
})

describe('fields beside the event', () => {
  const login = (worker: string) => ({
    type: 'feed',
    worker,
    time: T0,
    event: { category: 'idp_login', Worker: 'ana@corp.example', Result: 'success' },
  })
  const rows = [
    { name: 'the worker', field: 'worker', value: 'w1', laptop: true, feed: true },
    {
      name: "the worker, as the events' own fields are written",
      field: 'Worker',
      value: 'w1',
      laptop: true,
      feed: false,
    },
    {
      name: 'an account, where the event has one',
      field: 'Worker',
      value: 'ana@corp.example',
      laptop: false,
      feed: true,
    },
    { name: 'another worker', field: 'Worker', value: 'w2', laptop: false, feed: false },
    { name: 'the laptop', field: 'device', value: 'd1', laptop: true, feed: false },
  ]
  for (const { name, field, value, laptop, feed } of rows)
    it(`${name}: ${field}`, () => {
      const rule = (category: string) =>
        `title: Any\nlogsource: { category: ${category} }\ndetection: { it: { ${field}: '${value}' }, condition: it }\n`
      const { rules, problems } = load(
        [{ path: 'it.yml', text: `${rule('process_creation')}---\n${rule('idp_login')}` }],
        { vocabulary: VOCABULARY },
      )
      const pipeline = new Pipeline({
        program: compile(rules),
        correlations: [],
        recognise: () => undefined,
        lookup: () => AUSTIN,
      })
      for (const it of [...start, shell(0), Recorded.parse(login('w1'))]) pipeline.take(it)
      const categories = pipeline.findings.of('w1').flatMap((it) => it.events.map(({ category }) => category))
      assert.deepEqual(
        [
          problems.filter(({ message }) => message.includes(`'${field}'`)).length > 0,
          categories.includes('process_creation'),
          categories.includes('idp_login'),
        ],
        [false, laptop, feed],
      )
    })
})
