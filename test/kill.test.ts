/**
 * kill -9 of the real agent and the real server under load, ten times each, and a server restored from an older copy of
 * its data: acknowledged events are stored once, and the findings are those of the log.
 * `npm run soak` does the same a thousand times, at random moments.
 */

import assert from 'node:assert/strict'
import { cpSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { until } from './bench/children.ts'
import { Rig } from './soak/rig.ts'
import { verify } from './soak/verify.ts'

const KILLS = 10

describe('kill -9', function () {
  // Only the deadline of a single step (test/soak/rig.ts) tells a hang from a slow machine.
  this.timeout(1_800_000)
  let rig: Rig

  before(async () => {
    rig = await Rig.open(join(import.meta.dirname, 'agent', 'agent-process.ts'))
    rig.startServer()
    await rig.enroll('w1')
    rig.startAgent()
  })

  after(() => rig.close())

  it('of the server loses no acknowledged event', async () => {
    for (let turn = 0; turn < KILLS; turn++) {
      await rig.progress(200)
      await rig.killServer()
      rig.startServer()
    }
    await rig.progress(200)
  })

  it('of the agent loses no acknowledged event, and reuses no number', async () => {
    for (let turn = 0; turn < KILLS; turn++) {
      await rig.progress(200)
      await rig.killAgent()
      rig.startAgent()
    }
    await rig.progress(200)
  })

  it('a restored server gets again the events acknowledged since the backup', async () => {
    const backup = join(rig.folder, 'backup')
    await rig.killServer()
    cpSync(rig.data, backup, { recursive: true })
    rig.startServer()
    await rig.progress(1_000)
    const { acked } = rig.progressOfAgent()
    await rig.killServer()
    rmSync(rig.data, { recursive: true })
    renameSync(backup, rig.data)
    rig.startServer()
    await until(
      () => (rig.progressOfAgent().acked >= acked + 200 ? true : null),
      180_000,
      () => `${rig.progressOfAgent().acked} acknowledged by the restored server, ${acked} before`,
    )
  })

  it('leaves every acknowledged number in the log once, without gaps, and the findings of that log', async () => {
    await rig.killAgent()
    const place = rig.progressOfAgent()
    await rig.killServer()
    assert.ok(place.acked > 2 * KILLS * 200, `only ${place.acked} acknowledged`)
    const { events } = await verify(rig.data, rig.rules, [place])
    assert.ok(events >= place.acked)
  })
})
