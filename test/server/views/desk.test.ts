/** What people read of a running judgement, and what they decide. */
import assert from 'node:assert/strict'
import { compile, load } from '../../../rules/language/index.ts'
import { Judgement } from '../../../server/detect/runner.ts'
import { memoryLog, memoryState } from '../../../server/store/memory/memory.ts'
import { desk as makeDesk } from '../../../server/views/desk.ts'
import type { Recorded } from '../../../wire/recording.ts'
import { AUSTIN, contract, DAY, HOUR, holding, processStart, received, T0 } from '../events.ts'

const QUIET = { debug() {}, info() {}, warn() {}, error() {} }
const RULES = `
title: A tool began
id: 11111111-1111-4111-8111-111111111111
logsource: { category: process_creation }
detection: { it: { Image|endswith: /anydesk }, condition: it }
tellwire: { family: remote-access, strength: 3, halfLifeDays: 14 }
---
title: A disk was wiped
id: 22222222-2222-4222-8222-222222222222
logsource: { category: process_creation }
detection: { it: { Image|endswith: /wipefs }, condition: it }
tellwire: { family: tampering, strength: 3, halfLifeDays: 14 }
---
title: One uplink
id: 33333333-3333-4333-8333-333333333333
logsource: { category: shared_key }
detection: { it: { KeyKind: uplink, Days|gte: 3 }, condition: it }
tellwire: { family: network, strength: 4, halfLifeDays: null, groupBy: [KeyHash] }
`

async function running() {
  const log = memoryLog()
  const state = memoryState()
  const clock = { at: T0 + HOUR }
  const { rules, correlations } = load([{ path: 'test.yml', text: RULES }])
  const judgement = await Judgement.open(
    { program: compile(rules), correlations, credit: () => ({}) },
    { log, state, needs: { recognise: () => undefined, lookup: () => AUSTIN }, horizon: () => 0, says: QUIET },
  )
  const desk = makeDesk({
    ...{ judgement, log, state, online: () => new Set<string>(), now: () => clock.at },
    makeToken: () => ({ token: 'tw1.x', expiresAt: 0 }),
    policy: () => ({ version: 1, salt: 'aaaaaaaa', off: [], on: [], watchedRoots: [], spoolBytes: 1, spoolDays: 1 }),
  })
  const tell = async (...records: Recorded[]) => {
    const { first } = await log.append(records)
    judgement.take(records.map((record, index) => ({ position: first + index, record })))
    judgement.pipeline.advance(clock.at)
  }
  await tell(
    contract('w1'),
    holding('d1', 'w1'),
    contract('w2'),
    holding('d2', 'w2'),
    contract('w3'),
    holding('d3', 'w3'),
  )
  return { desk, state, clock, tell, row: (worker: string) => desk.workers().find((it) => it.worker === worker) }
}
const begins = (image: string, hours = 0) => received('d1', processStart(image, T0 + hours * HOUR))

describe('the desk', () => {
  it('a case is open until somebody decides, and opens again on evidence of a new kind', async () => {
    const { desk, state, clock, tell, row } = await running()
    assert.equal(row('w1')?.case, 'none')
    await tell(begins('/opt/anydesk'))
    assert.equal(row('w1')?.case, 'open')
    const decided = desk.decide('w1', { verdict: 'benign_expected', reason: 'the help desk, ticket 7' }, 'ann')
    assert.deepEqual([decided?.state, decided?.verdict?.by, decided?.verdict?.points], ['closed', 'ann', 40])
    clock.at += 5 * HOUR
    await tell(begins('/opt/anydesk', 5))
    assert.equal(row('w1')?.case, 'closed')
    await tell(begins('/usr/sbin/wipefs', 6))
    const page = await desk.worker('w1')
    assert.deepEqual([row('w1')?.case, page?.case.newKinds], ['reopened', ['A disk was wiped']])
    assert.deepEqual(
      state.auditTrail(5).map((it) => [it.user, it.action, it.about]),
      [['ann', 'verdict', 'w1']],
    )
  })

  it('within a band, who is decided stands behind who is not', async () => {
    const { desk, tell } = await running()
    const order = () => desk.workers().map((it) => `${it.worker} ${it.case}`)
    await tell(begins('/opt/anydesk'), received('d2', processStart('/opt/anydesk', T0)))
    assert.deepEqual(order(), ['w1 open', 'w2 open', 'w3 none'])
    desk.decide('w1', { verdict: 'bad_data', reason: 'a test machine' }, 'ann')
    assert.deepEqual(order(), ['w2 open', 'w1 closed', 'w3 none'])
  })

  it('the page sets the contract beside what was seen, and says what nobody would see', async () => {
    const { desk, state, tell } = await running()
    assert.ok((await desk.worker('w1'))?.unseen.every(({ missed }) => missed.every((it) => it.state === 'unknown')))
    state.saveEnrolled({
      ...{ device: 'd1', publicKey: 'k', platform: 'linux', version: '1', enrolledAt: T0, revokedAt: null },
      ...{ fingerprint: null, firstBoot: T0 },
    })
    await tell(begins('/usr/bin/true'))
    await tell({ type: 'connection', device: 'd1', time: T0, remoteAddress: '203.0.113.9', geo: AUSTIN })
    const { observed, unseen } = (await desk.worker('w1'))!
    const country = observed.find((it) => it.what === 'country')
    assert.deepEqual([country?.state, country?.agreed, country?.seen[0]?.text], ['agrees', ['US'], 'US'])
    const blind = unseen.flatMap(({ missed }) => missed.map((it) => `${it.category} ${it.state} ${it.devices}`))
    assert.deepEqual([...new Set(blind)].sort(), ['input_pattern off d1', 'presence off d1'])
  })

  it('nobody decides about somebody who is not there', async () => {
    const { desk, state } = await running()
    assert.equal(desk.decide('w99', { verdict: 'confirmed', reason: 'because' }, 'ann'), null)
    assert.deepEqual([state.verdicts(), state.auditTrail(5)], [[], []])
  })

  it('a farm is one cluster, and everybody in it says so', async () => {
    const { desk, clock, tell, row } = await running()
    clock.at = T0 + 4 * DAY
    for (let day = 0; day < 4; day++)
      for (const device of ['d1', 'd2', 'd3'])
        await tell({ type: 'connection', device, time: T0 + day * DAY, remoteAddress: '203.0.113.9', geo: AUSTIN })
    const [farm] = desk.clusters()
    assert.deepEqual([farm?.workers, farm?.band, farm?.kind], [['w1', 'w2', 'w3'], 'critical', 'uplink'])
    assert.equal(row('w2')?.cluster, farm?.key)
    const { people, ...cluster } = farm!
    assert.deepEqual((await desk.worker('w3'))?.cluster, cluster)
    desk.decide('w1', { verdict: 'confirmed', reason: 'one flat, one line' }, 'ann')
    assert.deepEqual(
      people.map((it) => [it.worker, it.band, it.points, it.place, it.case]),
      ['w1', 'w2', 'w3'].map((it) => [it, 'high', 70, 'US', 'open']),
    )
    assert.deepEqual(
      desk.clusters()[0]?.people.map((it) => [it.worker, it.case]),
      [
        ['w2', 'open'],
        ['w3', 'open'],
        ['w1', 'closed'],
      ],
    )
  })

  it('the parts of a page add up, and each says what it is worth', async () => {
    const { desk, tell } = await running()
    await tell(begins('/opt/anydesk'), begins('/usr/sbin/wipefs', 1))
    const { assessment } = (await desk.worker('w1'))!
    assert.equal(
      assessment.parts.reduce((sum, it) => sum + it.points, 0),
      assessment.points,
    )
    assert.deepEqual(
      assessment.parts.map((it) => it.without),
      [
        { points: 40, band: 'medium' },
        { points: 40, band: 'medium' },
      ],
    )
  })
})
