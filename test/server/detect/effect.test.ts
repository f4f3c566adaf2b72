/** What an approval would change, against what the same approval then changes. */
import assert from 'node:assert/strict'
import { effectOf } from '../../../server/detect/effect.ts'
import { identityOf } from '../../../server/detect/identity.ts'
import { openActive } from '../../../server/detect/opening.ts'
import type { Effect } from '../../../server/model/effect.ts'
import type { Recorded, RecordedOf } from '../../../wire/recording.ts'
import {
  AUSTIN,
  approval,
  contract,
  type FoundTool,
  HOUR,
  holding,
  NINJAONE,
  processStart,
  received,
  T0,
} from '../events.ts'
import { evaluator, programRule, rulesetOf } from './evaluator.ts'

const TOOL = `
title: A tool that nobody approved
id: 22222222-2222-4222-8222-222222222222
level: high
logsource: { category: tool }
detection: { it: { Approved: false }, condition: it }
tellwire: { family: remote-access, strength: 4, rate: 0.0004, halfLifeDays: null, says: '{Tool} is not approved.' }
`
const PROGRAM = programRule(
  'aa',
  "tellwire: { family: tampering, strength: 4, rate: 0.0001, halfLifeDays: null, says: 'A program.' }",
)
const RULES = rulesetOf(TOOL, PROGRAM)
const ANYDESK: FoundTool = { ...NINJAONE, id: 'anydesk', name: 'AnyDesk', category: 'remote-desktop' }
const PEOPLE = ['w1', 'w2', 'w3', 'w4']

/** w1 to w3 have a tool, w4 ran a program; w3 did both. */
const records: Recorded[] = [
  ...PEOPLE.flatMap((it) => [contract(it), holding(`d-${it}`, it)]),
  ...['w1', 'w2', 'w3'].map((it) => withTool(it)),
  ...['w3', 'w4'].map((it) => received(`d-${it}`, processStart('/x/aa', T0 + HOUR))),
]

function withTool(worker: string): Recorded {
  return { ...received(`d-${worker}`, processStart('/usr/bin/x', T0)), facts: { tools: [ANYDESK] } }
}

async function asked(it: ReturnType<typeof evaluator>, about: RecordedOf<'approval'>): Promise<Effect> {
  const evaluation = await openActive({
    ...{ stream: it.stream, store: it.store, ruleset: RULES, thresholds: {} },
    identity: identityOf(RULES, { thresholds: {}, catalogueHash: 'catalogue' }),
    recognise: () => undefined,
    lookup: () => AUSTIN,
  })
  assert.ok(evaluation)
  return effectOf(evaluation, [about], new Set(['w3', 'w4']))
}

describe('server/detect: the effect of an approval', () => {
  it('says who moves, who stays, and what becomes of high, open cases and confirmed people', async () => {
    const it = evaluator()
    await it.follow(await it.open(RULES), records)
    const { before, after, confirmed, moves, moved, stay } = await asked(it, approval({ tool: 'anydesk' }))
    assert.deepEqual(before, { high: 4, open: 4, clusters: 0, confirmed: 2 })
    assert.deepEqual(after, { high: 2, open: 2, clusters: 0, confirmed: 2 })
    assert.deepEqual([confirmed, moves], [2, 3])
    assert.deepEqual(
      moved.map(({ worker, from, to }) => [worker, from.band, to.band]),
      [
        ['w3', 'critical', 'high'],
        ['w1', 'high', 'none'],
        ['w2', 'high', 'none'],
      ],
    )
    assert.deepEqual(
      stay.map(({ worker, from, to }) => [worker, from.points - to.points]),
      [['w4', 0]],
    )
  })

  it('is what the approval then does, and until then changes nothing', async () => {
    const it = evaluator()
    const evaluation = await it.open(RULES)
    await it.follow(evaluation, records)
    const stored = await it.state()
    const about = approval({ tool: 'anydesk' })
    const { moved, after } = await asked(it, about)
    assert.deepEqual(await it.state(), stored)
    await it.follow(evaluation, [{ ...about, receivedAt: evaluation.pipeline.time }])
    evaluation.pipeline.judgeAt(evaluation.pipeline.time)
    await evaluation.commit()
    assert.equal(moved.length, 3)
    const { standings } = await it.state()
    for (const { worker, to } of moved) {
      const assessment = standings.find((one) => one.worker === worker)?.assessment
      assert.deepEqual([assessment?.points ?? to.points, assessment?.band ?? 'none'], [to.points, to.band], worker)
    }
    assert.equal(standings.filter((one) => ['high', 'critical'].includes(one.assessment.band)).length, after.high)
  })

  it('an approval of what nobody has changes nothing', async () => {
    const it = evaluator()
    await it.follow(await it.open(RULES), records)
    const { before, after, moves, moved, stay } = await asked(it, approval({ tool: 'rustdesk' }))
    assert.deepEqual([after, moves, moved], [before, 0, []])
    assert.deepEqual(
      stay.map((one) => one.worker),
      ['w3', 'w4', 'w1'],
    )
  })

  it('there is none while no evaluation is active by these rules', async () => {
    const it = evaluator()
    const other = rulesetOf(PROGRAM)
    await it.follow(await it.open(other), records)
    const deps = { stream: it.stream, store: it.store, ruleset: RULES, thresholds: {} }
    const identity = identityOf(RULES, { thresholds: {}, catalogueHash: 'catalogue' })
    assert.equal(await openActive({ ...deps, identity, recognise: () => undefined, lookup: () => AUSTIN }), null)
  })
})
