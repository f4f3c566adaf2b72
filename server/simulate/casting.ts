/** Picks the people of a scene from the fleet, and lets the scene set them up. */
import { Fault } from '../../wire/fault.ts'
import { cityCalled } from './cities.ts'
import { minutesOf } from './local-time.ts'
import { dateOf, firstBootOf, isWorkday, joining, localAt, officeIn, type Person, type Run } from './person.ts'
import { hexOf, stream } from './random.ts'
import type { Cast, Member, Scenario } from './scene.ts'
import { exitAt, monitor, placedRight, siteAt, vpnExit } from './sites.ts'

/** A scene as requested, such as 'P12/slow'. */
export interface Asked {
  scenario: Scenario
  variant: string | null
}

export function askedFor(name: string, scenarios: readonly Scenario[]): Asked[] {
  if (name.toLowerCase() === 'all') return scenarios.map((scenario) => ({ scenario, variant: null }))
  const [id = '', variant = null] = name.split('/')
  const scenario = scenarios.find((it) => it.id.toLowerCase() === id.toLowerCase())
  const list = 'See `tellwire simulate --list`.'
  if (!scenario) throw new Fault('usage', { where: name, why: 'There is no such scene.', todo: list })
  if (variant !== null && !scenario.variants?.includes(variant))
    throw new Fault('usage', { where: name, why: `${scenario.id} has no such variant.`, todo: list })
  return [{ scenario, variant }]
}

export const peopleOf = (asked: readonly Asked[]): number => asked.reduce((sum, it) => sum + it.scenario.people, 0)

/** Errors  Fault 'usage' where the fleet is too small or the run too short for a scene. */
export function castAll(run: Run, fleet: readonly Person[], asked: readonly Asked[]): void {
  const needed = peopleOf(asked)
  if (needed > fleet.length)
    throw new Fault('usage', {
      where: '--workers',
      why: `These scenes need ${needed} workers.`,
      todo: 'Increase --workers.',
    })
  const free = shuffled(run, fleet)
  for (const [nth, { scenario, variant }] of asked.entries()) {
    const name = `${scenario.id}${variant === null ? '' : `/${variant}`}`
    const tooShort = (days: string) =>
      new Fault('usage', {
        where: '--days',
        why: `${name} needs ${days}, this run has ${run.days}.`,
        todo: 'Increase --days.',
      })
    if (run.days < (scenario.days ?? 1)) throw tooShort(`${scenario.days} days`)
    const people = free.splice(0, scenario.people)
    for (const person of people) engage(run, person, name, scenario)
    const cast = castOf(run, people, { scenario, variant }, `${name} ${nth}`, () => tooShort('more days'))
    scenario.play(cast)
  }
}

/** Spread over the fleet, so that a worker's number reveals nothing. */
function shuffled(run: Run, fleet: readonly Person[]): Person[] {
  const random = stream(run.seed, 'cast')
  return fleet
    .map((person) => ({ person, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map((it) => it.person)
}

function engage(run: Run, person: Person, scenario: string, { truth }: Scenario): void {
  Object.assign(person, {
    ...{ joins: null, leaves: null, swapDay: null, tunnel: null, corporateTunnel: false },
    ...{ office: null, neverSleeps: false, lively: false },
    home: { ...siteAt(run.seed, 'home', person.claimed, person.worker), leaseDays: null, dock: null },
    label: { scenario, truth, from: truth === 'benign' ? run.start : null, written: false },
  } satisfies Partial<Person>)
}

function castOf(run: Run, people: Person[], { scenario, variant }: Asked, name: string, tooShort: () => Fault): Cast {
  const { seed } = run
  const own = `${seed} ${name}`
  const site: Cast['site'] = (kind, city, changes = {}) => ({
    ...siteAt(seed, kind, cityCalled(city), `${name} ${changes.name ?? ''}`),
    ...{ leaseDays: null, dock: null },
    ...changes,
  })
  // Look-alikes often depend on being seen at home, so databases place these lines correctly; those of the fleet may be
  // wrong.
  const home: Cast['home'] = (city, changes = {}) => {
    const line = siteAt(seed, 'home', cityCalled(city), `${name} ${changes.name ?? ''}`).exit
    return site('home', city, { ...(scenario.truth === 'benign' && { exit: placedRight(line) }), ...changes })
  }
  return {
    people: people.map((it) => memberOf(run, it, tooShort)),
    variant,
    days: run.days,
    start: run.start,
    random: stream(seed, 'scene', name),
    hash: (words, digits = 32) => hexOf(`${own} ${words}`, digits),
    home,
    site,
    office: (city) => officeIn(seed, cityCalled(city)),
    exit(city, { name: other = '', class: networkClass = 'residential', asn, asName = 'a provider' } = {}) {
      const provider = asn === undefined ? undefined : ([asn, asName] as const)
      return exitAt(seed, cityCalled(city), `${name} ${other}`, networkClass, provider)
    },
    vpn: (provider, city) => vpnExit(seed, provider, cityCalled(city)),
    monitor: (which) => monitor(stream(own, which), `${own} ${which}`),
  }
}

function memberOf(run: Run, person: Person, tooShort: () => Fault): Member {
  let claimed = false
  const label = person.label!
  const setCity = (city: Person['claimed']) => {
    person.claimed = city
    person.machine.zone = city.zone
  }
  const known = (day: number) => {
    if (!Number.isInteger(day) || day < 0 || day >= run.days) throw tooShort()
    return day
  }
  const member: Member = {
    worker: person.worker,
    device: person.machine.device,
    workday(nth) {
      let left = nth
      for (let day = 0; day < run.days; day++) if (isWorkday(run, person, day) && left-- === 0) return day
      throw tooShort()
    },
    system(system) {
      person.system = system
      person.machine.system = system
      return member
    },
    role(role) {
      person.role = role
      return member
    },
    claims(city) {
      claimed = true
      setCity(cityCalled(city))
      if (person.home.city !== person.claimed && person.home.name === person.worker)
        person.home = { ...siteAt(run.seed, 'home', person.claimed, person.worker), leaseDays: null, dock: null }
      return member
    },
    livesAt(site) {
      person.home = site
      if (!claimed) setCity(site.city)
      return member
    },
    contract(fields) {
      Object.assign(person.contract, fields)
      return member
    },
    amends(day, fields) {
      person.amendments.push({ day: known(day), fields })
      return member
    },
    hearsFromHr(day, clock, fields) {
      person.hr.push({ time: localAt(run, person, known(day), minutesOf(clock)), fields })
      return member
    },
    joins(day, clock = '09:00', logsOn = clock) {
      person.joins = joining(known(day), minutesOf(clock), minutesOf(logsOn))
      return member
    },
    swapsLaptop(day) {
      person.swapDay = known(day)
      return member
    },
    hours(from, to) {
      person.from = minutesOf(from)
      person.to = minutesOf(to)
      return member
    },
    neverSleeps() {
      person.neverSleeps = true
      return member
    },
    approvesWith(mfaDeviceHash) {
      person.mfaHash = mfaDeviceHash
      return member
    },
    withoutLaptop(deviceId) {
      person.ownMachine = deviceId
      return member
    },
    livelyAsAnybody() {
      person.lively = true
      return member
    },
    begins(day, clock = '00:00') {
      label.from = localAt(run, person, known(day), minutesOf(clock))
      return member
    },
    truth(truth) {
      label.truth = truth
      label.from = truth === 'benign' ? run.start : null
      return member
    },
    on(days, play) {
      person.hooks.push({ days, play })
      return member
    },
  }
  return member
}

/** The records about a person that do not come from their laptop, each with its time. */
export function paperwork(run: Run, person: Person, opening: number): { time: number; body: string }[] {
  const lines: { time: number; body: string }[] = []
  const boot = firstBootOf(run, person)
  const start = person.joins ? Math.max(opening, boot - 7 * 86_400_000) : opening
  let version = baseContract(run, person)
  const contract = (time: number, from: number) => {
    lines.push({ time, body: JSON.stringify({ type: 'contract', ...version, from, receivedAt: time }) })
  }
  contract(start, Math.min(start, boot - 7 * 86_400_000))
  for (const { day, fields } of amendmentsOf(run, person)) {
    const time = localAt(run, person, day, 540)
    version = { ...version, ...fields }
    contract(time, time)
  }
  return lines
}

function baseContract(run: Run, person: Person) {
  const { worker, role, claimed } = person
  const { country, region, city, lat: latitude, lon: longitude, zone: timeZone } = claimed
  const place = { country, region, city, latitude, longitude }
  const gateway =
    run.company?.sase == null && person.corporateTunnel && person.tunnel ? [{ address: person.tunnel.address }] : []
  return {
    worker,
    ...place,
    timeZone,
    roles: [role],
    start: firstBootOf(run, person),
    end: null,
    shipTo: place,
    approvedTools: run.company === null ? [{ tool: 'ScreenConnect', tenant: 'company' }] : [],
    approvedEgress: gateway,
    travelNotices: [],
    household: [],
    peripherals: [],
    ...person.contract,
  }
}

/** In order of time. Announced trips become notices some days ahead; a known end becomes the contract's. */
function amendmentsOf(run: Run, person: Person): Person['amendments'] {
  const all = [...person.amendments]
  const notices: NonNullable<Person['contract']['travelNotices']> = []
  const trips = person.lively ? person.trips.filter((it) => it.announced) : []
  for (const { from, to, site } of trips.sort((a, b) => a.from - b.from)) {
    const { country, region, city } = site.city
    notices.push({ from: dateOf(run, from - 1), to: dateOf(run, to + 2), country, region, city })
    all.push({ day: Math.max(0, from - 4), fields: { travelNotices: [...notices] } })
  }
  if (person.leaves !== null)
    all.push({ day: Math.max(0, person.leaves - 14), fields: { end: localAt(run, person, person.leaves, 1_080) } })
  return all.sort((a, b) => a.day - b.day)
}
