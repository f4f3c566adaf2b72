import assert from 'node:assert/strict'
import type { EventOf } from '../../../../../wire/event.ts'
import type { AddressFacts, Recorded } from '../../../../../wire/recording.ts'
import {
  AUSTIN,
  agentState,
  BERLIN,
  contract,
  DAY,
  event,
  HOUR,
  holding,
  login,
  received,
  session,
  T0,
} from '../../../events.ts'
import { sameInAnyOrder, standing } from '../../standing.ts'

const SHENYANG: AddressFacts = { ...BERLIN, country: 'CN', region: 'Liaoning', city: 'Shenyang', asn: 4_837 }
const VPN: AddressFacts = { ...AUSTIN, class: 'vpn', asn: 212_238 }
const SERVERS: AddressFacts = { ...AUSTIN, class: 'hosting', asn: 36_352 }
const TOR: AddressFacts = { ...BERLIN, class: 'tor' }
const GATEWAY: AddressFacts = { ...BERLIN, class: 'corporate', asn: 22_616 }
const ROAMING: AddressFacts = { ...SHENYANG, country: 'HK', region: null, class: 'mobile' }
const ADDRESSES = new Map<AddressFacts, string>([
  [AUSTIN, '203.0.113.9'],
  [BERLIN, '198.51.100.9'],
  [SHENYANG, '111.32.77.10'],
  [VPN, '192.0.2.7'],
  [SERVERS, '155.94.199.59'],
])

type Fields = Partial<EventOf<'idp_login'>>
type Found = [reason: string, Partial<EventOf<'login_place'>>]

const person = [contract('w1'), holding('d1', 'w1', { serial: 'SN-0231', hostName: 'CORP-LT-0231' })]
const cloudOnly = [contract('w1')]

function from(geo: AddressFacts, day: number, fields: Fields = {}, about: object = {}): Recorded {
  const said = { Ip: ADDRESSES.get(geo) ?? '192.0.2.99', Country: geo.country, ...fields }
  return { ...login('w1', T0 + day * DAY, said), geo, ...about }
}
/** An act at the code host. */
function act(geo: AddressFacts | null, day: number, fields: Partial<EventOf<'repo_audit'>> = {}): Recorded {
  const unsaid = { Repository: 'acme/app', Destination: null, InsideOrganisation: null, OutsideTeam: null }
  const Ip = geo === null ? null : (ADDRESSES.get(geo) ?? '192.0.2.99')
  const said = { Ip, Country: geo?.country ?? null, AccountHash: null, Count: null, Bytes: null }
  const time = T0 + day * DAY
  const it = event('repo_audit', { Worker: 'w1', Action: 'push', ...unsaid, ...said, ...fields }, time)
  return { type: 'feed', worker: 'w1', time, event: { ...it, seq: null }, ...(geo && Ip !== null && { geo }) }
}
const days = (count: number, of: (day: number) => Recorded, first = 0) =>
  Array.from({ length: count }, (_, nth) => of(first + nth))
/** A laptop that is on for some hours of the day. */
const atWork = (geo: AddressFacts, day: number, device = 'd1'): Recorded[] => [
  { ...session(device, geo, T0 + day * DAY), remoteAddress: ADDRESSES.get(geo) ?? '203.0.113.200' },
  ...[0, 1, 2].map((hour) => received(device, agentState('summary', T0 + day * DAY + hour * HOUR))),
]
const worked = (count: number, first = 0) =>
  Array.from({ length: count }, (_, nth) => atWork(AUSTIN, first + nth)).flat()

/** The last event of each reason, with the fields that the row names. */
function last(records: readonly Recorded[]): Map<string, EventOf<'login_place'>> {
  return new Map(standing('login_place', records).map((it) => [it.Reason, it]))
}

describe('login_place: what a login shows by itself', () => {
  const OWN = { DeviceId: 'd1', ManagedDevice: true }
  const UNMANAGED = { ManagedDevice: false, Mobile: false }
  const rows: { name: string; records: Recorded[]; found: Found[] }[] = [
    {
      name: 'no laptop of ours, another country',
      records: [...cloudOnly, ...days(3, (day) => from(SHENYANG, day, UNMANAGED))],
      found: [['country', { Days: 3, HomeDays: 0, ManagedDevice: false, DaysSinceLaptop: null, TravelNotice: false }]],
    },
    {
      name: 'the provider does not say on which device',
      records: [...cloudOnly, from(SHENYANG, 0)],
      found: [['country', { Days: 1, ManagedDevice: null, LoginCountry: 'CN', ContractCountry: 'US' }]],
    },
    {
      name: 'the laptop is switched off, the account is used elsewhere on a device that the roster does not have',
      records: [...person, ...worked(6), ...days(4, (day) => from(SHENYANG, day, { DeviceId: 'vdi-77' }), 8)],
      found: [
        ['country', { Days: 4, HomeDays: 6, ManagedDevice: false, DaysSinceLaptop: 6 }],
        ['unknown_device', { Days: 4, ManagedDevice: false, DaysSinceLaptop: 6 }],
      ],
    },
    {
      name: 'the laptop is on at home and excuses nothing',
      records: [...person, ...worked(4), ...days(3, (day) => from(SHENYANG, day, UNMANAGED), 1)],
      found: [['country', { Days: 3, DaysSinceLaptop: 0, LaptopCountry: 'US' }]],
    },
    {
      name: 'the laptop is behind a VPN and excuses nothing',
      records: [...person, ...atWork(VPN, 0), ...atWork(VPN, 1), from(SHENYANG, 1, UNMANAGED)],
      found: [['country', { Days: 1, LaptopCountry: null }]],
    },
    {
      name: 'one laptop in two countries at a time',
      records: [...person, ...atWork(AUSTIN, 0), from(SHENYANG, 0.05, OWN)],
      found: [['own_device', { LaptopCountry: 'US', LoginCountry: 'CN', ManagedDevice: true }]],
    },
    ...['SN-0231', 'corp-lt-0231', 'D1'].map((DeviceId) => ({
      name: `the laptop, by another of its names: ${DeviceId}`,
      records: [...person, ...atWork(AUSTIN, 0), from(SHENYANG, 0.05, { DeviceId })],
      found: [['own_device', { ManagedDevice: true }] as Found],
    })),
    {
      name: 'the own laptop, whose agent is not heard',
      records: [...person, ...atWork(AUSTIN, 0), from(SHENYANG, 0.5, OWN)],
      found: [['country', { ManagedDevice: true }]],
    },
    {
      name: 'several countries count together',
      records: [...cloudOnly, from(SHENYANG, 0), from(BERLIN, 1), from(SHENYANG, 2)],
      found: [['country', { Days: 3, LoginCountry: 'CN' }]],
    },
    {
      name: 'servers, for a week',
      records: [...cloudOnly, ...days(7, (day) => from(SERVERS, day))],
      found: [['exit', { Days: 7, NetworkClass: 'hosting' }]],
    },
    {
      name: 'a VPN and servers are counted apart',
      records: [...cloudOnly, ...days(3, (day) => from(VPN, day)), ...days(2, (day) => from(SERVERS, day), 3)],
      found: [['exit', { Days: 2, NetworkClass: 'hosting' }]],
    },
    { name: 'Tor', records: [...cloudOnly, from(TOR, 0)], found: [['exit', { NetworkClass: 'tor' }]] },
    {
      name: 'the second factor approved elsewhere',
      records: [
        ...person,
        ...worked(3),
        from(AUSTIN, 2.1, { MfaIp: '111.32.77.10', MfaCountry: 'CN' }, { mfaGeo: SHENYANG }),
      ],
      found: [['approval', { LoginCountry: 'CN', Days: 1 }]],
    },
    {
      name: 'the code host alone saw another country',
      records: [...cloudOnly, ...days(3, (day) => act(SHENYANG, day))],
      found: [['country', { Days: 3, LoginCountry: 'CN', ManagedDevice: null, SeenBy: 'code_host' }]],
    },
    {
      name: 'the code host names a country, and no address',
      records: [...cloudOnly, act(null, 0, { Country: 'CN' }), act(null, 1, { Country: 'CN' })],
      found: [['country', { Days: 2, LoginCountry: 'CN', NetworkClass: 'unknown', SeenBy: 'code_host' }]],
    },
    {
      name: 'the code host and the provider, on other days: one thing, which the provider saw',
      records: [...cloudOnly, from(SHENYANG, 0, UNMANAGED), act(SHENYANG, 1), act(SHENYANG, 2)],
      found: [['country', { Days: 3, SeenBy: 'identity_provider' }]],
    },
    {
      name: 'the provider says that it is a laptop of ours; the code host does not contradict it',
      records: [...person, from(SHENYANG, 0, OWN), act(SHENYANG, 0.1), act(SHENYANG, 1)],
      found: [['country', { Days: 2, ManagedDevice: true }]],
    },
    {
      name: 'a push through a VPN',
      records: [...cloudOnly, ...days(2, (day) => act(VPN, day))],
      found: [['exit', { Days: 2, NetworkClass: 'vpn', SeenBy: 'code_host' }]],
    },
    {
      name: 'the code host proves home, too',
      records: [...cloudOnly, ...days(4, (day) => act(AUSTIN, day)), from(SHENYANG, 4)],
      found: [['country', { Days: 1, HomeDays: 4 }]],
    },
    {
      name: 'the code host says nothing of devices, and makes none familiar',
      records: [
        ...[...person, ...worked(8), ...days(8, (day) => act(AUSTIN, day + 0.01))],
        ...days(3, (day) => from(AUSTIN, day, { ...UNMANAGED, Ip: '203.0.114.7' }), 9),
      ],
      found: [['unknown_device', { Days: 3 }]],
    },
    {
      name: 'without a country in the contract: against where the laptop is',
      records: [contract('w1', { country: null }), person[1]!, ...worked(4), from(SHENYANG, 4, UNMANAGED)],
      found: [
        ['country', { ContractCountry: null, LoginCountry: 'CN' }],
        ['unknown_device', { Days: 1 }],
      ],
    },
  ]
  for (const { name, records, found } of rows)
    it(name, () => {
      const seen = last(records)
      assert.deepEqual(
        [...seen].map(([reason, it]) => [
          reason,
          Object.fromEntries(
            Object.keys(found.find(([of]) => of === reason)?.[1] ?? {}).map((key) => [key, it[key as keyof typeof it]]),
          ),
        ]),
        found,
      )
    })
})

describe('login_place: what is nothing', () => {
  const holiday = (fields: object) => contract('w1', { travelNotices: [fields] } as never)
  const approved = (entry: Record<string, unknown>) => contract('w1', { approvedEgress: [entry] })
  const rows: { name: string; records: Recorded[] }[] = [
    { name: 'logins from home', records: [...person, ...worked(3), ...days(3, (day) => from(AUSTIN, day))] },
    { name: 'a wrong password from elsewhere', records: [...cloudOnly, from(SHENYANG, 0, { Result: 'failure' })] },
    { name: 'another step that was never done', records: [...cloudOnly, from(SHENYANG, 0, { Result: 'challenge' })] },
    { name: 'a word that nobody knows', records: [...cloudOnly, from(SHENYANG, 0, { Result: 'unknown', Word: 'x' })] },
    { name: 'a country that is not known', records: [...cloudOnly, from({ ...SHENYANG, country: null }, 0)] },
    { name: 'no address', records: [...cloudOnly, from(SHENYANG, 0, { Ip: null })] },
    {
      name: 'a phone on roaming',
      records: [...person, ...worked(2), ...days(5, (day) => from(ROAMING, day, { Mobile: true }))],
    },
    {
      name: 'N30: a travel eSIM whose exit is its home network, on what the provider does not name',
      records: [...person, ...worked(2), ...days(5, (day) => from(ROAMING, day))],
    },
    {
      name: 'N30: a phone with a travel eSIM approves the second factor',
      records: [
        ...[...person, ...worked(4)],
        ...days(4, (day) => from(AUSTIN, day, { MfaIp: '192.0.2.50', MfaCountry: 'HK' }, { mfaGeo: ROAMING })),
      ],
    },
    {
      name: 'a conference with the own laptop: the laptop tells the place',
      records: [
        ...person,
        ...worked(3),
        ...[3, 4, 5].flatMap((day) => [...atWork(BERLIN, day), from(BERLIN, day + 0.1)]),
      ],
    },
    { name: "a company's SASE exit abroad", records: [...person, ...days(9, (day) => from(GATEWAY, day))] },
    { name: 'an approved exit', records: [approved({ asn: VPN.asn }), ...days(9, (day) => from(VPN, day))] },
    {
      name: 'an approved exit in a data centre',
      records: [approved({ address: '155.94.199.0/24' }), ...days(9, (day) => from(SERVERS, day))],
    },
    {
      name: 'N6: the VPN that the laptop is behind, too',
      records: [
        ...person,
        ...[0, 1, 2, 3, 4].flatMap((day) => [...atWork(VPN, day), from(VPN, day + 0.1, { Ip: '192.0.2.77' })]),
      ],
    },
    {
      name: "a company's gateway in a data centre, which five colleagues use",
      records: [
        ...['w1', 'w2', 'w3', 'w4', 'w5'].map((it) => contract(it)),
        ...['w1', 'w2', 'w3', 'w4', 'w5'].flatMap((who) =>
          days(6, (day) => ({ ...from(SERVERS, day), worker: who }) as Recorded),
        ),
      ],
    },
    {
      name: 'a second computer that has long been used beside the laptop',
      records: [
        ...[...person, ...worked(8)],
        ...days(8, (day) => from(AUSTIN, day, { DeviceId: 'home-pc', Ip: '203.0.113.90' })),
        ...days(4, (day) => from(AUSTIN, day, { DeviceId: 'home-pc', Ip: '203.0.113.90' }), 8),
      ],
    },
    {
      name: 'another computer on a day on which the laptop is on',
      records: [...person, ...worked(3), from(AUSTIN, 1.1, { DeviceId: 'library-pc' })],
    },
    { name: 'pushes from home', records: [...person, ...worked(3), ...days(3, (day) => act(AUSTIN, day))] },
    { name: "a build server's clones", records: [...cloudOnly, ...days(9, (day) => act(SERVERS, day))] },
    {
      name: 'a failed login at the code host, for which we have no word',
      records: [...cloudOnly, act(SHENYANG, 0, { Action: 'unknown', Word: 'user.failed_login' })],
    },
    { name: 'an act without address and country', records: [...cloudOnly, act(null, 0)] },
    {
      name: "a push through the company's gateway abroad",
      records: [...person, ...days(9, (day) => act(GATEWAY, day))],
    },
    {
      name: 'a country without an address, behind the exit that the laptop has',
      records: [...person, ...[0, 1].flatMap((day) => [...atWork(GATEWAY, day), act(null, day, { Country: 'DE' })])],
    },
    {
      name: 'a country without an address, where the contract approves an exit',
      records: [approved({ asn: VPN.asn }), ...days(9, (day) => act(null, day, { Country: 'CN' }))],
    },
    {
      name: 'a push from a conference with the own laptop',
      records: [...person, ...worked(3), ...[3, 4].flatMap((day) => [...atWork(BERLIN, day), act(BERLIN, day + 0.1)])],
    },
    {
      name: 'own laptop, own country',
      records: [...person, ...atWork(AUSTIN, 0), from(AUSTIN, 0.1, { DeviceId: 'd1' })],
    },
    {
      name: 'the own laptop arrives: it was in both countries that day',
      records: [...person, ...atWork(AUSTIN, 0), ...atWork(BERLIN, 0.3), from(BERLIN, 0.31, { DeviceId: 'd1' })],
    },
  ]
  for (const { name, records } of rows) it(name, () => assert.deepEqual([...last(records).keys()], []))

  it('a holiday with a notice is marked, and counts no days against others', () => {
    const notice = holiday({ from: T0, to: T0 + 6 * DAY, country: 'DE' })
    const trip = days(5, (day) => from(BERLIN, day))
    assert.deepEqual(
      standing('login_place', [notice, ...trip]).map((it) => it.TravelNotice),
      [true, true, true, true, true],
    )
    const after = standing('login_place', [notice, ...trip, from(SHENYANG, 9)]).at(-1)!
    assert.deepEqual([after.TravelNotice, after.Days], [false, 1])
  })

  it('a notice that is entered two weeks late takes back what was found', () => {
    const trip = days(5, (day) => from(BERLIN, day))
    const late = { ...holiday({ from: T0, to: T0 + 6 * DAY, country: 'DE' }), receivedAt: T0 + 14 * DAY }
    const found = standing('login_place', [contract('w1'), ...trip, late, from(AUSTIN, 14.1)])
    assert.deepEqual(
      found.map((it) => it.TravelNotice),
      [true, true, true, true, true],
    )
  })

  it('a laptop that is put on the roster later is ours', () => {
    const logins = days(3, (day) => from(SHENYANG, day, { DeviceId: 'lt-9' }))
    const managed = (records: Recorded[]) => standing('login_place', records).map((it) => it.ManagedDevice)
    assert.deepEqual(managed([...cloudOnly, ...logins]), [false, false, false])
    assert.deepEqual(managed([...cloudOnly, ...logins, holding('d5', 'w1', { hostName: 'LT-9' })]), [true, true, true])
  })

  it('the days of a laptop that was offline arrive late and take back that it was off', () => {
    const away = days(3, (day) => from(AUSTIN, day, { DeviceId: 'x', Ip: '203.0.114.7' }), 4)
    const before = [...person, ...worked(3)]
    assert.equal(standing('login_place', [...before, ...away]).length, 3)
    const spooled = [4, 5, 6].flatMap((day) =>
      [0, 1].map((hour) => received('d1', agentState('summary', T0 + day * DAY + hour * HOUR), T0 + 8 * DAY)),
    )
    assert.equal(standing('login_place', [...before, ...away, ...spooled]).length, 0)
  })

  it('is the same in any order', () => {
    const records = [
      ...worked(4),
      ...days(3, (day) => from(SHENYANG, day, { DeviceId: 'x' }), 2),
      ...days(2, (day) => from(VPN, day), 5),
      from(SHENYANG, 1.05, { DeviceId: 'd1' }),
      ...[0.2, 2.2, 8].map((day) => act(SHENYANG, day)),
      act(TOR, 3),
      act(null, 4, { Country: 'CN' }),
      from(AUSTIN, 6, { MfaIp: '111.32.77.10', MfaCountry: 'CN' }, { mfaGeo: SHENYANG }),
    ]
    const reasons = new Set(sameInAnyOrder('login_place', person, records).map((it) => it.Reason))
    assert.deepEqual([...reasons].sort(), ['approval', 'country', 'exit', 'own_device', 'unknown_device'])
  })
})
