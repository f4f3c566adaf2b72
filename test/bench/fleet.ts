/**
 * The telemetry of a large fleet with few events per laptop, for benches that need many laptops.
 *
 * Shape   by worker and working day: a session, a sign-in, the network, eight reports of traffic, six programs, a login
 *         at the identity provider, every third day a clone; on the first day the dock's devices. Every tenth laptop
 *         has an unapproved remote-control tool. The same options give the same records.
 */
import { Recorded } from '../../wire/recording.ts'

export const HOUR = 3_600_000
export const DAY = 24 * HOUR
export const WORKDAYS = 5
export const WORKING_HOURS = 8
/** 08:00 in Chicago. */
const MONDAY = Date.UTC(2026, 0, 5, 14)

const ROLES = ['developer', 'platform engineer', 'support', 'designer']

/** In order of time, an hour of all laptops at once. */
export interface FleetOptions {
  workers: number
  /** Five working days a week. */
  days: number
  /** The start of the first working hour of the first day, epoch ms. */
  from?: number
  deviceOf?: (n: number) => string
}

export const workerOf = (n: number) => `worker-${n}`

/** In order of time, one hour of all laptops at once; contracts and holdings come first. */
export function* fleet(options: FleetOptions): Generator<Recorded[]> {
  const { workers, days, from = MONDAY, deviceOf = (n: number) => `device-${n}` } = options
  const seqs = new Uint32Array(workers)
  yield recorded(Array.from({ length: workers }, (_, n) => knownOf(n, deviceOf(n), from - 90 * DAY)).flat())
  for (let workday = 0; workday < days; workday++)
    for (let hour = 0; hour < WORKING_HOURS; hour++) {
      const day = calendarDay(workday)
      const block: object[] = []
      for (let n = 0; n < workers; n++) {
        const time = from + day * DAY + hour * HOUR + Math.floor((n / workers) * HOUR)
        block.push(...recordsOf(n, deviceOf(n), day, hour, time, () => ++seqs[n]!))
      }
      yield recorded(block)
    }
}

/** Days since the first Monday. */
export function calendarDay(workday: number): number {
  return Math.floor(workday / WORKDAYS) * 7 + (workday % WORKDAYS)
}

/** As read from a log: valid, and without shared objects. */
function recorded(block: readonly object[]): Recorded[] {
  return (JSON.parse(JSON.stringify(block)) as unknown[]).map((it) => Recorded.parse(it))
}

function knownOf(n: number, device: string, from: number): object[] {
  const contract = { worker: workerOf(n), from, country: 'US', timeZone: 'America/Chicago', roles: [ROLES[n % 4]!] }
  const tools = [{ tool: 'ScreenConnect', tenant: 'company' }]
  return [
    { type: 'contract', ...contract, latitude: 30.27, longitude: -97.74, approvedTools: tools },
    { type: 'device', device, worker: workerOf(n), from, to: null, firstBoot: from },
  ]
}

function recordsOf(n: number, device: string, day: number, hour: number, time: number, seq: () => number): object[] {
  const worker = workerOf(n)
  const records: object[] = eventsOf(n, day, hour).map((it, place) => {
    const event = { ...it, id: idOf(n, time, place), seq: seq(), time, product: 'linux', collector: 'bench' }
    return { type: 'event', device, receivedAt: time, epoch: 1, event }
  })
  if (hour > 0) return records
  const login = { ...LOGIN, Ip: addressOf(n), DeviceId: device }
  const session = { type: 'connection', device, time, remoteAddress: addressOf(n), rttMinMs: 40 + (n % 20), geo: HOME }
  return [session, { type: 'feed', worker, time, receivedAt: time, geo: HOME, event: login }, ...records]
}

/** The events of one hour, without their envelopes. */
function eventsOf(n: number, day: number, hour: number): object[] {
  const all: object[] = [{ ...EGRESS, BytesSent: ((n + hour * 13 + day) % 40) * 1_000_000 }]
  if (hour < 6) all.push({ ...PROGRAM, Image: `/usr/bin/${PROGRAMS[(n + hour) % PROGRAMS.length]}` })
  if (hour === 1 && n % 10 === 0) all.push({ ...PROGRAM, Image: '/usr/bin/anydesk' })
  if (hour === 3 && (n + day) % 3 === 0) all.push({ ...CLONE, Bytes: 1_000_000 + n })
  if (hour > 0) return all
  all.push(LOGON, { ...NETWORK, GatewayHash: hex(n, 64), BssidHash: hex(n + 100_000, 64) })
  if (day > 0) return all
  for (const port of ['1-1', '1-2']) all.push({ ...USB, SerialNumber: `${hex(n, 8)}${port}`, ParentPort: port })
  return [...all, { ...DISPLAY, SerialText: `SN${hex(n, 8)}`, EdidHash: hex(n, 64) }]
}

const EGRESS = {
  ...{ category: 'egress', Image: null, DestinationIp: null, DestinationPort: null, DestinationHostname: null },
  ...{ BytesReceived: 0, WindowSeconds: 3_600 },
}
const PROGRAMS = ['make', 'node', 'git', 'bash', 'code', 'python3']
const PROGRAM = {
  ...{ category: 'process_creation', CommandLine: null, ParentImage: '/usr/bin/bash', ParentCommandLine: null },
  ...{ User: 'user', ProcessId: 4_242, ParentProcessId: 1, CurrentDirectory: null, OriginalFileName: null },
  ...{ Product: null, Company: null, Signer: null, StartedBeforeAgent: false },
}
const CLONE = {
  category: 'repository',
  Action: 'clone',
  Host: 'git.example',
  Namespace: 'acme',
  InsideOrganisation: null,
}
const LOGON = { category: 'logon', User: 'user', LogonType: 'local', SourceIp: null, Action: 'logon' }
const NETWORK = {
  ...{ category: 'network_place', Interface: 'eth0', SsidHash: null, DnsServers: ['192.168.1.1'] },
  ...{ TunnelInterface: null, TunnelKind: null, TunnelMtu: null, DefaultRouteOnTunnel: false },
}
const USB = {
  ...{ category: 'usb_device', Action: 'present', VendorId: '046d', ProductId: 'c52b', Manufacturer: 'Logitech' },
  ...{ ProductName: 'Receiver', InterfaceClasses: ['03'], HasKeyboard: true, HasAbsolutePointer: false },
  ...{ HasStorage: false, HasNetwork: false },
}
const DISPLAY = {
  ...{ category: 'display', Action: 'present', MakerId: 'DEL', ProductCode: '0x4142', MonitorName: 'DELL U2720Q' },
  ...{ WidthMm: 600, HeightMm: 340, Internal: false },
}
const HOME = {
  ...{ country: 'US', region: 'Texas', city: 'Austin', lat: 30.27, lon: -97.74, asn: 64_500, class: 'residential' },
}
const LOGIN = { category: 'idp_login', ManagedDevice: true, App: 'mail', Result: 'success' }

/** A unique address per worker. */
function addressOf(n: number): string {
  return `100.${64 + (n >> 16)}.${(n >> 8) & 255}.${n & 255}`
}

function hex(n: number, digits: number): string {
  return (n + 1).toString(16).padStart(digits, 'a')
}

function idOf(n: number, time: number, place: number): string {
  return `${hex(time % 0xffff_ffff, 8)}-${hex(place, 4)}-7000-8000-${hex(n, 12)}`
}
