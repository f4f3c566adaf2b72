import assert from 'node:assert/strict'
import type { CaseView } from '../../../server/model/case.ts'
import { finding } from '../assess/finding.ts'
import { contract } from '../events.ts'
import { harness } from './harness.ts'

const PATH = '/api/v1/workers/w1/verdict'
const benign = { verdict: 'benign_expected', reason: 'the help desk, ticket 7' }

describe('server/api: cases', () => {
  const withCase = async () => {
    const all = await harness()
    await all.stage.records(contract('w1'))
    all.stage.find(finding())
    await all.stage.judge()
    return all
  }

  it('an analyst decides, and the queue is updated before the response', async () => {
    const { signedIn, stage } = await withCase()
    const answer = await (await signedIn('analyst', 'ann')).post(PATH, benign)
    const { state, verdict } = (await answer.json()) as CaseView
    assert.deepEqual([answer.status, state, verdict?.by, verdict?.reason], [200, 'closed', 'ann', benign.reason])
    assert.equal(stage.queue.row('w1')?.case, 'closed')
  })

  it('a viewer or an anonymous client may not decide', async () => {
    const { signedIn, browser } = await withCase()
    assert.equal((await (await signedIn('viewer')).post(PATH, benign)).status, 403)
    assert.equal((await browser().post(PATH, benign)).status, 401)
  })

  const refused: { what: string; body: unknown; where: string }[] = [
    { what: 'no such verdict', body: { ...benign, verdict: 'guilty' }, where: 'body.verdict' },
    { what: 'no reason', body: { ...benign, reason: '  ' }, where: 'body.reason' },
    { what: 'a reason that is too long', body: { ...benign, reason: 'x'.repeat(2_001) }, where: 'body.reason' },
    { what: 'an unknown key', body: { ...benign, by: 'somebody else' }, where: 'body' },
  ]
  for (const { what, body, where } of refused)
    it(`refused: ${what}`, async () => {
      const { signedIn } = await withCase()
      const answer = await (await signedIn('analyst')).post(PATH, body)
      const error = (await answer.json()) as { where: string }
      assert.deepEqual([answer.status, error.where], [400, where])
    })

  it('an unknown worker', async () => {
    const { signedIn } = await withCase()
    assert.equal((await (await signedIn('admin')).post('/api/v1/workers/nobody/verdict', benign)).status, 404)
  })
})
