import assert from 'node:assert/strict'
import fc from 'fast-check'
import { allRows, restoreRows } from '../../../../server/derive/kit/kept.ts'
import { PlaceChanges, type PlacedConnection } from '../../../../server/derive/kit/place-changes.ts'
import { DAY, HOUR, T0 } from '../../events.ts'

const PLACES = {
  austin: { country: 'US', region: 'Texas', lat: 30.27, lon: -97.74 },
  /** 45 km from Austin. */
  sanMarcos: { country: 'US', region: 'Texas', lat: 29.88, lon: -97.94 },
  ohio: { country: 'US', region: 'Ohio', lat: 39.96, lon: -83 },
  berlin: { country: 'DE', region: 'Berlin', lat: 52.52, lon: 13.4 },
  germany: { country: 'DE', region: null, lat: null, lon: null },
  america: { country: 'US', region: null, lat: null, lon: null },
  nowhere: { country: null, region: null, lat: null, lon: null },
} as const
type PlaceName = keyof typeof PLACES

/** [worker, time in hours, address, place, edition, ASN] */
type Row = [string, number, string, PlaceName, string | null, (number | null)?]
type Seen = { connection: PlacedConnection; device: string; worker: string }

function seen([worker, hours, remoteAddress, place, edition, asn = 64500]: Row): Seen {
  const geo = { ...PLACES[place], asn, edition }
  return { connection: { time: T0 + hours * HOUR, remoteAddress, geo }, device: `laptop-${worker}`, worker }
}

function judged(rows: readonly Row[]): PlaceChanges {
  const changes = new PlaceChanges()
  for (const row of rows) changes.take(seen(row))
  return changes
}

/** The answers for the rows, a week after the last. */
function answers(rows: readonly Row[], changes = judged(rows)): string[] {
  const now = T0 + Math.max(...rows.map((it) => it[1])) * HOUR + 7 * DAY
  return rows.map((row) => changes.causeOf(seen(row).connection, now))
}

const cases: { name: string; rows: Row[]; causes: ('laptop' | 'database')[] }[] = [
  {
    name: 'one address, another edition, another country: the database',
    rows: [
      ['a', 0, '8.8.8.8', 'austin', 'E1'],
      ['a', 30, '8.8.8.8', 'berlin', 'E2'],
    ],
    causes: ['laptop', 'database'],
  },
  {
    name: 'another address of the /24',
    rows: [
      ['a', 0, '8.8.8.8', 'austin', 'E1'],
      ['b', 30, '8.8.8.200', 'berlin', 'E2'],
    ],
    causes: ['laptop', 'database'],
  },
  {
    name: 'another address of the /48',
    rows: [
      ['a', 0, '2001:db8:1:2::3', 'austin', 'E1'],
      ['a', 30, '2001:db8:1:4::5', 'berlin', 'E2'],
    ],
    causes: ['laptop', 'database'],
  },
  {
    name: 'a region 1,700 km off in the same country',
    rows: [
      ['a', 0, '8.8.8.8', 'austin', 'E1'],
      ['a', 30, '8.8.8.8', 'ohio', 'E2'],
    ],
    causes: ['laptop', 'database'],
  },
  {
    name: 'a laptop that moved, in the same edition',
    rows: [
      ['a', 0, '8.8.8.8', 'austin', 'E1'],
      ['a', 30, '9.9.9.9', 'berlin', 'E1'],
    ],
    causes: ['laptop', 'laptop'],
  },
  {
    name: 'a laptop that moved to another operator as the edition changed',
    rows: [
      ['a', 0, '8.8.8.8', 'austin', 'E1'],
      ['a', 30, '9.9.9.9', 'berlin', 'E2', 64501],
    ],
    causes: ['laptop', 'laptop'],
  },
  {
    name: 'a network that spans two places in one edition',
    rows: [
      ['a', 0, '8.8.8.8', 'austin', 'E1'],
      ['b', 1, '8.8.8.200', 'berlin', 'E1'],
      ['b', 30, '8.8.8.200', 'berlin', 'E2'],
    ],
    causes: ['laptop', 'laptop', 'laptop'],
  },
  {
    name: 'places 45 km apart are the same place',
    rows: [
      ['a', 0, '8.8.8.8', 'austin', 'E1'],
      ['a', 30, '8.8.8.8', 'sanMarcos', 'E2'],
    ],
    causes: ['laptop', 'laptop'],
  },
  {
    name: 'a place that becomes unknown is not a change',
    rows: [
      ['a', 0, '8.8.8.8', 'austin', 'E1'],
      ['a', 30, '8.8.8.8', 'america', 'E2'],
      ['a', 60, '8.8.8.8', 'nowhere', 'E3'],
    ],
    causes: ['laptop', 'laptop', 'laptop'],
  },
  {
    name: 'and back: the first place is not a change',
    rows: [
      ['a', 0, '8.8.8.8', 'austin', 'E1'],
      ['a', 30, '8.8.8.8', 'berlin', 'E2'],
      ['a', 60, '8.8.8.8', 'austin', 'E3'],
    ],
    causes: ['laptop', 'database', 'laptop'],
  },
  {
    name: 'doubted also when other addresses come between, for a limited time',
    rows: [
      ['a', 0, '8.8.8.8', 'austin', 'E1'],
      ['a', 30, '8.8.8.8', 'berlin', 'E2'],
      ['a', 40, '9.9.9.9', 'austin', 'E2', 64501],
      ['a', 30 + 44 * 24, '8.8.8.8', 'berlin', 'E2'],
      ['a', 30 + 46 * 24, '8.8.8.8', 'berlin', 'E2'],
    ],
    causes: ['laptop', 'database', 'laptop', 'database', 'laptop'],
  },
  {
    name: 'N27 without editions: three addresses of one block overnight',
    rows: [
      ['a', 0, '203.0.113.5', 'austin', null],
      ['b', 1, '203.0.113.6', 'ohio', null],
      ['c', 2, '203.0.113.7', 'austin', null],
      ['a', 24, '203.0.113.5', 'berlin', null],
      ['b', 25, '203.0.113.6', 'germany', null],
      ['c', 26, '203.0.113.7', 'berlin', null],
    ],
    causes: ['laptop', 'laptop', 'laptop', 'database', 'database', 'database'],
  },
  {
    name: 'two addresses are too few',
    rows: [
      ['a', 0, '203.0.113.5', 'austin', null],
      ['b', 1, '203.0.113.6', 'ohio', null],
      ['a', 24, '203.0.113.5', 'berlin', null],
      ['b', 25, '203.0.113.6', 'berlin', null],
    ],
    causes: ['laptop', 'laptop', 'laptop', 'laptop'],
  },
  {
    name: 'three workers behind one address are a farm, not a change of the database',
    rows: (['a', 'b', 'c'] as const).flatMap((it, at): Row[] => [
      [it, at, '203.0.113.5', 'austin', null],
      [it, 24 + at, '203.0.113.5', 'berlin', null],
    ]),
    causes: Array(6).fill('laptop'),
  },
  {
    name: 'three within three days are not within one day',
    rows: (['a', 'b', 'c'] as const).flatMap((it, at): Row[] => [
      [it, at, `203.0.113.${at}`, 'austin', null],
      [it, 24 + at * 25, `203.0.113.${at}`, 'berlin', null],
    ]),
    causes: Array(6).fill('laptop'),
  },
  {
    name: 'three whose addresses change, as a new edition comes into use',
    rows: (['a', 'b', 'c'] as const).flatMap((it, at): Row[] => [
      [it, at, `8.8.${at}.1`, 'austin', 'E1'],
      [it, 24 + at, `8.9.${at}.1`, 'berlin', 'E2'],
    ]),
    causes: ['laptop', 'database', 'laptop', 'database', 'laptop', 'database'],
  },
  {
    name: 'a farm of three that moves behind one new address, as a new edition comes into use',
    rows: (['a', 'b', 'c'] as const).flatMap((it, at): Row[] => [
      [it, at, '8.8.8.8', 'austin', 'E1'],
      [it, 24 + at, '9.9.9.9', 'berlin', 'E2'],
    ]),
    causes: Array(6).fill('laptop'),
  },
  {
    name: 'three who come to one operator from others',
    rows: (['a', 'b', 'c'] as const).flatMap((it, at): Row[] => [
      [it, at, `8.8.${at}.1`, 'austin', 'E1', 64501 + at],
      [it, 24 + at, `8.9.${at}.1`, 'berlin', 'E2', 64500],
    ]),
    causes: Array(6).fill('laptop'),
  },
  {
    name: 'three of three operators are travellers',
    rows: (['a', 'b', 'c'] as const).flatMap((it, at): Row[] => [
      [it, at, `8.8.${at}.1`, 'austin', 'E1', 64500 + at],
      [it, 24 + at, `8.9.${at}.1`, 'berlin', 'E2', 64500 + at],
    ]),
    causes: Array(6).fill('laptop'),
  },
  {
    name: 'three whose addresses change a week after the edition are travellers',
    rows: [
      ['d', 12, '9.9.9.9', 'austin', 'E2', 64501],
      ...(['a', 'b', 'c'] as const).flatMap((it, at): Row[] => [
        [it, at, `8.8.${at}.1`, 'austin', 'E1'],
        [it, 200 + at, `8.9.${at}.1`, 'berlin', 'E2'],
      ]),
    ],
    causes: Array(7).fill('laptop'),
  },
  {
    name: 'unparsable addresses, and addresses without a place',
    rows: [
      ['a', 0, 'fe80::1%eth0', 'austin', 'E1'],
      ['a', 1, '8.8.8.8', 'nowhere', 'E1'],
      ['a', 30, '8.8.8.8', 'berlin', 'E2'],
    ],
    causes: ['laptop', 'laptop', 'laptop'],
  },
]

describe('places that changed because the database did (N27)', () => {
  for (const { name, rows, causes } of cases) it(name, () => assert.deepEqual(answers(rows), causes))

  it('does not depend on the order of records', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...cases).chain(({ rows, causes }) =>
          fc.record({
            rows: fc.constant(rows),
            causes: fc.constant(causes),
            shuffled: fc.shuffledSubarray(rows, { minLength: rows.length }),
          }),
        ),
        ({ rows, causes, shuffled }) => assert.deepEqual(answers(rows, judged(shuffled)), causes),
      ),
    )
  })

  it('resumes from saved state, at any record', () => {
    for (const { rows, causes } of cases)
      for (let at = 0; at <= rows.length; at++) {
        const resumed = new PlaceChanges()
        restoreRows(resumed.kept, allRows(judged(rows.slice(0, at)).kept).reverse())
        for (const row of rows.slice(at)) resumed.take(seen(row))
        assert.deepEqual(answers(rows, resumed), causes)
        assert.deepEqual(resumed.changes(T0 + 10 * DAY), judged(rows).changes(T0 + 10 * DAY))
      }
  })

  it('a laptop with too many networks a day does not affect others', () => {
    const changes = new PlaceChanges()
    const takes = (...row: Row) => changes.take(seen(row))
    takes('quiet', 0, '8.8.8.8', 'austin', 'E1')
    for (let n = 0; n < 300; n++) takes('loud', n / 60, `9.${n >> 8}.${n & 255}.1`, 'austin', 'E1')
    assert.deepEqual(
      [seen(['quiet', 30, '8.8.8.8', 'berlin', 'E2']), seen(['loud', 30, '9.0.1.1', 'berlin', 'E2'])].map((it) => {
        changes.take(it)
        return changes.causeOf(it.connection, it.connection.time)
      }),
      ['database', 'database'],
    )
    // What it stated beyond its share of the day is not known: then it is the laptop that moved.
    const last = seen(['loud', 31, '9.1.40.1', 'berlin', 'E2'])
    changes.take(last)
    assert.equal(changes.causeOf(last.connection, last.connection.time), 'laptop')
  })

  it('drops what was not seen for twice as long as a change is doubted', () => {
    const changes = judged([
      ['a', 0, '8.8.8.8', 'austin', 'E1'],
      ['b', 0, '9.9.9.9', 'austin', 'E1', 64501],
      ['b', 24 * 60, '9.9.9.9', 'austin', 'E1', 64501],
      ['b', 24 * 95, '9.9.9.9', 'austin', 'E1', 64501],
    ])
    const subjects = (part: string) => Array.from(changes.kept[part]!.all(), ([name]) => name)
    assert.deepEqual([subjects('networks'), subjects('devices')], [['9.9.9'], ['laptop-b']])
  })

  it('leaves a change that others may join undecided for a day, and increases its revision when an answer changes', () => {
    const rows = cases.find((it) => it.name.startsWith('N27'))!.rows
    const changes = judged(rows.slice(0, 4))
    const { connection } = seen(rows[3]!)
    assert.equal(changes.causeOf(connection, connection.time + 23 * HOUR), 'undecided')
    assert.equal(changes.causeOf(connection, connection.time + DAY), 'laptop')
    const before = changes.revision
    for (const row of rows.slice(4)) changes.take(seen(row))
    assert.equal(changes.causeOf(connection, connection.time + 2 * HOUR), 'database')
    assert.ok(changes.revision > before)
    const after = changes.revision
    changes.take(seen(rows[5]!))
    assert.equal(changes.revision, after)
  })

  it('lists changes for operators, the largest first, until they are believed', () => {
    const rows: Row[] = [0, 1, 2].flatMap((at): Row[] => [
      ['a', at, `8.8.${at}.1`, 'austin', 'E1'],
      ['a', 30 + at, `8.8.${at}.1`, 'berlin', 'E2'],
    ])
    const changes = judged([
      ...rows,
      ['b', 1, '9.9.9.9', 'ohio', 'E1', 64501],
      ['b', 40, '9.9.9.9', 'austin', 'E2', 64501],
    ])
    const both = changes.changes(T0 + 3 * DAY)
    assert.deepEqual(both, [
      {
        edition: 'E2',
        asn: 64500,
        from: 'US',
        to: 'DE',
        networks: 3,
        since: T0 + 30 * HOUR,
        until: T0 + 32 * HOUR + 45 * DAY,
      },
      {
        edition: 'E2',
        asn: 64501,
        from: 'US',
        to: 'US',
        networks: 1,
        since: T0 + 40 * HOUR,
        until: T0 + 40 * HOUR + 45 * DAY,
      },
    ])
    assert.deepEqual(changes.changes(T0 + 60 * DAY), [])
  })

  it('applies its thresholds', () => {
    const strict = new PlaceChanges({ workers: 4, toleratedKm: 20, doubtDays: 10 })
    const [first, second] = [seen(['a', 0, '8.8.8.8', 'austin', 'E1']), seen(['a', 30, '8.8.8.8', 'sanMarcos', 'E2'])]
    for (const it of [first, second]) strict.take(it)
    assert.equal(strict.causeOf(second.connection, T0 + 40 * HOUR), 'database')
    const later = { ...second.connection, time: T0 + 12 * DAY }
    assert.equal(strict.causeOf(later, T0 + 12 * DAY), 'laptop')
    const n27 = cases.find((it) => it.name.startsWith('N27'))!.rows
    for (const row of n27) strict.take(seen(row))
    assert.equal(strict.causeOf(seen(n27.at(-1)!).connection, T0 + 20 * DAY), 'laptop')
  })
})
