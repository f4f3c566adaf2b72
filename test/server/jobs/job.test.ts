/** Periodic jobs: no overlap, independent of each other, and continued after a failure. */
import assert from 'node:assert/strict'
import { type Job, pauseAfter, runJobs } from '../../../server/jobs/job.ts'
import { until } from '../../bench/children.ts'

const WITHIN_MS = 10_000
const QUIET = { debug() {}, info() {}, warn() {}, error() {} }

describe('server/jobs', () => {
  let stop: () => Promise<void> = async () => {}
  afterEach(() => stop())

  const job = (name: string, run: Job['run']): Job => ({ name, when: 1, run })
  const times = (count: () => number, least: number) =>
    until(
      () => (count() >= least ? true : null),
      WITHIN_MS,
      () => `only ${count()} times`,
    )

  it('a slow job runs less often, unless it is slow because of its work', () => {
    const [when, tookMs] = [5_000, 19_000]
    assert.equal(pauseAfter({ when }, tookMs), 380_000)
    assert.equal(pauseAfter({ when }, 10), 5_000)
    assert.equal(pauseAfter({ when, keepsPace: true }, tookMs), 5_000)
  })

  it('a slow job does not delay others, and never overlaps itself', async () => {
    const long = Promise.withResolvers<void>()
    let [running, most, short] = [0, 0, 0]
    const slow = job('slow', async () => {
      most = Math.max(most, ++running)
      await long.promise
      running--
    })
    const quick = job('quick', async () => void short++)
    stop = runJobs([slow, quick], QUIET)
    await times(() => short, 5)
    assert.deepEqual([running, most], [1, 1])
    long.resolve()
  })

  it('a failing job is reported with its name, and runs again', async () => {
    const logged: unknown[] = []
    const log = { ...QUIET, error: (facts: object) => void logged.push(facts) }
    let [failed, other] = [0, 0]
    const failing = job('failing', async () => {
      failed++
      throw new Error('no')
    })
    stop = runJobs([failing, job('other', async () => void other++)], log)
    await times(() => failed, 3)
    await times(() => other, 3)
    assert.equal((logged[0] as { job: string }).job, 'failing')
  })

  it('stopping aborts running jobs and waits for them', async () => {
    const began = Promise.withResolvers<AbortSignal>()
    const ending = Promise.withResolvers<void>()
    let ended = false
    const run = async (signal: AbortSignal) => {
      began.resolve(signal)
      await ending.promise
      ended = true
    }
    const end = runJobs([job('slow', run)], QUIET)
    const signal = await began.promise
    const stopped = end()
    assert.deepEqual([signal.aborted, ended], [true, false])
    ending.resolve()
    await stopped
    assert.equal(ended, true)
  })
})
