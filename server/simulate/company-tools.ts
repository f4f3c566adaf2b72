/**
 * What a company's own tools do on its laptops, and how its traffic leaves.
 *
 * Shape   the agent is new to such a company: on a laptop's first day of the run it reports what was there before it.
 *         No contract approves anything. The management tool runs as a service of the system, dials the company's own
 *         tenant, starts scripts of its own, and the help desk connects with it now and then. Traffic leaves through
 *         the security service's nearest location, some days and hours through the next ones, which may be in another
 *         country; in an office it leaves directly.
 * Source  assumed: four exits a location; two of ten days through the second or third nearest, one of ten days with a
 *         change at noon; one session in ten weeks and laptop; two scripts a day.
 */
import { type City, cityCalled } from './cities.ts'
import { type Company, RMMS, SASES } from './company.ts'
import type { DayPlan } from './day-plan.ts'
import { factsOf } from './facts.ts'
import { type FieldsOf, observed, type Say, type System } from './observations.ts'
import type { Machine, Person, Place, Run } from './person.ts'
import { below, between, chance, hashOf, hexOf, pick, poisson, type Random, stream } from './random.ts'
import { type Trace, toolTraces } from './remote-tools.ts'
import { distanceKm, type Exit, exitAt } from './sites.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

const toolsOf = ({ rmm, sase }: Company): { id: string; host: string | null }[] => [
  ...(rmm === null ? [] : [RMMS[rmm]]),
  ...(sase === null ? [] : [{ id: SASES[sase].id, host: `gateway.${sase}.example` }]),
]

/** At the agent's first look: what was installed before. A new laptop gets it from the fleet's management instead. */
export function equipped(company: Company, system: System, at: number, isNew: boolean, say: Say): void {
  for (const [nth, { id, host }] of toolsOf(company).entries()) {
    const how = { managed: true, ...(host !== null && { relay: host }) }
    let time = at + (isNew ? 8 * MINUTE : 6_000) + nth * 2_000
    for (const it of toolTraces(id, system, how)) {
      if (isNew) place(it, (time += 1_500), say)
      else if (it.category === 'software')
        say((time += 200), 'software', { ...it.fields, Action: 'present', InstalledAt: null })
    }
  }
}

/** After a boot: the services run already when the agent starts. */
export function services(company: Company, system: System, at: number, say: Say): void {
  for (const { id, host } of toolsOf(company))
    for (const it of toolTraces(id, system, { managed: true, installed: true, ...(host !== null && { relay: host }) }))
      if (it.category === 'process_creation') say(at + 2_600, it.category, { ...it.fields, StartedBeforeAgent: true })
      else place(it, at + 9_000, say)
}

function place(trace: Trace, time: number, say: Say): void {
  const put = say as (time: number, category: Trace['category'], fields: Trace['fields']) => void
  put(time, trace.category, trace.fields)
}

const SCRIPTS: Readonly<Record<System, readonly (readonly [image: string, command: string])[]>> = {
  windows: [
    ['C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe', 'powershell.exe -NoProfile -File inventory.ps1'],
    ['C:\\Windows\\System32\\systeminfo.exe', 'systeminfo'],
    ['C:\\Windows\\System32\\ipconfig.exe', 'ipconfig /all'],
  ],
  macos: [
    ['/usr/sbin/system_profiler', 'system_profiler SPHardwareDataType'],
    ['/usr/bin/sw_vers', 'sw_vers'],
    ['/bin/bash', 'bash inventory.sh'],
  ],
  linux: [
    ['/usr/bin/hostnamectl', 'hostnamectl'],
    ['/usr/bin/bash', 'bash inventory.sh'],
    ['/usr/bin/lscpu', 'lscpu'],
  ],
}

/** A day of the management tool: its scripts, and now and then a session of the help desk. */
export function managed(run: Run, person: Person, plan: DayPlan, say: Say, random: Random): void {
  const rmm = run.company?.rmm
  if (!rmm) return
  const { system } = person.machine
  const { id, log, host } = RMMS[rmm]
  const service = toolTraces(id, system, { managed: true, installed: true, relay: host })
  const program = service.flatMap((it) => (it.category === 'process_creation' ? [it.fields] : []))[0]
  for (let left = poisson(random, 2); left > 0; left--) {
    const span = pick(random, plan.awake)
    const [Image, CommandLine] = pick(random, SCRIPTS[system])
    const User = system === 'windows' ? 'NT AUTHORITY\\SYSTEM' : 'root'
    const by = { ParentImage: program?.Image ?? null, ParentCommandLine: program?.CommandLine ?? null }
    say(between(random, span.from, span.to), 'process_creation', { Image, CommandLine, User, ...by })
  }
  if (!chance(random, 0.02)) return
  const span = pick(random, plan.active)
  const from = Math.round(between(random, span.from, span.to))
  const technician = below(random, 6)
  const desk = deskOf(run, technician)
  const session = {
    Tool: log,
    PeerIp: desk.address,
    PeerIdHash: hexOf(`${run.seed} technician ${technician}`, 32),
    StartedAt: from,
    // Maintenance with nobody at the laptop, one in three.
    Unattended: chance(random, 0.33),
  }
  logged(person.machine, plan, from, session, desk, random)
  const EndedAt = from + Math.round(between(random, 6, 25) * MINUTE)
  logged(person.machine, plan, EndedAt, { ...session, EndedAt }, desk, random)
}

function logged(
  machine: Machine,
  plan: DayPlan,
  time: number,
  fields: Partial<FieldsOf<'remote_session'>>,
  desk: Exit,
  random: Random,
): void {
  const body = observed('remote_session', fields, { laptop: machine, time, random })
  plan.drafts.push({ time, kind: 'event', body, facts: factsOf(machine.system, body, desk) })
}

/** Half of the technicians sit abroad, behind the same security service if there is one. */
function deskOf(run: Run, technician: number): Exit {
  const city = cityCalled(technician % 2 === 0 ? 'Austin' : 'Manila')
  const sase = run.company?.sase
  if (sase) return exitOf(run.seed, sase, nearest(SASES[sase].locations, city)[0]!, technician)
  return exitAt(run.seed, city, `help desk ${technician}`, 'residential')
}

/** The same places, seen through the company's security service. */
export function throughSase(run: Run, person: Person, day: number, places: readonly Place[]): Place[] {
  const sase = run.company?.sase
  if (!sase) return [...places]
  const random = stream(run.seed, 'sase', person.worker, day)
  const [drawn, hops, noon] = [random(), chance(random, 0.1), between(random, 10, 15)]
  const which = hashOf(person.worker) >>> 0
  const usual = drawn < 0.8 ? 0 : drawn < 0.93 ? 1 : 2
  return places.flatMap((it) => {
    if (it.site.kind === 'office') return [it]
    const near = nearest(SASES[sase].locations, it.exit.city)
    const through = (nth: number) => ({ ...it, exit: exitOf(run.seed, sase, near[nth]!, which), tunnelled: true })
    const at = it.from + noon * HOUR
    if (!hops || at >= it.to) return [through(usual)]
    return [
      { ...through(usual), to: at },
      { ...through(usual === 0 ? 1 : 0), from: at },
    ]
  })
}

const nearestTo = new Map<string, City[]>()

function nearest(locations: readonly string[], city: City): City[] {
  const key = `${locations.length} ${city.lat} ${city.lon}`
  let found = nearestTo.get(key)
  if (!found) {
    found = locations.map(cityCalled).sort((a, b) => distanceKm(a, city) - distanceKm(b, city))
    nearestTo.set(key, found)
  }
  return found
}

const exits = new Map<string, Exit>()

/** One object an exit: what moves is recognised by it. */
function exitOf(seed: number, sase: keyof typeof SASES, city: City, which: number): Exit {
  const key = `${seed} ${sase} ${city.city} ${which % 4}`
  let found = exits.get(key)
  if (!found) {
    found = { ...exitAt(seed, city, `sase ${sase} ${which % 4}`, 'hosting', SASES[sase].provider), lastMileMs: 1 }
    exits.set(key, found)
  }
  return found
}
