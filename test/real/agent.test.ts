/** The real agent at a real server, killed as somebody would who wants it blind. See `waking.test.ts` for the pause. */
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

  it('killed, it says so when it is back', async () => {
    process.kill(here.first.pid, 'SIGKILL')
    here.startAgain()
    const finding = await until(
      async () => (await here.page('killed')).findings.find((it) => /kill/i.test(it.title)) ?? null,
      30_000,
      () => 'the kill raised nothing',
    )
    assert.equal(finding.family, 'tampering')
  })
})
