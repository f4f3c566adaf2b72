/** How an evaluation opens: it resumes, takes over what did not change, or re-evaluates the log. */
import assert from 'node:assert/strict'
import type { Finding } from '../../../server/model/finding.ts'
import type { Commit } from '../../../server/store/store.ts'
import type { Recorded } from '../../../wire/recording.ts'
import { AUSTIN, contract, DAY, HOUR, holding, processStart, received, session, T0 } from '../events.ts'
import { evaluator, programRule, rulesetOf } from './evaluator.ts'

const start: Recorded[] = [contract('w1'), holding('d1', 'w1')]
const program = (image: string, hours: number) => received('d1', processStart(image, T0 + hours * HOUR))
const titles = (findings: readonly Finding[]) => findings.map((it) => it.title.slice(-2)).sort()
const FILTER = `
title: Our own build
id: 55555555-5555-4555-8555-555555555555
logsource: { category: process_creation }
filter:
  rules: [11111111-1111-4111-8111-1111111111aa]
  it: { Image|startswith: /build/ }
  condition: not it
`
const CORRELATION = `
title: Twice in a day cc
id: 66666666-6666-4666-8666-666666666666
level: high
correlation:
  type: event_count
  rules: [11111111-1111-4111-8111-1111111111bb]
  group-by: [device]
  timespan: 1d
  condition: { gte: 2 }
  generate: true
`

describe('server/detect: opening an evaluation', () => {
  it('a restart resumes at the last commit, and evaluates the rest once', async () => {
    const it = evaluator()
    const ruleset = rulesetOf(programRule('aa'))
    const before = await it.open(ruleset)
    await it.follow(before, [...start, program('/x/aa', 0)])
    await it.stream.publish([program('/x/aa', 1), program('/x/aa', 30)])
    for await (const block of it.stream.read(before.position)) before.take(block)
    // Killed here: what was evaluated since the commit is lost.
    const after = await it.open(ruleset)
    assert.deepEqual([after.id, after.isActive, after.position], [before.id, true, 3])
    await it.follow(after)
    assert.deepEqual((await it.findings()).map((found) => found.count).sort(), [1, 2])
  })

  const edits: {
    name: string
    before: string[]
    after: string[]
    found: string[]
    opened: string[]
    retracted: string[]
  }[] = [
    {
      name: 'an added rule is applied to older records',
      ...{ before: [programRule('aa')], after: [programRule('aa'), programRule('bb')] },
      ...{ found: ['aa', 'aa', 'bb', 'bb'], opened: ['bb', 'bb'], retracted: [] },
    },
    {
      name: 'removing a rule removes its findings',
      ...{ before: [programRule('aa'), programRule('bb')], after: [programRule('bb')] },
      ...{ found: ['bb', 'bb'], opened: [], retracted: ['aa', 'aa'] },
    },
    {
      name: 'an added filter is applied to existing findings',
      ...{ before: [programRule('aa')], after: [programRule('aa'), FILTER] },
      ...{ found: ['aa'], opened: [], retracted: ['aa'] },
    },
    {
      name: 'removing a filter restores what it hid',
      ...{ before: [programRule('aa'), FILTER], after: [programRule('aa')] },
      ...{ found: ['aa', 'aa'], opened: ['aa'], retracted: [] },
    },
    {
      name: 'an added correlation counts earlier matches of its rule',
      ...{ before: [programRule('aa'), programRule('bb')], after: [programRule('aa'), programRule('bb'), CORRELATION] },
      ...{ found: ['aa', 'aa', 'bb', 'bb', 'cc'], opened: ['cc'], retracted: [] },
    },
    {
      name: 'removing a correlation removes its findings',
      ...{ before: [programRule('aa'), programRule('bb'), CORRELATION], after: [programRule('aa'), programRule('bb')] },
      ...{ found: ['aa', 'aa', 'bb', 'bb'], opened: [], retracted: ['cc'] },
    },
  ]
  for (const { name, before, after, found, opened, retracted } of edits)
    it(name, async () => {
      const it = evaluator()
      const records = [program('/build/aa', 0), program('/x/aa', 30), program('/x/bb', 1), program('/x/bb', 20)]
      await it.follow(await it.open(rulesetOf(...before)), [...start, ...records])
      const reported = (await it.changes()).length
      const edited = await it.open(rulesetOf(...after))
      assert.equal(edited.isActive, false)
      await it.follow(edited)
      assert.deepEqual(titles(await it.findings()), found)
      const changes = (await it.changes()).slice(reported)
      const of = (kind: string) =>
        changes.flatMap((change) => (change.kind === kind && 'title' in change ? [change.title.slice(-2)] : [])).sort()
      assert.deepEqual([of('finding_opened'), of('finding_retracted')], [opened, retracted])
      assert.deepEqual(
        (await it.store.evaluations.list()).map((found) => found.id),
        [edited.id],
      )
    })

  it('records that arrive while changed rules are evaluated are not missed', async () => {
    const it = evaluator()
    await it.follow(await it.open(rulesetOf(programRule('aa'))), [...start, program('/x/bb', 0)])
    const edited = await it.open(rulesetOf(programRule('bb')))
    for (let hours = 30; hours < 300; hours += 30) await it.stream.publish([program('/x/bb', hours)])
    await it.follow(edited)
    assert.equal((await it.findings()).length, 10)
  })

  it('a rule over the contract sees the version known at the time', async () => {
    const it = evaluator()
    const role = (name: string) => contract('w1', { from: T0 - DAY, roles: [name] })
    const records = [role('developer'), holding('d1', 'w1'), program('/x/aa', 0), role('designer'), program('/x/aa', 1)]
    await it.follow(await it.open(rulesetOf(programRule('bb'))), records)
    const reading = programRule('aa').replace(
      'condition: it',
      "role: { Contract.roles: developer }, condition: 'it and role'",
    )
    await it.follow(await it.open(rulesetOf(reading)))
    assert.deepEqual(
      (await it.findings()).map((found) => found.count),
      [1],
    )
  })

  it('an interrupted change starts again, and an outdated one is dropped', async () => {
    const it = evaluator()
    await it.follow(await it.open(rulesetOf(programRule('aa'))), [...start, program('/x/aa', 0), program('/x/bb', 0)])
    await it.open(rulesetOf(programRule('bb')))
    const wanted = await it.open(rulesetOf(programRule('aa'), programRule('bb')))
    assert.equal((await it.store.evaluations.list()).length, 2)
    await it.follow(wanted)
    assert.deepEqual(titles(await it.findings()), ['aa', 'bb'])
  })

  it('a change that was killed before it replaced the active evaluation starts again', async () => {
    const it = evaluator()
    await it.follow(await it.open(rulesetOf(programRule('aa'))), [...start, program('/x/aa', 0), program('/x/bb', 0)])
    const killed = await it.open(rulesetOf(programRule('bb')))
    await killed.commit()
    const again = await it.open(rulesetOf(programRule('bb')))
    assert.notEqual(again.id, killed.id)
    await it.follow(again)
    assert.deepEqual(titles(await it.findings()), ['bb'])
  })

  it('a change takes over from an active evaluation that went on, and leaves the state of a fresh one', async () => {
    const it = evaluator()
    const before = await it.open(rulesetOf(programRule('aa'), programRule('bb'), CORRELATION))
    await it.follow(before, [...start, program('/x/aa', 0), program('/x/bb', 0), session('d1', AUSTIN, T0)])
    const after = rulesetOf(programRule('bb'), programRule('cc'), CORRELATION)
    const edited = await it.open(after)
    const later = [contract('w2'), holding('d2', 'w2'), program('/x/aa', 1), program('/x/cc', 40), program('/x/bb', 41)]
    await it.stream.publish([...later, session('d2', AUSTIN, T0 + 41 * HOUR), session('d1', AUSTIN, T0 + 60 * HOUR)])
    for await (const block of it.stream.read(before.position)) before.take(block)
    // Only this one is told the time, and reports silence.
    before.pipeline.advance(T0 + 59 * HOUR)
    await before.commit()
    await it.follow(edited)
    await assert.rejects(before.commit(), { code: 'store.superseded' })
    const alone = evaluator()
    await alone.follow(await alone.open(after), [])
    await alone.stream.publish(await it.records())
    await alone.follow(await alone.open(after))
    assert.deepEqual(await it.state(), await alone.state())
    assert.deepEqual(titles(await it.findings()), ['bb', 'bb', 'cc'])
  })

  it('one that was killed while a large state was written starts again', async () => {
    const it = evaluator()
    const many = Array.from({ length: 3_000 }, (_, n) => contract(`w${n}`))
    await it.follow(await it.open(rulesetOf(programRule('aa'))), [...many, holding('d1', 'w1'), program('/x/aa', 0)])
    const { evaluations } = it.store
    let left = Number.POSITIVE_INFINITY
    const commit = (id: string, what: Commit) => (left-- > 0 ? evaluations.commit(id, what) : Promise.reject('killed'))
    const store = { ...it.store, evaluations: { ...evaluations, commit } }
    const other = { thresholds: { silence: { silentHours: 30 } } }
    const killed = await it.open(rulesetOf(programRule('aa')), { ...other, store })
    for await (const block of it.stream.read(0)) killed.take(block.filter(({ position }) => position <= 3_000))
    await killed.commit()
    const written = await it.open(rulesetOf(programRule('aa')), other)
    assert.deepEqual([written.id, written.position], [killed.id, 3_000])
    left = 1
    for await (const block of it.stream.read(3_000)) killed.take(block)
    killed.put(Array.from({ length: 3_000 }, (_, n) => ({ part: 'x', subject: `${n}`, state: '1' })))
    await assert.rejects(killed.commit(), /killed/)
    const again = await it.open(rulesetOf(programRule('aa')), other)
    assert.deepEqual([again.id === killed.id, again.position], [false, 0])
    await it.follow(again)
    assert.equal((await it.findings()).length, 1)
  })

  it('other thresholds re-evaluate the log next to the active evaluation', async () => {
    const it = evaluator()
    const ruleset = rulesetOf(programRule('aa'))
    const before = await it.open(ruleset)
    await it.follow(before, [...start, program('/x/aa', 0)])
    const anew = await it.open(ruleset, { thresholds: { silence: { silentHours: 30 } } })
    assert.deepEqual([anew.position, anew.isActive, anew.id === before.id], [0, false, false])
    assert.equal((await it.findings()).length, 1)
    await it.follow(anew)
    assert.equal((await it.findings()).length, 1)
  })

  it('a different log is reported and re-evaluated', async () => {
    const it = evaluator()
    const ruleset = rulesetOf(programRule('aa'))
    await it.follow(await it.open(ruleset), [...start, program('/x/aa', 0), program('/x/aa', 1)])
    const older = evaluator()
    await older.stream.publish([...start, program('/y/aa', 0)])
    const anew = await it.open(ruleset, { stream: older.stream, history: older.history })
    assert.equal(anew.position, 0)
    assert.match(it.logged.find((line) => line.level === 'error')?.message ?? '', /another id; re-evaluating/)
  })

  it('a log that lost its end is reported and re-evaluated', async () => {
    const it = evaluator()
    const ruleset = rulesetOf(programRule('aa'))
    await it.follow(await it.open(ruleset), [...start, program('/x/aa', 0), program('/x/aa', 1)])
    const { stream } = it
    const short = { id: stream.id, digest: (position: number) => stream.digest(position), last: async () => 3 }
    const anew = await it.open(ruleset, { stream: short })
    assert.equal(anew.position, 0)
    assert.match(
      it.logged.find((line) => line.level === 'error')?.message ?? '',
      /evaluated 4 records, and the log has 3/,
    )
  })

  it('findings whose telemetry has been deleted stay, whatever changes', async () => {
    const it = evaluator()
    await it.follow(await it.open(rulesetOf(programRule('aa'))), [...start, program('/x/aa', 0), program('/x/aa', 30)])
    for (const thresholds of [{}, { silence: { silentHours: 30 } }]) {
      const horizon = () => T0 + 10 * HOUR
      await it.follow(await it.open(rulesetOf(programRule('bb')), { thresholds, horizon }))
      assert.deepEqual(
        (await it.findings()).map((found) => (found.time - T0) / HOUR),
        [0],
      )
    }
  })

  it('new rules do not evaluate derived events from before the kept telemetry', async () => {
    const it = evaluator()
    const day = (n: number) => session('d1', AUSTIN, T0 + n * DAY)
    const days = Array.from({ length: 4 }, (_, n) => day(n))
    await it.follow(await it.open(rulesetOf(programRule('aa'))), [...start, ...days])
    const derived = `
title: A connection
id: 77777777-7777-4777-8777-777777777777
level: low
logsource: { category: connection }
detection: { it: { Country: US }, condition: it }
`
    const horizon = () => T0 + 2 * DAY
    await it.follow(await it.open(rulesetOf(programRule('aa'), derived), { horizon }))
    assert.deepEqual(
      (await it.findings()).map((found) => (found.time - T0) / DAY),
      [2, 3],
    )
  })
})
