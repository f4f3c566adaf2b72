/** An agent that is killed, as somebody would do to stop the collection. `waking.test.ts` pauses one. */
import assert from 'node:assert/strict'
import { needsLinux } from '../agent/needs-linux.ts'
import { until } from '../bench/children.ts'
import { type Fleet, fleet } from './fleet.ts'

describe('real runs: the agent', function () {
  this.timeout(120_000)
  let here: Fleet

  before(async function () {
    needsLinux(this)
    here = await fleet()
  })

  it('reports after its restart that it was killed', async () => {
    process.kill(here.first.pid, 'SIGKILL')
    here.startAgain()
    const finding = await until(
      async () => (await here.page('killed')).findings.find((it) => /kill/i.test(it.title)) ?? null,
      30_000,
      () => 'the kill caused no finding',
    )
    assert.equal(finding.family, 'tampering')
  })
})
