/**
 * Runs one fleet from its first day to its last through the shipped rules, and records every worker's band over time.
 *
 * Shape   evaluated as by `tellwire replay`, and assessed as for a console: at every full hour of the log's clock, all
 *         workers whose findings changed; once a day all workers with findings, and then the queue is reviewed.
 *         The server's place is the one assumed by the simulator's round trips.
 * Memory  the pipeline's, and the changes of each worker; the fleet is read line by line.
 * Errors  Error with the line, when the wire's schema refuses one: a bug in the simulator.
 */
import { setImmediate } from 'node:timers/promises'
import { loadCatalogue, recognise } from '../../rules/catalogue/index.ts'
import { Assessments } from '../../server/assess/assessments.ts'
import { Pipeline } from '../../server/detect/pipeline.ts'
import { loadRules } from '../../server/detect/program.ts'
import { type Assessment, type Band, isAtLeast } from '../../server/model/assessment.ts'
import type { Finding } from '../../server/model/finding.ts'
import { Numbers } from '../../server/recordings/numbers.ts'
import { simulate } from '../../server/simulate/simulate.ts'
import { SERVER_PLACE } from '../../server/simulate/sites.ts'
import { type AddressFacts, Recorded, type RecordedOf } from '../../wire/recording.ts'
import { analyst, type Review } from './analyst.ts'
import { type Dump, dumping } from './dump.ts'
import type { Fleet } from './fleets.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
/** Design, section 6 and issue 5: what a small team can review. */
const REVIEWS_A_DAY_PER_LAPTOP = 5 / 1_000
/** A worker that no fleet has, and nothing is found about. */
const NOBODY = 'nobody'
const UNKNOWN: AddressFacts = {
  country: null,
  region: null,
  city: null,
  lat: null,
  lon: null,
  asn: null,
  class: 'unknown',
}

export type Label = Pick<RecordedOf<'label'>, 'truth' | 'scenario' | 'from'>

/** A worker's band from `at` until the next entry. */
export interface Stand {
  at: number
  band: Band
  points: number
  reason: string
  /** The findings at that time, if the band is new; some may be retracted later. */
  found: string[]
}

export interface Followed {
  worker: string
  /** Null: an ordinary person. */
  label: Label | null
  stands: Stand[]
  /** Was critical with an open case, and later had none, though nobody had decided. */
  left: boolean
  /** The findings at the end. `own`: from a rule made for the scene's pattern. */
  findings: { title: string; at: number; strength: number; own: boolean }[]
}

/** Findings at the end; how often workers rose to medium or above, and to high or critical. */
export interface Alerts {
  findings: number
  medium: number
  high: number
}

/** What everybody's points were on one morning. */
export interface Morning {
  at: number
  /** Of a worker without findings. */
  nobody: number
  /** Cases that were open, before the day's reviews. */
  open: number
  /** Of all workers that have findings, or had some. */
  points: Record<string, number>
}

export interface Course {
  fleet: Fleet
  /** All workers with a label, and of the others those who ever reached medium. */
  people: Followed[]
  mornings: Morning[]
  reviews: Review[]
  /** For infiltrators, and for all others. */
  alerts: { infiltrators: Alerts; others: Alerts }
  events: number
  seconds: number
  /** For the requested workers: who they are, and all findings in order of time. */
  explained: string[]
  /** All findings; null where they were not requested. */
  dump: Dump | null
}

export async function course(
  fleet: Fleet,
  {
    explain = () => false,
    onDay = () => {},
    dump = false,
  }: {
    explain?: (label: Label | null, worker: string) => boolean
    onDay?: (day: number) => void
    dump?: boolean
  } = {},
): Promise<Course> {
  const began = performance.now()
  const { program, correlations } = await loadRules([], (it) => {
    if (it.severity === 'error') throw new Error(`${it.path}:${it.line}: ${it.message}`)
  })
  const catalogue = loadCatalogue()
  const place = { serverLatitude: SERVER_PLACE.lat, serverLongitude: SERVER_PLACE.lon }
  const pipeline = new Pipeline({
    program,
    correlations,
    thresholds: { connection: place, rtt_excess: place, place_mismatch: place },
    recognise: (event) => recognise(catalogue, event),
    lookup: () => UNKNOWN,
  })
  const signals = new Map([...program.rules, ...correlations].map((it) => [it.id, it.tellwire?.signals ?? []]))
  const assessments = new Assessments(pipeline)
  const numbers = new Numbers()
  const parsed = reader()
  const labels = new Map<string, Label>()
  const everybody = new Map<string, Followed>()
  const mornings: Morning[] = []
  const dumped = dump ? dumping(fleet, pipeline) : null
  const desk = analyst(reviewsADay(fleet), (worker, at) => {
    const label = labels.get(worker)
    return label?.truth === 'infiltrator' && label.from <= at
  })

  let hour = fleet.start - DAY
  for (const line of simulate(fleet)) {
    const record = parsed(line)
    if (record.type === 'label') labels.set(record.worker, record)
    if (!isNew(record)) continue
    const now = arrival(record)
    const today = Math.floor(hour / DAY)
    while (now >= hour + HOUR) look((hour += HOUR))
    // Once a day messages are heard, such as that the run was stopped.
    if (Math.floor(hour / DAY) > today) await setImmediate()
    pipeline.take(record)
    const counted = pipeline.countColleagues((it) => isAtLeast(assessments.of(it, pipeline.time).band, 'high'))
    if (counted) pipeline.take(counted)
  }
  look((hour += HOUR))

  const people = [...everybody.values(), ...[...labels.keys()].filter((it) => !everybody.has(it)).map(begun)]
    .map((it) => ({ ...it, label: labels.get(it.worker) ?? null }))
    .filter((it) => it.label !== null || it.stands.some(({ band }) => isAtLeast(band, 'medium')))
    .map((it) => ({ ...it, findings: pipeline.findings.of(it.worker).map((found) => shown(found, it.label)) }))
    .sort((a, b) => (a.worker < b.worker ? -1 : 1))
  const explained = people.filter((it) => explain(it.label, it.worker)).flatMap((it) => account(it))
  return {
    fleet,
    people,
    mornings,
    reviews: desk.reviews,
    alerts: alerts(),
    events: pipeline.events,
    seconds: (performance.now() - began) / 1_000,
    explained,
    dump: dumped?.done(labels) ?? null,
  }

  function isNew(record: Recorded): boolean {
    if (record.type !== 'event' || record.event.seq === null || record.conflict) return true
    return numbers.take(record.device, record.epoch ?? 0, record.event.seq, record.event.id) !== 'retry'
  }

  function look(at: number): void {
    pipeline.judgeAt(at)
    const isMorning = at % DAY === 0
    const touched = pipeline.findings.touched()
    const judged = new Map<string, Assessment>()
    for (const worker of pipeline.findings.subjects()) {
      const known = everybody.get(worker) ?? begun(worker)
      everybody.set(worker, known)
      if (!touched.has(worker) && !isMorning) continue
      const assessment = assessments.of(worker, at)
      judged.set(worker, assessment)
      stand(known, at, assessment)
    }
    if (!isMorning) return
    const queue = [...everybody.keys()].map((it) => ({
      ...(judged.get(it) ?? assessments.of(it, at)),
      findings: pipeline.findings.of(it),
    }))
    for (const it of queue) markLeft(everybody.get(it.worker)!, desk.isOpen(it), desk.reviews)
    const open = desk.day(at, queue)
    mornings.push({
      ...{ at, open },
      nobody: assessments.of(NOBODY, at).points,
      points: Object.fromEntries(queue.map(({ worker, points }) => [worker, points])),
    })
    dumped?.morning(at)
    onDay(Math.round((at - fleet.start) / DAY))
  }

  function stand({ worker, stands }: Followed, at: number, { band, points, reason }: Assessment): void {
    const before = stands.at(-1)
    if (before?.band === band && before.points === points) return
    const found = before?.band === band ? [] : titles(pipeline.findings.of(worker))
    stands.push({ at, band, points, reason, found })
  }

  function alerts(): Course['alerts'] {
    const none = () => ({ findings: 0, medium: 0, high: 0 })
    const both = { infiltrators: none(), others: none() }
    for (const { worker, stands } of everybody.values()) {
      const of = both[labels.get(worker)?.truth === 'infiltrator' ? 'infiltrators' : 'others']
      of.findings += pipeline.findings.of(worker).length
      of.medium += risesTo('medium', stands)
      of.high += risesTo('high', stands)
    }
    return both
  }

  function begun(worker: string): Followed {
    return { worker, label: null, stands: [], left: false, findings: [] }
  }

  function shown({ title, rule, time, strength }: Finding, label: Label | null): Followed['findings'][number] {
    const [pattern = ''] = label?.scenario.split('/') ?? []
    return { title, at: time, strength, own: signals.get(rule)?.includes(pattern) ?? false }
  }

  function account({ worker, label, stands }: Followed): string[] {
    const day = (at: number) =>
      `${new Date(at).toISOString().slice(0, 16)}Z day ${((at - fleet.start) / DAY).toFixed(2).padStart(5)}`
    const who = label ? `${label.truth}, ${label.scenario}, from ${day(label.from)}` : 'an ordinary person'
    const found = pipeline.findings.of(worker).map(({ time, strength, family, title, says, pattern }) => ({
      time,
      text: `found   ${strength}${pattern ? ` ${pattern}` : ''} ${family}: ${title} — ${says}`,
    }))
    const stood = stands.map(({ at, band, points, reason }) => ({
      time: at,
      text: `stands  ${band} ${points}: ${reason}`,
    }))
    const lines = [...found, ...stood]
      .sort((a, b) => a.time - b.time)
      .map(({ time, text }) => `  ${day(time)}  ${text}`)
    const { parts } = assessments.explained(worker, pipeline.time)
    const end = parts.map(
      ({ points, label: what, without }) =>
        `  ${String(points).padStart(5)}  ${what}${without ? ` (without: ${without.band} ${without.points})` : ''}`,
    )
    return [`${worker}  ${who}`, ...lines, '  at the end:', ...end, '']
  }
}

/** Of the scenes that age nobody decides anything. */
export function reviewsADay({ kind, workers }: Fleet): number {
  return kind === 'aging' ? 0 : workers * REVIEWS_A_DAY_PER_LAPTOP
}

export function markLeft(person: Followed, isOpen: boolean, reviews: readonly Review[]): void {
  const wasCritical = person.stands.some((it) => it.band === 'critical')
  if (wasCritical && !isOpen && !reviews.some((it) => it.worker === person.worker)) person.left = true
}

/** How often the band was reached; falling and rising again counts twice. */
export function risesTo(band: Band, stands: readonly Pick<Stand, 'band'>[]): number {
  return stands.filter((it, nth) => isAtLeast(it.band, band) && !isAtLeast(stands[nth - 1]?.band ?? 'none', band))
    .length
}

export function titles(findings: readonly { title: string }[]): string[] {
  return [...new Set(findings.map((it) => it.title))]
}

/**
 * Events of laptops, nearly all lines, are checked only now and then: the schema does not change them, a tenth of the
 * time would go into checking, and few places in the simulator write them.
 */
const CHECKED_EVERY = 32

function reader(): (line: string) => Recorded {
  let events = 0
  return (line) => {
    const record: Recorded = JSON.parse(line)
    if (record.type === 'event' && events++ % CHECKED_EVERY !== 0) return record
    const checked = Recorded.safeParse(record)
    if (checked.success) return checked.data
    const [issue] = checked.error.issues
    throw new Error(
      `the simulator wrote a line that the wire schema refuses: ${issue?.path.join('.')}: ${issue?.message}\n${line}`,
    )
  }
}

/** The time of arrival at the server. Labels, and records known from the start, arrive with the others. */
function arrival(record: Recorded): number {
  switch (record.type) {
    case 'event':
      return record.receivedAt
    case 'feed':
      return record.receivedAt ?? record.time
    case 'connection':
    case 'clock':
      return record.time
    default:
      return 0
  }
}
