import assert from 'node:assert/strict'
import { type Heartbeat, heartbeat } from '../../../agent/uplink/heartbeat.ts'
import { until } from '../laptop.ts'

describe('agent/uplink/heartbeat', () => {
  let beat: Heartbeat
  let pings: number[]
  let silent: string[]
  let waitedMs = 0
  afterEach(() => beat.stop())
  function start(onPing: (n: number) => void = () => {}): void {
    pings = []
    silent = []
    beat = heartbeat({
      everyMs: 2,
      ackMs: 100,
      ping: (n) => {
        pings.push(n)
        onPing(n)
      },
      waitedMs: () => waitedMs,
      onSilent: (what) => silent.push(what),
    })
  }

  it('continues while every ping is answered', async () => {
    waitedMs = 0
    start((n) => beat.pong(n))
    await until(() => pings.length >= 10, 'ten pings')
    assert.deepEqual([silent, pings.slice(0, 3)], [[], [1, 2, 3]])
  })

  for (const { name, answer } of [
    { name: 'no answer', answer: () => {} },
    { name: 'answers to older pings', answer: (n: number) => beat.pong(n - 1) },
  ])
    it(`ends after two pings with ${name}`, async () => {
      waitedMs = 0
      start(answer)
      await until(() => silent.length > 0, 'silent')
      assert.deepEqual([silent, pings], [['two pings'], [1, 2]])
    })

  it('ends when an ack is too late, even if pings are answered', async () => {
    waitedMs = 101
    start((n) => beat.pong(n))
    await until(() => silent.length > 0, 'silent')
    assert.deepEqual([silent, pings], [['no acknowledgement'], []])
  })
})
