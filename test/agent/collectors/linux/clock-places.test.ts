import assert from 'node:assert/strict'
import { clockPlaces } from '../../../../agent/collectors/linux/clock-places.ts'
import { offsetMinutes, zoneInLink } from '../../../../agent/collectors/shared/zones.ts'
import type { Observation } from '../../../../wire/event.ts'
import { HOUR } from '../../../../wire/time.ts'
import { type FakeHost, fakeHost, link, put, START, watchPolls } from '../../fake-host.ts'

const BERLIN = '/usr/share/zoneinfo/Europe/Berlin'
const reported = (polls: Observation[][]) =>
  polls.map((poll) =>
    poll.map((it) =>
      it.category === 'clock_place'
        ? [it.TimeZone, it.UtcOffsetMinutes, it.KeyboardLayouts, it.ClockJumpMs]
        : it.category,
    ),
  )

/** The time since boot follows the wall clock, except for changes by `jump`. */
function laptop(paths: Record<string, ReturnType<typeof link> | string>): { host: FakeHost; jump(ms: number): void } {
  const host = fakeHost(paths)
  let moved = 0
  const readText = host.readText
  host.readText = async (path, maxBytes) =>
    path === '/proc/uptime' ? `${(host.clock - START - moved) / 1_000 + 500} 1.0\n` : readText(path, maxBytes)
  return {
    host,
    jump: (ms) => {
      host.clock += ms
      moved += ms
    },
  }
}

describe('agent/collectors/linux/clock-places', () => {
  it('reports the zone at first, when it changes, and when the clock was changed', async () => {
    const { host, jump } = laptop({ '/etc/localtime': link(BERLIN) })
    const polls = await watchPolls(clockPlaces, host, [
      () => {},
      () => jump(-7_200_000),
      () => jump(900),
      () => put(host.tree, '/etc/localtime', link('../usr/share/zoneinfo/Asia/Shanghai')),
    ])
    assert.deepEqual(reported(polls), [
      [['Europe/Berlin', 60, null, null]],
      [],
      [['Europe/Berlin', 60, null, -7_200_000]],
      [],
      [['Asia/Shanghai', 480, null, null]],
    ])
  })

  it('neither drift nor sleep is a jump', async () => {
    const { host, jump } = laptop({ '/etc/localtime': link(BERLIN) })
    const drift = () => jump(3_000)
    const sleep = () => {
      host.clock += 8 * HOUR
    }
    assert.deepEqual(
      reported(await watchPolls(clockPlaces, host, [drift, drift, drift, sleep]))
        .slice(1)
        .flat(),
      [],
    )
  })

  it('an interrupted poll reports no jump', async () => {
    const { host } = laptop({ '/etc/localtime': link(BERLIN) })
    const readText = host.readText
    const polls = await watchPolls(clockPlaces, host, [
      () => {
        host.readText = async (path, maxBytes) => {
          const text = await readText(path, maxBytes)
          if (path === '/proc/uptime') host.clock += 60_000
          return text
        }
      },
    ])
    assert.deepEqual(reported(polls)[1], [])
  })

  it('uses the other file, and ignores invalid names', async () => {
    const zones: [paths: Record<string, ReturnType<typeof link> | string>, expected: (string | number | null)[]][] = [
      [{ '/etc/timezone': 'America/Chicago\n' }, ['America/Chicago', -360, null, null]],
      [{ '/etc/localtime': 'TZif2', '/etc/timezone': 'Etc/UTC' }, ['Etc/UTC', 0, null, null]],
      [{ '/etc/timezone': '<script>alert(1)</script>' }, [null, null, null, null]],
      [{ '/etc/localtime': link('/tmp/zoneinfo/No/Where') }, ['No/Where', null, null, null]],
      [{}, [null, null, null, null]],
    ]
    for (const [paths, expected] of zones)
      assert.deepEqual(reported(await watchPolls(clockPlaces, laptop(paths).host)), [[expected]])
  })

  it('offsets include daylight saving time', () => {
    assert.equal(offsetMinutes('Europe/Berlin', Date.UTC(2026, 6, 1)), 120)
    assert.equal(offsetMinutes('Asia/Kathmandu', Date.UTC(2026, 6, 1)), 345)
    assert.equal(offsetMinutes('America/St_Johns', Date.UTC(2026, 0, 1)), -210)
    assert.equal(zoneInLink('/usr/share/zoneinfo/posix/Europe/Berlin'), 'Europe/Berlin')
  })
})
