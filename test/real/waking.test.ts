/**
 * An agent that was paused before the other real runs: when it continues, it reports how long nothing was collected.
 */
import assert from 'node:assert/strict'
import { needsLinux } from '../agent/needs-linux.ts'
import { until } from '../bench/children.ts'
import { type Fleet, fleet, type Line } from './fleet.ts'

/** The agent reports pauses above half a minute; shorter ones happen on a busy machine. */
const PAUSE_MS = 31_000

describe('real runs: waking', function () {
  this.timeout(180_000)
  let here: Fleet

  before(async function () {
    needsLinux(this)
    here = await fleet()
  })

  it('reports the pause when it continues', async () => {
    await here.wake(PAUSE_MS)
    const gap = await until(
      async () => (await here.recorded('paused')).find(isPause) ?? null,
      20_000,
      () => 'the pause left no gap',
    )
    const seconds = Number(/for (\d+) s/.exec(gap.event?.Detail ?? '')?.[1])
    assert.ok(seconds >= PAUSE_MS / 1_000 - 1, gap.event?.Detail)
  })
})

function isPause({ event }: Line): boolean {
  return event?.category === 'collection_gap' && event.About === 'agent' && event.Reason === 'stopped'
}
