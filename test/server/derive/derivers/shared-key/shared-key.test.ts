/** Who shares what with whom, over days. */
import assert from 'node:assert/strict'
import type { NetworkClass } from '../../../../../wire/events/derived.ts'
import type { Recorded } from '../../../../../wire/recording.ts'
import {
  AUSTIN,
  agentState,
  approval,
  contract,
  DAY,
  event,
  HOUR,
  holding,
  login as loginOf,
  MINUTE,
  received,
  T0,
} from '../../../events.ts'
import { about, sameInAnyOrder } from '../../standing.ts'

const HASH = 'abcdef0123456789'

/** Each worker `wN` holds laptop `dN`. */
const team = (count: number, fields: Record<string, object> = {}): Recorded[] =>
  Array.from({ length: count }, (_, index) => `${index + 1}`).flatMap((n) => [
    contract(`w${n}`, fields[`w${n}`]),
    holding(`d${n}`, `w${n}`),
  ])
const online = (device: string, day: number, address: string, klass: NetworkClass = 'residential'): Recorded => ({
  type: 'connection',
  device,
  time: T0 + day * DAY,
  remoteAddress: address,
  geo: { ...AUSTIN, class: klass },
})
const place = (device: string, day: number, gateway: string | null, full: boolean | null = null): Recorded =>
  received(
    device,
    event(
      'network_place',
      {
        Interface: 'wlan0',
        GatewayHash: gateway,
        SsidHash: null,
        BssidHash: null,
        DnsServers: null,
        TunnelInterface: null,
        TunnelKind: null,
        TunnelMtu: null,
        DefaultRouteOnTunnel: full,
      },
      T0 + day * DAY,
    ),
  )
const awake = (device: string, day: number): Recorded => received(device, agentState('summary', T0 + day * DAY + HOUR))
const days = (from: number, to: number, of: (day: number) => Recorded | Recorded[]): Recorded[] =>
  Array.from({ length: to - from + 1 }, (_, index) => of(from + index)).flat()
const monitor = (device: string, day: number, serial: string | null, action: 'attached' | 'removed' = 'attached') =>
  received(
    device,
    event(
      'display',
      {
        Action: action,
        MakerId: 'DEL',
        ProductCode: '0x40f4',
        MonitorName: 'DELL U2720Q',
        SerialText: serial,
        WidthMm: 600,
        HeightMm: 340,
        Internal: false,
        EdidHash: HASH,
      },
      T0 + day * DAY,
    ),
  )
const dock = (device: string, day: number, serial: string, action: 'attached' | 'removed' = 'attached') =>
  received(
    device,
    event(
      'usb_device',
      {
        ...{ Action: action, VendorId: '0bda', ProductId: '8153', Manufacturer: 'Realtek', ProductName: 'USB LAN' },
        ...{ SerialNumber: serial, InterfaceClasses: ['ff'], HasKeyboard: false, HasAbsolutePointer: false },
        ...{ HasStorage: false, HasNetwork: true, ParentPort: '1-1' },
      },
      T0 + day * DAY,
    ),
  )
const DECLARED = { kind: 'approved device', vendorId: '0BDA', productId: '8153', serial: 'UNIT-77' }
/** `minutes`: it ended after that time; null: its log has no end. */
const session = (device: string, day: number, peer: string, tool = 'AnyDesk', minutes: number | null = null) =>
  received(
    device,
    event(
      'remote_session',
      {
        Tool: tool,
        Direction: 'incoming',
        PeerIp: null,
        PeerIdHash: peer,
        StartedAt: T0 + day * DAY,
        EndedAt: minutes === null ? null : T0 + day * DAY + minutes * MINUTE,
        Unattended: null,
      },
      T0 + day * DAY + (minutes ?? 0) * MINUTE,
    ),
  )
const login = (worker: string, day: number, mfa: string) => loginOf(worker, T0 + day * DAY, { MfaDeviceHash: mfa })
const [OWN_1, OWN_2] = ['1111111111111111', '2222222222222222']
/** Workers without a laptop of ours. */
const accounts = (count: number): Recorded[] => Array.from({ length: count }, (_, n) => contract(`w${n + 1}`))
const signIn = (worker: string, day: number, address: string, klass: NetworkClass = 'residential'): Recorded => ({
  ...loginOf(worker, T0 + day * DAY + HOUR, { Ip: address }),
  geo: { ...AUSTIN, class: klass },
})

/** 'w2 day 3: uplink x3, 4 days' for each event in force on the last day with any. */
const lastDay = (records: readonly Recorded[]): string[] => {
  const all = about('shared_key', records)
  const last = Math.max(...all.map((it) => Math.floor(it.event.time / DAY)))
  return all
    .filter((it) => Math.floor(it.event.time / DAY) === last)
    .map(({ worker, event: it }) => {
      const extras = [it.Corroborated === null ? '' : ` corroborated=${it.Corroborated}`, it.Roams ? ' roams' : '']
      return `${worker} ${it.KeyKind} x${it.Workers} ${it.Days}d${extras.join('')}`
    })
    .sort()
}

const FARM = '203.0.113.50'
const cases: { what: string; records: Recorded[]; stands: string[] }[] = [
  {
    what: '#56, P4: three laptops behind one uplink and one gateway for four days',
    records: [
      ...team(3),
      ...days(0, 3, (day) => ['d1', 'd2', 'd3'].map((it) => online(it, day, FARM))),
      ...['d1', 'd2', 'd3'].map((it) => place(it, 0, HASH)),
    ],
    stands: ['w1', 'w2', 'w3'].flatMap((it) => [
      `${it} gateway x3 4d corroborated=true`,
      `${it} uplink x3 4d corroborated=true`,
    ]),
  },
  {
    what: 'a gateway that was reported once holds while the laptop is awake',
    records: [
      ...team(2),
      ...['d1', 'd2'].flatMap((it) => [place(it, 0, HASH), ...days(1, 5, (day) => awake(it, day))]),
    ],
    stands: ['w1 gateway x2 6d', 'w2 gateway x2 6d'],
  },
  {
    what: 'N9: a declared household',
    records: [
      ...team(2, { w1: { household: ['w2'] } }),
      ...days(0, 3, (day) => [online('d1', day, FARM), online('d2', day, FARM)]),
    ],
    stands: [],
  },
  {
    what: 'a household that has lapsed excuses no longer: it is not in the version that holds',
    records: [
      ...team(2, { w1: { household: ['w2'] } }),
      contract('w1', { from: T0 + DAY }),
      ...days(0, 3, (day) => [online('d1', day, FARM), online('d2', day, FARM)]),
    ],
    stands: ['w1 uplink x2 4d', 'w2 uplink x2 4d'],
  },
  {
    what: 'a household of two with a stranger: only the stranger is news, to both',
    records: [
      ...team(3, { w1: { household: ['w2'] } }),
      ...days(0, 2, (day) => ['d1', 'd2', 'd3'].map((it) => online(it, day, FARM))),
    ],
    stands: ['w1 uplink x2 3d', 'w2 uplink x2 3d', 'w3 uplink x3 3d'],
  },
  {
    what: 'N7: carrier-grade NAT, one address and different gateways',
    records: [
      ...team(2),
      ...days(0, 3, (day) => [online('d1', day, FARM), online('d2', day, FARM)]),
      place('d1', 0, HASH),
      place('d2', 0, '0123456789abcdef'),
    ],
    stands: ['w1 uplink x2 4d corroborated=false', 'w2 uplink x2 4d corroborated=false'],
  },
  {
    what: 'N8: coworking, where everybody goes home to a network of their own',
    records: [
      ...team(6),
      ...days(0, 6, (day) =>
        ['d1', 'd2', 'd3', 'd4', 'd5', 'd6'].flatMap((it) => [
          online(it, day, FARM),
          place(it, day, HASH),
          place(it, day + 0.4, `${it.slice(1)}`.padStart(8, '0')),
          online(it, day + 0.4, `198.51.100.${it.slice(1)}`),
        ]),
      ),
    ],
    stands: [],
  },
  {
    what: 'where a laptop goes later that day does not take back what held in the morning',
    records: [
      ...team(2),
      ...days(0, 2, (day) => [online('d1', day, FARM), online('d2', day, FARM)]),
      online('d1', 2.3, '198.51.100.1'),
    ],
    stands: ['w1 uplink x2 3d', 'w2 uplink x2 3d'],
  },
  {
    what: 'the day after, it counts',
    records: [
      ...team(2),
      ...days(0, 3, (day) => [online('d1', day, FARM), online('d2', day, FARM)]),
      online('d1', 1.3, '198.51.100.1'),
      online('d1', 2.3, '198.51.100.1'),
    ],
    stands: ['w1 uplink x2 4d roams', 'w2 uplink x2 4d'],
  },
  {
    what: 'exits of VPNs, phones and companies prove nothing',
    records: [
      ...team(2),
      ...(['vpn', 'mobile', 'corporate', 'hosting', 'tor', 'private_relay'] as const).flatMap((it, index) =>
        days(0, 3, (day) => [
          online('d1', day, `203.0.113.${index}`, it),
          online('d2', day + 0.01, `203.0.113.${index}`, it),
        ]),
      ),
    ],
    stands: [],
  },
  {
    what: 'an exit that the contract approves',
    records: [
      ...team(2, {
        w1: { approvedEgress: [{ address: '203.0.113.0/24' }] },
        w2: { approvedEgress: [{ address: '203.0.113.0/24' }] },
      }),
      ...days(0, 3, (day) => [online('d1', day, FARM), online('d2', day, FARM)]),
    ],
    stands: [],
  },
  {
    what: 'one after the other at the same address is not together',
    records: [
      ...team(2),
      ...days(0, 2, (day) => online('d1', day, FARM)),
      online('d1', 3, '198.51.100.7'),
      ...days(4, 6, (day) => [online('d2', day, FARM), awake('d1', day)]),
    ],
    stands: [],
  },
  {
    what: 'IPv6: one /64 is one uplink',
    records: [
      ...team(2),
      ...days(0, 2, (day) => [
        online('d1', day, `2001:db8:1:2::${day + 1}`),
        online('d2', day, `2001:db8:1:2::f${day}`),
      ]),
    ],
    stands: ['w1 uplink x2 3d', 'w2 uplink x2 3d'],
  },
  {
    what: '#42, P5: a monitor that wanders from one laptop to another',
    records: [
      ...team(2),
      monitor('d1', 0, 'CN0123456'),
      monitor('d1', 2, 'CN0123456', 'removed'),
      monitor('d2', 4, 'CN0123456'),
      awake('d2', 5),
    ],
    stands: ['w2 edid x2 3d'],
  },
  {
    what: 'monitors of one model without serial numbers, or with one that is none',
    records: [
      ...team(2),
      ...['d1', 'd2'].flatMap((it) => [monitor(it, 0, null), monitor(it, 0.1, '0000'), monitor(it, 0.2, '12345678')]),
    ],
    stands: [],
  },
  {
    what: 'monitors whose serial number is that of a KVM preset',
    records: [...team(2), ...['d1', 'd2'].flatMap((it) => [monitor(it, 0, 'T8NEE0038522'), awake(it, 1)])],
    stands: [],
  },
  {
    what: 'serial numbers from a factory: two administrators and a stranger with one KVM model each',
    records: [
      ...team(3),
      ...[
        'CAFEBABE',
        '0123456789ABCDEF',
        '6b65796d696d6570690',
        '5&1a2b3c4d&0&1',
        '000000000000',
        '1234567890',
      ].flatMap((serial) => ['d1', 'd2', 'd3'].flatMap((it) => [dock(it, 0, serial), awake(it, 1)])),
    ],
    stands: [],
  },
  {
    what: 'N35: docks with one serial number, on laptops that have them at once',
    records: [
      ...team(4),
      ...['d1', 'd2', 'd3', 'd4'].flatMap((it, n) => [
        dock(it, 0.1 * n, 'REALTEK-1'),
        ...days(1, 4, (day) => awake(it, day)),
      ]),
    ],
    stands: [],
  },
  {
    what: '#42: a device that wanders from laptop to laptop is one thing',
    records: [
      ...team(2),
      dock('d1', 0, 'UNIT-77'),
      awake('d1', 1),
      dock('d1', 2, 'UNIT-77', 'removed'),
      dock('d2', 2.1, 'UNIT-77'),
      awake('d2', 3),
      awake('d1', 3),
    ],
    stands: ['w2 usb_serial x2 4d'],
  },
  {
    what: 'N23: a device that both contracts declare with its serial number',
    records: [
      ...team(2, { w1: { peripherals: [DECLARED] }, w2: { peripherals: [DECLARED] } }),
      dock('d1', 0, 'UNIT-77'),
      dock('d1', 2, 'UNIT-77', 'removed'),
      dock('d2', 2.1, 'UNIT-77'),
      awake('d2', 3),
    ],
    stands: [],
  },
  {
    what: 'a declaration without a serial number covers no shared thing',
    records: [
      ...team(2, { w1: { peripherals: [{ ...DECLARED, serial: null }] } }),
      dock('d1', 0, 'UNIT-77'),
      awake('d1', 1),
      dock('d1', 2, 'UNIT-77', 'removed'),
      dock('d2', 2.1, 'UNIT-77'),
      awake('d2', 3),
      awake('d1', 3),
    ],
    stands: ['w2 usb_serial x2 4d'],
  },
  {
    what: 'a device that was taken along while the laptop slept is one thing',
    records: [
      ...team(2),
      dock('d1', 0, 'UNIT-77'),
      dock('d2', 1, 'UNIT-77'),
      dock('d1', 1.9, 'UNIT-77', 'removed'),
      awake('d2', 2),
    ],
    stands: ['w2 usb_serial x2 3d'],
  },
  {
    what: 'a laptop that changed hands with its dock and monitor, before its next holder got another one',
    records: [
      ...[contract('w1'), contract('w2'), holding('d2', 'w2')],
      ...[holding('d1', 'w1', { to: T0 + 5 * DAY }), holding('d1', 'w2', { from: T0 + 5 * DAY })],
      ...[dock('d1', 0, 'UNIT-77'), monitor('d1', 0, 'CN0123456'), ...days(1, 8, (day) => awake('d1', day))],
      ...[dock('d1', 8.5, 'UNIT-77', 'removed'), monitor('d1', 8.5, 'CN0123456', 'removed')],
      ...[dock('d2', 9, 'UNIT-77'), monitor('d2', 9, 'CN0123456'), awake('d2', 9), awake('d2', 10)],
    ],
    stands: [],
  },
  {
    what: '#26, P5: one controller on two laptops',
    records: [...team(2), session('d1', 0, HASH), session('d2', 9, HASH)],
    stands: ['w2 controller x2 2d'],
  },
  {
    what: "the help desk's operator, whose tool is approved",
    records: [
      ...team(2, {
        w1: { approvedTools: [{ tool: 'ScreenConnect' }] },
        w2: { approvedTools: [{ tool: 'ScreenConnect' }] },
      }),
      session('d1', 0, HASH, 'ScreenConnect'),
      session('d2', 0, HASH, 'ScreenConnect'),
    ],
    stands: [],
  },
  {
    what: 'N1, F20: a help desk whose tool nobody approved, twenty minutes on each of six laptops',
    records: [...team(6), ...days(1, 6, (day) => session(`d${day}`, day, HASH, 'AnyDesk', 20))],
    stands: [],
  },
  {
    what: 'a help desk that is on one laptop for hours is no help there, and alone there',
    records: [
      ...team(3),
      ...['d1', 'd2'].map((it, day) => session(it, day, HASH, 'AnyDesk', 20)),
      session('d3', 3, HASH, 'AnyDesk', 300),
    ],
    stands: [],
  },
  {
    what: 'P5: an operator who is briefly on two laptops every day',
    records: [...team(2), ...days(0, 9, (day) => ['d1', 'd2'].map((it) => session(it, day, HASH, 'AnyDesk', 30)))],
    stands: ['w1 controller x2 10d', 'w2 controller x2 10d'],
  },
  {
    what: 'N9, F16: a household that is declared on day 20',
    records: [
      ...team(2),
      ...days(0, 19, (day) => ['d1', 'd2'].map((it) => online(it, day, FARM))),
      contract('w1', { household: ['w2'] }),
      ...days(20, 21, (day) => ['d1', 'd2'].map((it) => online(it, day, FARM))),
    ],
    stands: [],
  },
  {
    what: 'F16: of three behind one uplink, two are declared a household on day 20',
    records: [
      ...team(3),
      ...days(0, 19, (day) => ['d1', 'd2', 'd3'].map((it) => online(it, day, FARM))),
      contract('w1', { household: ['w2'] }),
      ...days(20, 20, (day) => ['d1', 'd2', 'd3'].map((it) => online(it, day, FARM))),
    ],
    stands: ['w1 uplink x2 21d', 'w2 uplink x2 21d', 'w3 uplink x3 21d'],
  },
  {
    what: 'F16: the tool of a controller that is approved for the company two weeks later, in another spelling',
    records: [
      ...team(2),
      ...days(0, 3, (day) => ['d1', 'd2'].map((it) => session(it, day, HASH, 'AnyDesk', 90))),
      ...days(4, 14, (day) => ['d1', 'd2'].map((it) => awake(it, day))),
      approval({ kind: 'tool', tool: 'anydesk.exe', from: T0 - DAY }),
    ],
    stands: [],
  },
  {
    what: '#4: one authenticator for two accounts',
    records: [...team(2), login('w1', 0, HASH), login('w2', 20, HASH)],
    stands: ['w2 mfa_device x2 2d'],
  },
  {
    what: 'a test account among them',
    records: [...team(2, { w2: { roles: ['service-account'] } }), login('w1', 0, HASH), login('w2', 20, HASH)],
    stands: [],
  },
  {
    what: 'N34: an authenticator for a shared account, and each has an own one',
    records: [
      ...team(2),
      ...[0, 1].flatMap((day) => [login('w1', day, OWN_1), login('w2', day, OWN_2)]),
      ...[login('w1', 1, HASH), login('w2', 1, HASH)],
    ],
    stands: ['w1 mfa_device x2 1d corroborated=false', 'w2 mfa_device x2 1d corroborated=false'],
  },
  {
    what: 'one of them has no other',
    records: [...team(2), login('w1', 0, OWN_1), login('w1', 1, HASH), login('w2', 1, HASH)],
    stands: ['w1 mfa_device x2 1d', 'w2 mfa_device x2 1d'],
  },
  {
    what: 'logins alone: three accounts from one address',
    records: [...accounts(3), ...days(0, 4, (day) => [1, 2, 3].map((n) => signIn(`w${n}`, day, FARM)))],
    stands: ['w1 login_address x3 5d', 'w2 login_address x3 5d', 'w3 login_address x3 5d'],
  },
  {
    what: "an account from the address of another worker's laptop",
    records: [
      ...team(1),
      contract('w2'),
      ...days(0, 4, (day) => [online('d1', day, FARM), awake('d1', day), signIn('w2', day, FARM)]),
    ],
    stands: ['w2 login_address x2 5d'],
  },
  {
    what: "logins through the laptop's own address are told about the laptops",
    records: [
      ...team(2),
      ...days(0, 4, (day) => ['1', '2'].flatMap((n) => [online(`d${n}`, day, FARM), signIn(`w${n}`, day, FARM)])),
    ],
    stands: ['w1 uplink x2 5d', 'w2 uplink x2 5d'],
  },
  {
    what: 'logins of a declared household',
    records: [
      ...[contract('w1', { household: ['w2'] }), contract('w2')],
      ...days(0, 4, (day) => [signIn('w1', day, FARM), signIn('w2', day, FARM)]),
    ],
    stands: [],
  },
  ...(['hosting', 'vpn', 'corporate', 'mobile'] as const).map((klass) => ({
    what: `logins through ${klass}`,
    records: [...accounts(3), ...days(0, 4, (day) => [1, 2, 3].map((n) => signIn(`w${n}`, day, FARM, klass)))],
    stands: [],
  })),
  {
    what: 'logins through an approved exit',
    records: [
      ...[1, 2, 3].map((n) => contract(`w${n}`, { approvedEgress: [{ address: FARM }] })),
      ...days(0, 4, (day) => [1, 2, 3].map((n) => signIn(`w${n}`, day, FARM))),
    ],
    stands: [],
  },
  {
    what: "N37: ten colleagues behind a carrier's addresses, each on another one every day",
    records: [
      ...accounts(10),
      ...days(0, 9, (day) =>
        Array.from({ length: 10 }, (_, n) => signIn(`w${n + 1}`, day, `203.0.113.${(day * 3 + n) % 7}`)),
      ),
    ],
    stands: [],
  },
  {
    what: 'longer ago than the window',
    records: [...team(2), login('w1', 0, HASH), login('w2', 31, HASH)],
    stands: [],
  },
  {
    what: 'what more than fifty have is nobody in particular',
    records: [
      ...team(51),
      ...days(0, 3, (day) => Array.from({ length: 51 }, (_, n) => online(`d${n + 1}`, day, FARM))),
    ],
    stands: [],
  },
]

describe('shared_key', () => {
  for (const { what, records, stands } of cases) it(what, () => assert.deepEqual(lastDay(records), stands))

  it('is about one key, the same for all who share it', () => {
    const records = [...team(2), ...days(0, 2, (day) => [online('d1', day, FARM), online('d2', day, FARM)])]
    const hashes = new Set(about('shared_key', records).map((it) => it.event.KeyHash))
    assert.equal(hashes.size, 1)
    assert.match([...hashes][0]!, /^[0-9a-f]{32}$/)
  })

  const OFFICE = '198.51.100.4'
  /** Both have one monitor, on day 0 and on day 1, at one place each. */
  const desk = (exit: NetworkClass, routers: readonly [string, string], full = false): Recorded[] => [
    ...team(2),
    ...['d1', 'd2'].flatMap((it, day) => [
      ...[online(it, day, OFFICE, exit), place(it, day, routers[day]!, full), monitor(it, day, 'ABC12345')],
      ...[awake(it, day), monitor(it, day + 0.3, 'ABC12345', 'removed'), online(it, day + 0.5, `203.0.113.${day}`)],
    ]),
  ]
  const desks = [
    { what: 'N10: a desk of an office', records: desk('corporate', [HASH, HASH]), classes: ['corporate'] },
    {
      what: 'P5: at homes that come out at the company, through a tunnel',
      records: desk('corporate', [HASH, HASH], true),
      classes: [null],
    },
    {
      what: 'P5: behind two routers that come out at the company',
      records: desk('corporate', [HASH, 'bb']),
      classes: [null],
    },
    { what: 'at one home', records: desk('residential', [HASH, HASH]), classes: [null] },
    {
      what: 'at the office, and then at home',
      records: [
        ...desk('corporate', [HASH, HASH]),
        online('d2', 3, FARM),
        monitor('d2', 3.1, 'ABC12345'),
        awake('d2', 3),
      ],
      classes: [null],
    },
  ]
  for (const { what, records, classes } of desks)
    it(`the network of a shared monitor: ${what}`, () => {
      const theirs = about('shared_key', records).filter(({ event: it }) => it.KeyKind === 'edid')
      assert.ok(theirs.length > 0)
      assert.deepEqual([...new Set(theirs.slice(-1).map(({ event: it }) => it.NetworkClass))], classes)
    })

  it('is the same in any order, across a restart', () => {
    const farm = [
      ...days(0, 4, (day) => ['d1', 'd2', 'd3'].map((it) => online(it, day, FARM))),
      place('d1', 0, HASH),
      place('d2', 1, HASH),
      place('d3', 1, '0123456789abcdef'),
      place('d3', 3, HASH),
      monitor('d1', 0, 'CN0123456'),
      monitor('d1', 2, 'CN0123456', 'removed'),
      monitor('d2', 3, 'CN0123456'),
    ]
    const stands = sameInAnyOrder('shared_key', team(3), farm, { at: T0 + 6 * DAY })
    assert.ok(stands.some((it) => it.KeyKind === 'edid') && stands.some((it) => it.KeyKind === 'gateway'))
  })

  it('a clock far ahead, and thousands of made-up keys, cost a bounded memory', () => {
    const flood = Array.from({ length: 2_000 }, (_, n) => monitor('d1', n / 1_000, `SERIAL-${n}`))
    const later = Array.from({ length: 400 }, (_, n) => received('d1', agentState('summary', T0 + n * 30 * DAY), T0))
    assert.deepEqual(lastDay([...team(1), ...flood, ...later]), [])
  })
})
