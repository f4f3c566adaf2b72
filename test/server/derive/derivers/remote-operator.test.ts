/** Who drives laptops: days of sessions, with times and places in the rows. */
import assert from 'node:assert/strict'
import type { EventOf } from '../../../../wire/event.ts'
import type { AddressFacts, Recorded } from '../../../../wire/recording.ts'
import {
  AUSTIN,
  approval,
  BERLIN,
  contract,
  DAY,
  event,
  HOUR,
  holding,
  session as online,
  received,
  T0,
} from '../../events.ts'
import { about, sameInAnyOrder } from '../standing.ts'

const MONDAY = T0 - 9 * HOUR
const ZONE = { timeZone: 'America/Chicago' }
const team = (count: number, fields: object = ZONE): Recorded[] =>
  Array.from({ length: count }, (_, n) => [contract(`w${n + 1}`, fields), holding(`d${n + 1}`, `w${n + 1}`)]).flat()
const anydesk = approval({ tool: 'anydesk' })
const VPN: AddressFacts = { ...BERLIN, class: 'vpn' }
const OFFICE: AddressFacts = { ...BERLIN, class: 'corporate' }

interface Driven {
  device?: string
  /** UTC hours; Austin is six hours behind. */
  from?: number
  hours?: number
  place?: AddressFacts
  fields?: Partial<EventOf<'remote_session'>>
}
function drive(
  day: number,
  { device = 'd1', from = 15, hours = 6, place = BERLIN, fields = {} }: Driven = {},
): Recorded {
  const start = MONDAY + day * DAY + from * HOUR
  const it = event(
    'remote_session',
    {
      ...{ Tool: 'AnyDesk', Direction: 'incoming', PeerIp: '203.0.113.77', PeerIdHash: 'abcdef01', Unattended: true },
      ...{ StartedAt: start, EndedAt: start + hours * HOUR },
      ...fields,
    } as Omit<EventOf<'remote_session'>, 'category'>,
    start + hours * HOUR,
  )
  return { ...received(device, it), facts: { peer: place } }
}
/** Its end is `ms` after the event. */
function ended(record: Recorded, ms: number): Recorded {
  if (record.type !== 'event' || record.event.category !== 'remote_session') return record
  return { ...record, event: { ...record.event, EndedAt: record.event.time + ms } }
}
const days = (count: number, of: (day: number) => Recorded): Recorded[] =>
  Array.from({ length: count }, (_, n) => of(n))

/** The last event of a laptop. */
const last = (records: readonly Recorded[], device = 'd1') =>
  about('remote_operator', records)
    .filter((it) => it.device === device)
    .at(-1)?.event

describe('remote_operator', () => {
  const cases: { name: string; records: Recorded[]; last: Partial<EventOf<'remote_operator'>> | undefined }[] = [
    {
      name: 'P26: six hours a day from abroad with the approved tool',
      records: [...team(1), anydesk, ...days(10, (day) => drive(day))],
      last: { Approved: true, Abroad: true, HoursToday: 6, Hours: 60, Days: 10, Helps: false, OffHoursShare: 0 },
    },
    {
      name: 'days are counted within two weeks',
      records: [...team(1), ...days(20, (day) => drive(day))],
      last: { Approved: false, Hours: 84, Days: 14 },
    },
    {
      name: 'N1: twenty minutes of help on one of six laptops',
      records: [...team(6), anydesk, ...days(6, (day) => drive(day, { device: `d${day + 1}`, hours: 1 / 3 }))],
      last: { Approved: true, Abroad: true, Helps: true, Laptops: 6, Days: 1 },
    },
    {
      name: 'brief, but every day',
      records: [...team(1), ...days(8, (day) => drive(day, { hours: 0.5 }))],
      last: { Helps: false, Days: 8, Hours: 4 },
    },
    {
      name: 'without an end it is not known to be help',
      records: [...team(1), drive(0, { hours: 0.1, fields: { EndedAt: null } })],
      last: { Helps: false },
    },
    {
      name: 'the end is some milliseconds after the event that says it',
      records: [...team(1), ended(drive(0, { hours: 0.2 }), 55)],
      last: { Helps: true },
    },
    { name: 'from home', records: [...team(1), drive(0, { place: AUSTIN })], last: { Abroad: false } },
    { name: 'from a VPN abroad', records: [...team(1), drive(0, { place: VPN })], last: { Abroad: true } },
    {
      name: "from a company's exit, which proves no place",
      records: [...team(1), drive(0, { place: OFFICE })],
      last: { Abroad: null },
    },
    {
      name: 'from an exit that the company approves',
      records: [...team(1), approval({ kind: 'exit', asn: BERLIN.asn }), drive(0)],
      last: { Abroad: null },
    },
    {
      name: 'the address is not known',
      records: [...team(1), drive(0, { place: { ...BERLIN, country: null }, fields: { PeerIp: null } })],
      last: { Abroad: null, OperatorCountry: null },
    },
    {
      name: 'no contract: compared with where the laptop is on that day',
      records: [holding('d1', 'w1'), online('d1', AUSTIN, MONDAY + 12 * HOUR), drive(0)],
      last: { Abroad: true, ContractCountry: null },
    },
    { name: 'neither contract nor place', records: [holding('d1', 'w1'), drive(0)], last: { Abroad: null } },
    {
      name: 'N4: announced',
      records: [...team(1, { travelNotices: [{ from: MONDAY - DAY, to: MONDAY + 5 * DAY, country: 'DE' }] }), drive(0)],
      last: { Abroad: true, TravelNotice: true },
    },
    { name: 'at night', records: [...team(1), drive(0, { from: 5, hours: 4 })], last: { OffHoursShare: 1 } },
    {
      name: 'at night, as declared',
      records: [
        ...team(1, { ...ZONE, declaredHours: [{ days: [1, 2, 3, 4, 5, 6, 7], start: '22:00', end: '06:00' }] }),
        drive(0, { from: 5, hours: 4 }),
      ],
      last: { OffHoursShare: 0 },
    },
    { name: 'without a time zone', records: [...team(1, {}), drive(0)], last: { OffHoursShare: null } },
    {
      name: 'a session over midnight',
      records: [...team(1), drive(0, { from: 22, hours: 6 })],
      last: { HoursToday: 4, Hours: 6, Days: 2 },
    },
    {
      name: 'one abroad counts before one at home',
      records: [...team(1), drive(0, { place: AUSTIN, hours: 1 }), drive(0, { from: 17, hours: 1 })],
      last: { Abroad: true, OperatorCountry: 'DE', HoursToday: 2 },
    },
    {
      name: 'F16: approved two weeks later',
      records: [...team(1), ...days(3, (day) => drive(day)), online('d1', AUSTIN, MONDAY + 17 * DAY), anydesk],
      last: { Approved: true },
    },
    {
      name: 'F16: a move that was entered two weeks late',
      records: [
        ...team(1),
        ...days(3, (day) => drive(day)),
        online('d1', AUSTIN, MONDAY + 17 * DAY),
        contract('w1', { from: MONDAY - DAY, country: 'DE' }),
      ],
      last: { Abroad: false, ContractCountry: 'DE' },
    },
    { name: 'outgoing', records: [...team(1), drive(0, { fields: { Direction: 'outgoing' } })], last: undefined },
  ]
  for (const { name, records, last: expected } of cases)
    it(name, () => {
      const found = last(records)
      if (expected === undefined) assert.equal(found, undefined)
      else assert.deepEqual({ ...found, ...expected }, found)
    })

  it('the laptops of one operator are counted on each of them, up to ten', () => {
    const help = days(12, (day) => drive(day % 3, { device: `d${day + 1}`, from: day, hours: 0.3 }))
    assert.deepEqual([last([...team(12), ...help])?.Laptops, last([...team(12), ...help], 'd12')?.Laptops], [10, 10])
  })

  it('in any order', () => {
    const records = [
      ...days(9, (day) => drive(day)),
      drive(1, { fields: { EndedAt: null } }),
      ...days(4, (day) => drive(day, { device: 'd2', hours: 0.5 })),
      drive(2, { device: 'd2', place: AUSTIN, fields: { PeerIdHash: 'abcdef02' } }),
      drive(9, { device: 'd1', from: 22 }),
    ]
    assert.ok(sameInAnyOrder('remote_operator', [...team(2), anydesk], records).length > 10)
  })
})
