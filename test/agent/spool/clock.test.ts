/** How old an event in the spool is, whatever happens to the clock that a user can set. */
import assert from 'node:assert/strict'
import { SpoolClock } from '../../../agent/spool/clock.ts'
import type { Spool } from '../../../agent/spool/spool.ts'
import { connectionTo, gapsIn, leaseAll, NOW, openSpool, removeFolder, temporaryFolder } from '../laptop.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const EVENTS = 1_000

describe('agent/spool/clock', () => {
  for (const { name, readings, passed } of [
    { name: 'time since boot, sleep included', readings: [1_000, 5_000, 60_000], passed: [0, 4_000, 59_000] },
    { name: 'a restart of the laptop: the time since', readings: [50_000, 2_000, 3_000], passed: [0, 2_000, 3_000] },
    { name: 'a reading that is no number of ms', readings: [0.4, 7.9, -3], passed: [0, 7, 7] },
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
      name: 'ahead across a restart of the laptop',
      happens: async () => {
        wall += 400 * DAY
        await restart(20_000)
        await append(1)
        wall -= 400 * DAY
        await pass(HOUR)
      },
    },
    {
      name: 'set back by a year, and then right again',
      happens: async () => {
        wall -= 365 * DAY
        await append(1)
        await restart()
        wall += 365 * DAY
        await append(1)
      },
    },
    {
      name: 'at 1970 after an empty battery, and then right again',
      happens: async () => {
        const right = wall
        wall = 0
        await restart(5_000)
        await append(1)
        wall = right + DAY
        await append(1)
      },
    },
    {
      name: 'right, and the laptop switched off for a month',
      happens: async () => {
        wall += 30 * DAY
        await restart(9_000)
      },
    },
  ])
    it(`a clock that is ${name} costs no event`, async () => {
      await append(EVENTS)
      await happens()
      await pass(HOUR)
      assert.deepEqual(spool.dropped, {})
      assert.ok(kept() >= EVENTS)
    })

  it('a spool that was made while the clock was ahead ages like any other', async () => {
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
    { name: 'at one stretch', happens: () => pass(15 * DAY) },
    {
      name: 'with restarts of the agent in between',
      happens: async () => {
        for (let n = 0; n < 5; n++) {
          await pass(2 * DAY)
          await spool.close()
          up += DAY // nobody looked
          open()
        }
      },
    },
    {
      name: 'with restarts of the laptop in between',
      happens: async () => {
        for (let n = 0; n < 4; n++) {
          await pass(4 * DAY)
          await restart(30_000)
        }
      },
    },
    {
      name: 'with the wall clock standing still',
      happens: async () => {
        up += 15 * DAY
        await append(1)
        await append(1)
      },
    },
  ])
    it(`what has waited for 15 days goes, ${name}, and is counted`, async () => {
      await append(EVENTS)
      await happens()
      await append(1)
      await append(1)
      const left = leaseAll(spool)
      assert.ok(left[0]!.seq! > EVENTS, `number ${left[0]!.seq} is still there`)
      const counted = gapsIn(left).reduce((sum, { Count }) => sum + Count!, 0)
      assert.ok(counted >= EVENTS, `${counted} were counted`)
    })
})
