/** One worker's day during planning: collects what hooks change, for the planner to read. */
import { factsOf } from './facts.ts'
import { minutesOf } from './local-time.ts'
import { feedLine, observed } from './observations.ts'
import { dateOf, firstBootOf, type Gap, localAt, type Person, type Run, rebuilt, type Span } from './person.ts'
import { between, type Random, stream } from './random.ts'
import { placed, toolTraces, usualFolder } from './remote-tools.ts'
import type { Days, Hands, Moment, Stage } from './scene.ts'
import type { Exit, Site } from './sites.ts'
import { type Draft, geoText, sessionLine } from './spool.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR

/** What hooks changed. Null: unchanged. */
export interface Script {
  works: Span[] | null
  rests: boolean
  restarts: boolean
  awake: Span[]
  /** Undefined: the laptop's own keyboard and trackpad. */
  hands: Hands | null | undefined
  nudged: Nudged[]
  sits: (Span & { site: Site })[]
  tunnels: (Span & { exit: Exit })[]
  gaps: Gap[]
  drafts: Draft[]
}

export interface Nudged extends Span {
  everySeconds: number
}

export function stageOf(run: Run, person: Person, day: number, working: boolean): { stage: Stage; script: Script } {
  const script: Script = {
    ...{ works: null, rests: false, restarts: false, awake: [], sits: [], tunnels: [], gaps: [], drafts: [] },
    ...{ hands: undefined, nudged: [] },
  }
  const random = stream(run.seed, 'stage', person.worker, day)
  const time = (clock: string) => localAt(run, person, day, minutesOf(clock))
  const span = (from = '00:00', to = '24:00'): Span => {
    const both = { from: time(from), to: time(to) }
    if (both.to <= both.from) throw new RangeError(`"${from}" to "${to}" is no span: past midnight is "26:00"`)
    return both
  }
  const gap = (kind: Gap['kind'], from: string, hours: number) => {
    script.gaps.push({ kind, from: time(from), to: time(from) + Math.round(hours * HOUR) })
    return stage
  }
  const stage: Stage = {
    day,
    weekday: new Date(dateOf(run, day)).getUTCDay(),
    working,
    tenure: Math.floor((localAt(run, person, day, 1_439) - firstBootOf(run, person)) / DAY),
    random,
    at: (clock) => momentOf(person, script, random, time(clock)),
    works(from, to) {
      script.works = [...(script.works ?? []), span(from, to)]
      return stage
    },
    rests() {
      script.rests = true
      return stage
    },
    awake(from, to) {
      script.awake.push(span(from, to))
      return stage
    },
    hands(through) {
      script.hands = through
      return stage
    },
    nudged(from, to, everySeconds) {
      script.nudged.push({ ...span(from, to), everySeconds })
      return stage
    },
    sits(site, from, to) {
      script.sits.push({ ...span(from, to), site })
      return stage
    },
    tunnels(exit, from, to) {
      script.tunnels.push({ ...span(from, to), exit })
      return stage
    },
    offline: (from, hours) => gap('offline', from, hours),
    silent: (from, hours) => gap('killed', from, hours),
    stops: (from, hours) => gap('stopped', from, hours),
    restarts() {
      script.restarts = true
      return stage
    },
    repaired() {
      script.restarts = true
      Object.assign(person.machine, rebuilt(person.machine, dateOf(run, day)))
      return stage
    },
  }
  return { stage, script }
}

function momentOf(person: Person, script: Script, random: Random, begin: number): Moment {
  const { machine } = person
  let time = begin
  const place = ({ at = time, ...draft }: Omit<Draft, 'time'> & { at?: number }) => {
    script.drafts.push({ ...draft, time: at })
    if (person.label) person.label.from = Math.min(person.label.from ?? time, time)
    time += Math.round(between(random, 1_500, 9_000))
  }
  const moment: Moment = {
    wait(minutes) {
      time += Math.round(minutes * 60_000)
      return moment
    },
    saw(category, fields, peer) {
      const from = peer && { PeerIp: peer.address }
      const body = observed(category, { ...from, ...fields }, { laptop: machine, time, random })
      place({ kind: 'event', body, ...(peer && { facts: factsOf(machine.system, body, peer) }) })
      return moment
    },
    runs(image, commandLine, fields) {
      const { system } = machine
      const path = /[/\\]/.test(image) ? image : placed(usualFolder(image, system), image, system)
      return moment.saw('process_creation', { Image: path, CommandLine: commandLine ?? path, ...fields })
    },
    tool(id, how = {}) {
      for (const { category, fields } of toolTraces(id, machine.system, how)) moment.saw(category, fields)
      return moment
    },
    uninstalls(id) {
      for (const { category, fields } of toolTraces(id, machine.system, {}))
        if (category === 'software') moment.saw(category, { ...fields, Action: 'removed', InstalledAt: null })
      return moment
    },
    feed(category, fields, from) {
      const receivedAt = time + Math.round(between(random, 5_000, 120_000))
      const placed = from && { Ip: from.address, Country: from.geo.country }
      const geo = from && { geo: geoText(from) }
      const about = { worker: person.worker, time, receivedAt, ...geo }
      place({ kind: 'line', body: feedLine(category, { ...placed, ...fields }, about), at: receivedAt })
      return moment
    },
    controlled(Tool, minutes, { from, id, unattended = true }) {
      const session = { Tool, PeerIdHash: id, StartedAt: time, Unattended: unattended }
      moment.saw('remote_session', session, from)
      time = session.StartedAt + Math.round(minutes * 60_000)
      return moment.saw('remote_session', { ...session, EndedAt: time }, from)
    },
    setsClock(byMinutes, { unseen = false } = {}) {
      const ClockJumpMs = Math.round(byMinutes * 60_000)
      place({ kind: 'clock', body: `${ClockJumpMs}` })
      return unseen ? moment : moment.saw('clock_place', { ClockJumpMs })
    },
    session({ site, exit = site.exit, fingerprint = machine.fingerprint }) {
      place({ kind: 'session', body: sessionLine(machine, { site, exit, fingerprint, time, random }) })
      return moment
    },
    numberUsedBefore(category, fields) {
      place({ kind: 'reused', body: observed(category, fields, { laptop: machine, time, random }) })
      return moment
    },
  }
  return moment
}

export function isOn(days: Days, day: number, working: boolean): boolean {
  if (days === 'every') return true
  if (days === 'workdays') return working
  if (typeof days === 'number') return days === day
  if ('from' in days) return days.from <= day && day <= days.to
  return days.includes(day)
}
