import assert from 'node:assert/strict'
import { Config } from '../../../server/config.ts'
import { followConfig } from '../../../server/jobs/follow-config.ts'
import { QUIET } from '../ingest/raw-agent.ts'

describe('follow configuration', () => {
  it('applies an edit once, and again after it failed, for example on a full disk', async () => {
    let read = configOf(90)
    let fails = false
    const applied: number[] = []
    const job = followConfig({
      config: read,
      load: () => read,
      async changed({ retentionDays }) {
        applied.push(retentionDays)
        if (fails) throw new Error('the disk is full')
      },
      log: QUIET,
    })
    const run = async () => {
      const outcome = await job.run(new AbortController().signal).then(
        () => 'applied',
        () => 'failed',
      )
      return [outcome, ...applied.splice(0)]
    }
    assert.deepEqual(await run(), ['applied'])
    read = configOf(30)
    fails = true
    assert.deepEqual(await run(), ['failed', 30])
    assert.deepEqual(await run(), ['failed', 30])
    fails = false
    assert.deepEqual(await run(), ['applied', 30])
    assert.deepEqual(await run(), ['applied'])
    read = configOf(30)
    assert.deepEqual(await run(), ['applied'])
  })

  it('an edit that is undone before it could be applied is not applied', async () => {
    let read = configOf(90)
    const applied: number[] = []
    const job = followConfig({
      config: read,
      load: () => read,
      async changed({ retentionDays }) {
        applied.push(retentionDays)
        if (retentionDays === 30) throw new Error('the disk is full')
      },
      log: QUIET,
    })
    const run = () => job.run(new AbortController().signal).catch(() => {})
    read = configOf(30)
    await run()
    read = configOf(90)
    await run()
    await run()
    // Part of the failed one may be in use, so the one before it is applied again, once.
    assert.deepEqual(applied, [30, 90])
  })
})

function configOf(retentionDays: number) {
  return { ...Config.parse({ dataFolder: '/data', retentionDays }), feedsFolder: '/data/feeds' }
}
