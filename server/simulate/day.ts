/**
 * One ordinary day of one worker, with what a scene changes in it.
 *
 * Shape   spans (at work, awake, offline, silent), where the laptop is, and what happens at its own times. What happens
 *         all the time (processes, connections) is made hour by hour, in `hour.ts`.
 * Source  all figures are assumed unless one is named: working days of 8 to 9.5 h with a break; 4 % of weekend days
 *         with some work; one laptop in eight never shut; a flaky network every fourth day; restarts every
 *         eighth morning; agent updates monthly. Video calls send about 1.5 Mbit/s, as their makers' requirements say
 *         of group video. Bytes are log-normal, as traffic volumes commonly are.
 */
import { utcOffsetMs } from './local-time.ts'
import { type FieldsOf, feedLine, homeOf, type LaptopCategory, observed } from './observations.ts'
import {
  bootIdOf,
  dateOf,
  firstBootOf,
  type Gap,
  holdingLine,
  isWorkday,
  localAt,
  type Machine,
  machineOf,
  type Person,
  type Place,
  type Run,
  type Span,
} from './person.ts'
import {
  below,
  between,
  chance,
  exponential,
  hexOf,
  logNormal,
  normal,
  pick,
  poisson,
  type Random,
  stream,
} from './random.ts'
import type { Role } from './scene.ts'
import { type Exit, exitAt, type Site, siteAt } from './sites.ts'
import { type Draft, geoText, sessionLine, within } from './spool.ts'
import { isOn, type Script, stageOf } from './stage.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

export interface DayPlan {
  active: Span[]
  awake: Span[]
  meetings: Span[]
  places: Place[]
  gaps: Gap[]
  drafts: Draft[]
  hands: Script['hands']
  stirred: Script['stirred']
}

/** Null: nothing happens, the laptop stays shut. */
export function planDay(run: Run, person: Person, day: number): DayPlan | null {
  const random = stream(run.seed, 'day', person.worker, day)
  const here = presenceOf(run, person, day)
  if (here === 'not yet' || here === 'gone') return null
  const working =
    here === 'here' && isWorkday(run, person, day) && !away(person, day) && !(person.lively && chance(random, 0.02))
  const { stage, script } = stageOf(run, person, day, working)
  for (const hook of person.hooks) if (isOn(hook.days, day, working)) hook.play(stage)
  const plan: DayPlan = {
    ...{ active: [], awake: [], meetings: [], places: [], gaps: [...script.gaps] },
    ...{ hands: script.hands, stirred: script.stirred },
    drafts: script.drafts,
  }
  if (person.swapDay === day) swap(run, person, day, plan)
  const midnight = localAt(run, person, day, 0)
  const boot =
    person.joins?.day === day
      ? firstBootOf(run, person)
      : person.swapDay === day
        ? swapTime(run, person, day)
        : midnight
  plan.active = activeSpans(run, person, day, working, script, random)
    .map((it) => ({ ...it, from: Math.max(it.from, boot) }))
    .filter((it) => it.from < it.to)
  plan.awake = awakeSpans(person, { from: boot, to: localAt(run, person, day, 1_440) }, plan.active, script, random)
  if (plan.awake.length === 0 && plan.drafts.length === 0) return null
  plan.places = placesOf(run, person, day, working, script, random)
  if (person.lively) flaky(plan, random)
  happenings(run, person, day, plan, random)
  if (person.leaves === day) leave(run, person, day, plan)
  plan.drafts.sort((a, b) => a.time - b.time)
  return plan
}

function presenceOf(run: Run, person: Person, day: number): 'not yet' | 'here' | 'gone' {
  if (person.joins && day < person.joins.day) return 'not yet'
  if (person.leaves !== null && day > person.leaves) return 'gone'
  return run.days > day ? 'here' : 'gone'
}

const away = (person: Person, day: number): boolean =>
  person.lively && person.vacations.some((it) => it.from <= day && day <= it.to)

function activeSpans(run: Run, person: Person, day: number, working: boolean, script: Script, random: Random): Span[] {
  // Drawn before anything is decided, so that what a scene says of one thing does not shift another.
  const shift = normal(random, 0, 22)
  const length = normal(random, 0, 30)
  const lunch = between(random, 25, 75)
  const [evening, weekend] = [random(), random()]
  const extra = between(random, 20, 120)
  if (script.rests) return []
  if (script.works) return script.works
  const at = (minutes: number) => localAt(run, person, day, 0) + Math.round(minutes * MINUTE)
  const begins = person.joins?.day === day ? person.joins.minutes : person.from + shift
  if (!working) {
    if (weekend > 0.04 || away(person, day) || person.joins?.day === day) return []
    return [{ from: at(600 + shift * 4), to: at(600 + shift * 4 + extra) }]
  }
  const ends = Math.max(begins + 180, person.to + length)
  const noon = Math.min(Math.max(begins + 90, (begins + ends) / 2 - 20), ends - 80)
  const spans = [
    { from: at(begins), to: at(noon) },
    { from: at(noon + lunch), to: at(ends) },
  ]
  const late = person.role === 'platform engineer' ? 0.14 : 0.09
  if (evening < late) spans.push({ from: at(ends + 120), to: at(ends + 120 + extra) })
  return spans
}

function awakeSpans(person: Person, all: Span, active: Span[], script: Script, random: Random): Span[] {
  if (person.neverSleeps) return [all]
  const slack = () => Math.round(between(random, 0.5, 8) * MINUTE)
  const spans = active.map((it) => ({ from: Math.max(all.from, it.from - MINUTE), to: it.to + slack() }))
  spans.push(...script.awake)
  // What a scene places while the laptop is shut opens it.
  for (const { kind, time } of script.drafts)
    if (kind === 'event' && !within(spans, time)) spans.push({ from: time - MINUTE, to: time + 5 * MINUTE })
  return merged(spans, chance(random, 0.6) ? 90 * MINUTE : 5 * MINUTE)
}

/** Joined where no more than `gap` lies between. */
function merged(spans: readonly Span[], gap: number): Span[] {
  const out: Span[] = []
  for (const span of [...spans].sort((a, b) => a.from - b.from)) {
    const last = out.at(-1)
    if (last && span.from - last.to <= gap) last.to = Math.max(last.to, span.to)
    else out.push({ ...span })
  }
  return out
}

/** From coarse to fine: each that comes later covers those before it. */
function placesOf(run: Run, person: Person, day: number, working: boolean, script: Script, random: Random): Place[] {
  const all = { from: localAt(run, person, day, 0), to: localAt(run, person, day, 1_440) + 12 * HOUR }
  const part = (from: number, to: number): Span => ({ from: all.from + from * HOUR, to: all.from + to * HOUR })
  const trip = person.lively && person.trips.find((it) => it.from <= day && day <= it.to)
  const weekday = new Date(dateOf(run, day)).getUTCDay()
  const places: Place[] = []
  const add = (span: Span, site: Site) => places.push({ ...span, site, exit: site.exit, tunnelled: false })
  add(all, leased(run, person.home, day))
  const drawn = random()
  const elsewhere = random()
  if (trip) add(all, trip.site)
  else if (person.lively && working) {
    if (person.office && person.officeDays.includes(weekday)) add(part(5, 18), person.office)
    else if (drawn < 0.03) add(part(12, 17), siteAt(run.seed, 'public', person.claimed, `café ${below(random, 40)}`))
    else if (drawn < 0.05) {
      const from = 8 + 8 * elsewhere
      add(part(from, from + 1 + elsewhere), siteAt(run.seed, 'mobile', person.claimed, `${person.worker} ${day}`))
    }
  }
  if (person.tunnel) {
    for (const place of places)
      if (place.site.kind !== 'office') Object.assign(place, { exit: person.tunnel, tunnelled: true })
  }
  for (const it of script.sits) add(it, it.site)
  for (const it of script.tunnels) {
    const site = placeAt(places, it.from)?.site ?? person.home
    places.push({ ...it, site, tunnelled: true })
  }
  return places
}

export function placeAt(places: readonly Place[], time: number): Place | undefined {
  for (let at = places.length - 1; at >= 0; at--) {
    const place = places[at]!
    if (place.from <= time && time < place.to) return place
  }
  return undefined
}

const leases = new WeakMap<Site, { nth: number; site: Site }>()

/** Consumers' addresses change now and then: a lease of 20 to 200 days (assumed). A scene's own sites keep theirs. */
function leased(run: Run, site: Site, day: number): Site {
  const nth = site.leaseDays === null ? 0 : Math.floor((day + site.leaseDays / 3) / site.leaseDays)
  if (nth === 0) return site
  const before = leases.get(site)
  if (before?.nth === nth) return before.site
  const exit = exitAt(run.seed, site.city, `${site.kind} ${site.name} ${nth}`, site.exit.geo.class)
  const fresh = { ...site, exit: { ...exit, lastMileMs: site.exit.lastMileMs, jitterMs: site.exit.jitterMs } }
  leases.set(site, { nth, site: fresh })
  return fresh
}

/** Wi-Fi that drops for minutes every fourth day; hours without any network one day in a hundred. */
function flaky(plan: DayPlan, random: Random): void {
  for (const { from, to } of plan.awake) {
    for (let left = poisson(random, (0.25 * (to - from)) / (9 * HOUR)); left > 0; left--) {
      const at = Math.round(between(random, from, to))
      plan.gaps.push({ kind: 'offline', from: at, to: at + Math.round(exponential(random, 6 * MINUTE)) + 20_000 })
    }
    if (chance(random, 0.01)) {
      const at = Math.round(between(random, from, to))
      plan.gaps.push({ kind: 'offline', from: at, to: at + Math.round(between(random, 1, 5) * HOUR) })
    }
  }
}

type Say = <C extends LaptopCategory>(time: number, category: C, fields: Parameters<typeof observed<C>>[1]) => void

/** Everything that has a moment of its own. */
function happenings(run: Run, person: Person, day: number, plan: DayPlan, random: Random): void {
  const { machine } = person
  const say: Say = (at, category, fields) => {
    const time = Math.round(at)
    const body = observed(category, fields, { laptop: machine, time, random })
    plan.drafts.push({ time, kind: 'event', body })
  }
  const session = (time: number, place: Place) => {
    const body = sessionLine(machine, { ...place, time: Math.round(time), random })
    plan.drafts.push({ time: Math.round(time), kind: 'session', body })
  }
  const firstDay = person.joins?.day === day || person.swapDay === day
  plan.awake.forEach((span, nth) => {
    const known = { nth, firstDay: firstDay && nth === 0, plan, say, session, random }
    if (span.from > person.awakeUntil) {
      const restart = nth === 0 && (firstDay || (person.lively && chance(random, 0.125)))
      wake(run, person, span, { ...known, restart })
    } else stayAwake(run, person, span, known)
    person.awakeUntil = Math.max(person.awakeUntil, span.to)
  })
  const last = plan.awake.at(-1)
  if (last) person.lastPlace = placeAt(plan.places, last.to - 1) ?? null
  moves(machine, plan, say, session)
  person.gaps.push(...plan.gaps)
  person.gaps = person.gaps.filter((gap) => !resumed(machine, gap, plan, say, session))
  crash(person, plan, say, random)
  if (plan.active.length === 0) return
  if (firstDay) setUp(person, plan, say, random)
  meetingsOf(person, plan, say, random)
  work(person, plan, say, random)
  helpdesk(run, person, plan, say, random)
  feeds(run, person, day, plan, random)
}

interface Known {
  nth: number
  firstDay: boolean
  plan: DayPlan
  say: Say
  session(time: number, place: Place): void
  random: Random
}

function wake(run: Run, person: Person, span: Span, known: Known & { restart: boolean }): void {
  const { nth, restart, plan, say, session, random } = known
  const { machine } = person
  const place = placeAt(plan.places, span.from)
  if (!place) return
  const at = span.from
  if (restart) {
    start(run, machine, at, known)
  } else {
    const asleep = Math.round(nth === 0 ? between(random, 10, 15) * 3_600 : between(random, 600, 5_000))
    say(at, 'power_state', { UptimeSeconds: uptime(machine, at), ResumedAfterSeconds: asleep })
    say(at + 500, 'agent_state', { Action: 'resumed' })
    say(at + 4_000, 'logon', { LogonType: 'unlock' })
  }
  session(at + 1_200, place)
  say(at + 3_500, 'network_place', placeFields(machine, place))
  peripherals(place.site, at + 5_000, restart ? 'present' : 'attached', say)
  const battery = !person.neverSleeps && chance(random, 0.5)
  if (battery)
    say(between(random, span.from, span.to), 'power_state', { OnBattery: true, UptimeSeconds: uptime(machine, at) })
  if (!person.neverSleeps) say(span.to, 'power_state', { LidClosed: true, UptimeSeconds: uptime(machine, span.to) })
}

/** A laptop that was not shut since the day before: measured anew once a day, restarted for updates once a fortnight. */
function stayAwake(run: Run, person: Person, span: Span, known: Known): void {
  const { plan, say, session, random } = known
  const { machine, lastPlace } = person
  const place = placeAt(plan.places, span.from)
  if (!place) return
  const night = span.from + 3 * HOUR
  const moved = lastPlace?.site !== place.site || lastPlace.exit !== place.exit
  if (person.lively && night < span.to && chance(random, 1 / 14)) {
    start(run, machine, night, known)
    session(night + 1_200, placeAt(plan.places, night) ?? place)
  } else if (moved || known.nth === 0) session(span.from + below(random, 20 * MINUTE), place)
  if (moved) say(span.from + 3_500, 'network_place', placeFields(machine, place))
}

/** The system starts, and the agent has its first look. One restart in thirty is a power cut, which says no goodbye. */
function start(run: Run, machine: Machine, at: number, { firstDay, say, random }: Known): void {
  if (!firstDay && chance(random, 0.97)) say(at - 30_000, 'agent_state', { Action: 'stopping' })
  machine.bootedAt = at
  machine.bootId = bootIdOf(run, machine.device, at)
  const version = firstDay ? machine.version : agentVersion(run, at)
  if (version !== machine.version) {
    machine.version = version
    say(at, 'agent_state', { Action: 'upgraded' })
  }
  say(at + 10, 'agent_state', { Action: 'started' })
  say(at + 1_000, 'collection_gap', { ...GAPS[machine.system], Categories: [...GAPS[machine.system].Categories] })
  say(at + 2_000, 'logon', { Action: 'present' })
  for (let left = 6; left > 0; left--)
    say(at + 2_500, 'process_creation', { Image: BASE_IMAGES[machine.system], StartedBeforeAgent: true })
  say(at + 3_000, 'clock_place', zoneFields(machine, at))
}

/** A new one comes out every twenty days, and is installed with a restart. */
const agentVersion = (run: Run, at: number): string => `0.1.${Math.max(0, Math.floor((at - run.start) / (20 * DAY)))}`

const uptime = (machine: Machine, at: number): number => Math.max(0, Math.round((at - machine.bootedAt) / 1_000))

const GAPS = {
  linux: { About: '/proc/net/tcp', Categories: ['network_connection', 'listening_socket'], Count: 12 },
  macos: { About: 'input', Categories: ['input_pattern'], Reason: 'denied' },
  windows: { About: 'input', Categories: ['input_pattern'], Reason: 'denied' },
} as const

const BASE_IMAGES = {
  linux: '/usr/lib/systemd/systemd',
  macos: '/sbin/launchd',
  windows: 'C:\\Windows\\System32\\svchost.exe',
} as const

const INTERFACES = { linux: 'wlp2s0', macos: 'en0', windows: 'Wi-Fi' } as const
const TUNNELS = { linux: 'tun0', macos: 'utun6', windows: 'Wintun Userspace Tunnel' } as const

function placeFields(machine: Machine, { site, tunnelled }: Place) {
  return {
    Interface: site.bssidHash === null ? 'eth0' : INTERFACES[machine.system],
    GatewayHash: site.gatewayHash,
    SsidHash: site.ssidHash,
    BssidHash: site.bssidHash,
    DnsServers: [...site.dns],
    TunnelInterface: tunnelled ? TUNNELS[machine.system] : null,
    TunnelKind: tunnelled ? 'tun' : null,
    TunnelMtu: tunnelled ? 1_420 : null,
    DefaultRouteOnTunnel: tunnelled,
  }
}

function zoneFields(machine: Machine, at: number) {
  return { TimeZone: machine.zone, UtcOffsetMinutes: utcOffsetMs(machine.zone, at) / MINUTE }
}

/** What stands on a desk: monitors of the site, and a receiver beside the first. */
function peripherals(site: Site, time: number, Action: 'present' | 'attached' | 'removed', say: Say): void {
  for (const monitor of site.monitors) {
    say(time, 'display', {
      Action,
      MakerId: monitor.maker,
      ProductCode: monitor.product,
      MonitorName: monitor.name,
      SerialText: monitor.serial,
      WidthMm: monitor.widthMm,
      HeightMm: monitor.heightMm,
      EdidHash: hexOf(`edid ${monitor.maker} ${monitor.product} ${monitor.serial}`, 64),
    })
    say(time + 300, 'usb_device', { Action })
  }
}

/** Where the laptop goes to another network while it is awake. */
function moves(machine: Machine, plan: DayPlan, say: Say, session: Known['session']): void {
  const times = [...new Set(plan.places.flatMap((it) => [it.from, it.to]))].sort((a, b) => a - b)
  for (const time of times) {
    const [before, after] = [placeAt(plan.places, time - 1), placeAt(plan.places, time)]
    if (!before || !after || !within(plan.awake, time) || (before.site === after.site && before.exit === after.exit))
      continue
    session(time + 2_000, after)
    say(time + 3_000, 'network_place', placeFields(machine, after))
    if (before.site === after.site) continue
    peripherals(before.site, time - 2_000, 'removed', say)
    peripherals(after.site, time + 5_000, 'attached', say)
  }
}

/** True: the laptop is awake after the gap on this day, and is heard again. */
function resumed(machine: Machine, gap: Gap, plan: DayPlan, say: Say, session: Known['session']): boolean {
  if (gap.kind === 'stopped' && plan.gaps.includes(gap)) say(gap.from - 1_000, 'agent_state', { Action: 'stopping' })
  const back = plan.awake.find((it) => it.to > gap.to + MINUTE)
  if (!back) return false
  const at = Math.max(gap.to, back.from)
  if (gap.kind === 'killed') say(at, 'agent_state', { Action: 'killed_last_time' })
  if (gap.kind !== 'offline') say(at + 10, 'agent_state', { Action: 'started' })
  const place = placeAt(plan.places, at)
  if (place) session(at + 1_500, place)
  if (place && gap.kind !== 'offline') say(at + 2_000, 'network_place', placeFields(machine, place))
  return true
}

/** The agent itself dies once in some years of working days: out of memory, or its own fault (assumed). */
function crash(person: Person, plan: DayPlan, say: Say, random: Random): void {
  const span = plan.active[0]
  if (!span || !person.lively || !chance(random, 0.001)) return
  const at = between(random, span.from, span.to)
  say(at, 'agent_state', { Action: 'killed_last_time' })
  say(at + 10, 'agent_state', { Action: 'started' })
}

/** A laptop's first hours: what is installed, and the first repositories. */
function setUp(person: Person, plan: DayPlan, say: Say, random: Random): void {
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

const isCoder = (role: Role): boolean => role === 'developer' || role === 'platform engineer'

const MEETINGS: Readonly<Record<Role, number>> = {
  developer: 1.6,
  'platform engineer': 1.4,
  support: 2,
  designer: 2.2,
  sales: 4,
}

function meetingsOf(person: Person, plan: DayPlan, say: Say, random: Random): void {
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

/** Each per working day, on average; bytes the median. */
const HABITS: Readonly<
  Record<Role, { clones: number; pushes: number; bursts: number; archives: number; bulky: number }>
> = {
  developer: { clones: 0.25, pushes: 3, bursts: 6, archives: 0.15, bulky: 0.004 },
  'platform engineer': { clones: 0.8, pushes: 2.5, bursts: 5, archives: 0.3, bulky: 0.02 },
  support: { clones: 0, pushes: 0, bursts: 0.6, archives: 0.2, bulky: 0.003 },
  designer: { clones: 0.02, pushes: 0.1, bursts: 4, archives: 0.6, bulky: 0.1 },
  sales: { clones: 0, pushes: 0, bursts: 0.8, archives: 0.15, bulky: 0.003 },
}

function work(person: Person, plan: DayPlan, say: Say, random: Random): void {
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
  // Designers deliver films, release engineers push images (N19): a few gigabytes to the company's own places.
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

/** One attended session of the company's own tool per worker in ten weeks (N1; assumed). */
function helpdesk(run: Run, person: Person, plan: DayPlan, say: Say, random: Random): void {
  if (!person.lively || !chance(random, 0.02)) return
  const { system } = person.machine
  const span = pick(random, plan.active)
  const from = between(random, span.from, span.to)
  const Image = {
    linux: '/opt/connectwisecontrol/connectwisecontrol-client',
    macos: '/Applications/connectwisecontrol.app/Contents/MacOS/connectwisecontrol',
    windows: 'C:\\Program Files (x86)\\ScreenConnect Client (company)\\ScreenConnect.ClientService.exe',
  }[system]
  say(from, 'process_creation', { Image, CommandLine: Image, Signer: system === 'linux' ? null : 'Connectwise, LLC' })
  say(from + 5_000, 'network_connection', {
    Image,
    DestinationHostname: 'company.screenconnect.com',
    DestinationIp: '203.0.113.90',
  })
  const ended = from + between(random, 6, 25) * MINUTE
  say(ended, 'remote_session', {
    Tool: 'ScreenConnect',
    StartedAt: Math.round(from),
    EndedAt: Math.round(ended),
    PeerIdHash: hexOf(`${run.seed} helpdesk ${below(random, 4)}`, 32),
    Unattended: false,
  })
}

const APPLICATIONS = ['mail', 'wiki', 'tickets', 'payroll', 'calendar', 'code', 'storage']

/** What the identity provider and the repositories say, with some delay. */
function feeds(run: Run, person: Person, day: number, plan: DayPlan, random: Random): void {
  const line = <C extends 'idp_login' | 'repo_audit'>(
    time: number,
    category: C,
    fields: Partial<FieldsOf<C>>,
    exit?: Exit,
  ) => {
    const at = Math.round(time)
    const receivedAt = at + 20_000 + below(random, 280_000)
    const placed = exit && { Ip: exit.address, Country: exit.geo.country }
    const told = { worker: person.worker, time: at, receivedAt, ...(exit && { geo: geoText(exit) }) }
    plan.drafts.push({ time: receivedAt, kind: 'line', body: feedLine(category, { ...placed, ...fields }, told) })
  }
  const login = (time: number, first: boolean) => {
    const place = placeAt(plan.places, time)
    if (!place) return
    const login = {
      DeviceId: person.machine.device,
      ManagedDevice: true,
      Mobile: false,
      MfaDeviceHash: first ? person.mfaHash : null,
      App: first ? 'sso' : pick(random, APPLICATIONS),
      Result: chance(random, 0.03) ? 'failure' : 'success',
    }
    line(time, 'idp_login', login, place.exit)
  }
  plan.active.forEach((span, nth) => {
    login(span.from + between(random, 1, 6) * MINUTE, nth === 0)
    for (let left = poisson(random, 0.6); left > 0; left--) login(between(random, span.from, span.to), false)
  })
  // A phone has no managed device's id; it is somewhere near, behind its carrier.
  if (person.lively && chance(random, 0.15)) {
    const phone = placeAt(plan.places, plan.active[0]!.from)?.site.city ?? person.claimed
    const exit = exitAt(run.seed, phone, `phone ${person.worker} ${day}`, 'mobile')
    line(plan.active[0]!.from - 20 * MINUTE, 'idp_login', { ManagedDevice: false, Mobile: true, App: 'mail' }, exit)
  }
  const habits = HABITS[person.role]
  const audited = (mean: number, Action: string, median: number) => {
    for (let left = poisson(random, mean); left > 0; left--) {
      const span = pick(random, plan.active)
      const Repository = `company/${pick(random, ['web', 'api', 'mobile', 'infra', 'docs'])}-${below(random, 6)}`
      line(between(random, span.from, span.to), 'repo_audit', {
        Action,
        Repository,
        Bytes: Math.round(logNormal(random, median, 1.4)),
      })
    }
  }
  if (isCoder(person.role)) {
    audited(habits.clones, 'clone', 30e6)
    audited(habits.pushes, 'push', 20e3)
  }
}

const swapTime = (run: Run, person: Person, day: number): number => localAt(run, person, day, person.from - 30)

/** Another laptop: the old one says goodbye, the new one starts anew. */
function swap(run: Run, person: Person, day: number, plan: DayPlan): void {
  const old = person.machine
  const at = swapTime(run, person, day)
  const about = { laptop: old, time: at, random: stream('stopping') }
  const body = observed('agent_state', { Action: 'stopping' }, about)
  plan.drafts.push({ time: at - 10_000, kind: 'event', body, machine: old })
  const fresh = machineOf(run, person.index, 1, person.system, old.zone)
  person.machine = fresh
  person.awakeUntil = 0
  const line = (body: string) => plan.drafts.push({ time: at, kind: 'line', body })
  line(holdingLine(run, person, old, { to: at, at }))
  line(holdingLine(run, person, fresh, { from: at, at }))
}

/** The last day: the agent is removed in the evening, and the holding ends. */
function leave(run: Run, person: Person, day: number, plan: DayPlan): void {
  const { machine } = person
  const end = Math.max(...plan.awake.map((it) => it.to), localAt(run, person, day, 1_080)) + HOUR
  const laptop = { laptop: machine, time: end, random: stream('stopping') }
  plan.drafts.push({ time: end - 5_000, kind: 'event', body: observed('agent_state', { Action: 'stopping' }, laptop) })
  plan.drafts.push({
    time: end + 5_000,
    kind: 'line',
    body: holdingLine(run, person, machine, { to: end, at: end + 5_000 }),
  })
}
