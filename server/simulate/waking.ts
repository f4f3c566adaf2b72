/** The events of a laptop that wakes, boots, moves, or comes back online. */

import { services } from './company-tools.ts'
import type { DayPlan } from './day-plan.ts'
import { utcOffsetMs } from './local-time.ts'
import type { Say } from './observations.ts'
import { bootIdOf, type Gap, localAt, type Machine, type Person, type Place, type Run, type Span } from './person.ts'
import { placeAt } from './places.ts'
import { below, between, chance, hexOf, type Random } from './random.ts'
import type { Site } from './sites.ts'
import { within } from './spool.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

export interface Known {
  nth: number
  firstDay: boolean
  plan: DayPlan
  say: Say
  session(time: number, place: Place): void
  random: Random
}

export function wake(run: Run, person: Person, span: Span, known: Known & { restart: boolean }): void {
  const { nth, firstDay, restart, plan, say, session, random } = known
  const { machine } = person
  const place = placeAt(plan.places, span.from)
  if (!place) return
  const at = span.from
  if (restart) {
    start(run, machine, at, {
      ...known,
      logsOn: firstDay && person.joins ? localAt(run, person, person.joins.day, person.joins.logsOn) : at,
    })
  } else {
    // Drawn in any case, so that what was there before changes nothing else of the day.
    const drawn = nth === 0 ? between(random, 10, 15) * 3_600 : between(random, 600, 5_000)
    const asleep = Math.round(person.awakeUntil > 0 ? (at - person.awakeUntil) / 1_000 : drawn)
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

/** A laptop that was not shut overnight: a new session once a day, a restart for updates once a fortnight. */
export function stayAwake(run: Run, person: Person, span: Span, known: Known): void {
  const { plan, say, session, random } = known
  const { machine, lastPlace } = person
  const place = placeAt(plan.places, span.from)
  if (!place) return
  const night = span.from + 3 * HOUR
  const moved = lastPlace?.site !== place.site || lastPlace.exit !== place.exit
  if (person.lively && night < span.to && chance(random, 1 / 14)) {
    start(run, machine, night, { ...known, logsOn: night })
    session(night + 1_200, placeAt(plan.places, night) ?? place)
  } else if (moved || known.nth === 0) session(span.from + below(random, 20 * MINUTE), place)
  if (moved) say(span.from + 3_500, 'network_place', placeFields(machine, place))
}

/**
 * The system boots, and the agent has its first look. One restart in thirty is a power cut, without a last event; a new
 * agent has none either.
 */
function start(
  run: Run,
  machine: Machine,
  at: number,
  { firstDay, logsOn, say, random }: Known & { logsOn: number },
): void {
  if (!firstDay && chance(random, 0.97) && machine.seq > 0) say(at - 30_000, 'agent_state', { Action: 'stopping' })
  machine.bootedAt = at
  machine.bootIdBefore = machine.bootId
  machine.bootId = bootIdOf(run, machine.device, at)
  const version = firstDay ? machine.version : agentVersion(run, at)
  if (version !== machine.version) {
    machine.version = version
    say(at, 'agent_state', { Action: 'upgraded' })
  }
  say(at + 10, 'agent_state', { Action: 'started' })
  say(at + 1_000, 'collection_gap', { ...GAPS[machine.system], Categories: [...GAPS[machine.system].Categories] })
  if (logsOn > at) say(logsOn, 'logon', { Action: 'logon' })
  else say(at + 2_000, 'logon', { Action: 'present' })
  for (let left = 6; left > 0; left--)
    say(at + 2_500, 'process_creation', { Image: BASE_IMAGES[machine.system], StartedBeforeAgent: true })
  if (run.company) services(run.company, machine.system, at, say)
  say(at + 3_000, 'clock_place', zoneFields(machine, at))
}

/** A new version every twenty days, installed with a restart. */
const agentVersion = (run: Run, at: number): string => `0.1.${Math.max(0, Math.floor((at - run.start) / (20 * DAY)))}`

const uptime = (machine: Machine, at: number): number => Math.max(0, Math.round((at - machine.bootedAt) / 1_000))

const GAPS = {
  linux: { About: '/proc/net/tcp', Categories: ['network_connection', 'listening_socket'], Count: 12 },
  macos: { About: 'input', Categories: ['input_pattern'], Reason: 'denied' },
  windows: { About: 'input', Categories: ['input_pattern'], Reason: 'denied' },
} as const

export const BASE_IMAGES = {
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

/** The devices on a desk: the site's monitors, each with a receiver beside it, and its dock. */
function peripherals(site: Site, time: number, Action: 'present' | 'attached' | 'removed', say: Say): void {
  for (const [nth, monitor] of site.monitors.entries()) {
    say(time, 'display', {
      Action,
      MakerId: monitor.maker,
      ProductCode: monitor.product,
      MonitorName: monitor.name,
      SerialText: monitor.serial,
      WidthMm: monitor.widthMm,
      HeightMm: monitor.heightMm,
      EdidHash: hexOf(`edid ${monitor.maker} ${monitor.product} ${monitor.serial}`, 64),
      Port: `card1-HDMI-A-${nth + 1}`,
      ChecksumValid: true,
    })
    say(time + 300, 'usb_device', { Action, SpeedMbps: 12, BcdDevice: '1203', MaxPowerMa: 98, ScsiInquiry: [] })
  }
  const { dock } = site
  for (const [ProductId, ProductName, InterfaceClasses] of dock?.parts ?? [])
    say(time + 200, 'usb_device', {
      ...{ Action, VendorId: dock!.vendor, ProductId, ProductName, Manufacturer: dock!.maker },
      ...{ SerialNumber: dock!.serial, InterfaceClasses: [...InterfaceClasses], HasKeyboard: false },
      HasNetwork: InterfaceClasses.includes('0a') || ProductId === '8153',
      ...{ SpeedMbps: 5_000, MaxPowerMa: 0, ScsiInquiry: [] },
    })
}

/** Changes of network while the laptop is awake. */
export function moves(machine: Machine, plan: DayPlan, say: Say, session: Known['session']): void {
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

/** True when the laptop is awake after the gap on this day, and back online. */
export function resumed(machine: Machine, gap: Gap, plan: DayPlan, say: Say, session: Known['session']): boolean {
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

/** The agent crashes once in some years of working days: out of memory, or a bug (assumed). */
export function crash(person: Person, plan: DayPlan, say: Say, random: Random): void {
  const span = plan.active[0]
  if (!span || !person.lively || !chance(random, 0.001)) return
  const at = between(random, span.from, span.to)
  say(at, 'agent_state', { Action: 'killed_last_time' })
  say(at + 10, 'agent_state', { Action: 'started' })
}
