import assert from 'node:assert/strict'
import { Looks, pacedHost, pacer, STEADY } from '../../../agent/supervisor/looks.ts'
import { fakeHost } from '../fake-host.ts'

describe('agent/supervisor/looks', () => {
  const gauges = { cpu: 0, resident: 0, threadCpuMs: () => gauges.cpu, residentBytes: () => gauges.resident }
  beforeEach(() => Object.assign(gauges, { cpu: 0, resident: 1_000 }))

  it('splits CPU among those that look at the same time, and gives nobody what is spent between looks', () => {
    const looks = new Looks(gauges)
    gauges.cpu = 5 // nobody's
    looks.begin('a')
    gauges.cpu = 15
    looks.begin('b')
    gauges.cpu = 35
    assert.equal(looks.end('a'), 20)
    gauges.cpu = 36
    assert.equal(looks.end('b'), 11)
    gauges.cpu = 90
    assert.deepEqual(Object.fromEntries(looks.take()), {
      a: { cpuMs: 20, grownBytes: 0 },
      b: { cpuMs: 11, grownBytes: 0 },
    })
    assert.equal(looks.take().size, 0)
  })

  it('a look that waits for the reading thread is charged what that one spends', () => {
    const looks = new Looks(gauges)
    looks.begin('a')
    looks.pause('a')
    gauges.cpu = 50 // somebody else's
    looks.resume('a', 3)
    gauges.cpu = 54
    assert.equal(looks.end('a'), 7)
  })

  it('counts how much memory grew during a look, and names who is at work', () => {
    const told: string[] = []
    const looks = new Looks(gauges, (names) => told.push(names.join('+')))
    looks.begin('a')
    looks.begin('b')
    gauges.resident += 500
    looks.end('a')
    gauges.resident -= 900
    looks.end('b')
    const grown = [...looks.take()].map(([name, { grownBytes }]) => `${name} ${grownBytes}`)
    assert.deepEqual(grown, ['a 500', 'b 0'])
    assert.deepEqual(told, ['a', 'a+b', 'b', ''])
    assert.equal(looks.end('never begun'), 0)
  })

  for (const { name, costs, factors } of [
    { name: 'the first look reads everything', costs: [900, 1, 1], factors: [1, 1, 1] },
    { name: 'one per cent is allowed', costs: [0, 20, 20], factors: [1, 1, 1] },
    { name: 'more doubles it, until it fits', costs: [0, 70, 70, 70, 70], factors: [1, 2, 4, 4, 4] },
    { name: 'and not for ever', costs: [0, 9e5, 9e5, 9e5, 9e5, 9e5, 9e5], factors: [1, 2, 4, 8, 16, 16, 16] },
    { name: 'cheap looks bring it back', costs: [0, 21, 0, 0, 0, 0, 0], factors: [1, 2, 2, 2, 1, 1, 1] },
  ])
    it(`pauses of 2 s: ${name}`, () => {
      const pace = pacer()
      const found = costs.map((cost) => pace.next(2_000, cost))
      assert.deepEqual(found, factors)
    })

  it('one that paces itself pauses as it asks, and is charged all the same', async () => {
    const host = fakeHost({})
    const looks = new Looks(gauges)
    const paced = pacedHost(host, looks, 'a', () => assert.fail('told'), STEADY)
    for (const cost of [900, 900, 900]) {
      gauges.cpu += cost
      const before = host.clock
      await paced.sleep(2_000, new AbortController().signal)
      assert.equal(host.clock - before, 2_000)
    }
    assert.equal(looks.take().get('a')?.cpuMs, 2_700)
  })

  it('a collector pauses for longer, and that is told', async () => {
    const host = fakeHost({})
    const told: number[][] = []
    const paced = pacedHost(host, new Looks(gauges), 'a', (...it) => told.push(it))
    const signal = new AbortController().signal
    const slept: number[] = []
    for (const cost of [900, 50, 50, 50]) {
      gauges.cpu += cost
      const before = host.clock
      await paced.sleep(2_000, signal)
      slept.push(host.clock - before)
    }
    assert.deepEqual(slept, [2_000, 4_000, 8_000, 8_000])
    assert.deepEqual(told, [
      [2_000, 4_000, 50],
      [2_000, 8_000, 50],
    ])
  })
})
