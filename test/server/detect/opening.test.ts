/** How an evaluation begins: goes on, takes over what did not change, or judges the log anew. */
import assert from 'node:assert/strict'
import type { Finding } from '../../../server/model/finding.ts'
import type { Recorded } from '../../../wire/recording.ts'
import { AUSTIN, contract, DAY, HOUR, holding, processStart, received, session, T0 } from '../events.ts'
import { judged, programRule, rulesetOf } from './judged.ts'

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

describe('server/detect: how an evaluation begins', () => {
  it('a restart goes on where it was written down, and judges the rest once', async () => {
    const it = judged()
    const ruleset = rulesetOf(programRule('aa'))
    const before = await it.open(ruleset)
    await it.follow(before, [...start, program('/x/aa', 0)])
    await it.stream.publish([program('/x/aa', 1), program('/x/aa', 30)])
    for await (const block of it.stream.read(before.position)) before.take(block)
    // Killed here: what was judged since the commit was not written.
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
      name: 'a rule that comes judges what was there before it',
      ...{ before: [programRule('aa')], after: [programRule('aa'), programRule('bb')] },
      ...{ found: ['aa', 'aa', 'bb', 'bb'], opened: ['bb', 'bb'], retracted: [] },
    },
    {
      name: 'a rule that goes takes its findings with it',
      ...{ before: [programRule('aa'), programRule('bb')], after: [programRule('bb')] },
      ...{ found: ['bb', 'bb'], opened: [], retracted: ['aa', 'aa'] },
    },
    {
      name: 'a filter acts on what was found before it',
      ...{ before: [programRule('aa')], after: [programRule('aa'), FILTER] },
      ...{ found: ['aa'], opened: [], retracted: ['aa'] },
    },
    {
      name: 'and one that goes gives back what it hid',
      ...{ before: [programRule('aa'), FILTER], after: [programRule('aa')] },
      ...{ found: ['aa', 'aa'], opened: ['aa'], retracted: [] },
    },
    {
      name: 'a correlation that comes finds what its rule had matched',
      ...{ before: [programRule('aa'), programRule('bb')], after: [programRule('aa'), programRule('bb'), CORRELATION] },
      ...{ found: ['aa', 'aa', 'bb', 'bb', 'cc'], opened: ['cc'], retracted: [] },
    },
    {
      name: 'a correlation goes with the rule that it counts',
      ...{ before: [programRule('aa'), programRule('bb'), CORRELATION], after: [programRule('aa'), programRule('bb')] },
      ...{ found: ['aa', 'aa', 'bb', 'bb'], opened: [], retracted: ['cc'] },
    },
  ]
  for (const { name, before, after, found, opened, retracted } of edits)
    it(name, async () => {
      const it = judged()
      const records = [program('/build/aa', 0), program('/x/aa', 30), program('/x/bb', 1), program('/x/bb', 20)]
      await it.follow(await it.open(rulesetOf(...before)), [...start, ...records])
      const told = (await it.changes()).length
      const edited = await it.open(rulesetOf(...after))
      assert.equal(edited.isActive, false)
      await it.follow(edited)
      assert.deepEqual(titles(await it.findings()), found)
      const changes = (await it.changes()).slice(told)
      const of = (kind: string) =>
        changes.flatMap((change) => (change.kind === kind && 'title' in change ? [change.title.slice(-2)] : [])).sort()
      assert.deepEqual([of('finding_opened'), of('finding_retracted')], [opened, retracted])
      assert.deepEqual(
        (await it.store.evaluations.list()).map((found) => found.id),
        [edited.id],
      )
    })

  it('what comes while the changed rules judge is not missed', async () => {
    const it = judged()
    await it.follow(await it.open(rulesetOf(programRule('aa'))), [...start, program('/x/bb', 0)])
    const edited = await it.open(rulesetOf(programRule('bb')))
    for (let hours = 30; hours < 300; hours += 30) await it.stream.publish([program('/x/bb', hours)])
    await it.follow(edited)
    assert.equal((await it.findings()).length, 10)
  })

  it('a rule that reads the contract sees the one that was known then', async () => {
    const it = judged()
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

  it('an interrupted change begins again, and one that nobody wants any more goes', async () => {
    const it = judged()
    await it.follow(await it.open(rulesetOf(programRule('aa'))), [...start, program('/x/aa', 0), program('/x/bb', 0)])
    await it.open(rulesetOf(programRule('bb')))
    const wanted = await it.open(rulesetOf(programRule('aa'), programRule('bb')))
    assert.equal((await it.store.evaluations.list()).length, 2)
    await it.follow(wanted)
    assert.deepEqual(titles(await it.findings()), ['aa', 'bb'])
  })

  it('a change that was written down whole before the kill is gone on with', async () => {
    const it = judged()
    await it.follow(await it.open(rulesetOf(programRule('aa'))), [...start, program('/x/aa', 0), program('/x/bb', 0)])
    const edited = await it.open(rulesetOf(programRule('bb')))
    const again = await it.open(rulesetOf(programRule('bb')))
    assert.equal(again.id, edited.id)
    await it.follow(again)
    assert.deepEqual(titles(await it.findings()), ['bb'])
  })

  it('other thresholds judge the log anew, beside what is in use', async () => {
    const it = judged()
    const ruleset = rulesetOf(programRule('aa'))
    const before = await it.open(ruleset)
    await it.follow(before, [...start, program('/x/aa', 0)])
    const anew = await it.open(ruleset, { thresholds: { silence: { silentHours: 30 } } })
    assert.deepEqual([anew.position, anew.isActive, anew.id === before.id], [0, false, false])
    assert.equal((await it.findings()).length, 1)
    await it.follow(anew)
    assert.equal((await it.findings()).length, 1)
  })

  it('a log that is older than what was judged is told, and judged anew', async () => {
    const it = judged()
    const ruleset = rulesetOf(programRule('aa'))
    await it.follow(await it.open(ruleset), [...start, program('/x/aa', 0), program('/x/aa', 1)])
    const older = judged()
    await older.stream.publish([...start, program('/y/aa', 0)])
    const anew = await it.open(ruleset, { stream: older.stream, history: older.history })
    assert.equal(anew.position, 0)
    assert.match(it.said.find((line) => line.level === 'error')?.message ?? '', /another one.*judged anew/)
  })

  it('a log that lost its end is told, and judged anew', async () => {
    const it = judged()
    const ruleset = rulesetOf(programRule('aa'))
    await it.follow(await it.open(ruleset), [...start, program('/x/aa', 0), program('/x/aa', 1)])
    const { stream } = it
    const short = { id: stream.id, digest: (position: number) => stream.digest(position), last: async () => 3 }
    const anew = await it.open(ruleset, { stream: short })
    assert.equal(anew.position, 0)
    assert.match(it.said.find((line) => line.level === 'error')?.message ?? '', /judged 4 records, and the log has 3/)
  })

  it('findings whose telemetry is gone stay, whatever changes', async () => {
    const it = judged()
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

  it('derived events from before what is kept are not judged by rules that come', async () => {
    const it = judged()
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
