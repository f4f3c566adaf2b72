/**
 * Events of work: installing, meeting, cloning, copying, sending.
 *
 * Source  all figures are assumed unless one is named. Video calls send about 1.5 Mbit/s, as their makers' requirements
 *         say of group video. Bytes are log-normal, as traffic volumes commonly are; windows are 15 minutes, not the
 *         agent's five, so that they do not outnumber everything else.
 */

import { type City, cityCalled } from './cities.ts'
import type { DayPlan } from './day-plan.ts'
import { factsOf } from './facts.ts'
import { type FieldsOf, feedLine, homeOf, observed, type Say, type System } from './observations.ts'
import type { Person, Run } from './person.ts'
import { placeAt } from './places.ts'
import { below, between, chance, hexOf, logNormal, pick, poisson, type Random } from './random.ts'
import type { Role } from './scene.ts'
import { type Exit, exitAt } from './sites.ts'
import { spelledAccount, spelledAction, spelledResult } from './spellings.ts'
import { geoText } from './spool.ts'
import { BASE_IMAGES } from './waking.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

/** A laptop's first hours: installed software, and the first repositories. */
export function setUp(person: Person, plan: DayPlan, say: Say, random: Random): void {
  const { system } = person.machine
  const at = plan.awake[0]!.from
  const linux = system === 'linux'
  BASE_SOFTWARE.forEach((Name, nth) => {
    say(at + 10_000 + nth * 40, 'software', {
      Action: 'present',
      Name,
      Kind: linux ? 'package' : 'application',
      InstalledAt: null,
    })
  })
  const first = plan.active[0]!
  const installed = isCoder(person.role)
    ? ['Docker', 'Visual Studio Code', 'Slack', 'Node.js', 'Zoom']
    : ['Slack', 'Zoom']
  for (const Name of installed)
    say(between(random, first.from, first.from + 3 * HOUR), 'software', {
      Name,
      Kind: linux ? 'package' : 'application',
    })
  if (!isCoder(person.role)) return
  // Community baseline of the threat model, #70: two to five repositories in the first week.
  for (let left = 2 + below(random, 3); left > 0; left--)
    say(between(random, first.from + HOUR, first.from + 6 * HOUR), 'repository', {
      Bytes: Math.round(logNormal(random, 40e6, 1.2)),
    })
}

const BASE_SOFTWARE = [
  ...['ca-certificates', 'curl', 'openssl', 'Company VPN', 'Company Self Service', 'Endpoint Protection', 'zip'],
  ...['Google Chrome', 'Fonts', 'Printer Drivers', 'Calendar', 'Media Player', 'Bluetooth', 'Text Editor'],
]

export const isCoder = (role: Role): boolean => role === 'developer' || role === 'platform engineer'

const MEETINGS: Readonly<Record<Role, number>> = {
  developer: 1.6,
  'platform engineer': 1.4,
  support: 2,
  designer: 2.2,
  sales: 4,
}

export function meetingsOf(person: Person, plan: DayPlan, say: Say, random: Random): void {
  const images = {
    linux: '/opt/zoom/zoom',
    macos: '/Applications/zoom.us.app/Contents/MacOS/zoom.us',
    windows: 'C:\\Program Files\\Zoom\\bin\\Zoom.exe',
  }
  for (let left = poisson(random, MEETINGS[person.role]); left > 0; left--) {
    const span = pick(random, plan.active)
    const from = between(random, span.from, span.to)
    const to = Math.min(span.to, from + pick(random, [15, 30, 30, 45, 60]) * MINUTE)
    plan.meetings.push({ from, to })
    const Image = images[person.machine.system]
    say(from, 'process_creation', { Image, CommandLine: Image })
    say(from + 4_000, 'network_connection', {
      ...{ Image, Protocol: 'udp', DestinationIp: '198.51.100.44', DestinationPort: 8_801 },
    })
  }
}

/** Each per working day, on average; bytes are medians. */
const HABITS: Readonly<
  Record<Role, { clones: number; pushes: number; bursts: number; archives: number; bulky: number }>
> = {
  developer: { clones: 0.25, pushes: 3, bursts: 6, archives: 0.15, bulky: 0.004 },
  'platform engineer': { clones: 0.8, pushes: 2.5, bursts: 5, archives: 0.3, bulky: 0.02 },
  support: { clones: 0, pushes: 0, bursts: 0.6, archives: 0.2, bulky: 0.003 },
  designer: { clones: 0.02, pushes: 0.1, bursts: 4, archives: 0.6, bulky: 0.1 },
  sales: { clones: 0, pushes: 0, bursts: 0.8, archives: 0.15, bulky: 0.003 },
}

export function work(person: Person, plan: DayPlan, say: Say, random: Random): void {
  const { system } = person.machine
  const habits = HABITS[person.role]
  const share = plan.active.reduce((sum, it) => sum + it.to - it.from, 0) / (8 * HOUR)
  const often = (mean: number, what: (time: number) => void) => {
    for (let left = poisson(random, mean * share); left > 0; left--) {
      const span = pick(random, plan.active)
      what(between(random, span.from, span.to))
    }
  }
  const size = (median: number, sigma: number) => Math.round(logNormal(random, median, sigma))
  often(habits.clones, (time) => say(time, 'repository', { Bytes: size(30e6, 1.3) }))
  often(habits.pushes, (time) => say(time, 'repository', { Action: 'push', Bytes: size(20e3, 1.6) }))
  often(habits.bursts, (time) => {
    const Files = 5 + size(40, 1.2)
    const source = isCoder(person.role) ? Math.round(Files * random()) : 0
    const synced = !isCoder(person.role) || chance(random, 0.1)
    const Root = `${homeOf(system)}/${synced ? 'Company Drive' : 'src'}`
    const SourceFiles = synced ? 0 : source
    say(time, 'file_burst', { Root, RootKind: synced ? 'sync' : 'source', Files, SourceFiles, Bytes: size(3e6, 1.5) })
  })
  often(habits.archives, (time) => say(time, 'archive_created', { Bytes: size(5e6, 1.4) }))
  often(isCoder(person.role) ? 1.2 : 0, (time) =>
    say(time, 'listening_socket', { Image: BASE_IMAGES[system], Port: pick(random, [3_000, 5_173, 8_000, 8_080]) }),
  )
  often(0.12, (time) => {
    say(time, 'software', {
      Name: pick(random, ['Google Chrome', 'Slack', 'Zoom', 'openssl', 'curl']),
      Version: `${1 + below(random, 120)}.0`,
    })
  })
  often(0.02, (time) => {
    const stick = {
      VendorId: '0781',
      ProductId: '5583',
      Manufacturer: 'SanDisk',
      ProductName: 'Ultra Fit',
      InterfaceClasses: ['08'],
    }
    say(time, 'usb_device', {
      ...stick,
      HasKeyboard: false,
      HasStorage: true,
      SerialNumber: hexOf(`stick ${person.worker}`, 16),
    })
    say(time + 2_000, 'volume_mounted', { SerialHash: hexOf(`volume ${person.worker}`, 32) })
    say(time + 90_000, 'file_burst', {
      Root: '/media/stick',
      RootKind: 'removable',
      Files: 1 + size(8, 1),
      Bytes: size(20e6, 1.5),
    })
  })
  traffic(person, plan, say, random, often)
}

/** Bytes sent per quarter of an hour at work, median and spread. */
const SENT: Readonly<Record<Role, readonly [median: number, sigma: number]>> = {
  developer: [2.5e6, 1.2],
  'platform engineer': [4e6, 1.4],
  support: [1.5e6, 1],
  designer: [6e6, 1.5],
  sales: [2e6, 1.1],
}

function traffic(
  person: Person,
  plan: DayPlan,
  say: Say,
  random: Random,
  often: (mean: number, what: (time: number) => void) => void,
): void {
  const window = 15 * MINUTE
  const [median, sigma] = SENT[person.role]
  for (const { from, to } of plan.active)
    for (let at = from + window; at <= to; at += window) {
      const called = plan.meetings.reduce(
        (sum, it) => sum + Math.max(0, Math.min(at, it.to) - Math.max(at - window, it.from)),
        0,
      )
      const call = Math.round((called / 1_000) * 187_500 * between(random, 0.6, 1.3))
      const BytesSent = Math.round(logNormal(random, median, sigma)) + call
      say(at, 'egress', { BytesSent, BytesReceived: Math.round(logNormal(random, median * 8, sigma)) + call })
    }
  // Designers deliver films, release engineers push images (N19): a few gigabytes to the company's own hosts.
  often(HABITS[person.role].bulky, (time) => {
    const BytesSent = Math.round(logNormal(random, 2e9, 1))
    say(time, 'egress', {
      BytesSent,
      BytesReceived: 4e6,
      DestinationHostname: 'files.company.example',
      DestinationIp: '203.0.113.20',
      DestinationPort: 443,
    })
  })
}

/** The company's own support tool, as its laptops have it. */
export const SUPPORT_CLIENT: Readonly<Record<System, string>> = {
  linux: '/opt/connectwisecontrol/connectwisecontrol-client',
  macos: '/Applications/connectwisecontrol.app/Contents/MacOS/connectwisecontrol',
  windows: 'C:\\Program Files (x86)\\ScreenConnect Client (company)\\ScreenConnect.ClientService.exe',
}

/** One attended session of the company's own tool per worker in ten weeks (N1; assumed). */
export function helpdesk(run: Run, person: Person, plan: DayPlan, say: Say, random: Random): void {
  if (run.company?.rmm || !person.lively || !chance(random, 0.02)) return
  const { system } = person.machine
  const span = pick(random, plan.active)
  const from = between(random, span.from, span.to)
  const Image = SUPPORT_CLIENT[system]
  say(from, 'process_creation', { Image, CommandLine: Image, Signer: system === 'linux' ? null : 'Connectwise, LLC' })
  say(from + 5_000, 'network_connection', {
    Image,
    DestinationHostname: 'company.screenconnect.com',
    DestinationIp: '203.0.113.90',
  })
  const ended = from + between(random, 6, 25) * MINUTE
  const desk = exitAt(run.seed, cityCalled('Austin'), 'help desk', 'corporate', [64_496, 'Company gateway'])
  const session = {
    ...{ Tool: 'ScreenConnect', StartedAt: Math.round(from), EndedAt: Math.round(ended), PeerIp: desk.address },
    PeerIdHash: hexOf(`${run.seed} helpdesk ${below(random, 4)}`, 32),
    Unattended: false,
  }
  const time = Math.round(ended)
  const body = observed('remote_session', session, { laptop: person.machine, time, random })
  plan.drafts.push({ time, kind: 'event', body, facts: factsOf(system, body, desk) })
}

/** Signing in needs a network. */
function isOnline({ gaps }: DayPlan, time: number): boolean {
  return !gaps.some((it) => it.kind === 'offline' && it.from <= time && time < it.to)
}

const APPLICATIONS = ['mail', 'wiki', 'tickets', 'payroll', 'calendar', 'code', 'storage']

/** Applications that keep a token of their own and tell the identity provider nothing about the machine. */
const SILENT_APPS = ['tickets', 'payroll', 'calendar']
/** Networks of travel eSIMs: resellers' home networks. */
const ESIMS = [
  ['Singapore', 4_773, 'MobileOne'],
  ['Warsaw', 8_374, 'Polkomtel'],
  ['London', 12_576, 'EE'],
] as const

/** Events from the identity provider and the repositories, with some delay. */
export function feeds(run: Run, person: Person, day: number, plan: DayPlan, random: Random): void {
  const { seed } = run
  const line = <C extends 'idp_login' | 'repo_audit'>(
    time: number,
    category: C,
    fields: Partial<FieldsOf<C>>,
    { exit, spelled }: { exit?: Exit; spelled?: Readonly<Record<string, string>> } = {},
  ) => {
    const at = Math.round(time)
    const receivedAt = at + 20_000 + below(random, 280_000)
    const placed = exit && { Ip: exit.address, Country: exit.geo.country }
    const geo = exit && { geo: geoText(exit) }
    const about = { worker: person.worker, time: at, receivedAt, ...geo, ...(spelled && { spelled }) }
    plan.drafts.push({ time: receivedAt, kind: 'line', body: feedLine(category, { ...placed, ...fields }, about) })
  }
  const signIn = (time: number, fields: Partial<FieldsOf<'idp_login'>> & { App: string }, exit: Exit) => {
    const Result = chance(random, 0.03) ? 'failure' : 'success'
    line(
      time,
      'idp_login',
      { ...fields, Result },
      { exit, spelled: { Result: spelledResult(seed, fields.App, Result) } },
    )
  }
  const login = (time: number, first: boolean) => {
    const place = placeAt(plan.places, time)
    if (!place || !isOnline(plan, time)) return
    const App = first ? 'sso' : pick(random, APPLICATIONS)
    const isSilent = SILENT_APPS.includes(App)
    const own = person.ownMachine !== undefined
    const known = { DeviceId: own ? person.ownMachine! : person.machine.device, ManagedDevice: !own, Mobile: false }
    const unknown = { DeviceId: null, ManagedDevice: null, Mobile: null }
    signIn(time, { ...(isSilent ? unknown : known), MfaDeviceHash: first ? person.mfaHash : null, App }, place.exit)
  }
  plan.active.forEach((span, nth) => {
    login(span.from + between(random, 1, 6) * MINUTE, nth === 0)
    for (let left = poisson(random, 1.2); left > 0; left--) login(between(random, span.from, span.to), false)
  })
  if (person.lively && chance(random, 0.35)) {
    const time = plan.active[0]!.from - between(random, 5, 60) * MINUTE
    const DeviceId = person.phone.enrolled ? hexOf(`${seed} phone ${person.worker}`, 32) : null
    const phone = { DeviceId, ManagedDevice: false, Mobile: true, App: 'mail' }
    signIn(time, phone, phoneExit(run, person, day, placeAt(plan.places, plan.active[0]!.from)?.site.city))
  }
  const habits = HABITS[person.role]
  const audited = (mean: number, Action: 'clone' | 'push', median: number) => {
    for (let left = poisson(random, mean); left > 0; left--) {
      const span = pick(random, plan.active)
      const time = between(random, span.from, span.to)
      if (!isOnline(plan, time)) continue
      const Repository = `company/${pick(random, ['web', 'api', 'mobile', 'infra', 'docs'])}-${below(random, 6)}`
      const Bytes = Math.round(logNormal(random, median, 1.4))
      const spelled = { Action: spelledAction(seed, Action), Worker: spelledAccount(person.worker) }
      line(time, 'repo_audit', { Action, Repository, Bytes }, { spelled })
    }
  }
  if (isCoder(person.role)) {
    audited(habits.clones, 'clone', 30e6)
    audited(habits.pushes, 'push', 20e3)
  }
}

/**
 * Where a phone comes out: its carrier nearby, a relay that hides addresses, or abroad the carrier at home, a local one,
 * or a travel eSIM's network in a third country.
 */
function phoneExit(run: Run, { worker, claimed, phone }: Person, day: number, city: City = claimed): Exit {
  const { seed } = run
  if (phone.relay) return exitAt(seed, city, `relay ${worker}`, 'private_relay', [36_183, 'Akamai'])
  if (city.country === claimed.country || phone.abroad === 'local')
    return exitAt(seed, city, `phone ${worker} ${day}`, 'mobile')
  if (phone.abroad === 'roaming') return exitAt(seed, claimed, `roaming ${worker} ${day}`, 'mobile')
  const [network, asn, asName] = ESIMS[hexOf(worker, 1).charCodeAt(0) % ESIMS.length]!
  return exitAt(seed, cityCalled(network), `esim ${worker}`, 'mobile', [asn, asName])
}
