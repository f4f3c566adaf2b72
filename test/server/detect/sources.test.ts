import assert from 'node:assert/strict'
import { Sources } from '../../../server/detect/sources.ts'
import { FeedEvent } from '../../../wire/events/feeds.ts'
import { completeFeedEvent } from '../../../wire/feed-line.ts'
import { HOUR, login, T0 } from '../events.ts'

/** What is saved about the worker w1. */
function seen(...lines: { event: FeedEvent; time: number }[]): unknown {
  const sources = new Sources()
  for (const { event, time } of lines) sources.take('w1', event, time)
  return new Map(sources.kept.seen.all()).get('w1')
}
const hr = (collector: string) => ({
  time: T0,
  event: FeedEvent.parse(
    completeFeedEvent(
      { category: 'contract_event', Action: 'ending' },
      { worker: 'w1', time: T0, collector, id: null, country: null },
    ),
  ),
})

describe('the sources of evidence about a worker', () => {
  it('are kept to the hour, the latest', () => {
    const [early, late] = [login('w1', T0 + HOUR / 2), login('w1', T0 + 3 * HOUR)]
    assert.deepEqual(seen(late, early), { identity_provider: T0 + 3 * HOUR })
  })
  it('count what HR sends, and not what the roster implies', () => {
    assert.deepEqual(seen(hr('feed:workday')), { hr: T0 })
    assert.equal(seen(hr('roster')), undefined)
  })
  it('are written once an hour', () => {
    const sources = new Sources()
    const take = (minutes: number) => sources.take('w1', login('w1', T0).event, T0 + minutes * 60_000)
    take(0)
    assert.equal([...sources.kept.seen.changed()].length, 1)
    take(30)
    assert.equal([...sources.kept.seen.changed()].length, 0)
    take(61)
    assert.equal([...sources.kept.seen.changed()].length, 1)
  })
})
