/** The reading routes: their responses match the described schemas, and large lists are read by their changes. */
import assert from 'node:assert/strict'
import * as z from 'zod'
import { ClusterView, FindingView, Laptop, LaptopPage, QueuePage, WorkerPage } from '../../../server/views/schema.ts'
import { CATEGORIES } from '../../../wire/event.ts'
import { finding } from '../assess/finding.ts'
import { contract, holding } from '../events.ts'
import { harness } from './harness.ts'

async function office() {
  const all = await harness()
  const { stage } = all
  await stage.enroll('d1')
  await stage.records(contract('w1', { name: 'Ada' }), holding('d1', 'w1'), contract('w2'), contract('w3'))
  stage.find(finding())
  await stage.judge()
  return { ...all, person: await all.signedIn('viewer') }
}

describe('server/api: views', () => {
  it('each response matches its schema', async () => {
    const { person } = await office()
    const answers: [path: string, schema: z.ZodType][] = [
      ['/workers', QueuePage],
      ['/workers/w1', WorkerPage],
      ['/workers/w1/findings', z.array(FindingView)],
      ['/laptops', LaptopPage],
      ['/laptops/d1', Laptop],
      ['/clusters', z.array(ClusterView)],
    ]
    for (const [path, schema] of answers) {
      const answer = await person.read(`/api/v1${path}`)
      assert.deepEqual(schema.parse(answer), answer, path)
    }
  })

  it('the queue: first rows, then changes', async () => {
    const { person, stage } = await office()
    const ask = (query: string) => person.read<QueuePage>(`/api/v1/workers${query}`)
    const head = await ask('?limit=1')
    assert.deepEqual([head.rows.map((it) => it.worker), head.reset, head.more], [['w1'], true, true])
    const all = await ask(`?since=${head.revision}`)
    assert.deepEqual([all.rows.length, all.more], [3, false])
    assert.deepEqual(await ask(`?since=${all.revision}`), {
      ...{ revision: all.revision, reset: false, rows: [], gone: [], more: false },
    })
    stage.find(finding({ worker: 'w2' }))
    await stage.judge()
    const changed = await ask(`?since=${all.revision}`)
    assert.deepEqual(
      changed.rows.map((it) => [it.worker, it.band]),
      [['w2', 'medium']],
    )
    assert.equal((await ask('?since=7')).reset, true)
  })

  it('laptops in pages', async () => {
    const { person, stage } = await office()
    for (const device of ['d2', 'd3']) {
      await stage.enroll(device)
      await stage.records(holding(device, 'w2'))
    }
    const first = await person.read<LaptopPage>('/api/v1/laptops?limit=2')
    assert.deepEqual([first.laptops.map((it) => it.device), first.next], [['d1', 'd2'], 'd2'])
    const second = await person.read<LaptopPage>(`/api/v1/laptops?limit=2&after=${first.next}`)
    assert.deepEqual([second.laptops.map((it) => it.device), second.next], [['d3'], null])
    assert.equal((await person.get('/api/v1/laptops/d99')).status, 404)
  })

  const bad = [
    '/workers?since=x',
    '/workers?limit=0',
    '/workers?limit=5001',
    '/laptops?limit=1001',
    '/laptops?troubled=maybe',
    '/audit?limit=0',
  ]
  for (const path of bad)
    it(`${path}: 400`, async () => {
      const { signedIn } = await harness()
      assert.equal((await (await signedIn('admin')).get(`/api/v1${path}`)).status, 400)
    })

  it('the categories of the wire contract', async () => {
    const { person } = await office()
    const categories = await person.read<{ category: string }[]>('/api/v1/categories')
    assert.deepEqual(
      categories.map(({ category }) => category),
      Object.keys(CATEGORIES),
    )
  })
})
