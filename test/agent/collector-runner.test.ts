import assert from 'node:assert/strict'
import type { Collector } from '../../agent/collect.ts'
import { collectorRunner } from '../../agent/collector-runner.ts'
import type { Policy } from '../../wire/messages.ts'
import { fakeHost, policy } from './fake-host.ts'
import { connectionTo, until } from './laptop.ts'

describe('agent/collector-runner', () => {
  /** What the collectors asked for, in ms of the laptop's time; each looks once. */
  async function pauses(asked: Partial<Policy>, categories: Collector['categories']): Promise<number[]> {
    const slept: number[] = []
    const host = { ...fakeHost({}), sleep: async (ms: number) => void slept.push(ms) }
    const collector: Collector = {
      name: 'test',
      categories,
      async *run(host, _policy, signal) {
        yield connectionTo(443)
        await host.sleep(1_000, signal)
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
      },
    }
    const runner = collectorRunner([collector], { held: () => null, hostOf: () => host, ended: () => {} }, () => {})
    runner.apply({ ...policy, ...asked })
    await until(() => slept.length > 0, 'the first pause')
    await runner.stop(1_000)
    return slept
  }

  const cases: { name: string; asked: Partial<Policy>; categories: Collector['categories']; pause: number }[] = [
    { name: 'as it is made', asked: {}, categories: ['software'], pause: 1_000 },
    { name: 'as the policy asks', asked: { slower: { software: 4 } }, categories: ['software'], pause: 4_000 },
    {
      name: 'no slower than its most urgent category',
      asked: { slower: { software: 4 } },
      categories: ['software', 'usb_device'],
      pause: 1_000,
    },
    {
      name: 'as if a category that is off were not there',
      asked: { slower: { software: 4 }, off: ['usb_device'] },
      categories: ['software', 'usb_device'],
      pause: 4_000,
    },
  ]
  for (const { name, asked, categories, pause } of cases)
    it(`a collector pauses ${name}`, async () => assert.deepEqual(await pauses(asked, categories), [pause]))

  it('names a collector that fails again and again, until it says something', async () => {
    let isBroken = true
    let looks = 0
    const host = { ...fakeHost({}), sleep: async () => void (await new Promise((resolve) => setTimeout(resolve, 1))) }
    const collector: Collector = {
      name: 'test',
      categories: ['software'],
      async *run(_host, _policy, signal) {
        looks++
        if (isBroken) throw new Error('no')
        yield connectionTo(443)
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
      },
    }
    const runner = collectorRunner([collector], { held: () => null, hostOf: () => host, ended: () => {} }, () => {})
    assert.deepEqual(runner.failing(), [])
    runner.apply(policy)
    await until(() => looks >= 3, 'three tries')
    assert.deepEqual(runner.failing(), ['test'])
    isBroken = false
    await until(() => runner.failing().length === 0, 'it works')
    await runner.stop(1_000)
    assert.deepEqual(runner.failing(), [])
  })
})
