import assert from 'node:assert/strict'
import { type Collector, gap, lossGap, pump } from '../../agent/collect.ts'
import type { Observation, ObservationOf } from '../../wire/event.ts'
import { DAY, HOUR } from '../../wire/time.ts'
import { type FakeHost, fakeHost, policy } from './fake-host.ts'
import { connectionTo } from './laptop.ts'

/** What the pump emits for a collector that yields the result of each of `polls`, a second apart. */
async function pumped(polls: readonly ((host: FakeHost) => Observation[])[]): Promise<Observation[]> {
  const host = fakeHost({})
  const stop = new AbortController()
  const emitted: Observation[] = []
  const collector: Collector = {
    name: 'test',
    categories: ['network_connection', 'listening_socket'],
    async *run() {
      for (const poll of polls) {
        yield* poll(host)
        await host.sleep(1_000, stop.signal)
      }
      stop.abort()
    },
  }
  await pump(collector, host, policy, (it) => void emitted.push(it), stop.signal)
  return emitted
}
const gaps = (emitted: readonly Observation[]) =>
  emitted.filter((it): it is ObservationOf<'collection_gap'> => it.category === 'collection_gap')
const denied = (host: FakeHost) => [gap({ time: host.now(), collector: 'test' }, '/proc/net/tcp', 'denied')]

describe('agent/collect', () => {
  it('reports a gap with the same subject and reason once an hour', async () => {
    const later = (host: FakeHost) => {
      host.clock += HOUR
      return denied(host)
    }
    assert.equal(gaps(await pumped([denied, denied, denied, later, denied])).length, 2)
  })

  it('adds up losses, and reports them once an hour and when the collector ends', async () => {
    const missed = (count: number) => (host: FakeHost) => [
      lossGap({ time: host.now(), collector: 'test' }, 'network_connection', 'too many at once', count),
    ]
    const later = (host: FakeHost) => {
      host.clock += HOUR
      return [connectionTo(1)]
    }
    const kept = gaps(await pumped([missed(5), missed(10), missed(20), later, missed(100), missed(200)]))
    assert.deepEqual(
      kept.map(({ About, Reason, Count, Categories }) => [About, Reason, Count, Categories.join()]),
      [5, 30, 300].map((count) => ['network_connection', 'overflow', count, 'network_connection']),
    )
  })

  it('reports all losses even if their subjects are always new', async () => {
    const poll = (host: FakeHost) =>
      Array.from({ length: 1_500 }, (_, n) => lossGap({ time: host.now(), collector: 'test' }, `log ${n}`, 'bytes', 1))
    const kept = gaps(await pumped([poll, poll]))
    assert.equal(
      kept.reduce((sum, { Count }) => sum + Count!, 0),
      3_000,
    )
  })

  for (const [name, days] of [
    ['ahead', 15],
    ['behind', -15],
  ] as const)
    it(`a clock that was ${name} for a moment suppresses no gap`, async () => {
      const jumped = (host: FakeHost) => {
        host.setClock(days * DAY)
        return denied(host)
      }
      const right = (host: FakeHost) => {
        host.setClock(-days * DAY)
        host.clock += HOUR
        return denied(host)
      }
      assert.equal(gaps(await pumped([jumped, right])).length, 2)
    })

  it('emits gaps and categories that are on; a gap without categories gets those of the collector', async () => {
    const kept = await pumped([(host) => [connectionTo(1), ...denied(host)]])
    assert.deepEqual(
      kept.map((it) => (it.category === 'collection_gap' ? it.Categories : it.category)),
      ['network_connection', ['network_connection', 'listening_socket']],
    )
  })
})
