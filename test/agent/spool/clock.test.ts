/** The age of events in the spool does not depend on the wall clock. */
import assert from 'node:assert/strict'
import { SpoolClock } from '../../../agent/spool/clock.ts'
import type { Spool } from '../../../agent/spool/spool.ts'
import { DAY, HOUR } from '../../../wire/time.ts'
import { connectionTo, gapsIn, leaseAll, NOW, openSpool, removeFolder, temporaryFolder } from '../laptop.ts'

const EVENTS = 1_000

describe('agent/spool/clock', () => {
  for (const { name, readings, passed } of [
    { name: 'time since boot, including sleep', readings: [1_000, 5_000, 60_000], passed: [0, 4_000, 59_000] },
    { name: 'only the time since boot after a reboot', readings: [50_000, 2_000, 3_000], passed: [0, 2_000, 3_000] },
    { name: 'whole, positive milliseconds', readings: [0.4, 7.9, -3], passed: [0, 7, 7] },
  ])
    it(`counts ${name}`, () => {
      let at = 0
      const clock = new SpoolClock(() => readings[at]!, null, NOW)
      const seen = readings.map((_, index) => {
        at = index
        return clock.tick() - NOW
      })
      assert.deepEqual(seen, passed)
    })
})

describe('agent/spool/spool: age', () => {
  let folder = ''
  let wall = NOW
  let up = HOUR
  let spool: Spool
  beforeEach(() => {
    folder = temporaryFolder()
    wall = NOW
    up = HOUR
    open()
  })
  afterEach(async () => {
    await spool.close()
    removeFolder(folder)
  })

  function open(): void {
    spool = openSpool(folder, { now: () => wall, booted: () => up, maxAgeMs: 14 * DAY })
  }
  async function restart(upNow = up): Promise<void> {
    await spool.close()
    up = upNow
    open()
    await spool.flush()
  }
  async function append(events: number): Promise<void> {
    for (let n = 0; n < events; n++) spool.append(connectionTo(n % 65_536))
    await spool.flush()
  }
  async function pass(ms: number): Promise<void> {
    up += ms
    wall += ms
    await append(1)
    await append(1)
  }
  const kept = () => leaseAll(spool).filter((it) => it.category === 'network_connection').length

  for (const { name, happens } of [
    {
      name: 'set 15 days ahead for a moment',
      happens: async () => {
        wall += 15 * DAY
        await append(1)
        wall -= 15 * DAY
        await append(1)
      },
    },
    {
      name: 'ahead across a restart of the agent',
      happens: async () => {
        wall += 15 * DAY
        await restart()
        await append(1)
        wall -= 15 * DAY
        await restart()
      },
    },
    {
      name: 'ahead across a reboot',
      happens: async () => {
        wall += 400 * DAY
        await restart(20_000)
        await append(1)
        wall -= 400 * DAY
        await pass(HOUR)
      },
    },
    {
      name: 'set back by a year, and then corrected',
      happens: async () => {
        wall -= 365 * DAY
        await append(1)
        await restart()
        wall += 365 * DAY
        await append(1)
      },
    },
    {
      name: 'at 1970 after an empty battery, and then corrected',
      happens: async () => {
        const correct = wall
        wall = 0
        await restart(5_000)
        await append(1)
        wall = correct + DAY
        await append(1)
      },
    },
    {
      name: 'right, with the laptop switched off for a month',
      happens: async () => {
        wall += 30 * DAY
        await restart(9_000)
      },
    },
  ])
    it(`a clock that is ${name} drops no event`, async () => {
      await append(EVENTS)
      await happens()
      await pass(HOUR)
      assert.deepEqual(spool.dropped, {})
      assert.ok(kept() >= EVENTS)
    })

  it('a spool that was created while the clock was ahead ages normally', async () => {
    await spool.close()
    removeFolder(folder)
    wall += 90 * DAY
    open()
    await append(EVENTS)
    wall -= 90 * DAY
    await pass(13 * DAY)
    assert.deepEqual(spool.dropped, {})
    await pass(2 * DAY)
    assert.deepEqual(spool.dropped, { network_connection: EVENTS })
  })

  for (const { name, happens } of [
    { name: 'in one run', happens: () => pass(15 * DAY) },
    {
      name: 'with restarts of the agent in between',
      happens: async () => {
        for (let n = 0; n < 5; n++) {
          await pass(2 * DAY)
          await spool.close()
          up += DAY // while no agent runs
          open()
        }
      },
    },
    {
      name: 'with reboots in between',
      happens: async () => {
        for (let n = 0; n < 4; n++) {
          await pass(4 * DAY)
          await restart(30_000)
        }
      },
    },
    {
      name: 'with a wall clock that stands still',
      happens: async () => {
        up += 15 * DAY
        await append(1)
        await append(1)
      },
    },
  ])
    it(`drops and counts what has waited for 15 days, ${name}`, async () => {
      await append(EVENTS)
      await happens()
      await append(1)
      await append(1)
      const remaining = leaseAll(spool)
      assert.ok(remaining[0]!.seq! > EVENTS, `number ${remaining[0]!.seq} is still there`)
      const counted = gapsIn(remaining).reduce((sum, { Count }) => sum + Count!, 0)
      assert.ok(counted >= EVENTS, `${counted} were counted`)
    })
})
