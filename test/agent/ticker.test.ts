import assert from 'node:assert/strict'
import { type LostTime, ticker } from '../../agent/ticker.ts'
import { HOUR } from '../../wire/time.ts'

describe('agent/ticker', () => {
  let awake = 0
  let booted = 0
  let stop = () => {}
  const clocks = { wall: () => 0, awake: () => awake, booted: () => booted }
  afterEach(() => stop())
  function start(everyMs: number, run: () => void | Promise<void>) {
    awake = booted = 0
    const lost: LostTime[] = []
    const ticks = ticker([{ everyMs, firstMs: everyMs, run }], (it) => lost.push(it), clocks)
    stop = ticks.stop
    const pass = (ms: number, asleepMs = 0) => {
      awake += ms
      booted += ms + asleepMs
      ticks.tick()
    }
    return { lost, pass }
  }

  it('runs a due job, and only once however often it was missed', async () => {
    let runs = 0
    const { pass } = start(10_000, () => void runs++)
    for (let second = 1; second <= 25; second++) {
      pass(1_000)
      await Promise.resolve()
      await new Promise(setImmediate)
    }
    assert.equal(runs, 2)
    pass(29_000)
    assert.equal(runs, 3)
  })

  it('never runs a job while it is still running', async () => {
    let running = 0
    let finish = () => {}
    const { pass } = start(1_000, () => {
      running++
      return new Promise((resolve) => (finish = resolve))
    })
    pass(1_000)
    pass(1_000)
    assert.equal(running, 1)
    finish()
    await new Promise(setImmediate)
    pass(1_000)
    assert.equal(running, 2)
  })

  it('distinguishes sleep, a freeze and an ordinary tick', () => {
    const { lost, pass } = start(1_000, () => {})
    pass(1_000)
    pass(3_000, 2_000)
    assert.deepEqual(lost, [])
    pass(1_000, HOUR)
    pass(40_000)
    assert.deepEqual(lost, [
      { kind: 'asleep', ms: HOUR },
      { kind: 'frozen', ms: 40_000 },
    ])
  })
})
