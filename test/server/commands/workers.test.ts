/** `tellwire workers` and `findings`: the same as the console's API, with and without a running server. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { signed } from '../../../server/model/points.ts'
import type { FindingView, QueuePage, WorkerPage } from '../../../server/views/schema.ts'
import { type ServerChild, startServer } from '../../bench/children.ts'
import { fourStories } from '../../scenarios/four-stories.ts'
import { tellwire } from './process.ts'

describe('tellwire workers and findings', function () {
  this.timeout(180_000)
  let root: string
  let server: ServerChild | null = null
  let rows: QueuePage['rows']
  const pages = new Map<string, WorkerPage>()
  const findings = new Map<string, FindingView[]>()
  const folder = () => join(root, 'data')

  before(async () => {
    root = mkdtempSync(join(tmpdir(), 'tellwire-workers-'))
    const file = join(root, 'stories.ndjson')
    writeFileSync(
      file,
      fourStories()
        .map((it) => `${JSON.stringify(it)}\n`)
        .join(''),
    )
    const { code, err } = await tellwire(['import', file, '--data-folder', folder()])
    assert.equal(code, 0, err)
    server = await startServer(folder())
    rows = (await server.get<QueuePage>('/workers')).rows
    for (const { worker } of rows) {
      pages.set(worker, await server.get<WorkerPage>(`/workers/${worker}`))
      findings.set(worker, await server.get<FindingView[]>(`/workers/${worker}/findings`))
    }
  })
  after(async () => {
    await server?.stop()
    rmSync(root, { recursive: true, force: true })
  })

  async function lines(args: readonly string[]): Promise<Record<string, unknown>[]> {
    const { code, out, err } = await tellwire([...args, '--json', '--data-folder', folder()])
    assert.equal(code, 0, err)
    return out
      .split('\n')
      .filter(Boolean)
      .map((it) => JSON.parse(it))
  }

  for (const state of ['beside a running server', 'without a server'] as const)
    describe(state, () => {
      before(async () => {
        if (state === 'without a server') await server?.stop()
        if (state === 'without a server') server = null
      })

      it('prints the rows of the queue, in its order, with the parts of the page', async () => {
        const expected = rows.map(({ online: _, ...row }) => ({
          ...row,
          parts: pages.get(row.worker)!.assessment.parts,
          sources: pages.get(row.worker)!.sources,
        }))
        assert.ok(expected.some((it) => it.band === 'critical'))
        assert.deepEqual(await lines(['workers', '--band', 'none']), expected)
      })

      it('prints the findings of a worker as the API answers them', async () => {
        const { worker } = rows[0]!
        const expected = findings.get(worker)!.map((it) => ({ worker, ...it }))
        assert.ok(expected.length > 0)
        assert.deepEqual(await lines(['findings', '--worker', worker]), expected)
      })

      it('prints all findings', async () => {
        const ids = [...findings.values()].flatMap((it) => it.map(({ id }) => id))
        assert.deepEqual((await lines(['findings'])).map((it) => it.id).sort(), ids.sort())
      })
    })

  it('prints one row a worker and their parts as text, from a band on', async () => {
    const { code, out } = await tellwire(['workers', '--band', 'critical', '--data-folder', folder()])
    assert.equal(code, 0)
    const critical = rows.filter((it) => it.band === 'critical')
    for (const { worker, points, reason } of critical) {
      assert.match(out, new RegExp(`^critical +\\+${points}  ${worker} .*${reason.slice(0, 20)}`, 'm'))
      for (const part of pages.get(worker)!.assessment.parts)
        assert.ok(out.includes(`${signed(part.points)}  ${part.label}`), part.label)
    }
    assert.match(out, new RegExp(`^${critical.length} of ${rows.length} workers; --band none shows all$`, 'm'))
  })

  it('prints who has no evidence without points', async () => {
    const { out } = await tellwire(['workers', '--band', 'none', '--data-folder', folder()])
    const none = rows.filter((it) => it.band === 'none')
    assert.ok(none.length > 0)
    for (const { worker } of none) assert.match(out, new RegExp(`^none +–  ${worker}`, 'm'))
  })

  const refused = [
    [['workers', '--band', 'mid'], 2, /--band mid: .*Choose one of none, low/],
    [['findings', '--worker', 'nobody'], 1, /nobody: The requested item does not exist\./],
  ] as const
  for (const [args, exit, message] of refused)
    it(`refuses ${args.join(' ')}`, async () => {
      const { code, err } = await tellwire([...args, '--data-folder', folder()])
      assert.equal(code, exit)
      assert.match(err, message)
    })

  it('makes no folder where there is none', async () => {
    const { code, err } = await tellwire(['workers', '--data-folder', join(root, 'typo')])
    assert.equal(code, 1)
    assert.match(err, /\[store\.missing\]\n$/)
  })
})
