/**
 * Three weeks of a small company, written by hand: a farm of three, a VPN on a router in the claimed city, a slow drip,
 * an employee on an announced journey, and six ordinary workers.
 *
 * Shape   recorded telemetry in order of time, each line as an outsider would write it from the documented format,
 *         without our own facts and epochs.
 */
import type { Category, EventOf } from '../../wire/event.ts'
import type { AddressFacts, Recorded } from '../../wire/recording.ts'
import { contract, DAY, event, HOUR, holding, MINUTE, processStart, received, T0 } from '../server/events.ts'

const DAYS = 21
const place = (country: string, region: string, city: string, lat: number, lon: number): Place => ({
  ...{ country, region, city, lat, lon },
})
type Place = Pick<AddressFacts, 'country' | 'region' | 'city' | 'lat' | 'lon'>
const CITIES = {
  nashville: place('US', 'Tennessee', 'Nashville', 36.16, -86.78),
  denver: place('US', 'Colorado', 'Denver', 39.74, -104.99),
  miami: place('US', 'Florida', 'Miami', 25.76, -80.19),
  austin: place('US', 'Texas', 'Austin', 30.27, -97.74),
  chicago: place('US', 'Illinois', 'Chicago', 41.88, -87.63),
  boston: place('US', 'Massachusetts', 'Boston', 42.36, -71.06),
  berlin: place('DE', 'Berlin', 'Berlin', 52.52, 13.4),
}
type City = keyof typeof CITIES

interface Person {
  name: string
  city: City
  address: string
  gateway: string
  rtt: number
}

const HONEST: Person[] = (['austin', 'chicago', 'boston', 'denver', 'miami', 'nashville'] as const).map((city, n) => ({
  name: `c${n + 1}`,
  city,
  address: `198.51.100.${n + 1}`,
  gateway: `${n + 1}`.repeat(16),
  rtt: 30 + 4 * n,
}))

export function fourStories(): Recorded[] {
  return [
    ...HONEST.flatMap((it) => [...hired(it.name, it.city), ...workdays(it)]),
    ...farm(),
    ...routerVpn(),
    ...drip(),
    ...traveller(),
  ].sort((a, b) => momentOf(a) - momentOf(b))
}

function hired(name: string, city: City, fields: object = {}): Recorded[] {
  const { lat, lon, ...where } = CITIES[city]
  const place = { ...where, latitude: lat, longitude: lon }
  return [
    contract(name, {
      ...place,
      timeZone: 'America/Chicago',
      roles: ['developer'],
      start: T0 - 200 * DAY,
      shipTo: place,
      ...fields,
    } as object),
    holding(`${name}-laptop`, name, { firstBoot: T0 - 199 * DAY, from: T0 - 200 * DAY }),
  ]
}

/** Each day: online in the morning, a few programs, some traffic; the laptop sleeps at night. */
function workdays(
  { name, city, address, gateway, rtt }: Person,
  about: { class?: AddressFacts['class']; asn?: number } = {},
): Recorded[] {
  const device = `${name}-laptop`
  return Array.from({ length: DAYS }, (_, day): Recorded[] => {
    const morning = T0 + day * DAY + (rtt % 7) * MINUTE
    return [
      online(device, morning, city, address, rtt + (day % 5), about),
      saw(device, network(gateway), morning + 1_000),
      ...[0, 2, 4, 6].map((hour) => saw(device, egress(60e6 + 5e6 * ((day * 7 + hour) % 4)), morning + hour * HOUR)),
      ...['/usr/bin/git', '/usr/bin/code', '/usr/bin/node'].map((it, n) =>
        received(device, processStart(it, morning + n * HOUR), morning + n * HOUR),
      ),
    ]
  }).flat()
}

function farm(): Recorded[] {
  const homes: City[] = ['denver', 'miami', 'nashville']
  return homes.flatMap((city, n) => {
    const name = `f${n + 1}`
    const seat = { name, city: 'nashville' as const, address: '203.0.113.50', gateway: 'abcdef0123456789', rtt: 38 + n }
    return [
      ...hired(name, city),
      ...workdays(seat),
      received(`${name}-laptop`, processStart('/usr/bin/anydesk', T0 + DAY + n * HOUR)),
    ]
  })
}

/** The exit is in the claimed city, but the person is far away. Nothing on the laptop shows a VPN. */
function routerVpn(): Recorded[] {
  const behind = { name: 'r1', city: 'austin' as const, address: '192.0.2.77', gateway: '77'.repeat(8), rtt: 228 }
  return [...hired('r1', 'austin'), ...workdays(behind, { class: 'vpn', asn: 9_009 })]
}

/** Every evening three repositories and 0.4 GB into a synced folder: always below the daily limit. */
function drip(): Recorded[] {
  const name = 's1'
  const device = `${name}-laptop`
  const home = { name, city: 'boston' as const, address: '203.0.113.99', gateway: '99'.repeat(8), rtt: 33 }
  const evenings = Array.from({ length: 20 }, (_, day) => {
    const evening = T0 + day * DAY + 11 * HOUR
    return [
      ...[0, 1, 2].map((n) =>
        saw(
          device,
          event('repository', {
            ...{ Action: 'clone', Host: 'git.example', Namespace: `team/${day * 3 + n}`, Bytes: 40e6 },
            InsideOrganisation: true,
          }),
          evening + n * 5 * MINUTE,
        ),
      ),
      saw(
        device,
        event('file_burst', {
          ...{ Root: '/home/dev/Dropbox', RootKind: 'sync', Files: 380, Bytes: 400e6, Archives: 1, SourceFiles: 340 },
          WindowSeconds: 60,
        }),
        evening + HOUR,
      ),
      saw(device, egress(430e6), evening + 1.2 * HOUR),
    ]
  }).flat()
  return [...hired(name, 'boston'), ...workdays(home), ...evenings]
}

/** Announced: ten days in Berlin, with hotel, mobile hotspot and flights. */
function traveller(): Recorded[] {
  const name = 't1'
  const device = `${name}-laptop`
  const notice = { from: T0 + 5 * DAY, to: T0 + 15 * DAY, country: 'DE', city: 'Berlin' }
  return [
    ...hired(name, 'chicago', { travelNotices: [notice] }),
    ...Array.from({ length: DAYS }, (_, day): Recorded[] => {
      const away = day >= 5 && day < 15
      const time = T0 + day * DAY
      return [
        online(device, time, away ? 'berlin' : 'chicago', away ? '203.0.113.201' : '203.0.113.11', away ? 118 : 31),
        saw(device, network(away ? 'be'.repeat(8) : 'cc'.repeat(8)), time + 1_000),
        ...(away && day % 3 === 0
          ? [online(device, time + 7 * HOUR, 'berlin', '203.0.113.202', 140, { class: 'mobile' })]
          : []),
        ...[0, 3, 6].map((hour) => saw(device, egress(70e6), time + hour * HOUR)),
      ]
    }).flat(),
  ]
}

function online(
  device: string,
  time: number,
  city: City,
  remoteAddress: string,
  rttMinMs: number,
  about: { class?: AddressFacts['class']; asn?: number } = {},
): Recorded {
  const geo = { ...CITIES[city], asn: about.asn ?? 7_018, class: about.class ?? 'residential' }
  return { type: 'connection', device, time, remoteAddress, rttMinMs, rttJitterMs: 3, geo }
}

function saw(device: string, it: EventOf<Category>, time: number): Recorded {
  return received(device, { ...it, time }, time)
}

const network = (gateway: string) =>
  event('network_place', {
    ...{ Interface: 'wlan0', GatewayHash: gateway, SsidHash: null, BssidHash: null, DnsServers: ['192.168.1.1'] },
    ...{ TunnelInterface: null, TunnelKind: null, TunnelMtu: null, DefaultRouteOnTunnel: false },
  })

const egress = (sent: number) =>
  event('egress', {
    ...{ Image: null, DestinationIp: null, DestinationPort: null, DestinationHostname: null },
    ...{ BytesSent: Math.round(sent), BytesReceived: Math.round(sent * 4), WindowSeconds: 3_600 },
  })

export function momentOf(record: Recorded): number {
  if (record.type === 'event') return record.event.time
  if (record.type === 'learning') return record.saidAt
  return 'from' in record ? record.from : record.time
}
