/**
 * What a large fleet's state takes: two working weeks of many laptops with little happening on each, through the whole
 * pipeline with the shipped rules.
 *
 * Shape   by worker and day: a session, a sign-in, the network, eight reports of traffic, six programs, a login at the
 *         identity provider, every third day a clone; on the first day the dock's devices. Every tenth laptop has the
 *         help desk's tool.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import v8 from 'node:v8'
import { runInNewContext } from 'node:vm'
import { loadCatalogue, recognise } from '../../rules/catalogue/index.ts'
import { Pipeline } from '../../server/detect/pipeline.ts'
import { loadRules } from '../../server/detect/program.ts'
import { Recorded } from '../../wire/recording.ts'
import { NOWHERE } from '../server/events.ts'
import type { BenchOptions, Row } from './row.ts'

/** Some is kept however many there are: it is in both, and not in what each further worker takes. */
const FEW = 3_000
const MANY = 10_000
const WEEKS = 2
/** Design, section 8: 4 GiB for 100,000. */
const BUDGET_KIB = (4 * 1_048_576) / 100_000
const HOUR = 3_600_000
const DAY = 24 * HOUR
const MONDAY = Date.UTC(2026, 0, 5)

export async function bench({ says }: BenchOptions): Promise<Row[]> {
  const few = await filled(FEW, says)
  const many = await filled(MANY, says)
  says(many.parts)
  const further = (few: number, many: number) => (many - few) / 1_024 / (MANY - FEW)
  const [least, most] = [FEW, MANY].map((it) => it.toLocaleString('en'))
  return [
    {
      name: `pipeline, ${most} workers, ${WEEKS} weeks, ${many.records.toLocaleString('en')} records`,
      unit: 'records/CPU-s',
      value: many.records / many.spent,
      budget: '',
    },
    { name: `state of ${least} workers`, unit: 'MiB', value: few.bytes / 1_048_576, budget: '' },
    { name: `state of ${most} workers`, unit: 'MiB', value: many.bytes / 1_048_576, budget: '' },
    {
      name: 'state, each further worker',
      unit: 'KiB',
      value: further(few.bytes, many.bytes),
      budget: `<= ${BUDGET_KIB.toFixed(1)}`,
    },
    {
      name: 'progress as it is saved, each further worker',
      unit: 'KiB',
      value: further(few.saved, many.saved),
      budget: '',
    },
    { name: `saving the progress of ${most} workers`, unit: 'CPU-s', value: many.saving, budget: '' },
  ]
}

async function filled(workers: number, says: BenchOptions['says']) {
  const { program, correlations } = await loadRules([], () => {})
  const catalogue = loadCatalogue()
  const before = await bytesInUse()
  const pipeline = new Pipeline({
    program,
    correlations,
    recognise: (event) => recognise(catalogue, event),
    lookup: () => NOWHERE,
  })
  let [records, spent] = [0, 0]
  for (const block of blocks(workers)) {
    // As they come from a log: valid, and nothing in one is part of another.
    const fresh = (JSON.parse(JSON.stringify(block)) as unknown[]).map((it) => Recorded.parse(it))
    const start = seconds()
    for (const it of fresh) pipeline.take(it)
    pipeline.advance(pipeline.time)
    spent += seconds() - start
    records += fresh.length
    if (records % 500_000 < fresh.length) says(`${records.toLocaleString('en')} records`)
  }
  const bytes = (await bytesInUse()) - before
  const start = seconds()
  const saved = pipeline.save()
  return { records, spent, bytes, saved: saved.length, saving: seconds() - start, parts: sizes(saved, workers) }
}

function seconds(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1e6
}

const ROLES = ['developer', 'platform engineer', 'support', 'designer']

/** In order of time, an hour of all laptops at once. */
function* blocks(workers: number): Generator<object[]> {
  const seqs = new Uint32Array(workers)
  const known: object[] = []
  for (let n = 0; n < workers; n++) {
    const from = MONDAY - 90 * DAY
    const contract = { worker: `worker-${n}`, from, country: 'US', timeZone: 'America/Chicago', roles: [ROLES[n % 4]!] }
    const tools = [{ tool: 'ScreenConnect', tenant: 'company' }]
    known.push({ type: 'contract', ...contract, latitude: 30.27, longitude: -97.74, approvedTools: tools })
    known.push({ type: 'device', device: `device-${n}`, worker: `worker-${n}`, from, to: null, firstBoot: from })
  }
  yield known
  for (let week = 0; week < WEEKS; week++)
    for (let weekday = 0; weekday < 5; weekday++)
      for (let hour = 0; hour < 8; hour++) {
        const block: object[] = []
        for (let n = 0; n < workers; n++) {
          const day = week * 7 + weekday
          const time = MONDAY + day * DAY + (14 + hour) * HOUR + Math.floor((n / workers) * HOUR)
          block.push(...recordsOf(n, day, hour, time, () => ++seqs[n]!))
        }
        yield block
      }
}

function recordsOf(n: number, day: number, hour: number, time: number, seq: () => number): object[] {
  const [device, worker] = [`device-${n}`, `worker-${n}`]
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
  all.push(LOGON, { ...NETWORK, GatewayHash: hex(n, 64), BssidHash: hex(n + MANY, 64) })
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

/** An address of each worker's own. */
function addressOf(n: number): string {
  return `100.${64 + (n >> 16)}.${(n >> 8) & 255}.${n & 255}`
}

function hex(n: number, digits: number): string {
  return (n + 1).toString(16).padStart(digits, 'a')
}

function idOf(n: number, time: number, place: number): string {
  return `${hex(time % 0xffff_ffff, 8)}-${hex(place, 4)}-7000-8000-${hex(n, 12)}`
}

/** What each part of the progress takes, the largest first. */
function sizes(saved: string, workers: number): string {
  const { rows, ...rest } = JSON.parse(saved) as { rows: { part: string; state: string }[] } & Record<string, unknown>
  const parts = Map.groupBy(rows, (it) => it.part.split('.')[0]!)
  return [...Object.entries(rest), ...parts]
    .map(([name, it]): [string, number] => [name, JSON.stringify(it).length / workers])
    .filter(([, bytes]) => bytes >= 10)
    .sort(([, a], [, b]) => b - a)
    .map(([name, bytes]) => `${name} ${Math.round(bytes)} B/worker`)
    .join(', ')
}

async function bytesInUse(): Promise<number> {
  v8.setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  // Buffers are freed beside the collection, a little later.
  for (let n = 0; n < 4; n++) {
    gc()
    await sleep(50)
  }
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
