import assert from 'node:assert/strict'
import type { ClusterView } from '../../../server/api/schema.ts'
import type { CaseView } from '../../../server/model/case.ts'
import { displacedWorker, farm } from '../console/story.ts'
import { harness } from './harness.ts'

const PATH = '/api/v1/workers/w0001/verdict'
const benign = { verdict: 'benign_expected', reason: 'the help desk, ticket 7' }

describe('server/api: cases', () => {
  const withPage = () => {
    const all = harness()
    all.desk.pages.set('w0001', displacedWorker(all.clock.at))
    return all
  }

  it('an analyst decides', async () => {
    const { signedIn } = withPage()
    const answer = await (await signedIn('analyst', 'ann')).post(PATH, benign)
    const { state, verdict } = (await answer.json()) as CaseView
    assert.deepEqual([answer.status, state, verdict?.by, verdict?.reason], [200, 'closed', 'ann', benign.reason])
  })
  it('a viewer does not, nor does nobody', async () => {
    const { signedIn, browser } = withPage()
    assert.equal((await (await signedIn('viewer')).post(PATH, benign)).status, 403)
    assert.equal((await browser().post(PATH, benign)).status, 401)
  })

  const refused: { what: string; body: unknown; where: string }[] = [
    { what: 'no such verdict', body: { ...benign, verdict: 'guilty' }, where: 'body.verdict' },
    { what: 'no reason', body: { ...benign, reason: '  ' }, where: 'body.reason' },
    { what: 'a reason without end', body: { ...benign, reason: 'x'.repeat(2_001) }, where: 'body.reason' },
    { what: 'something more', body: { ...benign, by: 'somebody else' }, where: 'body' },
  ]
  for (const { what, body, where } of refused)
    it(`refused: ${what}`, async () => {
      const { signedIn } = withPage()
      const answer = await (await signedIn('analyst')).post(PATH, body)
      const error = (await answer.json()) as { where: string }
      assert.deepEqual([answer.status, error.where], [400, where])
    })

  it('about nobody', async () => {
    const { signedIn } = withPage()
    assert.equal((await (await signedIn('admin')).post('/api/v1/workers/nobody/verdict', benign)).status, 404)
  })

  it('clusters are read by whoever is signed in', async () => {
    const { desk, signedIn, browser } = withPage()
    desk.groups.push(farm())
    const answer = (await (await (await signedIn('viewer')).get('/api/v1/clusters')).json()) as ClusterView[]
    assert.deepEqual(answer, desk.groups)
    assert.equal((await browser().get('/api/v1/clusters')).status, 401)
  })
})
