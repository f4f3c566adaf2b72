/** What is a silence, what only arrived late, and activity elsewhere meanwhile. */
import assert from 'node:assert/strict'
import type { EventOf } from '../../../../../wire/event.ts'
import type { Recorded } from '../../../../../wire/recording.ts'
import {
  AUSTIN,
  agentState,
  contract,
  DAY,
  event,
  HOUR,
  holding,
  login as loginOf,
  processStart,
  received,
  session,
  T0,
} from '../../../events.ts'
import { sameInAnyOrder, standing } from '../../standing.ts'

const home: Recorded[] = [contract('w1'), holding('d1', 'w1'), contract('w2'), holding('d2', 'w2')]
const word = (hour: number, device = 'd1') => received(device, processStart('/usr/bin/x', T0 + hour * HOUR))
/** Heartbeats, one an hour. */
const hours = (from: number, to: number, device = 'd1') =>
  Array.from({ length: to - from + 1 }, (_, index) => word(from + index, device))
const feed = (hour: number, it: EventOf<'idp_login' | 'repo_audit'>): Recorded => ({
  type: 'feed',
  worker: 'w1',
  time: T0 + hour * HOUR,
  event: { ...it, seq: null, time: T0 + hour * HOUR },
})
const login = (hour: number, fields: Partial<EventOf<'idp_login'>> = {}) => loginOf('w1', T0 + hour * HOUR, fields)
const clone = (hour: number) =>
  feed(
    hour,
    event('repo_audit', {
      Worker: 'w1',
      Action: 'clone',
      Repository: 'core',
      Destination: null,
      InsideOrganisation: true,
      OutsideTeam: null,
      Ip: null,
      Country: null,
      AccountHash: null,
      Count: null,
      Bytes: null,
    }),
  )
const woke = (hour: number, sleptHours: number) =>
  received(
    'd1',
    event(
      'power_state',
      { LidClosed: null, OnBattery: null, UptimeSeconds: null, ResumedAfterSeconds: sleptHours * 3_600 },
      T0 + hour * HOUR,
    ),
  )
const down = (from: number, to: number): Recorded => ({
  type: 'clock',
  time: T0 + to * HOUR,
  downSince: T0 + from * HOUR,
})
const revoked = (from: number, to: number | null = null): Recorded => ({
  type: 'revocation',
  device: 'd1',
  from: T0 + from * HOUR,
  to: to === null ? null : T0 + to * HOUR,
})

/** '@24: elsewhere=…' for each event in force. */
const silences = (records: readonly Recorded[], atHour: number) =>
  standing('silence', [...home, ...records], { at: T0 + atHour * HOUR }).map((it) => {
    const extras = [
      it.ActiveElsewhere === null ? '' : ` elsewhere=${it.ActiveElsewhere}`,
      it.Evidence === null ? '' : ` ${it.Evidence}`,
      it.Announced ? ' announced' : '',
      it.RepeatsAtHour === null ? '' : ` at ${it.RepeatsAtHour}`,
    ]
    return `@${(it.time - T0) / HOUR} ${it.HoursSilent}h${extras.join('')}`
  })

const cases: { what: string; records: Recorded[]; at: number; stands: string[] }[] = [
  { what: 'a day without a word', records: [word(0)], at: 25, stands: ['@24 24h'] },
  {
    what: 'a laptop that was handed back',
    records: [holding('d1', 'w1', { to: T0 + 10 * HOUR }), word(0)],
    at: 30,
    stands: [],
  },
  { what: 'less than a day', records: [word(0)], at: 23, stands: [] },
  { what: 'once, however long; and for how long', records: [word(0)], at: 90, stands: ['@24 72h'] },
  { what: 'a week is as long as is told', records: [word(0)], at: 999, stands: ['@24 168h'] },
  {
    what: 'after a goodbye',
    records: [received('d1', agentState('stopping'))],
    at: 25,
    stands: ['@24 24h announced'],
  },
  { what: 'a word begins it anew', records: [word(0), word(23)], at: 48, stands: ['@47 24h'] },
  {
    what: 'what the spool brings later fills it',
    records: [word(0), session('d1', AUSTIN, T0 + 40 * HOUR), ...hours(1, 40)],
    at: 41,
    stands: [],
  },
  {
    what: 'a week offline, told in one batch',
    records: [
      word(0),
      { type: 'clock', time: T0 + 168 * HOUR },
      ...hours(1, 168).map((it) => ({ ...it, receivedAt: T0 + 168 * HOUR })),
    ],
    at: 169,
    stands: [],
  },
  {
    what: 'it stays said when the laptop comes back',
    records: [word(0), ...hours(60, 70)],
    at: 71,
    stands: ['@24 48h'],
  },
  {
    what: 'it had slept, it says',
    records: [word(0), woke(60, 60), ...hours(60, 62)],
    at: 63,
    stands: ['@24 48h announced'],
  },
  { what: 'time in which the server was down does not count', records: [word(0), down(1, 50)], at: 51, stands: [] },
  { what: 'time in which it listened does', records: [word(0), down(1, 50)], at: 74, stands: ['@73 24h'] },
  { what: 'a laptop that was revoked', records: [word(0), revoked(10)], at: 90, stands: [] },
  { what: 'it was silent before it was revoked', records: [word(0), revoked(50)], at: 120, stands: ['@24 48h'] },
  {
    what: 'its revocation is recorded late',
    records: [word(0), { type: 'clock', time: T0 + 30 * HOUR }, revoked(10)],
    at: 31,
    stands: [],
  },
  {
    what: 'what it sent just before its session ended',
    records: [word(0), revoked(1), word(2)],
    at: 90,
    stands: [],
  },
  {
    what: 'its worker goes on with another laptop after it was revoked',
    records: [word(0), revoked(9), ...[10, 14, 20].map((it) => login(it)), login(11, { DeviceId: 'd1' })],
    at: 40,
    stands: [],
  },
  {
    what: 'enrolled again, and heard, it is watched again',
    records: [word(0), revoked(10), revoked(10, 60), word(60)],
    at: 90,
    stands: ['@84 24h'],
  },
  {
    what: 'what its spool kept while it was revoked',
    records: [word(0), revoked(10), revoked(10, 90), ...hours(1, 12), word(90)],
    at: 91,
    stands: [],
  },
  {
    what: 'revoked twice',
    records: [word(0), revoked(10, 40), word(40), revoked(50)],
    at: 120,
    stands: [],
  },
  { what: "another laptop's word does not break it", records: [word(0), word(30, 'd2')], at: 30, stands: ['@24 24h'] },
  {
    what: 'a browser works for an hour where the agent cannot reach us, and the spool tells later',
    records: [word(0), login(3, { DeviceId: 'd1' }), session('d1', AUSTIN, T0 + 6 * HOUR)],
    at: 6,
    stands: [],
  },
  {
    what: 'it goes on for a working day',
    records: [word(0), login(3, { DeviceId: 'd1' })],
    at: 9,
    stands: ['@3 2h elsewhere=true this_laptop'],
  },
  {
    what: '#97: the identity provider sees this very laptop in the gap',
    records: [word(0), login(3, { DeviceId: 'd1' }), ...hours(6, 8)],
    at: 9,
    stands: ['@3 2h elsewhere=true this_laptop'],
  },
  {
    what: 'P15: the code host sees its worker in the gap',
    records: [word(0), clone(2), ...hours(5, 7)],
    at: 8,
    stands: ['@2 2h elsewhere=true repository'],
  },
  {
    what: 'the same while another laptop of theirs is awake',
    records: [holding('d3', 'w1'), word(0), ...hours(0, 7, 'd3'), clone(2), ...hours(5, 7)],
    at: 8,
    stands: [],
  },
  {
    what: 'N24: asleep for a week, and nothing anywhere',
    records: [login(-2), word(0)],
    at: 168,
    stands: ['@24 168h elsewhere=false'],
  },
  {
    what: 'mail on the phone meanwhile',
    records: [word(0), ...[5, 9, 20].map((it) => login(it, { Mobile: true }))],
    at: 30,
    stands: ['@24 24h'],
  },
  {
    what: '#58: the account is in use all day, and the laptop is not there',
    records: [word(0), ...[5, 9, 20].map((it) => login(it))],
    at: 30,
    stands: ['@24 24h elsewhere=true account'],
  },
  {
    what: 'a login that failed shows nobody',
    records: [word(0), login(3, { DeviceId: 'd1', Result: 'failure' })],
    at: 8,
    stands: [],
  },
  { what: 'a login as it fell asleep', records: [word(0), login(0.5, { DeviceId: 'd1' })], at: 8, stands: [] },
  {
    what: 'at the same hour for three days',
    records: [0, 24, 48]
      .flatMap((it) => [...hours(it + 4, it + 21), login(it + 25, { DeviceId: 'd1' })])
      .concat(hours(76, 80)),
    at: 81,
    stands: [
      '@25 2h elsewhere=true this_laptop',
      '@49 2h elsewhere=true this_laptop',
      '@73 2h elsewhere=true this_laptop at 6',
    ],
  },
]

describe('silence: an agent that is paused while its laptop runs on (#96)', () => {
  const beat = (hour: number, BootId: string | null, Action: EventOf<'agent_state'>['Action'] = 'summary') =>
    received('d1', { ...agentState(Action, T0 + hour * HOUR), BootId })
  const beats = (from: number, to: number, boot: string | null = 'b') =>
    Array.from({ length: to - from + 1 }, (_, index) => beat(from + index, boot))
  /** Three nights of sleep, which the laptop reports, before hour 72. */
  const nights = [0, 1, 2].flatMap((day) => [
    ...beats(day * 24 + (day === 0 ? 0 : 1), day * 24 + 10),
    beat(day * 24 + 24, 'b', 'resumed'),
  ])
  const paused = (records: Recorded[]) =>
    standing('silence', [...home, ...records], { at: T0 + 110 * HOUR })
      .filter((it) => it.SameBoot === true)
      .map((it) => [(it.time - T0) / HOUR, it.HoursSilent])
  const cases: { name: string; records: Recorded[]; found: unknown[] }[] = [
    { name: 'for four hours', records: [...nights, ...beats(73, 76), ...beats(80, 83)], found: [[78, 4]] },
    { name: 'asleep', records: [...nights, ...beats(73, 76), beat(80, 'b', 'resumed'), ...beats(81, 83)], found: [] },
    {
      name: 'asleep, told ten minutes later',
      records: [...nights, ...beats(73, 76), beat(80, 'b'), beat(80.1, 'b', 'resumed'), ...beats(81, 83)],
      found: [],
    },
    { name: 'switched off', records: [...nights, ...beats(73, 76), ...beats(80, 83, 'c')], found: [] },
    {
      name: 'stopped in good order',
      records: [...nights, ...beats(73, 76), beat(76.01, 'b', 'stopping'), ...beats(80, 83)],
      found: [],
    },
    {
      name: 'for an hour and a half',
      records: [...nights, ...beats(73, 76), ...[77.5, 78.5, 79.5].map((it) => beat(it, 'b'))],
      found: [],
    },
    {
      name: 'by a laptop that never told of sleep',
      records: [...beats(0, 10), ...beats(24, 34), ...beats(48, 58)],
      found: [],
    },
    {
      name: 'of which no boot is known',
      records: [...nights, ...beats(73, 76, null), ...beats(80, 83, null)],
      found: [],
    },
  ]
  for (const { name, records, found } of cases) it(name, () => assert.deepEqual(paused(records), found))

  it('in any order', () =>
    assert.ok(
      sameInAnyOrder('silence', home, [...nights, ...beats(73, 76), ...beats(80, 83)], { at: T0 + 110 * HOUR }).some(
        (it) => it.SameBoot === true,
      ),
    ))
})

describe('silence', () => {
  for (const { what, records, at, stands } of cases) it(what, () => assert.deepEqual(silences(records, at), stands))

  it('how long is long can be set', () => {
    const found = standing('silence', [...home, word(0)], {
      at: T0 + 9 * HOUR,
      thresholds: { silence: { silentHours: 8 } },
    })
    assert.deepEqual(
      found.map((it) => (it.time - T0) / HOUR),
      [8],
    )
  })

  it('is the same in any order, across a restart', () => {
    const week = [
      ...hours(0, 9),
      login(12, { DeviceId: 'd1' }),
      ...hours(20, 30),
      clone(33),
      ...hours(60, 64),
      received('d1', agentState('stopping', T0 + 64 * HOUR)),
      ...[70, 75, 80].map((it) => login(it)),
    ]
    const stands = sameInAnyOrder('silence', home, week, { at: T0 + 100 * HOUR })
    assert.deepEqual(
      stands.map((it) => it.Evidence),
      ['this_laptop', 'repository', 'account'],
    )
  })

  it('is the same in any order when the laptop was revoked', () => {
    const week = [...hours(0, 9), revoked(40), revoked(40, 60), ...hours(60, 62), revoked(99), word(100)]
    const stands = sameInAnyOrder('silence', home, week, { at: T0 + 200 * HOUR })
    assert.deepEqual(
      stands.map((it) => [(it.time - T0) / HOUR, it.HoursSilent]),
      [
        [33, 24],
        [86, 24],
      ],
    )
  })

  it('events stay in force when their evidence is dropped', () => {
    const months = [word(0), ...Array.from({ length: 60 }, (_, day) => hours(day * 24 + 48, day * 24 + 58)).flat()]
    assert.deepEqual(silences(months, 60 * 24 + 60).slice(0, 1), ['@24 48h'])
    assert.ok(months.length > (60 * DAY) / (2 * DAY))
  })
})
