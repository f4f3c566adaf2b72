/** What an evaluation saves, and which changes it reports. */
import assert from 'node:assert/strict'
import { change } from '../../../server/model/change.ts'
import type { Commit } from '../../../server/store/store.ts'
import type { Recorded } from '../../../wire/recording.ts'
import { AUSTIN, contract, DAY, HOUR, holding, processStart, received, session, T0 } from '../events.ts'
import { evaluator, programRule, rulesetOf } from './evaluator.ts'

const start: Recorded[] = [contract('w1'), holding('d1', 'w1')]
const program = (image: string, hours: number, device = 'd1') =>
  received(device, processStart(image, T0 + hours * HOUR))

describe('server/detect: evaluation', () => {
  it('a finding that is removed and added again between two commits is kept', async () => {
    const it = evaluator()
    const evaluation = await it.open(rulesetOf(programRule('aa')))
    await it.follow(evaluation, [...start, program('/x/aa', 0)])
    const { findings } = evaluation.pipeline
    const [found] = [...findings.all()]
    findings.remove(found!.id)
    findings.adopt([found!])
    await evaluation.commit()
    assert.deepEqual(
      (await it.findings()).map((kept) => kept.id),
      [found!.id],
    )
    findings.remove(found!.id)
    await evaluation.commit()
    assert.deepEqual(await it.findings(), [])
  })

  it('reports findings that opened, grew and were retracted, each with its position', async () => {
    const it = evaluator()
    const evaluation = await it.open(rulesetOf(programRule('aa')))
    await it.follow(evaluation, start)
    await it.follow(evaluation, [program('/x/aa', 0)])
    await it.follow(evaluation, [program('/x/aa', 1)])
    const [found] = [...evaluation.pipeline.findings.all()]
    evaluation.pipeline.findings.remove(found!.id)
    await evaluation.commit()
    const changes = (await it.changes()).map((change) => [change.kind, change.worker, change.position])
    assert.deepEqual(changes, [
      ['finding_opened', 'w1', 3],
      ['band_moved', 'w1', 3],
      ['case_opened', 'w1', 3],
      ['finding_updated', 'w1', 4],
      ['finding_retracted', 'w1', 4],
      ['band_moved', 'w1', 4],
    ])
  })

  it('a decided case reopens only on evidence of a new kind', async () => {
    const it = evaluator()
    const evaluation = await it.open(rulesetOf(programRule('aa'), programRule('bb')))
    await it.follow(evaluation, [...start, program('/x/aa', 0)])
    const standing = evaluation.standings.get('w1')!
    const { band, points } = standing.assessment
    const verdict = {
      ...{ worker: 'w1', verdict: 'benign_expected' as const, reason: 'ours', by: 'eve', at: T0, band, points },
      kinds: standing.kinds.map((kind) => kind.rule),
    }
    const decision = {
      kind: 'case_decided' as const,
      worker: 'w1',
      time: T0,
      position: 3,
      verdict: verdict.verdict,
      by: 'eve',
    }
    const entry = { at: T0, user: 'eve', action: 'verdict', about: 'w1', detail: null }
    await it.store.cases.decide(verdict, change(decision), entry)
    evaluation.decided(verdict)
    await it.follow(evaluation, [program('/x/aa', 30)])
    const kinds = async () => (await it.changes()).map((change) => change.kind)
    assert.equal((await kinds()).includes('case_reopened'), false)
    await it.follow(evaluation, [program('/x/bb', 31)])
    assert.deepEqual(
      (await it.changes()).flatMap((change) => (change.kind === 'case_reopened' ? change.newKinds : [])),
      ['A program that ends with bb'],
    )
  })

  it('reports that a laptop fell silent', async () => {
    const it = evaluator()
    const evaluation = await it.open(rulesetOf(programRule('aa')))
    await it.follow(evaluation, [...start, session('d1', AUSTIN, T0), session('d2', AUSTIN, T0 + HOUR)])
    for (let hours = 2; hours < 80; hours++) {
      await it.follow(evaluation, [session('d2', AUSTIN, T0 + hours * HOUR)])
      evaluation.pipeline.advance(T0 + hours * HOUR)
    }
    await evaluation.commit()
    const silent = (await it.changes()).flatMap((change) => (change.kind === 'device_silent' ? [change.device] : []))
    assert.deepEqual([...new Set(silent)], ['d1'])
  })

  it('after a failed commit, the next one writes everything', async () => {
    const it = evaluator()
    let refuses = false
    const { evaluations } = it.store
    const commit = (id: string, what: Commit) =>
      refuses ? Promise.reject(new Error('disk full')) : evaluations.commit(id, what)
    const store = { ...it.store, evaluations: { ...evaluations, commit } }
    const evaluation = await it.open(rulesetOf(programRule('aa')), { store })
    await it.follow(evaluation, [...start, program('/x/aa', 0)])
    refuses = true
    await assert.rejects(it.follow(evaluation, [program('/x/aa', 30)]), /disk full/)
    await assert.rejects(it.follow(evaluation, [program('/x/aa', 60)]), /disk full/)
    refuses = false
    await evaluation.commit()
    assert.equal((await it.findings()).length, 3)
    assert.equal((await it.changes()).filter((change) => change.kind === 'finding_opened').length, 3)
    const again = await it.open(rulesetOf(programRule('aa')))
    await it.follow(again, [program('/x/aa', 61)])
    assert.equal((await it.findings()).length, 3)
  })

  it('an inactive evaluation reports nothing until it replaces the active one', async () => {
    const it = evaluator()
    await it.follow(await it.open(rulesetOf(programRule('aa'))), [...start, program('/x/aa', 0)])
    const before = (await it.changes()).length
    const second = await it.open(rulesetOf(programRule('aa'), programRule('bb')))
    await it.stream.publish([program('/x/bb', 1)])
    for await (const block of it.stream.read(second.position)) second.take(block)
    await second.commit()
    assert.equal((await it.changes()).length, before)
    await second.activate()
    const kinds = (await it.changes()).slice(before).map((change) => change.kind)
    // A second fact moves the band.
    assert.deepEqual(kinds, ['finding_opened', 'band_moved'])
  })

  it('a commit of a superseded evaluation is refused', async () => {
    const it = evaluator()
    const before = await it.open(rulesetOf(programRule('aa')))
    await it.follow(before, start)
    await it.follow(await it.open(rulesetOf(programRule('bb'))))
    before.take([{ position: 3, record: program('/x/aa', 0) }])
    await assert.rejects(before.commit(), /store\.superseded/)
  })

  it("a laptop's last sighting follows the log, not a wrong server clock", async () => {
    const it = evaluator()
    const evaluation = await it.open(rulesetOf(programRule('aa')))
    const year = 365 * DAY
    const wrong: Recorded[] = [
      { type: 'clock', time: T0 + year, downSince: T0 },
      { ...session('d1', AUSTIN, T0 + year), clockSkewMs: -year },
      received('d1', processStart('/x/aa', T0 + 60_000), T0 + year + 60_000),
    ]
    await it.follow(evaluation, [...start, program('/x/aa', 0), ...wrong, program('/x/aa', 1)])
    assert.equal(evaluation.pipeline.time, T0 + HOUR)
    assert.equal(evaluation.pipeline.coverage.of('d1').lastSeen, T0 + HOUR)
  })
})
