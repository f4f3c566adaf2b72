/**
 * Computes the published figures from the courses of fleets.
 *
 * Shape   plain JSON, from which alone the page is made. Shares are 0 to 1, each with its 95 % interval; null hours
 *         mean never. Every missed infiltrator and every false positive is named with seed and worker.
 */
import { LOOK_ALIKES, PATTERNS, type Pattern } from '../../rules/tooling/signals.ts'
import { type Band, isAtLeast } from '../../server/model/assessment.ts'
import { stream } from '../../server/simulate/random.ts'
import { SCENARIOS } from '../../server/simulate/scenarios/index.ts'
import type { Scenario } from '../../server/simulate/scene.ts'
import { type Aging, aging, type Calibration, calibration, type Drift, drift, type Left, left } from './calibration.ts'
import { type Alerts, type Course, type Followed, titles } from './course.ts'
import type { Fleet } from './fleets.ts'
import { type Interval, quantile, resampled, wilson } from './statistics.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
/** How long the queue may take to review an infiltrator. */
const REVIEW_WITHIN = 14 * DAY
const SHARES = [0.1, 0.25, 0.5, 0.75, 0.9] as const
/** Variants with another stated band than their pattern (threat model P10: high with remote control). */
const STATED_OF_VARIANT: Readonly<Record<string, Pattern['severity']>> = { 'P10/remote': 'high' }

export interface Share {
  people: number
  /** The number of scenes: the independent trials. */
  scenes: number
  share: number
  interval: Interval
}

/** Null: not by the end of the run. */
export interface Hours {
  people: number
  quantiles: [share: number, hours: number | null][]
  /** Interval of the median. */
  interval: [number | null, number | null] | null
}

export interface PatternFigures extends Share {
  scenario: string
  name: string
  stated: Pattern['severity']
  /** Share of people with a finding from a rule made for this pattern. */
  own: number
  medianHours: number | null
}

export interface LookAlikeFigures extends Share {
  scenario: string
  name: string
}

export interface Who {
  seed: number
  fleet: Fleet['kind']
  worker: string
  /** Null: an ordinary person. */
  scenario: string | null
  /** The highest band (for infiltrators, since the label's beginning). */
  band: Band
  /** Day of the run on which they reached it. */
  day: number | null
  reason: string
  /** For a missed infiltrator, the findings at the end; for a false positive, those when they reached the band. */
  findings: string[]
}

export interface Accuracy {
  run: {
    seeds: 'reporting' | 'tuning'
    first: number
    count: number
    start: string
    days: number
    scenesWorkers: number
    /** Share of the scenes' people. */
    infiltrators: number
    companyWorkers: number
    companies?: number
    companyInfiltrators?: number
    events: number
    eventsPerSecond: number
  }
  patterns: PatternFigures[]
  evasions: PatternFigures[]
  lookAlikes: LookAlikeFigures[]
  lookAlikeVariants: LookAlikeFigures[]
  ordinary: Share
  /**
   * Absent in figures of before December 2026. `patterns`, `evasions`: of infiltrators in scenes. The others: who were
   * ever shown there; of ordinary people those in companies.
   */
  reached?: {
    who: 'patterns' | 'evasions' | 'lookAlikes' | 'lookAlikeVariants' | 'ordinary'
    high: Share
    medium: Share
  }[]
  calibration?: Calibration | null
  drift?: Drift | null
  aging?: Aging[]
  left?: Left
  /** For the companies; `reviews` a day per 1,000 laptops. */
  queue: { reviews: number; within: Share; ever: Share; confirmedShare: number | null }
  hoursToHigh: Hours
  /** For the companies, per 1,000 laptops and day. */
  alerts: { name: keyof Alerts; of: keyof Course['alerts']; rate: number; interval: Interval | null }[]
  missed: Who[]
  falsePositives: Who[]
}

/** `asked`: which scenes to report one by one; ordinary people, the queue and the noise are always reported. */
export function figures(
  courses: readonly Course[],
  seeds: Accuracy['run']['seeds'],
  {
    asked = () => true,
    scenarios = SCENARIOS,
  }: { asked?: (scenario: string) => boolean; scenarios?: readonly Scenario[] } = {},
): Accuracy {
  const judged = courses.filter(({ fleet }) => fleet.kind === 'scenes' || fleet.kind === 'company')
  const isAsked = ({ scenario }: Who) => scenario === null || asked(scenario)
  const scenes = courses.filter((it) => it.fleet.kind === 'scenes')
  const companies = courses.filter((it) => it.fleet.kind === 'company')
  const all = scenes.flatMap((it) => it.people.map((person) => ({ course: it, person })))
  const named = new Set(all.flatMap(({ person }) => person.label?.scenario ?? []))
  const names = [...named].filter(asked).sort(byNumber)
  const of = (scenario: string, truth: 'infiltrator' | 'benign') =>
    all.filter(({ person }) => person.label?.scenario === scenario && person.label.truth === truth)
  const patterns = names
    .filter((it) => of(it, 'infiltrator').length > 0)
    .map((it) => patternFigures(it, of(it, 'infiltrator')))
  const lookAlikes = names
    .filter((it) => it.startsWith('N') && of(it, 'benign').length > 0)
    .map((it) => lookAlikeFigures(it, of(it, 'benign')))
  const plain = (it: { scenario: string }) => !it.scenario.includes('/')
  const events = courses.reduce((sum, it) => sum + it.events, 0)
  const [first] = courses
  return {
    run: {
      seeds,
      first: Math.min(...courses.map((it) => it.fleet.seed)),
      count: new Set(courses.map((it) => it.fleet.seed)).size,
      start: new Date(first?.fleet.start ?? 0).toISOString().slice(0, 10),
      days: judged[0]?.fleet.days ?? first?.fleet.days ?? 0,
      scenesWorkers: scenes[0]?.fleet.workers ?? 0,
      infiltrators:
        all.filter(({ person }) => person.label?.truth === 'infiltrator').length /
        Math.max(
          1,
          scenes.reduce((sum, it) => sum + it.fleet.workers, 0),
        ),
      companyWorkers: companies[0]?.fleet.workers ?? 0,
      companies: companies.length,
      companyInfiltrators: companies.flatMap((it) => it.people).filter((it) => it.label?.truth === 'infiltrator')
        .length,
      events,
      eventsPerSecond: Math.round(events / courses.reduce((sum, it) => sum + it.seconds, 0)),
    },
    patterns: patterns.filter(plain),
    evasions: patterns.filter((it) => !plain(it)),
    lookAlikes: lookAlikes.filter(plain),
    lookAlikeVariants: lookAlikes.filter((it) => !plain(it)),
    ordinary: ordinary(judged),
    reached: reached(),
    calibration: calibration(courses),
    drift: drift(courses),
    aging: aging(courses),
    left: left(courses),
    queue: queue(companies, scenarios),
    hoursToHigh: hoursToHigh(scenes),
    alerts: alerts(companies),
    missed: judged.flatMap(missed).filter(isAsked),
    falsePositives: judged.flatMap(falsePositives).filter(isAsked),
  }

  function patternFigures(scenario: string, people: readonly { person: Followed }[]): PatternFigures {
    const stated = statedOf(scenario)
    const hours = people.map(({ person }) => hoursTo(person, stated))
    const reached = hours.filter((it) => it !== Number.POSITIVE_INFINITY).length
    return {
      scenario,
      name: titleOf(scenario, scenarios),
      stated,
      ...share(
        reached,
        people.length,
        scenesOf(
          people.map((it) => it.person),
          scenarios,
        ),
      ),
      own: people.filter(({ person }) => person.findings.some((it) => it.own)).length / people.length,
      medianHours: finite(quantile(hours, 0.5)),
    }
  }

  function reached(): NonNullable<Accuracy['reached']> {
    const labelled = (courses: readonly Course[], truth: 'infiltrator' | 'benign', isVariant: boolean) =>
      courses
        .flatMap((it) => it.people)
        .filter(({ label }) => label?.truth === truth && asked(label.scenario) && !plain(label) === isVariant)
    const isThere = (person: Followed, band: Band) =>
      person.label?.truth === 'infiltrator'
        ? hoursTo(person, band) !== Number.POSITIVE_INFINITY
        : person.stands.some((it) => isAtLeast(it.band, band))
    const row = (
      who: NonNullable<Accuracy['reached']>[number]['who'],
      people: readonly Followed[],
      total = people.length,
      trials = scenesOf(people, scenarios),
    ) => {
      const of = (band: Band) => share(people.filter((it) => isThere(it, band)).length, total, trials)
      return { who, high: of('high'), medium: of('medium') }
    }
    const ordinaryPeople = companies.flatMap((it) => it.people.filter(({ label }) => label === null))
    const all = companies.reduce(
      (sum, it) => sum + it.fleet.workers - it.people.filter(({ label }) => label !== null).length,
      0,
    )
    return [
      row('patterns', labelled(scenes, 'infiltrator', false)),
      row('evasions', labelled(scenes, 'infiltrator', true)),
      row('lookAlikes', labelled(judged, 'benign', false)),
      row('lookAlikeVariants', labelled(judged, 'benign', true)),
      row('ordinary', ordinaryPeople, all, all),
    ]
  }

  function lookAlikeFigures(scenario: string, people: readonly { person: Followed }[]): LookAlikeFigures {
    const wrong = people.filter(
      ({ person }) => highest(person) !== null && isAtLeast(highest(person)!.band, 'high'),
    ).length
    const scenesThere = scenesOf(
      people.map((it) => it.person),
      scenarios,
    )
    return { scenario, name: titleOf(scenario, scenarios), ...share(wrong, people.length, scenesThere) }
  }
}

export function statedOf(scenario: string): Pattern['severity'] {
  const [id] = scenario.split('/')
  return STATED_OF_VARIANT[scenario] ?? PATTERNS.find((it) => it.id === id)!.severity
}

/** Hours from the label's beginning until `band` was reached; Infinity: never. */
export function hoursTo({ label, stands }: Pick<Followed, 'label' | 'stands'>, band: Band): number {
  const from = label?.from ?? 0
  const before = stands.findLast((it) => it.at <= from)
  if (before && isAtLeast(before.band, band)) return 0
  const reached = stands.find((it) => it.at > from && isAtLeast(it.band, band))
  return reached ? (reached.at - from) / HOUR : Number.POSITIVE_INFINITY
}

function titleOf(scenario: string, scenarios: readonly Scenario[]): string {
  const [id] = scenario.split('/')
  return (
    [...PATTERNS, ...LOOK_ALIKES].find((it) => it.id === id)?.name ??
    scenarios.find((it) => it.id === id)?.title ??
    scenario
  )
}

function share(some: number, people: number, scenes: number): Share {
  const value = people === 0 ? 0 : some / people
  return { people, scenes, share: value, interval: wilson(value, scenes) }
}

/** People of one scene share its outcome: a farm of three is one trial. */
function scenesOf(people: readonly Followed[], scenarios: readonly Scenario[]): number {
  const size = ({ label }: Followed) => scenarios.find((it) => it.id === label?.scenario.split('/')[0])?.people ?? 1
  return Math.ceil(people.reduce((sum, it) => sum + 1 / size(it), 0) - 1e-9)
}

function ordinary(courses: readonly Course[]): Share {
  const labelled = courses.reduce((sum, it) => sum + it.people.filter(({ label }) => label !== null).length, 0)
  const people = courses.reduce((sum, it) => sum + it.fleet.workers, 0) - labelled
  const wrong = courses.flatMap(falsePositives).filter((it) => it.scenario === null).length
  return share(wrong, people, people)
}

function queue(companies: readonly Course[], scenarios: readonly Scenario[]): Accuracy['queue'] {
  const judged = companies.flatMap((course) => {
    const end = course.fleet.start + course.fleet.days * DAY
    return course.people.flatMap((person) => {
      const { label, worker } = person
      if (label?.truth !== 'infiltrator') return []
      const found = course.reviews.find((it) => it.worker === worker && it.confirmed)
      return [{ person, after: found ? found.at - label.from : Number.POSITIVE_INFINITY, left: end - label.from }]
    })
  })
  const inTime = judged.filter((it) => it.left >= REVIEW_WITHIN)
  const of = (all: typeof judged, within: number) =>
    share(
      all.filter((it) => it.after <= within).length,
      all.length,
      scenesOf(
        all.map((it) => it.person),
        scenarios,
      ),
    )
  const reviews = companies.flatMap((it) => it.reviews)
  const days = companies.reduce((sum, it) => sum + it.fleet.workers * it.fleet.days, 0)
  return {
    reviews: days === 0 ? 0 : (reviews.length / days) * 1_000,
    within: of(inTime, REVIEW_WITHIN),
    ever: of(judged, Number.MAX_VALUE),
    confirmedShare: reviews.length === 0 ? null : reviews.filter((it) => it.confirmed).length / reviews.length,
  }
}

function hoursToHigh(scenes: readonly Course[]): Hours {
  const of = (courses: readonly Course[]) =>
    courses.flatMap((course) =>
      course.people
        .filter(
          ({ label }) =>
            label?.truth === 'infiltrator' && !label.scenario.includes('/') && statedOf(label.scenario) !== 'medium',
        )
        .map((it) => hoursTo(it, 'high')),
    )
  const hours = of(scenes)
  const interval = resampled(scenes, (drawn) => quantile(of(drawn), 0.5), stream('median'))
  return {
    people: hours.length,
    quantiles: SHARES.map((it) => [it, finite(quantile(hours, it))]),
    interval: interval && [finite(interval[0]), finite(interval[1])],
  }
}

function alerts(companies: readonly Course[]): Accuracy['alerts'] {
  const rate = (of: keyof Course['alerts'], name: keyof Alerts) => (courses: readonly Course[]) => {
    const days = courses.reduce((sum, it) => sum + it.fleet.workers * it.fleet.days, 0)
    return days === 0 ? null : (courses.reduce((sum, it) => sum + it.alerts[of][name], 0) / days) * 1_000
  }
  return (['others', 'infiltrators'] as const).flatMap((of) =>
    (['findings', 'medium', 'high'] as const).map((name) => ({
      ...{ name, of, rate: rate(of, name)(companies) ?? 0 },
      interval: resampled(companies, rate(of, name), stream('alerts', of, name)),
    })),
  )
}

function missed(course: Course): Who[] {
  return course.people
    .filter(
      (it) =>
        it.label?.truth === 'infiltrator' && hoursTo(it, statedOf(it.label.scenario)) === Number.POSITIVE_INFINITY,
    )
    .map((it) => who(course, it))
}

function falsePositives(course: Course): Who[] {
  return course.people
    .filter((it) => it.label?.truth !== 'infiltrator' && it.stands.some(({ band }) => isAtLeast(band, 'high')))
    .map((it) => who(course, it))
}

function who({ fleet }: Course, person: Followed): Who {
  const top = highest(person)
  const isWrong = person.label?.truth !== 'infiltrator'
  return {
    seed: fleet.seed,
    fleet: fleet.kind,
    worker: person.worker,
    scenario: person.label?.scenario ?? null,
    band: top?.band ?? 'none',
    day: top ? Math.floor((top.at - fleet.start) / DAY) : null,
    reason: top?.reason ?? 'nothing found',
    findings: top && isWrong ? top.found : titles(person.findings),
  }
}

/** The first time at their highest band; for an infiltrator, since the label's beginning. */
function highest({ label, stands }: Followed) {
  const from = label?.truth === 'infiltrator' ? label.from : 0
  const counting = stands.filter((it, nth) => it.at >= from || (stands[nth + 1]?.at ?? from) > from)
  return counting.reduce<(typeof stands)[number] | null>(
    (top, it) => (top === null || (isAtLeast(it.band, top.band) && it.band !== top.band) ? it : top),
    null,
  )
}

function finite(value: number | null): number | null {
  return value === Number.POSITIVE_INFINITY ? null : value
}

/** Sorts P2 before P10. */
function byNumber(a: string, b: string): number {
  const key = (it: string) => `${it[0]}${it.slice(1).split('/')[0]!.padStart(2, '0')}${it.slice(it.indexOf('/'))}`
  return key(a) < key(b) ? -1 : 1
}
