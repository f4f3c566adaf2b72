/** Days that each stay under every floor, and what they add up to. */
import assert from 'node:assert/strict'
import type { EventOf } from '../../../../../wire/event.ts'
import type { Recorded } from '../../../../../wire/recording.ts'
import { contract, DAY, event, HOUR, holding, login, MINUTE, received, T0 } from '../../../events.ts'
import { sameInAnyOrder, standing } from '../../standing.ts'

/** Monday, midnight UTC. */
const MONDAY = T0 - 9 * HOUR
const MB = 1_000_000
const at = (day: number, hour: number) => MONDAY + day * DAY + hour * HOUR
const weekdays = (days: number) => Array.from({ length: days }, (_, day) => day).filter((day) => day % 7 < 5)

/** Worker n holds laptop n. */
function workers(many: number, fields: Parameters<typeof contract>[1] = {}): Recorded[] {
  return Array.from({ length: many }, (_, n) => [
    contract(`w${n}`, { from: MONDAY - 60 * DAY, roles: ['developer'], ...fields }),
    holding(`d${n}`, `w${n}`, { from: MONDAY - 60 * DAY }),
  ]).flat()
}
/** A laptop that is used on each weekday. */
const used = (who: number, days: number): Recorded[] =>
  weekdays(days).map((day) =>
    received(
      `d${who}`,
      event(
        'power_state',
        { LidClosed: false, OnBattery: false, UptimeSeconds: null, ResumedAfterSeconds: null },
        at(day, 9) + who * MINUTE,
      ),
    ),
  )
function cloned(who: number, time: number, fields: Partial<EventOf<'repository'>> = {}): Recorded {
  const it = { Action: 'clone', Host: 'git.example', Namespace: 'acme', Bytes: null, InsideOrganisation: null } as const
  return received(`d${who}`, event('repository', { ...it, ...fields }, time))
}
const clones = (who: number, day: number, many: number) =>
  Array.from({ length: many }, (_, n) => cloned(who, at(day, 10) + n * MINUTE))
function synced(who: number, time: number, Bytes: number): Recorded {
  const it = { Root: '/x', RootKind: 'sync', Files: 9, Bytes, Archives: 0, SourceFiles: 0, WindowSeconds: 60 } as const
  return received(`d${who}`, event('file_burst', it, time))
}
function session(who: number, day: number, hours: number, Tool = 'AnyDesk'): Recorded {
  const it = { Tool, Direction: 'incoming', PeerIp: null, PeerIdHash: null, Unattended: null } as const
  const [StartedAt, EndedAt] = [at(day, 13), at(day, 13) + hours * HOUR]
  return received(`d${who}`, event('remote_session', { ...it, StartedAt, EndedAt }, EndedAt + MINUTE))
}
/** Clones now and then, and small folders in sync: what colleagues do. */
function ordinary(who: number, days: number): Recorded[] {
  return weekdays(days).flatMap((day) => [
    ...((day + who) % 4 === 0 ? clones(who, day, 1 + ((day * 7 + who) % 3)) : []),
    ...((day + who) % 3 === 0 ? [synced(who, at(day, 11), (5 + ((day * 5 + who * 3) % 40)) * MB)] : []),
  ])
}
const fleet = (many: number, days: number) =>
  Array.from({ length: many }, (_, n) => [...used(n, days), ...ordinary(n, days)]).flat()
const timeOf = (it: Recorded) => (it.type === 'event' ? it.event.time : it.type === 'feed' ? it.time : 0)
const inTime = (records: Recorded[]) => records.toSorted((a, b) => timeOf(a) - timeOf(b))

type Found = EventOf<'slow_evidence'>
function found(records: Recorded[], known: Recorded[], days: number): Found[] {
  return standing('slow_evidence', [...known, ...inTime(records)], { at: at(days, 1) })
}
/** The largest sum of a metric. */
const most = (all: readonly Found[], metric: Found['Metric']) =>
  Math.max(0, ...all.filter((it) => it.Metric === metric).map((it) => it.Sum))

describe('slow_evidence', () => {
  const DAYS = 26
  it('ordinary colleagues have none', () => {
    assert.deepEqual(found(fleet(20, DAYS), workers(20), DAYS), [])
  })

  for (const thieves of [1, 2, 3])
    it(`${thieves} of 20 take eight repositories a day: each is found`, () => {
      const drip = Array.from({ length: thieves }, (_, who) => weekdays(DAYS).flatMap((day) => clones(who, day, 8)))
      const records = inTime([...fleet(20, DAYS), ...drip.flat()])
      const ledger = standing('slow_evidence', [...workers(20), ...records], { at: at(DAYS, 1) })
      assert.ok(most(ledger, 'repositories') > 10, `${most(ledger, 'repositories')}`)
      const last = ledger.filter((it) => it.time > at(DAYS - 2, 0) && it.time < at(DAYS - 1, 0))
      assert.equal(last.filter((it) => it.Metric === 'repositories').length, thieves)
    })

  const cases: { name: string; records: Recorded[]; known?: Recorded[]; metrics: Found['Metric'][] }[] = [
    {
      name: 'a small company: six repositories a day, and nobody to compare with',
      known: workers(1),
      records: [...used(0, DAYS), ...weekdays(DAYS).flatMap((day) => clones(0, day, 6))],
      metrics: ['repositories'],
    },
    {
      name: 'a small company: one who works much',
      known: workers(1),
      records: [...used(0, DAYS), ...weekdays(DAYS).flatMap((day) => clones(0, day, 2))],
      metrics: [],
    },
    {
      name: 'short sittings, day after day (P7)',
      records: [...fleet(12, DAYS), ...weekdays(DAYS).map((day) => session(0, day, 0.6))],
      metrics: ['remote_hours'],
    },
    {
      name: 'help on two afternoons (N1)',
      records: [...fleet(12, DAYS), session(0, 3, 0.5), session(0, 9, 0.4)],
      metrics: [],
    },
    {
      name: 'an approved tool is counted apart (N23)',
      known: workers(12, { approvedTools: [{ tool: 'AnyDesk' }] }),
      records: [...fleet(12, DAYS), ...weekdays(DAYS).map((day) => session(0, day, 5))],
      metrics: ['approved_remote_hours'],
    },
    {
      name: 'two hundred megabytes a day to a sync folder',
      records: [...fleet(12, DAYS), ...weekdays(DAYS).map((day) => synced(0, at(day, 12), 200 * MB))],
      metrics: ['sync_bytes'],
    },
    {
      name: 'eighty gigabytes in two days (N18)',
      records: [...fleet(12, DAYS), synced(0, at(2, 12), 40_000 * MB), synced(0, at(3, 12), 40_000 * MB)],
      metrics: [],
    },
    {
      name: 'everybody moves to another code host on one day',
      records: [...fleet(12, DAYS), ...Array.from({ length: 12 }, (_, who) => clones(who, 8, 14)).flat()],
      metrics: [],
    },
    {
      name: 'a mirror a day to a place of which nobody knows whose it is',
      records: [...fleet(12, DAYS), ...weekdays(DAYS).map((day) => cloned(0, at(day, 12), { Action: 'mirror' }))],
      metrics: ['outside_pushes'],
    },
    {
      name: 'pushes of which nobody knows where to',
      records: [...fleet(12, DAYS), ...weekdays(DAYS).map((day) => cloned(0, at(day, 12), { Action: 'push' }))],
      metrics: [],
    },
    {
      name: 'a new device signs in at night while the laptop is off',
      records: [...fleet(12, DAYS), ...weekdays(DAYS).map((day) => login('w0', at(day, 22), { DeviceId: 'x' }))],
      metrics: ['unseen_device_hours'],
    },
    {
      name: 'a second device beside the laptop in use',
      records: [...fleet(12, DAYS), ...weekdays(DAYS).map((day) => login('w0', at(day, 9), { DeviceId: 'x' }))],
      metrics: [],
    },
    {
      name: 'a device of which the provider says nothing, and a telephone',
      records: [
        ...fleet(12, DAYS),
        ...weekdays(DAYS).map((day) => login('w0', at(day, 22))),
        ...weekdays(DAYS).map((day) => login('w0', at(day, 22), { DeviceId: 'phone', Mobile: true })),
      ],
      metrics: [],
    },
  ]
  for (const { name, records, known = workers(12), metrics } of cases)
    it(name, () => {
      const all = found(records, known, DAYS)
      assert.deepEqual([...new Set(all.map((it) => it.Metric))], metrics)
    })

  it('weighs between 10 and 30 decibans, and says of how many days', () => {
    const all = found([...fleet(12, DAYS), ...weekdays(DAYS).map((day) => session(0, day, 0.6))], workers(12), DAYS)
    assert.ok(all.every((it) => it.Decibans >= 10 && it.Decibans <= 30 && it.Role === 'developer'))
    const last = all.at(-1)!
    assert.equal(last.Days, weekdays(DAYS).length)
    assert.equal(Math.round(last.Total * 10), Math.round(weekdays(DAYS).length * 6))
  })

  it('in any order, with restarts', function () {
    this.timeout(120_000)
    const days = 12
    const logins = weekdays(days).map((day) => login('w1', at(day, 22), { DeviceId: 'x' }))
    const drip = weekdays(days).flatMap((day) => [
      ...clones(0, day, 9),
      session(1, day, 2),
      synced(2, at(day, 12), 400 * MB),
    ])
    const records = [...fleet(4, days), ...drip, ...logins]
    const all = sameInAnyOrder('slow_evidence', workers(4), records, {
      at: at(days, 1),
      thresholds: { slow_evidence: { least: 1, leastDays: 1 } },
    })
    assert.deepEqual([...new Set(all.map((it) => it.Metric))].sort(), [
      'remote_hours',
      'repositories',
      'sync_bytes',
      'unseen_device_hours',
    ])
  })
})
