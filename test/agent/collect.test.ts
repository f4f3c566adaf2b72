import assert from 'node:assert/strict'
import { type Collector, gap, lossGap, pump } from '../../agent/collect.ts'
import type { Observation, ObservationOf } from '../../wire/event.ts'
import { type FakeHost, fakeHost, policy } from './fake-host.ts'
import { connectionTo } from './laptop.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR

/** What the pump keeps of what a collector yields; `looks[i]` happens, and is yielded, a second after the one before. */
async function pumped(looks: readonly ((host: FakeHost) => Observation[])[]): Promise<Observation[]> {
  const host = fakeHost({})
  const stop = new AbortController()
  const kept: Observation[] = []
  const collector: Collector = {
    name: 'test',
    categories: ['network_connection', 'listening_socket'],
    async *run() {
      for (const look of looks) {
        yield* look(host)
        await host.sleep(1_000, stop.signal)
      }
      stop.abort()
    },
  }
  await pump(collector, host, policy, (it) => void kept.push(it), stop.signal)
  return kept
}
const gaps = (kept: readonly Observation[]) =>
  kept.filter((it): it is ObservationOf<'collection_gap'> => it.category === 'collection_gap')
const denied = (host: FakeHost) => [gap({ time: host.now(), collector: 'test' }, '/proc/net/tcp', 'denied')]

describe('agent/collect', () => {
  it('a gap with the same words is reported once an hour', async () => {
    const later = (host: FakeHost) => {
      host.clock += HOUR
      return denied(host)
    }
    assert.equal(gaps(await pumped([denied, denied, denied, later, denied])).length, 2)
  })

  it('losses are added up, and reported once an hour or when the collector ends', async () => {
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

  it('losses about ever new things are not forgotten for their number', async () => {
    const look = (host: FakeHost) =>
      Array.from({ length: 1_500 }, (_, n) => lossGap({ time: host.now(), collector: 'test' }, `log ${n}`, 'bytes', 1))
    const kept = gaps(await pumped([look, look]))
    assert.equal(
      kept.reduce((sum, { Count }) => sum + Count!, 0),
      3_000,
    )
  })

  for (const [name, days] of [
    ['ahead', 15],
    ['back', -15],
  ] as const)
    it(`a clock that was ${name} for a moment silences no gap`, async () => {
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

  it('gaps and what is switched on pass; a gap that names no category is one of all the collector has', async () => {
    const kept = await pumped([(host) => [connectionTo(1), ...denied(host)]])
    assert.deepEqual(
      kept.map((it) => (it.category === 'collection_gap' ? it.Categories : it.category)),
      ['network_connection', ['network_connection', 'listening_socket']],
    )
  })
})
