import assert from 'node:assert/strict'
import type { ApprovalView } from '../../../server/api/schema.ts'
import type { EffectView, LearningView } from '../../../server/views/schema.ts'
import { contract } from '../events.ts'
import { harness } from './harness.ts'

const LEARNING = '/api/v1/learning'
const APPROVALS = '/api/v1/approvals'
const ninja = { level: 'company', kind: 'tool', tool: 'NinjaOne', tenant: 'acme', reason: 'Our own since 2024' }

describe('server/api: learning and approvals', () => {
  it('reading and writing need a session with the right role', async () => {
    const { browser, signedIn } = await harness()
    assert.equal((await browser().get(LEARNING)).status, 401)
    assert.equal((await browser().post(APPROVALS, ninja)).status, 401)
    const viewer = await signedIn('viewer')
    assert.equal((await viewer.get(LEARNING)).status, 403)
    assert.equal((await viewer.get(APPROVALS)).status, 403)
    assert.equal((await viewer.post(APPROVALS, ninja)).status, 403)
    assert.equal((await viewer.post(LEARNING, { reason: 'enough' })).status, 403)
  })

  it('approving writes one record, and an entry in the audit trail', async () => {
    const { signedIn, log, store, clock } = await harness()
    const ann = await signedIn('analyst', 'ann')
    const answer = await ann.post(APPROVALS, ninja)
    const made = (await answer.json()) as ApprovalView
    assert.deepEqual([answer.status, made.tool, made.approvedBy, made.isOver], [200, 'NinjaOne', 'ann', false])
    assert.deepEqual(
      log.map((it) => [it.type, 'id' in it && it.id, 'receivedAt' in it && it.receivedAt]),
      [['approval', made.id, clock.at]],
    )
    const [entry] = await store.audit.newest(1)
    assert.deepEqual(
      [entry?.user, entry?.action, entry?.detail],
      ['ann', 'approval.made', 'NinjaOne, tenant acme, for the company'],
    )
    assert.deepEqual(
      (await ann.read<ApprovalView[]>(APPROVALS)).map((it) => it.id),
      [made.id],
    )
  })

  it('what an approval would change is asked without a reason, named, and writes nothing', async () => {
    const { signedIn, stage, log, asked } = await harness()
    await stage.records(contract('w1', { name: 'Ivory Crane' }))
    const { reason: _, ...question } = ninja
    const answer = await (await signedIn('analyst', 'ann')).post(`${APPROVALS}/effect`, question)
    const { before, after, moved, stay } = (await answer.json()) as EffectView
    assert.deepEqual([before.high, after.high], [23, 8])
    assert.deepEqual([moved[0]?.name, stay[0]?.name], ['Ivory Crane', null])
    assert.deepEqual(
      asked.map((it) => it.type === 'approval' && [it.tool, it.tenant, it.level]),
      [['NinjaOne', 'acme', 'company']],
    )
    assert.deepEqual(log, [])
    assert.equal((await (await signedIn('viewer')).post(`${APPROVALS}/effect`, question)).status, 403)
    const empty = { level: 'company', kind: 'tool' }
    assert.equal((await (await signedIn('analyst', 'bob')).post(`${APPROVALS}/effect`, empty)).status, 400)
  })

  it('an approval counts in the contract that views compare with', async () => {
    const { signedIn, stage } = await harness()
    await stage.records(contract('w1'))
    const ann = await signedIn('analyst', 'ann')
    await ann.post(APPROVALS, ninja)
    assert.deepEqual(
      stage.directory.contractAt('w1', Date.UTC(2026, 10, 20))?.approvedTools?.map((it) => [it.tool, it.level]),
      [['NinjaOne', 'company']],
    )
  })

  it('revoking ends it now, or from its beginning if it was a mistake', async () => {
    const { signedIn, clock } = await harness()
    const ann = await signedIn('analyst', 'ann')
    const ids = await Promise.all(
      [1, 2].map(async () => ((await (await ann.post(APPROVALS, ninja)).json()) as ApprovalView).id),
    )
    const revoke = async (id: string, body: object) =>
      (await (await ann.post(`${APPROVALS}/${id}/revoke`, body)).json()) as ApprovalView
    const ended = await revoke(ids[0]!, {})
    assert.deepEqual([ended.revokedAt, ended.revokedBy, ended.isOver], [clock.at, 'ann', true])
    const never = await revoke(ids[1]!, { mistake: true })
    assert.equal(never.revokedAt, never.from)
    assert.equal((await ann.post(`${APPROVALS}/nobody/revoke`, {})).status, 404)
  })

  it('a person ends the learning period', async () => {
    const { signedIn, log, store, clock } = await harness()
    const ann = await signedIn('analyst', 'ann')
    assert.equal((await ann.post(LEARNING, { reason: 'All is approved' })).status, 204)
    assert.deepEqual(
      log.map((it) => it.type === 'learning' && [it.until, it.saidBy, it.reason]),
      [[clock.at, 'ann', 'All is approved']],
    )
    assert.equal((await store.audit.newest(1))[0]?.action, 'learning.set')
  })

  it('before anything was heard there is no period and no candidate', async () => {
    const { signedIn } = await harness()
    const view = await (await signedIn('admin')).read<LearningView>(LEARNING)
    assert.deepEqual([view.period, view.candidates, view.approvals], [null, [], []])
  })

  const refused: { name: string; body: object; where: string }[] = [
    { name: 'without a reason', body: { ...ninja, reason: ' ' }, where: 'body.reason' },
    { name: 'of nothing', body: { ...ninja, tool: null }, where: 'body.tool' },
    { name: 'for a role without a name', body: { ...ninja, level: 'role' }, where: 'body.role' },
    { name: 'for a worker without a name', body: { ...ninja, level: 'contract' }, where: 'body.worker' },
    { name: 'that ends before it begins', body: { ...ninja, from: 1.9e12, to: 1.8e12 }, where: 'body.to' },
    { name: 'with a misspelt key', body: { ...ninja, tennant: 'acme' }, where: 'body' },
  ]
  for (const { name, body, where } of refused)
    it(`refuses an approval ${name}`, async () => {
      const { signedIn, log } = await harness()
      const answer = await (await signedIn('analyst')).post(APPROVALS, body)
      assert.equal(answer.status, 400)
      assert.equal(((await answer.json()) as { where: string }).where, where)
      assert.deepEqual(log, [])
    })
})
