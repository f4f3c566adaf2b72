import assert from 'node:assert/strict'
import { loadCatalogue, recognise } from '../../../rules/catalogue/index.ts'
import { compile } from '../../../rules/language/index.ts'
import { replay } from '../../../server/commands/replay.ts'
import { SCENARIOS } from '../../../server/simulate/scenarios/index.ts'
import type { Scenario, Stage } from '../../../server/simulate/scene.ts'
import { type SimulateOptions, simulate } from '../../../server/simulate/simulate.ts'
import { CATEGORIES } from '../../../wire/event.ts'
import { Recorded, type RecordedOf } from '../../../wire/recording.ts'
import { sha256 } from '../../../wire/sha256.ts'

const START = Date.UTC(2026, 8, 14)
const HOUR = 3_600_000
const DAY = 24 * HOUR
const GOLDEN = '6e89d7702481c8e8b753f34a7a2d4866dcfbe4309970a7b36848e723ecdb0826'

function lines(options: Partial<SimulateOptions> = {}, scenarios: readonly Scenario[] = SCENARIOS): string[] {
  return [...simulate({ scenarios: [], seed: 1, workers: 12, days: 8, start: START, ...options }, scenarios)]
}

const parsed = (text: readonly string[]): Recorded[] => text.map((it) => Recorded.parse(JSON.parse(it)))

function only<T extends Recorded['type']>(records: readonly Recorded[], type: T): RecordedOf<T>[] {
  return records.filter((it) => it.type === type) as RecordedOf<T>[]
}

/** A scene with one person, defined by the test; gives the lines of that person's laptop. */
function played(play: Scenario['play'], options: Partial<SimulateOptions> = {}) {
  const scene: Scenario = { id: 'P1', title: 'a test', truth: 'infiltrator', people: 1, play }
  const records = parsed(lines({ workers: 1, scenarios: ['P1'], ...options }, [scene]))
  return { records, events: only(records, 'event'), sessions: only(records, 'connection') }
}

describe('simulate', () => {
  it('writes only valid records, in order of arrival', () => {
    const records = parsed(lines({ workers: 30, days: 12, seed: 5, scenarios: ['N9'] }))
    let before = 0
    for (const it of records) {
      const at = it.type === 'connection' ? it.time : 'receivedAt' in it ? it.receivedAt! : before
      assert.ok(at >= before, `${it.type} came at ${at}, after ${before}`)
      before = at
    }
    const of = (type: Recorded['type']) => only(records, type).length
    assert.ok(of('event') > 30 * 8 * 100, `${of('event')} events`)
    assert.ok(of('connection') > 30 * 8 && of('feed') > 30 * 8 && of('contract') >= 30 && of('device') >= 30)
  })

  it('writes events of laptops and feeds, never derived events', () => {
    const made = new Set(only(parsed(lines()), 'event').map((it) => it.event.category))
    assert.ok(made.size > 14, [...made].join(' '))
    for (const category of made) assert.equal(CATEGORIES[category].origin, 'agent', category)
  })

  it('numbers events without gaps, and a retry is the same event', () => {
    const events = only(parsed(lines({ workers: 40, days: 10 })), 'event')
    const spools = new Map<string, Map<number, string>>()
    let retries = 0
    for (const { device, epoch, event } of events) {
      const key = `${device} ${epoch}`
      const ids = spools.get(key) ?? new Map<number, string>()
      spools.set(key, ids)
      const before = ids.get(event.seq!)
      if (before !== undefined) {
        assert.equal(before, event.id)
        retries++
      }
      ids.set(event.seq!, event.id)
    }
    for (const [key, ids] of spools) assert.equal(Math.max(...ids.keys()), ids.size, key)
    assert.ok(retries > 0)
    const all = [...spools.values()].flatMap((it) => [...it.values()])
    assert.equal(new Set(all).size, all.length, 'ids are unique')
  })

  it('gives the same bytes for the same options, and different ones for another seed', () => {
    const once = lines({ scenarios: ['N9'] })
    assert.deepEqual(lines({ scenarios: ['N9'] }), once)
    assert.notDeepEqual(lines({ scenarios: ['N9'], seed: 2 }), once)
  })

  it('a laptop that wakes says how long it slept, and no boot comes back after the next one', () => {
    const slept = { right: 0, all: 0 }
    const shut = new Map<string, number>()
    const boots = new Map<string, string[]>()
    const events = only(parsed(lines({ workers: 15, days: 12, seed: 4 })), 'event')
    for (const { device, event } of events.sort((a, b) => a.event.time - b.event.time)) {
      if (event.category === 'agent_state' && event.BootId !== null) {
        const known = boots.get(device) ?? []
        if (known.at(-1) !== event.BootId) boots.set(device, [...known, event.BootId])
      }
      if (event.category !== 'power_state') continue
      if (event.LidClosed) shut.set(device, event.time)
      const since = shut.get(device)
      if (event.ResumedAfterSeconds === null || since === undefined) continue
      slept.all++
      if (Math.abs((event.time - since) / 1_000 - event.ResumedAfterSeconds) < 120) slept.right++
    }
    assert.ok(slept.all > 100 && slept.right > 0.95 * slept.all, `${slept.right} of ${slept.all}`)
    for (const [device, ids] of boots) assert.equal(new Set(ids).size, ids.length, device)
  })

  it('gives the bytes that it gave before', () => {
    const text = lines({ workers: 6, scenarios: ['P24', 'N34'], days: 14, seed: 11 }).join('\n')
    // Changed on 2026-11-30: docks, phones, spellings of feeds, new database editions; before, nothing checked it.
    assert.equal(sha256(text), GOLDEN)
  })

  it('changes nothing for workers outside a scene', () => {
    const cast = new Set(only(parsed(lines({ scenarios: ['N9'] })), 'label').map((it) => it.worker))
    assert.equal(cast.size, 2)
    const others = (text: readonly string[]) =>
      text.filter((it) => !/"type":"label"/.test(it) && ![...cast].some((worker) => concerns(it, worker)))
    assert.deepEqual(others(lines({ scenarios: ['N9'] })), others(lines()))
  })

  it('is accepted completely by replay', async () => {
    const text = lines({ workers: 8, scenarios: ['P4'], days: 16 })
    async function* input() {
      yield* text
    }
    const catalogue = loadCatalogue()
    const answer = await replay(input(), {
      program: compile([]),
      correlations: [],
      recognise: (event) => recognise(catalogue, event),
      lookup: () => ({ country: null, region: null, city: null, lat: null, lon: null, asn: null, class: 'unknown' }),
    })
    assert.equal(answer.stats.rejected, 0)
    assert.equal(answer.workers.length, 8)
  })

  it('refuses unknown scenes and too small runs, and says what to do', () => {
    assert.throws(() => lines({ scenarios: ['P99'] }), /P99.*--list/)
    assert.throws(() => lines({ scenarios: ['P4/nothing'] }), /no such variant/)
    assert.throws(() => lines({ scenarios: ['P4'], workers: 2, days: 20 }), /need 3 workers/)
    assert.throws(() => lines({ scenarios: ['P4'], days: 5 }), /14 days/)
    assert.throws(() => lines({ scenarios: ['P4/slow'], days: 15 }), /more days/)
  })
})

describe('a scene', () => {
  it('labels its people from the first event that a hook placed', () => {
    const { records } = played((cast) => {
      const worker = cast.people[0]!.livesAt(cast.home('Austin'))
      worker.on(2, (stage) => stage.at('10:15').runs('mystery'))
    })
    assert.deepEqual(
      only(records, 'label').map(({ worker, truth, scenario, from }) => ({ worker, truth, scenario, from })),
      [{ worker: 'w1', truth: 'infiltrator', scenario: 'P1', from: Date.UTC(2026, 8, 16, 15, 15) }],
    )
  })

  it('labels from the time that the scene sets, and a benign scene from the first day', () => {
    const at = (truth: 'infiltrator' | 'benign') =>
      only(
        played((cast) => cast.people[0]!.livesAt(cast.home('London')).begins(1, '08:00').truth(truth)).records,
        'label',
      )[0]!
    assert.equal(at('benign').from, START)
    const { records } = played((cast) => cast.people[0]!.livesAt(cast.home('London')).begins(1, '08:00'))
    assert.equal(only(records, 'label')[0]!.from, Date.UTC(2026, 8, 15, 7))
  })

  it('places events at local times, even when clocks change', () => {
    const start = Date.UTC(2026, 9, 23)
    const { events } = played(
      (cast) => cast.people[0]!.livesAt(cast.home('Berlin')).on('every', (stage) => stage.at('12:00').runs('/opt/x')),
      { start, days: 5 },
    )
    const times = events.filter((it) => 'Image' in it.event && it.event.Image === '/opt/x').map((it) => it.receivedAt)
    // Central European time begins on Sunday, 25 October 2026.
    const expected = [10, 10, 11, 11, 11].map((hour, day) => start + day * DAY + hour * HOUR)
    assert.equal(times.length, 5)
    for (const [day, at] of times.entries()) assert.ok(Math.abs(at - expected[day]!) < 10_000, `day ${day}`)
  })

  it('without a network: events arrive later, in order', () => {
    const { events, sessions } = played((cast) => {
      const worker = cast.people[0]!.livesAt(cast.home('Austin')).hours('09:00', '17:00')
      worker.on(2, (stage) => stage.works('09:00', '17:00').offline('10:00', 30))
    })
    const [from, to] = [Date.UTC(2026, 8, 16, 15), Date.UTC(2026, 8, 17, 21)]
    const during = events.filter(({ event }) => event.time > from + 300_000 && event.time < to - 300_000)
    assert.ok(during.length > 100, `${during.length} events`)
    for (const it of during) assert.ok(it.receivedAt > to)
    assert.equal(sessions.filter((it) => it.time > from && it.time < to).length, 0)
    assert.ok(sessions.some((it) => it.time >= to && it.time < to + HOUR))
  })

  it('with a killed agent: no events except from feeds, and then a report that it was killed', () => {
    const { records, events } = played((cast) => {
      const worker = cast.people[0]!.livesAt(cast.home('Austin')).hours('09:00', '17:00')
      worker.on(1, (stage) => {
        stage.silent('10:00', 24)
        stage.at('14:00').feed('repo_audit', { Action: 'clone' }, cast.exit('Shenyang'))
      })
    })
    const [from, to] = [Date.UTC(2026, 8, 15, 15), Date.UTC(2026, 8, 16, 15)]
    const inside = events.filter(({ event }) => event.time > from + 300_000 && event.time < to - 300_000)
    assert.deepEqual(inside, [])
    const feed = only(records, 'feed').find((it) => it.time >= from + 4 * HOUR && it.time < from + 4 * HOUR + 60_000)
    assert.equal(feed?.geo?.country, 'CN')
    const states = events.flatMap(({ event }) => (event.category === 'agent_state' ? [event] : []))
    assert.equal(states.find((it) => it.time >= to - 300_000 && it.Action !== 'summary')?.Action, 'killed_last_time')
  })

  it('at another site: another network, another exit, longer round trips', () => {
    const { sessions, events } = played((cast) => {
      const home = cast.home('New York')
      const hotel = cast.site('public', 'Tokyo')
      cast.people[0]!.livesAt(home).on([3, 4], (stage) => stage.works('09:00', '17:00').sits(hotel))
    })
    const away = sessions.filter((it) => it.geo?.country === 'JP')
    assert.ok(away.length >= 2)
    const [near, far] = [sessions[0]!.rttMinMs!, away[0]!.rttMinMs!]
    assert.ok(near < 40 && far > 110, `${near} and ${far} ms`)
    const gateways = events.flatMap(({ event }) => (event.category === 'network_place' ? [event.GatewayHash] : []))
    assert.equal(new Set(gateways).size, 2)
  })

  it('behind a router with a VPN: a near address, long round trips', () => {
    const { sessions, events } = played((cast) => {
      const home = cast.home('Shenyang', { exit: cast.vpn('astrill', 'Phoenix') })
      cast.people[0]!.claims('Phoenix').livesAt(home)
    })
    assert.ok(sessions.length > 3)
    for (const it of sessions) {
      assert.equal(it.geo?.city, 'Phoenix')
      assert.ok(it.rttMinMs! > 150, `${it.rttMinMs} ms`)
    }
    for (const { event } of events) if (event.category === 'network_place') assert.equal(event.TunnelInterface, null)
  })

  it('with a cloned laptop: other hardware, and reused numbers', () => {
    const { sessions, events } = played((cast) => {
      const worker = cast.people[0]!.livesAt(cast.home('Austin'))
      worker.on(worker.workday(3), (stage) => {
        const clone = stage.at('11:00').session({ site: cast.home('Shenyang'), fingerprint: cast.hash('other', 64) })
        clone.numberUsedBefore('process_creation', { Image: '/opt/clone' })
      })
    })
    assert.equal(new Set(sessions.map((it) => it.fingerprint)).size, 2)
    const conflict = events.find((it) => it.conflict)!
    const same = events.find((it) => !it.conflict && it.event.seq === conflict.event.seq)!
    assert.notEqual(same.event.id, conflict.event.id)
  })

  it('installs a tool as in the catalogue, on every system', () => {
    const catalogue = loadCatalogue()
    for (const system of ['linux', 'macos', 'windows'] as const) {
      const { events } = played((cast) => {
        const worker = cast.people[0]!.livesAt(cast.home('Austin')).system(system)
        worker.on(1, (stage) => stage.at('10:00').tool('anydesk', { unattended: true }))
      })
      const seen = events
        .flatMap(({ event }) => recognise(catalogue, event)?.tools ?? [])
        .filter((it) => it.id === 'anydesk')
      assert.ok(seen.length >= 3, `${system}: ${seen.length}`)
      assert.ok(
        seen.some((it) => it.unattended),
        system,
      )
    }
    assert.throws(() => played((cast) => cast.people[0]!.on(1, (stage) => stage.at('9:00').tool('no such'))), /no such/)
  })

  it('without local input: no input events, and no idle time with a jiggler', () => {
    const hours = (play: (stage: Stage) => void) =>
      played((cast) => cast.people[0]!.livesAt(cast.home('Austin')).neverSleeps().on(2, play)).events.flatMap(
        ({ event }) =>
          event.time > START + 2 * DAY + 6 * HOUR && event.time < START + 3 * DAY + 4 * HOUR ? [event] : [],
      )
    const left = hours((stage) => stage.works('09:00', '17:00').hands(null).nudged('00:00', '24:00', 60))
    assert.ok(!left.some((it) => it.category === 'input_pattern'))
    const idle = left.flatMap((it) => (it.category === 'presence' ? [it.LongestIdleSeconds] : []))
    assert.ok(idle.length > 20 && Math.max(...idle) < 80, `${idle}`)
    const through = { keyboard: 'a cable', pointer: 'a cable', absolute: true }
    const driven = hours((stage) => stage.works('09:00', '17:00').hands(through))
    const sources = driven.flatMap((it) => (it.category === 'input_pattern' ? [`${it.SourceDevice} ${it.Kind}`] : []))
    assert.deepEqual([...new Set(sources)].sort(), ['a cable absolute_pointer', 'a cable keyboard'])
  })

  it('reports a remote-control session twice, as logs do', () => {
    const { events } = played((cast) => {
      const worker = cast.people[0]!.livesAt(cast.home('Austin'))
      worker.on(1, (stage) => stage.at('10:00').controlled('AnyDesk', 90, { id: cast.hash('who') }))
    })
    const reported = events.flatMap(({ event }) => (event.category === 'remote_session' ? [event] : []))
    assert.deepEqual(
      reported.map((it) => it.EndedAt),
      [null, reported[0]!.StartedAt + 90 * 60_000],
    )
    assert.equal(reported[1]!.StartedAt, reported[0]!.StartedAt)
  })

  it('with a wrong clock: later events have the wrong time, and sessions the skew', () => {
    const { events, sessions } = played((cast) => {
      const worker = cast.people[0]!.livesAt(cast.home('Austin'))
      worker.on(1, (stage) => stage.at('10:00').setsClock(-600).runs('/opt/x'))
    })
    const ahead = (image: string) => events.filter(({ event }) => 'Image' in event && event.Image === image)
    const [x] = ahead('/opt/x')
    assert.ok(Math.abs(x!.receivedAt - x!.event.time - 10 * HOUR) < 10_000)
    assert.ok(Math.abs(sessions.at(-1)!.clockSkewMs! + 10 * HOUR) < 300_000)
  })

  it('gives the place of the far end of a remote session', () => {
    const { events } = played((cast) => {
      const worker = cast.people[0]!.livesAt(cast.home('Austin'))
      worker.on(1, (stage) => stage.at('10:00').saw('remote_session', { Tool: 'AnyDesk' }, cast.exit('Shenyang')))
    })
    const it = events.find((it) => it.event.category === 'remote_session')!
    assert.equal(it.facts?.peer?.country, 'CN')
    assert.equal(it.facts?.tools?.[0]?.id, 'anydesk')
  })
})

/** Whether it is about the worker or one of their laptops. */
function concerns(line: string, worker: string): boolean {
  const device = `d${worker.slice(1)}`
  return (
    line.includes(`"worker":"${worker}"`) ||
    line.includes(`"device":"${device}"`) ||
    line.includes(`"device":"${device}-2"`)
  )
}
