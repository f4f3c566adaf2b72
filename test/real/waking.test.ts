/** The agent that was paused before the other real runs began says, when it goes on, how long it saw nothing. */
import assert from 'node:assert/strict'
import { needsLinux } from '../agent/needs-linux.ts'
import { until } from '../bench/children.ts'
import { type Fleet, fleet, type Line } from './fleet.ts'

/** From half a minute on; less is a busy machine. */
const PAUSE_MS = 31_000

describe('real runs: waking', function () {
  this.timeout(90_000)
  let here: Fleet

  before(async function () {
    needsLinux(this)
    here = await fleet()
  })

  it('paused, it says so when it goes on', async () => {
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
