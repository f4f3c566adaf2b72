/**
 * Judges dumped findings again by the score as it is now: seconds instead of a run.
 *
 * Shape   one assessment a worker and morning, in place of every hour, so times are whole days. What the rules say about
 *         strength, rate, half-life, pattern and roles is taken from the rules as they are now; which findings there are,
 *         their sensors and sentences from the dump.
 * Errors  a finding of a rule that no longer exists is omitted.
 */
import { readFileSync } from 'node:fs'
import type { LoadedCorrelation, Rule } from '../../rules/language/index.ts'
import { Assessments } from '../../server/assess/assessments.ts'
import { ColleagueBook } from '../../server/detect/colleagues.ts'
import { isAtLeast } from '../../server/model/assessment.ts'
import type { Finding } from '../../server/model/finding.ts'
import { DAY } from '../../wire/time.ts'
import { analyst } from './analyst.ts'
import { type Course, type Followed, type Label, markLeft, reviewsADay, risesTo, titles } from './course.ts'
import { type Dump, findingsAt } from './dump.ts'

const NOBODY = 'nobody'
type Rules = readonly (Rule | LoadedCorrelation)[]

/** `path`: a file that `dump` wrote. */
export function readDump(path: string): Dump {
  const { course } = JSON.parse(readFileSync(path, 'utf8')) as { course: Course }
  if (!course.dump) throw new Error(`${path} has no findings: make it with "dump"`)
  return course.dump
}

export function rescored(dump: Dump, rules: Rules): Course {
  const began = performance.now()
  const { fleet } = dump
  const known = new Map(rules.map((it) => [it.id, it]))
  const contracts = new Map(dump.workers.map((it) => [it.worker, it.contract]))
  const labels = new Map(dump.workers.map((it) => [it.worker, it.label]))
  const book = new ColleagueBook()
  let now = new Map<string, Finding[]>()
  const findings = {
    of: (worker: string) => now.get(worker) ?? [],
    all: () => [...now.values()].flat(),
  }
  const world = { contractAt: (worker: string) => contracts.get(worker) ?? null }
  const assessments = new Assessments({ findings, world, colleagues: book })
  const people = new Map<string, Followed>()
  const mornings: Course['mornings'] = []
  const desk = analyst(reviewsADay(fleet), (worker, at) => {
    const label = labels.get(worker)
    return label?.truth === 'infiltrator' && label.from <= at
  })

  for (let day = 0; day <= fleet.days; day++) {
    const at = fleet.start + day * DAY
    now = new Map([...findingsAt(dump, day)].map(([worker, all]) => [worker, all.flatMap(byRule)]))
    const queue = [...now.keys()].map((worker) => ({ ...assessments.of(worker, at), findings: findings.of(worker) }))
    for (const it of queue) {
      const person = people.get(it.worker) ?? begun(it.worker)
      people.set(it.worker, person)
      const before = person.stands.at(-1)
      const { band, points, reason } = it
      const found = before?.band === band ? [] : titles(it.findings)
      if (before?.band !== band || before.points !== points) person.stands.push({ at, band, points, reason, found })
      markLeft(person, desk.isOpen(it), desk.reviews)
    }
    const open = desk.day(at, queue)
    mornings.push({
      ...{ at, open },
      nobody: assessments.of(NOBODY, at).points,
      points: Object.fromEntries(queue.map(({ worker, points }) => [worker, points])),
    })
    for (const [worker, contract] of contracts) if (contract && (contract.start ?? 0) <= at) book.saw(worker, at)
    const isFlagged = (worker: string) => isAtLeast(assessments.of(worker, at).band, 'high')
    book.take(book.count(at, { findings, world, isFlagged }))
  }

  return {
    fleet,
    people: [...labels.keys()]
      .map((worker) => ({ ...(people.get(worker) ?? begun(worker)), label: labels.get(worker) ?? null }))
      .filter((it) => it.label !== null || it.stands.some(({ band }) => isAtLeast(band, 'medium')))
      .map((it) => ({ ...it, findings: findings.of(it.worker).map((found) => shown(found, it.label)) })),
    mornings,
    reviews: desk.reviews,
    alerts: alerts(),
    events: 0,
    seconds: (performance.now() - began) / 1_000,
    explained: [],
    dump: null,
  }

  function byRule(finding: Finding): Finding[] {
    const rule = known.get(finding.rule)
    if (!rule) return []
    const ours = rule.tellwire
    if (!ours) return [finding]
    const { strength, halfLifeDays, ordinaryFor = [], pattern = null, rate = null, fact = null } = ours
    return [{ ...finding, strength, halfLifeDays, ordinaryFor, pattern, rate, fact }]
  }

  function alerts(): Course['alerts'] {
    const none = () => ({ findings: 0, medium: 0, high: 0 })
    const both = { infiltrators: none(), others: none() }
    for (const { worker, stands } of people.values()) {
      const of = both[labels.get(worker)?.truth === 'infiltrator' ? 'infiltrators' : 'others']
      of.findings += findings.of(worker).length
      of.medium += risesTo('medium', stands)
      of.high += risesTo('high', stands)
    }
    return both
  }

  function shown({ title, rule, time, strength }: Finding, label: Label | null): Followed['findings'][number] {
    const [pattern = ''] = label?.scenario.split('/') ?? []
    return { title, at: time, strength, own: known.get(rule)?.tellwire?.signals.includes(pattern) ?? false }
  }

  function begun(worker: string): Followed {
    return { worker, label: null, stands: [], left: false, findings: [] }
  }
}
