/** What one worker moves, beside what they and others usually do; the clock is in the rows. */
import assert from 'node:assert/strict'
import type { EventOf } from '../../../../../wire/event.ts'
import type { CatalogueFacts, Recorded } from '../../../../../wire/recording.ts'
import { contract, DAY, event, HOUR, holding, received, T0 } from '../../../events.ts'
import { about, sameInAnyOrder, standing } from '../../standing.ts'

/** Monday, midnight UTC. */
const MONDAY = T0 - 9 * HOUR
const MB = 1_000_000
const GB = 1_000 * MB
const at = (day: number, hour: number) => MONDAY + day * DAY + hour * HOUR
const by = (who: number) => `w${who}`
/** Worker n holds laptop n. */
const workers = (many: number, fields: Parameters<typeof contract>[1] = {}) =>
  Array.from({ length: many }, (_, n) => [
    contract(by(n), { from: MONDAY - 60 * DAY, roles: ['developer'], ...fields }),
    holding(`d${n}`, by(n), { from: MONDAY - 60 * DAY }),
  ]).flat()
const alone = workers(1)

function sent(time: number, BytesSent: number, fields: Partial<EventOf<'egress'>> = {}, who = 0): Recorded {
  const plain = { Image: null, DestinationIp: null, DestinationPort: null, DestinationHostname: null }
  const it = event('egress', { ...plain, BytesSent, BytesReceived: 0, WindowSeconds: 900, ...fields }, time)
  return { ...received(`d${who}`, it), facts: {} }
}
function toHost(time: number, host: string, BytesSent: number, tools: CatalogueFacts['tools'] = []): Recorded {
  return { ...sent(time, BytesSent, { DestinationHostname: host }), facts: { tools } } as Recorded
}
function cloned(time: number, fields: Partial<EventOf<'repository'>> = {}, who = 0): Recorded {
  const it = event(
    'repository',
    { Action: 'clone', Host: 'git.example', Namespace: 'acme', Bytes: null, InsideOrganisation: null, ...fields },
    time,
  )
  return received(`d${who}`, it)
}
const clones = (time: number, many: number, who = 0) =>
  Array.from({ length: many }, (_, n) => cloned(time + n * 1_000, {}, who))
function audited(time: number, Repository: string | null, fields: Partial<EventOf<'repo_audit'>> = {}): Recorded {
  const it = event(
    'repo_audit',
    {
      Worker: by(0),
      Action: 'clone',
      Repository,
      Destination: null,
      InsideOrganisation: null,
      OutsideTeam: null,
      Ip: null,
      Country: null,
      AccountHash: null,
      Count: null,
      Bytes: null,
      ...fields,
    },
    time,
  )
  return { type: 'feed', worker: by(0), time, event: it }
}
function burst(
  time: number,
  RootKind: EventOf<'file_burst'>['RootKind'],
  Bytes: number,
  Files = 10,
  Root = '/x',
): Recorded {
  const it = event('file_burst', { Root, RootKind, Files, Bytes, Archives: 0, SourceFiles: 0, WindowSeconds: 60 }, time)
  return received('d0', it)
}
function archived(time: number, Bytes: number): Recorded {
  const it = event('archive_created', { RootKind: 'staging', Bytes, Parts: 1, Encrypted: null, Image: null }, time)
  return received('d0', it)
}
/** The same each day, a little more on odd days. */
function habit(bytes: number, first: number, last: number, who = 0): Recorded[] {
  return Array.from({ length: last - first + 1 }, (_, n) =>
    sent(at(first + n, 15), bytes * (1 + ((first + n) & 1) / 10), {}, who),
  )
}
type Found = EventOf<'volume_anomaly'>
const metrics = (found: readonly Found[]) =>
  found.toSorted((a, b) => a.time - b.time || (a.Metric < b.Metric ? -1 : 1)).map((it) => [it.Metric, it.Value])
const timeOf = (it: Recorded) => (it.type === 'event' ? it.event.time : 0)
const found = (records: Recorded[], known: Recorded[] = alone, until?: number) =>
  standing('volume_anomaly', [...known, ...records], until === undefined ? {} : { at: until })

describe('volume_anomaly: one worker', () => {
  const shares = (category: string, id = 'x'): CatalogueFacts['tools'] => [
    { id, name: id, category, by: 'domain', renamed: false, unattended: null },
  ]
  const agrees = (fields: object) => workers(1, fields)
  const cases: { name: string; known?: Recorded[]; records: Recorded[]; found: unknown[] }[] = [
    { name: 'a clone surge (#70)', records: clones(at(0, 10), 20), found: [['repositories', 20]] },
    { name: 'a few clones (N15)', records: clones(at(0, 10), 5), found: [] },
    { name: 'one repository of 40 GB (N15)', records: [cloned(at(0, 10), { Bytes: 40 * GB })], found: [] },
    {
      name: 'the same repository again and again',
      records: Array.from({ length: 30 }, (_, n) => cloned(at(0, 10) + n, { Bytes: 7 * MB })),
      found: [],
    },
    {
      name: 'clones of folders are none',
      records: Array.from({ length: 30 }, (_, n) => cloned(at(0, 1) + n, { Host: null })),
      found: [],
    },
    {
      name: 'pushes are none',
      records: Array.from({ length: 30 }, (_, n) => cloned(at(0, 1) + n, { Action: 'push' })),
      found: [],
    },
    {
      name: 'as the code host saw it',
      records: Array.from({ length: 16 }, (_, n) => audited(at(0, 10) + n, `acme/r${n}`)),
      found: [['repositories', 16]],
    },
    {
      name: 'what both saw counts once',
      records: [
        ...clones(at(0, 10), 16),
        ...Array.from({ length: 16 }, (_, n) => audited(at(0, 10) + n, `acme/r${n}`)),
      ],
      found: [['repositories', 16]],
    },
    { name: 'one line for many', records: [audited(at(0, 10), null, { Count: 40 })], found: [['repositories', 40]] },
    {
      name: 'across midnight',
      records: [...clones(at(0, 22), 9), ...clones(at(1, 2), 9)],
      found: [['repositories', 18]],
    },
    {
      name: 'a surge before midnight is not reported again after it',
      records: [...clones(at(0, 22), 16), ...clones(at(1, 2), 3)],
      found: [['repositories', 16]],
    },
    { name: 'more than a day apart', records: [...clones(at(0, 1), 9), ...clones(at(1, 2), 9)], found: [] },
    {
      name: 'a nightly job has its habit (N16)',
      records: Array.from({ length: 8 }, (_, day) => clones(at(day, 3), 40 + (day % 3))).flat(),
      // Until there is one: five days.
      found: [40, 41, 42, 40, 41].map((it) => ['repositories', it]),
    },
    {
      name: 'bytes sent, beyond a habit',
      records: [...habit(100 * MB, 0, 9), sent(at(10, 15), 4 * GB)],
      found: [['egress_bytes', 4 * GB]],
    },
    {
      name: 'bytes sent, within ten times of it',
      records: [...habit(500 * MB, 0, 9), sent(at(10, 15), 4 * GB)],
      found: [],
    },
    {
      name: 'bytes sent before there was a habit, judged when there is one',
      known: workers(1, { start: MONDAY - 200 * DAY }),
      records: [sent(at(0, 15), 4 * GB), ...habit(100 * MB, 1, 9)],
      found: [['egress_bytes', 4 * GB]],
    },
    {
      name: 'before there was a habit, by somebody who is new',
      known: workers(1, { start: MONDAY - 3 * DAY }),
      records: [sent(at(0, 15), 4 * GB), ...habit(100 * MB, 1, 9)],
      found: [],
    },
    {
      name: 'before there was a habit, and usual after it',
      known: workers(1, { start: MONDAY - 200 * DAY }),
      records: [sent(at(0, 15), 4 * GB), ...habit(2_500 * MB, 1, 9)],
      found: [],
    },
    { name: 'bytes sent without a habit', records: [sent(at(0, 15), 4 * GB)], found: [] },
    { name: 'so many that they need none', records: [sent(at(0, 15), 30 * GB)], found: [['egress_bytes', 30 * GB]] },
    {
      name: 'a backup to where it may go (N17)',
      known: agrees({ approvedEgress: [{ domain: 'backup.example' }] }),
      records: [sent(at(0, 15), 80 * GB), toHost(at(0, 15), 's3.backup.example', 79 * GB)],
      found: [],
    },
    {
      name: 'to a host that only ends alike',
      known: agrees({ approvedEgress: [{ domain: 'backup.example' }] }),
      records: [toHost(at(0, 15), 'mybackup.example', 79 * GB)],
      found: [['egress_bytes', 79 * GB]],
    },
    {
      name: 'to an address that was agreed',
      known: agrees({ approvedEgress: [{ address: '198.51.100.0/24' }] }),
      records: [sent(at(0, 15), 80 * GB, { DestinationIp: '198.51.100.7' })],
      found: [],
    },
    {
      name: 'to a file drop (#78)',
      records: [toHost(at(0, 15), 'drop.example', 600 * MB, shares('file-drop'))],
      found: [['file_share_bytes', 600 * MB]],
    },
    { name: 'a chat', records: [toHost(at(0, 15), 'chat.example', 60 * MB, shares('messaging'))], found: [] },
    {
      name: 'to the file share that was agreed (N18)',
      known: agrees({ approvedTools: [{ tool: 'x' }] }),
      records: [toHost(at(0, 15), 'share.example', 6 * GB, shares('cloud-sync'))],
      found: [],
    },
    {
      name: 'removable volumes (#75)',
      records: [burst(at(0, 9), 'removable', 700 * MB), burst(at(0, 18), 'removable', 700 * MB, 2_500)],
      found: [
        ['removable_bytes', 1_400 * MB],
        ['removable_files', 2_510],
      ],
    },
    {
      name: 'a sync folder (#72)',
      records: [burst(at(0, 9), 'sync', 700 * MB, 3_200)],
      found: [
        ['sync_bytes', 700 * MB],
        ['sync_files', 3_200],
      ],
    },
    {
      name: "the company's sync folder (N18)",
      known: agrees({ approvedTools: [{ tool: 'OneDrive', tenant: 'Acme' }] }),
      records: [burst(at(0, 9), 'sync', 80 * GB, 9_000, '/home/u/OneDrive - Acme')],
      found: [],
    },
    {
      name: 'a private one beside it',
      known: agrees({ approvedTools: [{ tool: 'OneDrive', tenant: 'Acme' }] }),
      records: [burst(at(0, 9), 'sync', 80 * GB, 0, '/home/u/OneDrive')],
      found: [['sync_bytes', 80 * GB]],
    },
    {
      name: 'source folders are work',
      records: [burst(at(0, 9), 'source', 80 * GB, 90_000), burst(at(0, 9), 'staging', 80 * GB, 90_000)],
      found: [],
    },
    {
      name: 'an archive, and an upload of its size (#74)',
      records: [archived(at(0, 10), 300 * MB), sent(at(0, 11), 150 * MB), sent(at(0, 11.5), 120 * MB)],
      found: [['archive_then_upload_bytes', 270 * MB]],
    },
    {
      name: 'several small archives are one',
      records: [archived(at(0, 10), 120 * MB), archived(at(0, 10.4), 120 * MB), sent(at(0, 11), 250 * MB)],
      found: [['archive_then_upload_bytes', 250 * MB]],
    },
    { name: 'less than left', records: [archived(at(0, 10), 300 * MB), sent(at(0, 11), 200 * MB)], found: [] },
    { name: 'much later', records: [archived(at(0, 10), 300 * MB), sent(at(0, 13), 300 * MB)], found: [] },
    { name: 'a small archive', records: [archived(at(0, 10), 30 * MB), sent(at(0, 11), 300 * MB)], found: [] },
    {
      name: 'an archive in the evening, the upload after midnight',
      records: [archived(at(0, 23.2), 300 * MB), sent(at(1, 0.5), 280 * MB)],
      found: [['archive_then_upload_bytes', 280 * MB]],
    },
    {
      name: 'a call of somebody who has many calls',
      records: [...habit(GB, 0, 9), archived(at(10, 10), 300 * MB), sent(at(10, 11), 600 * MB)],
      found: [],
    },
    {
      name: 'a laptop whose clock is far ahead',
      records: [{ ...clones(at(30, 10), 20)[0]!, receivedAt: at(0, 1) } as Recorded, ...clones(at(0, 10), 15)],
      found: [['repositories', 15]],
    },
  ]
  for (const { name, known, records, found: expected } of cases)
    it(name, () => assert.deepEqual(metrics(found(records, known)), expected))

  it('has the time at which the floor was passed, habit, time since the start, and the worker', () => {
    const known = [contract('w0', { start: at(0, 0), roles: [] }), holding('d0', 'w0')]
    const quiet = [1, 2, 3, 4, 5].map((day) => cloned(at(day, 10)))
    const [it] = about('volume_anomaly', [...known, ...quiet, ...clones(at(6, 6), 20)])
    assert.deepEqual([it?.device, it?.worker], [null, 'w0'])
    const { time, OwnMedian, OwnP99, PeerP99, Z, WindowDays, DaysSinceStart } = it!.event
    assert.deepEqual(
      { time, OwnMedian, OwnP99, PeerP99, Z, WindowDays, DaysSinceStart },
      {
        time: at(6, 6) + 19_000,
        OwnMedian: 1,
        OwnP99: 1,
        PeerP99: null,
        Z: null,
        WindowDays: 1,
        DaysSinceStart: 6.25 + 19_000 / DAY,
      },
    )
  })

  it('by other floors', () =>
    assert.deepEqual(
      metrics(
        standing('volume_anomaly', [...alone, ...clones(at(0, 10), 5)], {
          thresholds: { volume_anomaly: { repositories: { floor: 3, alone: 4 } } },
        }),
      ),
      [['repositories', 5]],
    ))
})

describe('volume_anomaly: beside peers', () => {
  const nine = workers(9)
  /** All but the first have this many clones on the day, and were there on the four days before. */
  const others = (many: number, day: number) =>
    Array.from({ length: 8 }, (_, n) => [...habit(MB, day - 4, day, n + 1), ...clones(at(day, 12), many, n + 1)]).flat()
  const cases: { name: string; known?: Recorded[]; records: Recorded[]; found: unknown[] }[] = [
    {
      name: 'more than any of the role',
      records: [...others(3, 0), ...clones(at(1, 10), 20)],
      found: [['w0', 20, 3]],
    },
    {
      name: 'as everybody of the role did last week (N16)',
      records: [...others(22, 0), ...clones(at(7, 10), 20)],
      found: [],
    },
    { name: 'as everybody does on the same day', records: [...others(20, 0), ...clones(at(0, 10), 20)], found: [] },
    {
      name: 'what the role did three weeks ago is no measure',
      records: [...others(40, 0), ...others(1, 20), ...clones(at(21, 10), 20)],
      found: [['w0', 20, 1]],
    },
    {
      name: 'people of another role are no peers',
      known: [...workers(1), ...workers(9, { roles: ['platform engineer'] }).slice(2)],
      records: [...others(40, 0), ...clones(at(1, 10), 20)],
      found: [['w0', 20, null]],
    },
    {
      name: 'more than they, but not twice as much, by somebody without a habit',
      records: [...others(12, 0), ...clones(at(1, 10), 20)],
      found: [],
    },
    {
      name: 'people who were hardly there are no measure',
      records: [...others(12, 0).slice(-12), ...clones(at(1, 10), 20)],
      found: [['w0', 20, null]],
    },
    {
      name: 'seven are too few',
      known: workers(8),
      records: [...others(1, 0), ...clones(at(1, 10), 20)],
      found: [['w0', 20, null]],
    },
  ]
  for (const { name, known = nine, records, found: expected } of cases)
    it(name, () => {
      const seen = about('volume_anomaly', [...known, ...records]).flatMap(({ worker, event: it }) =>
        worker === 'w0' ? [[worker, it.Value, it.PeerP99]] : [],
      )
      assert.deepEqual(seen, expected)
    })
})

describe('volume_anomaly: thieves among twenty peers', () => {
  for (const thieves of [1, 2, 3])
    it(`${thieves} with two surges each: all of them`, () => {
      const peers = Array.from({ length: 20 }, (_, n) => habit(MB, 0, 9, n)).flat()
      const surges = Array.from({ length: thieves }, (_, n) => [
        ...clones(at(5 + n, 12), 20, n),
        ...clones(at(8, 12), 20, n),
      ])
      const records = [...peers, ...surges.flat()].toSorted((a, b) => timeOf(a) - timeOf(b))
      const found = about('volume_anomaly', [...workers(20), ...records], { at: at(11, 0) })
      assert.deepEqual([...new Set(found.map((it) => it.worker))].sort(), ['w0', 'w1', 'w2'].slice(0, thieves))
    })
})

describe('volume_anomaly: the slow drip (P12)', () => {
  const END = at(40, 0)
  const drips = (records: Recorded[], known: Recorded[]) =>
    about('volume_anomaly', [...known, ...inTime(records)], { at: END }).flatMap(({ worker, event: it }) =>
      it.Metric === 'drip' ? [`${worker} ${Math.floor((it.time - MONDAY) / DAY)}`] : [],
    )
  const inTime = (records: Recorded[]) => records.toSorted((a, b) => timeOf(a) - timeOf(b))
  const weekdays = (first: number, last: number) =>
    Array.from({ length: last - first + 1 }, (_, n) => first + n).filter((day) => day % 7 < 5)
  /** Ordinary work of worker n: 300 MB a day, a clone a week. */
  const work = (who: number, first = 0, last = 32) =>
    weekdays(first, last).flatMap((day) => [
      sent(at(day, 15), (250 + ((day * 7 + who * 13) % 100)) * MB, {}, who),
      ...((day + who) % 5 === 0 ? [cloned(at(day, 11), {}, who)] : []),
    ])
  const everybody = Array.from({ length: 9 }, (_, who) => work(who)).flat()
  const drop = (first: number, last: number) =>
    weekdays(first, last).flatMap((day) => [...clones(at(day, 16), 4), burst(at(day, 17), 'sync', 300 * MB, 100)])

  it('twenty days of a little, beside eight peers', () => {
    const found = drips([...everybody, ...drop(7, 26)], workers(9))
    assert.ok(found.length >= 5)
    assert.deepEqual([...new Set(found.map((it) => it.split(' ')[0]))], ['w0'])
  })

  it('three of twenty at once', () => {
    const twenty = Array.from({ length: 20 }, (_, who) => work(who)).flat()
    const three = [0, 1, 2].flatMap((who) =>
      weekdays(7, 26).flatMap((day) => [...clones(at(day, 16), 6, who), sent(at(day, 17), GB, {}, who)]),
    )
    const found = drips([...twenty, ...three], workers(20))
    assert.deepEqual([...new Set(found.map((it) => it.split(' ')[0]))].sort(), ['w0', 'w1', 'w2'])
  })

  const cases: { name: string; known?: Recorded[]; records: Recorded[]; drips: boolean }[] = [
    { name: 'nobody drips', records: everybody, drips: false },
    {
      name: 'without peers, beside four weeks of their own',
      known: workers(1),
      records: [...work(0), ...drop(21, 34)],
      drips: true,
    },
    {
      name: 'without peers and from the first day on',
      known: workers(1),
      records: [...work(0), ...drop(0, 12)],
      drips: false,
    },
    { name: 'a busy week', records: [...everybody, ...drop(21, 25)], drips: false },
    {
      name: 'one large day (N19)',
      records: [...everybody, sent(at(21, 15), 60 * GB), ...clones(at(21, 16), 14), burst(at(21, 17), 'sync', 60 * GB)],
      drips: false,
    },
    {
      name: 'as all of them do',
      records: [
        ...everybody,
        ...Array.from({ length: 9 }, (_, who) => weekdays(7, 26).flatMap((day) => clones(at(day, 16), 4, who))).flat(),
      ],
      drips: false,
    },
    {
      name: 'as they always did',
      known: workers(1),
      records: [...work(0), ...drop(-21, 32)],
      drips: false,
    },
  ]
  for (const { name, known = workers(9), records, drips: expected } of cases)
    it(name, () => assert.equal(drips(records, known).length > 0, expected))

  it('is judged when the day is over', () => {
    const records = [...everybody, ...drop(7, 20)].filter((it) => timeOf(it) < at(18, 20))
    const last = (until: number) =>
      about('volume_anomaly', [...workers(9), ...inTime(records)], { at: until })
        .filter((it) => it.event.Metric === 'drip')
        .at(-1)?.event
    assert.equal(last(at(18, 23))?.time, at(18, 0) - 1)
    assert.equal(last(at(19, 0))?.time, at(19, 0) - 1)
  })
})

describe('volume_anomaly in any order', () => {
  it('one worker', () => {
    const same = sameInAnyOrder('volume_anomaly', alone, [
      ...habit(100 * MB, 0, 8),
      ...clones(at(4, 22), 9),
      ...clones(at(5, 1), 9),
      archived(at(6, 10), 300 * MB),
      sent(at(6, 11), 290 * MB),
      sent(at(9, 15), 4 * GB),
      burst(at(9, 17), 'removable', 3 * GB),
      burst(at(12, 17), 'sync', 900 * MB),
    ])
    assert.deepEqual(new Set(same.map((it) => it.Metric)).size, 5)
  })

  it('a team, and three who exceed it, each more than the last', () => {
    const team = Array.from({ length: 10 }, (_, who) =>
      [-1, 0, 1, 2, 3].flatMap((day) => clones(at(day, 10), 1 + ((who + day) % 3), who)),
    ).flat()
    const same = sameInAnyOrder(
      'volume_anomaly',
      [...workers(10, { roles: ['developer'] })],
      [...team, ...clones(at(3, 15), 20, 0), ...clones(at(5, 2), 26, 1), ...clones(at(12, 2), 33, 2)],
      { at: at(40, 0) },
    )
    assert.ok(same.length === 3 && same.every((it) => it.PeerP99 !== null))
  })

  it('a drip beside its peers', () => {
    const lower = { floor: 5, alone: 50 }
    const thresholds = { volume_anomaly: { repositories: lower, dripDays: 3, dripRepositories: 2 } }
    const team = Array.from({ length: 9 }, (_, who) => habit(MB, 0, 4, who)).flat()
    const drop = [1, 2, 3, 4, 5].flatMap((day) => clones(at(day, 16), 3))
    const same = sameInAnyOrder('volume_anomaly', workers(9), [...team, ...drop], { at: at(12, 0), thresholds })
    assert.ok(same.some((it) => it.Metric === 'drip'))
  })
})
