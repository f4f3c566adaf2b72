/** The contract compared with what was seen: unknown is neither agreement nor difference. */
import assert from 'node:assert/strict'
import { noSightings, type SeenPlace, type Sightings } from '../../../server/derive/kit/sightings.ts'
import type { Coverage } from '../../../server/model/coverage.ts'
import { observed } from '../../../server/views/observed.ts'
import type { Compared } from '../../../server/views/schema.ts'
import type { Contract } from '../../../wire/contract.ts'
import type { EventOf } from '../../../wire/event.ts'
import { finding } from '../assess/finding.ts'
import { DAY, event, HOUR, T0 } from '../events.ts'

const NOW = T0 + DAY
const AUSTIN: Contract = {
  worker: 'w1',
  from: 0,
  country: 'US',
  region: 'Texas',
  city: 'Austin',
  latitude: 30.27,
  longitude: -97.74,
  timeZone: 'America/Chicago',
}
const home: SeenPlace = {
  ...{ worker: 'w1', time: T0, country: 'US', region: 'Texas', city: 'Round Rock', lat: 30.5, lon: -97.7 },
  ...{ networkClass: 'residential', asName: 'Example Cable', proves: true, approved: false },
}
const vpn = { networkClass: 'vpn', proves: false } as const
const sees: Coverage[] = ['process_creation', 'software', 'usb_device', 'display'].map((category) => ({
  ...{ category, state: 'quiet', detail: null, lastEvent: null },
}))
const tool = (approved: boolean, about: Partial<Sightings['things'][number]> = {}): Partial<Sightings> => ({
  things: [{ what: 'tool', id: 'anydesk', name: 'AnyDesk', worker: 'w1', time: T0, approved, ...about }],
})
const mismatch = (fields: Partial<EventOf<'place_mismatch'>>, time = T0) =>
  finding({
    events: [
      event(
        'place_mismatch',
        {
          ...{ Reason: 'contract', ContractCountry: 'US', ContractRegion: 'Texas', ObservedCountry: 'NL' },
          ...{ ObservedRegion: 'North Holland', DistanceKm: 8_000, Days: 3, DaysInPlace: 1, TravelNotice: false },
          ...{ ShipToDistanceKm: null, ...fields },
        },
        time,
      ),
    ],
  })

interface Case {
  name: string
  contract?: Partial<Contract> | null
  sightings?: Partial<Sightings>
  findings?: ReturnType<typeof finding>[]
  coverage?: Coverage[]
  laptops?: number
  what: Compared['what']
  state: Compared['state']
  seen?: string[]
  unseen?: RegExp
}

const place = (about: Partial<SeenPlace>): Partial<Sightings> => ({ place: { ...home, ...about } })
const clock = (timeZone: string | null, utcOffsetMinutes: number | null): Partial<Sightings> => ({
  clock: { worker: 'w1', time: T0, timeZone, utcOffsetMinutes },
})
const notice = { from: T0 - DAY, to: T0 + 9 * DAY, country: 'NL' }

const cases: Case[] = [
  { name: 'at home', sightings: place({}), what: 'country', state: 'agrees', seen: ['US'] },
  { name: 'abroad', sightings: place({ country: 'NL' }), what: 'country', state: 'differs', seen: ['NL'] },
  {
    name: 'abroad, announced',
    contract: { travelNotices: [notice] },
    sightings: place({ country: 'NL' }),
    what: 'country',
    state: 'agrees',
  },
  { name: 'behind a VPN in the right country', sightings: place(vpn), what: 'country', state: 'unknown' },
  { name: 'nothing on record', contract: { country: null }, sightings: place({}), what: 'country', state: 'unknown' },
  { name: 'no contract', contract: null, sightings: place({}), what: 'country', state: 'unknown' },
  { name: 'never connected', what: 'country', state: 'unknown', seen: [], unseen: /no connection/ },
  {
    name: 'a place of three weeks ago does not count',
    sightings: place({ time: NOW - 21 * DAY }),
    what: 'country',
    state: 'unknown',
    seen: [],
  },
  {
    name: 'seen while another worker held the laptop',
    sightings: place({ worker: 'w2', country: 'NL' }),
    what: 'country',
    state: 'unknown',
    seen: [],
  },
  {
    name: 'home now, with a finding elsewhere this week',
    sightings: place({}),
    findings: [mismatch({}), mismatch({ Days: 4 }, T0 + HOUR)],
    what: 'country',
    state: 'differs',
    seen: ['North Holland, NL', 'US'],
  },
  {
    name: 'a finding elsewhere, announced',
    sightings: place({}),
    findings: [mismatch({ TravelNotice: true })],
    what: 'country',
    state: 'agrees',
  },
  {
    name: "the operator's place is not the laptop's",
    sightings: place({}),
    findings: [mismatch({ Reason: 'operator_address' })],
    what: 'country',
    state: 'agrees',
  },
  { name: 'the next town', sightings: place({}), what: 'region', state: 'agrees', seen: ['Round Rock, Texas'] },
  {
    name: 'another coast',
    sightings: place({ region: 'Maine', city: 'Portland', lat: 43.7, lon: -70.3 }),
    what: 'region',
    state: 'differs',
  },
  {
    name: 'a mobile gateway 360 km off',
    sightings: place({ region: 'Oklahoma', city: 'Lawton', lat: 33.5, lon: -97.7, networkClass: 'mobile' }),
    what: 'region',
    state: 'agrees',
  },
  {
    name: 'a region by name, without a position',
    contract: { latitude: null },
    sightings: place({ region: 'TEXAS' }),
    what: 'region',
    state: 'agrees',
  },
  {
    name: 'another name, far away by the gazetteer',
    contract: { latitude: null },
    sightings: place({ region: 'Maine', city: 'Portland', lat: null, lon: null }),
    what: 'region',
    state: 'differs',
  },
  {
    name: 'a name that no gazetteer has: not comparable',
    sightings: place({ region: 'Nowhere', city: 'Nowhere', lat: null, lon: null }),
    what: 'region',
    state: 'unknown',
  },
  { name: 'the same zone', sightings: clock('America/Chicago', -360), what: 'time_zone', state: 'agrees' },
  {
    name: 'another name for the same time',
    sightings: clock('America/Winnipeg', -360),
    what: 'time_zone',
    state: 'agrees',
  },
  { name: 'another time', sightings: clock('Asia/Shanghai', 480), what: 'time_zone', state: 'differs' },
  { name: 'a clock on UTC', sightings: clock('Etc/UTC', 0), what: 'time_zone', state: 'unknown' },
  {
    name: 'a clock reported months ago and unchanged',
    sightings: { clock: { worker: 'w1', time: T0 - 90 * DAY, timeZone: 'America/Chicago', utcOffsetMinutes: -300 } },
    what: 'time_zone',
    state: 'agrees',
  },
  { name: 'no zone reported', sightings: clock(null, null), what: 'time_zone', state: 'unknown' },
  {
    name: 'an unknown zone',
    contract: { timeZone: 'Mars/Base' },
    sightings: clock('Asia/Tokyo', 540),
    what: 'time_zone',
    state: 'unknown',
  },
  { name: 'a home network', sightings: place({}), what: 'network', state: 'agrees' },
  { name: 'a VPN', sightings: place(vpn), what: 'network', state: 'differs', seen: ['vpn, Example Cable'] },
  { name: 'an approved exit', sightings: place({ ...vpn, approved: true }), what: 'network', state: 'agrees' },
  {
    name: "a phone's relay",
    sightings: place({ networkClass: 'private_relay', proves: false }),
    what: 'network',
    state: 'unknown',
  },
  ...(['sase', 'satellite'] as const).map((networkClass) => ({
    name: `an exit of class ${networkClass} (N31, N32)`,
    sightings: place({ networkClass, proves: false }),
    what: 'network' as const,
    state: 'unknown' as const,
  })),
  { name: 'an address on no list', sightings: place({ networkClass: 'unknown' }), what: 'network', state: 'unknown' },
  { name: 'an approved tool', sightings: tool(true), what: 'remote_tools', state: 'agrees', seen: ['AnyDesk'] },
  { name: 'another tool', sightings: tool(false), what: 'remote_tools', state: 'differs', seen: ['AnyDesk'] },
  { name: 'a tool, and no contract', contract: null, sightings: tool(false), what: 'remote_tools', state: 'unknown' },
  {
    name: 'a tool of two months ago',
    sightings: tool(false, { time: NOW - 60 * DAY }),
    what: 'remote_tools',
    state: 'agrees',
    seen: [],
  },
  { name: 'no tool, visible to the agent', what: 'remote_tools', state: 'agrees', seen: [], unseen: /can look/ },
  {
    name: 'no tool, not visible to the agent',
    coverage: [],
    what: 'remote_tools',
    state: 'unknown',
    unseen: /not every laptop/,
  },
  { name: 'no laptop', laptops: 0, what: 'hardware', state: 'unknown', unseen: /no laptop/ },
  {
    name: 'hardware known only from a derived event',
    findings: [
      finding({
        events: [
          event('hardware', {
            ...{ Device: 'A jiggler', DeviceId: 'j', DeviceKind: 'jiggler', MatchedBy: 'cadence' },
            ...{ Signs: null, Approved: false, DaysSinceFirstBoot: null },
          }),
        ],
      }),
    ],
    what: 'hardware',
    state: 'differs',
    seen: ['A jiggler'],
  },
]

describe('server/assess: contract against what was seen', () => {
  for (const { name, contract = {}, what, state, seen, unseen, ...about } of cases)
    it(`${what}: ${name}: ${state}`, () => {
      const laptop = {
        device: 'd1',
        sightings: { ...noSightings(), ...about.sightings },
        coverage: about.coverage ?? sees,
      }
      const rows = observed({
        worker: 'w1',
        contract: contract && { ...AUSTIN, ...contract },
        laptops: about.laptops === 0 ? [] : [laptop],
        findings: about.findings ?? [],
        now: NOW,
      })
      assert.equal(rows.length, 6)
      const row = rows.find((it) => it.what === what)!
      assert.equal(row.state, state)
      if (seen)
        assert.deepEqual(
          row.seen.map((it) => it.text),
          seen,
        )
      if (unseen) assert.match(row.unseen ?? '', unseen)
    })

  it('rows are bounded, with differences first', () => {
    const things = Array.from({ length: 90 }, (_, index) => ({
      ...{ what: 'tool' as const, id: `t${index}`, name: `Tool ${index}`, worker: 'w1', time: T0 + index },
      approved: index !== 3,
    }))
    const laptops = [{ device: 'd1', sightings: { ...noSightings(), things }, coverage: sees }]
    const rows = observed({ worker: 'w1', contract: AUSTIN, laptops, findings: [], now: NOW })
    const { seen, state } = rows.find((it) => it.what === 'remote_tools')!
    assert.deepEqual([seen.length, seen[0]?.text, state], [32, 'Tool 3', 'differs'])
  })
})
