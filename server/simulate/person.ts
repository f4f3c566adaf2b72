/**
 * The people who work for this company, and their equipment.
 *
 * Source  all shares are assumed unless a source is named. Systems: 47 % Windows, 33 % macOS, 20 % Linux among
 *         developers, after the shape of the 2024 Stack Overflow survey (professional use), as remembered; designers
 *         and sales use no Linux. Countries: a software company of the west with contractors elsewhere. Joining: a
 *         third of the contractors change within a year. Vacations: 25 days a year. Sick: 2 % of days.
 */
import type { Contract } from '../../wire/contract.ts'
import { CITIES, type City, cityCalled } from './cities.ts'
import type { Company } from './company.ts'
import { isHoliday, isWeekend, localTime } from './local-time.ts'
import { type FieldsOf, type Laptop, type System, USER } from './observations.ts'
import {
  below,
  between,
  chance,
  hashOf,
  hexOf,
  normal,
  pick,
  poisson,
  type Random,
  stream,
  weighted,
} from './random.ts'
import type { Days, Role, Stage, Truth } from './scene.ts'
import { distanceKm, type Exit, exitAt, placedRight, type Site, siteAt, vpnExit } from './sites.ts'

const DAY = 86_400_000

/** What every part of a run needs. */
export interface Run {
  seed: number
  /** Epoch ms of the first day's midnight, UTC. */
  start: number
  days: number
  /** What all laptops have; null: a support tool that every contract approves, and no security service. */
  company: Company | null
}

export interface Machine extends Laptop {
  device: string
  serial: string
  epoch: number
  /** The number of its last event. */
  seq: number
  hash: number
  /** How far its clock is ahead. */
  skewMs: number
  /** When the batch in transit arrives. */
  uploadAt: number
}

export interface Trip {
  from: number
  to: number
  site: Site
  announced: boolean
}

export interface Span {
  from: number
  to: number
}

export interface Gap extends Span {
  kind: 'offline' | 'killed' | 'stopped'
}

export interface Place extends Span {
  site: Site
  exit: Exit
  /** Through a VPN on the laptop. */
  tunnelled: boolean
}

export interface Phone {
  /** The identity provider has an id for it. */
  enrolled: boolean
  /** Hides its address behind a relay. */
  relay: boolean
  abroad: 'roaming' | 'local' | 'esim'
}

export interface Person {
  index: number
  worker: string
  role: Role
  system: System
  claimed: City
  home: Site
  office: Site | null
  officeDays: readonly number[]
  /** Minutes after local midnight. */
  from: number
  to: number
  /** The day and minute of the first boot, when within the run; null: long before. */
  joins: { day: number; minutes: number; logsOn: number } | null
  tenureDays: number
  /** The last day worked within the run. */
  leaves: number | null
  swapDay: number | null
  /** A privacy VPN or the company's gateway, for all traffic. */
  tunnel: Exit | null
  corporateTunnel: boolean
  trips: readonly Trip[]
  vacations: readonly Span[]
  neverSleeps: boolean
  /** Works on a machine of their own, which the identity provider calls this; undefined: on a laptop of the company. */
  ownMachine: string | null | undefined
  /** False for people of a scene: no vacation, illness, travel or trouble unless the scene sets it. */
  lively: boolean
  /** The end of the last planned day. */
  awakeUntil: number
  lastPlace: Place | null
  /** Without network or agent; kept until the laptop is awake afterwards. */
  gaps: Gap[]
  mfaHash: string
  phone: Phone
  machine: Machine
  contract: Partial<Contract>
  amendments: { day: number; fields: Partial<Contract> }[]
  /** Events from HR, in any order. */
  hr: { time: number; fields: Partial<FieldsOf<'contract_event'>> }[]
  hooks: { days: Days; play: (stage: Stage) => void }[]
  /** The scene this person is in. */
  label: { scenario: string; truth: Truth; from: number | null; written: boolean } | null
}

const ROLES: Readonly<Record<Role, number>> = {
  developer: 52,
  'platform engineer': 10,
  support: 16,
  designer: 9,
  sales: 13,
}
const COUNTRIES: Readonly<Record<string, number>> = {
  ...{ US: 38, CA: 5, MX: 3, BR: 5, AR: 3, GB: 8, IE: 1, DE: 7, FR: 3, ES: 3, PT: 3, NL: 2, PL: 6, RO: 3, IN: 7 },
  ...{ PH: 2, JP: 1, AU: 1 },
}
const OFFICES = ['New York', 'Austin', 'London', 'Berlin', 'Warsaw', 'Bengaluru']
const SYSTEMS: Readonly<Record<Role, Readonly<Record<System, number>>>> = {
  developer: { windows: 47, macos: 33, linux: 20 },
  'platform engineer': { windows: 20, macos: 40, linux: 40 },
  support: { windows: 80, macos: 18, linux: 2 },
  designer: { windows: 25, macos: 75, linux: 0 },
  sales: { windows: 65, macos: 35, linux: 0 },
}

export function hire(run: Run, index: number): Person {
  const { seed, days } = run
  const random = stream(seed, 'person', index)
  const worker = `w${index + 1}`
  const role = weighted(random, ROLES)
  const country = weighted(random, COUNTRIES)
  const claimed = pick(
    random,
    CITIES.filter((it) => it.country === country),
  )
  const system = weighted(random, SYSTEMS[role])
  const from = Math.round(between(random, 7.5, 10) * 4) * 15
  const drawn = chance(random, days / 1_095) ? below(random, days) : days
  const first = workdayFrom(run, claimed.country, drawn)
  const joins = first < days ? joining(first, 60 * 9 + below(random, 90)) : null
  const leaves = !joins && chance(random, days / 1_095) ? below(random, days) : null
  const tunnel = tunnelOf(run, random, claimed)
  return {
    index,
    worker,
    role,
    system,
    claimed,
    home: homeIn(run, claimed, worker),
    phone: phoneOf(run, worker),
    office: OFFICES.includes(claimed.city) && chance(random, 0.7) ? officeIn(seed, claimed) : null,
    officeDays: pick(random, [[2, 4], [1, 3], [2], [2, 3, 4], [4]]),
    from,
    to: from + 60 * 8 + below(random, 90),
    joins,
    tenureDays: 30 + below(random, 900),
    leaves,
    swapDay: joins === null && chance(random, (0.15 * days) / 365) ? below(random, days) : null,
    tunnel: tunnel?.exit ?? null,
    corporateTunnel: tunnel?.corporate ?? false,
    trips: tripsOf(run, random, claimed),
    vacations: vacationsOf(run, random),
    neverSleeps: chance(random, 0.12),
    ...{ lively: true, ownMachine: undefined },
    awakeUntil: 0,
    lastPlace: null,
    gaps: [],
    mfaHash: hexOf(`${seed} mfa ${worker}`, 32),
    machine: machineOf(run, index, 0, system, claimed.zone),
    contract: {},
    amendments: [],
    hr: [],
    hooks: [],
    label: null,
  }
}

/** `logsOn`: minutes as well, not before the first boot. */
export const joining = (day: number, minutes: number, logsOn = minutes): Person['joins'] => ({ day, minutes, logsOn })

export const officeIn = (seed: number, city: City): Site => siteAt(seed, 'office', city, 'the company')

export function machineOf(run: Run, index: number, nth: number, system: System, zone: string): Machine {
  const device = `d${index + 1}${nth === 0 ? '' : `-${nth + 1}`}`
  const random = stream(run.seed, 'machine', device)
  return {
    device,
    system,
    zone,
    user: USER,
    version: '0.1.0',
    fingerprint: hexOf(`${run.seed} fingerprint ${device}`, 64),
    serial: hexOf(`${run.seed} serial ${device}`, 10).toUpperCase(),
    ...{ bootId: bootIdOf(run, device, 0), bootIdBefore: bootIdOf(run, device, 0) },
    lanAddress: `192.168.1.${2 + below(random, 250)}`,
    epoch: 1 + below(random, 1_000_000_000),
    seq: 0,
    hash: hashOf(`${run.seed} ${device}`),
    // NTP keeps most within tens of ms; one in forty is minutes off (assumed).
    skewMs: Math.round(chance(random, 0.025) ? normal(random, 0, 90_000) : normal(random, 0, 40)),
    bootedAt: run.start - below(random, 5 * DAY),
    uploadAt: 0,
  }
}

/** A repair: the system and the agent are reinstalled on other hardware. */
export function rebuilt({ device, epoch, fingerprint }: Machine, at: number): Partial<Machine> {
  return { fingerprint: hexOf(`${fingerprint} rebuilt ${device} ${at}`, 64), epoch: epoch + 1, seq: 0 }
}

export function bootIdOf(run: Run, device: string, at: number): string {
  const hex = hexOf(`${run.seed} boot ${device} ${at}`, 32)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`
}

/**
 * Where somebody lives. One home in 140 has a VPN on its router, whose exit is in the country; one in 200 has a dish,
 * whose exit is mostly next door (assumed).
 */
function homeIn(run: Run, city: City, worker: string): Site {
  const site = siteAt(run.seed, 'home', city, worker)
  const random = stream(run.seed, 'uplink', worker)
  const drawn = random()
  if (drawn < 1 / 140) {
    const near = CITIES.filter((it) => it.country === city.country)
    const exit = vpnExit(run.seed, pick(random, ['mullvad', 'proton', 'nordvpn']), pick(random, near), below(random, 4))
    return { ...site, exit, leaseDays: null }
  }
  if (drawn > 1 / 140 + 1 / 200) return site
  const exit = exitAt(run.seed, city, `dish ${worker}`, 'residential', [14_593, 'SPACEX-STARLINK'])
  const others = CITIES.slice(0, 55).filter((it) => it.country !== city.country)
  const next = others.reduce((best, it) => (distanceKm(it, city) < distanceKm(best, city) ? it : best))
  const { geo } = placedRight({ ...exit, city: next })
  return { ...site, exit: { ...exit, geo, lastMileMs: 36, jitterMs: 20 }, leaseDays: null }
}

/** Half of all phones are enrolled; one in eight hides its address; abroad most roam (assumed). */
function phoneOf(run: Run, worker: string): Phone {
  const random = stream(run.seed, 'phone', worker)
  const enrolled = chance(random, 0.5)
  const relay = chance(random, 0.12)
  return { enrolled, relay, abroad: weighted(random, { roaming: 65, local: 20, esim: 15 }) }
}

/** 4 % privacy VPN, mostly within the country (N6); 8 % all traffic through the company's gateway (N5). */
function tunnelOf(run: Run, random: Random, city: City): { exit: Exit; corporate: boolean } | null {
  const kind = random()
  const near = CITIES.filter((it) => it.country === city.country)
  if (kind < 0.04) {
    const provider = pick(random, ['mullvad', 'proton', 'nordvpn', 'expressvpn'])
    return { exit: vpnExit(run.seed, provider, pick(random, near), below(random, 4)), corporate: false }
  }
  if (kind > 0.12) return null
  const gateway = pick(random, OFFICES.map(cityCalled))
  const exit = exitAt(run.seed, gateway, 'gateway', 'corporate', [64_496, 'Company gateway'])
  return { exit, corporate: true }
}

/** Three announced trips and two short domestic ones without notice a year (assumed; threat model N4). */
function tripsOf(run: Run, random: Random, home: City): Trip[] {
  const trips: Trip[] = []
  for (const announced of [true, false])
    for (let left = poisson(random, ((announced ? 3 : 2) * run.days) / 365); left > 0; left--) {
      const from = below(random, run.days)
      const abroad = announced && chance(random, 0.5)
      const places = CITIES.slice(0, 55).filter((it) =>
        abroad ? it.country !== home.country : it.country === home.country,
      )
      const city = pick(random, places)
      const to = from + (announced ? 1 + below(random, 6) : below(random, 3))
      const clear = trips.every((it) => to < it.from || from > it.to)
      if (clear) trips.push({ from, to, announced, site: hotelIn(run, city, below(random, 20)) })
    }
  return trips
}

/** One hotel in eight comes out at its chain's gateway, in another city of the country (assumed). */
function hotelIn(run: Run, city: City, nth: number): Site {
  const site = siteAt(run.seed, 'public', city, `hotel ${nth}`)
  const random = stream(run.seed, 'hotel', city.city, nth)
  if (!chance(random, 1 / 8)) return site
  const near = CITIES.filter((it) => it.country === city.country)
  return { ...site, exit: exitAt(run.seed, pick(random, near), `chain ${below(random, 5)}`, 'corporate', CHAIN) }
}
const CHAIN = [64_530, 'Hotel chain'] as const

function vacationsOf(run: Run, random: Random): Span[] {
  return Array.from({ length: poisson(random, run.days / 110) }, () => {
    const from = below(random, run.days + 10) - 10
    return { from, to: from + 4 + below(random, 12) }
  })
}

export const dateOf = (run: Run, day: number): number => run.start + day * DAY

export const localAt = (run: Run, person: Person, day: number, minutes: number): number =>
  localTime(person.claimed.zone, dateOf(run, day), minutes)

export const isWorkday = (run: Run, person: Person, day: number): boolean =>
  workdayFrom(run, person.claimed.country, day) === day

function workdayFrom(run: Run, country: string, day: number): number {
  const date = dateOf(run, day)
  return isWeekend(date) || isHoliday(country, date) ? workdayFrom(run, country, day + 1) : day
}

/** Epoch ms of the laptop's first boot. */
export const firstBootOf = (run: Run, person: Person): number =>
  person.joins ? localAt(run, person, person.joins.day, person.joins.minutes) : run.start - person.tenureDays * DAY

/** Who holds a laptop: from its first boot until the end, if there is one. `at`: when the server learns it. */
export function holdingLine(
  run: Run,
  person: Person,
  { device, serial }: Machine,
  { from, to = null, at }: { from?: number; to?: number | null; at: number },
): string {
  const firstBoot = from ?? firstBootOf(run, person)
  return JSON.stringify({
    type: 'device',
    device,
    worker: person.worker,
    from: firstBoot,
    to,
    firstBoot,
    serial,
    receivedAt: at,
  })
}
