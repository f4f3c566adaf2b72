/**
 * Events to findings: single rules, and correlations over what they matched.
 *
 * Shape   a rule's match becomes a finding unless the rule only serves correlations. A correlation's firing becomes a
 *         finding with the firing's id, which is removed when a late event disproves the firing.
 * Memory  per worker (or per laptop without a worker), at most `EVIDENCE_MAX` events that correlations may still name
 *         as evidence, and the matches of at most `MATCHED_MAX` derived events that may still be retracted. The oldest
 *         are dropped first, and all after `#keepMs`. A finding without its evidence keeps its count and sentence.
 */
import {
  type Changes,
  type Correlator,
  correlator,
  type Firing,
  type FlatEvent,
  type LoadedCorrelation,
  type Program,
  type Rule,
} from '../../rules/language/index.ts'
import type { Event } from '../../wire/event.ts'
import { LATENESS_MS } from '../derive/deriver.ts'
import { type Kept, Subjects } from '../derive/kit/kept.ts'
import { Findings, subjectOf } from './findings.ts'

/** Per worker. The shipped correlations name at most about a hundred. */
const EVIDENCE_MAX = 1_000
/** Per worker. About 30 derived events of a laptop are in force within the lateness bound. */
const MATCHED_MAX = 2_000

export interface Subject {
  device: string | null
  worker: string | null
}

interface Evidence extends Subject {
  event: Event
}

/** The effects of a derived event, so that its retraction can undo them. */
interface Matched extends Subject {
  time: number
  findings: [id: string, rule: string][]
  /** The event as the correlations took it; null when none of them counts a matched rule. */
  flat: FlatEvent | null
  rules: string[]
}

export class Detector {
  readonly findings = new Findings()
  readonly #program: Program
  readonly #rules: ReadonlyMap<string, Rule>
  readonly #correlator: Correlator | null
  /** Rules that correlations count. */
  readonly #counted: ReadonlySet<string>
  /** Categories that some rule matches; null when a rule matches all of them. */
  readonly #categories: ReadonlySet<string> | null
  /** What the rules of a category read besides the event's own fields. */
  readonly #reads = new Map<string, { contract: boolean; subject: boolean }>()
  /** How long an event can matter to a correlation. */
  readonly #keepMs: number
  /** By event id. */
  readonly #evidence: BySubject<Evidence>
  readonly #matched: BySubject<Matched>

  constructor(program: Program, correlations: readonly LoadedCorrelation[]) {
    this.#program = program
    this.#rules = new Map(program.rules.map((it) => [it.id, it]))
    // Events that a laptop sends after a week offline still count.
    const patient = correlations.map((it) => ({ ...it, latenessMs: Math.max(it.latenessMs, LATENESS_MS) }))
    this.#correlator = patient.length > 0 ? correlator(patient) : null
    this.#counted = new Set(correlations.flatMap((it) => it.members.map(({ id }) => id)))
    const categories = program.rules.map((rule) => rule.logsource.category)
    this.#categories = categories.includes(null) ? null : new Set(categories as string[])
    this.#keepMs = LATENESS_MS + Math.max(LATENESS_MS, ...patient.map((it) => it.latenessMs + it.spanMs))
    this.#evidence = new BySubject(EVIDENCE_MAX, (it) => it.event.time)
    this.#matched = new BySubject(MATCHED_MAX, (it) => it.time)
  }

  /** `isDerived`: the event may be retracted later. */
  take(event: Event, subject: Subject, contract: unknown, isDerived = false): void {
    if (this.#categories && !this.#categories.has(event.category)) return
    const matches = this.#program.match(this.#flat(event, subject, contract))
    if (matches.length === 0) return
    const made = matches
      .filter((it) => !it.rule.tellwire?.step && !this.#correlator?.hides(it.rule.id))
      .map((it): Matched['findings'][number] => [
        this.findings.add(it, event, subject.device, subject.worker).id,
        it.rule.id,
      ])
    const counts = this.#correlator !== null && matches.some((it) => this.#counted.has(it.rule.id))
    // Correlations group by device and worker.
    const flat = this.#flat(event, subject, contract, counts)
    if (isDerived) {
      const rules = matches.map((it) => it.rule.id)
      this.#matched.put(event.id, { ...subject, time: event.time, findings: made, flat: counts ? flat : null, rules })
    }
    if (!this.#correlator || !counts) return
    this.#evidence.put(event.id, { event, device: subject.device, worker: subject.worker })
    this.#follow(this.#correlator.take({ event: flat, time: event.time, id: event.id, matches }))
  }

  /** Undoes the effects of a retracted derived event. */
  forget(id: string): void {
    const matched = this.#matched.get(id)
    if (!matched) return
    this.#matched.delete(id)
    for (const [finding, rule] of matched.findings) this.findings.shrink(finding, this.#rules.get(rule), id)
    const { flat, rules } = matched
    if (flat && this.#correlator)
      this.#follow(this.#correlator.untake({ event: flat, time: flat.time as number, id, rules }))
    this.#evidence.delete(id)
  }

  /** The log's clock reached `now`: correlations decide the windows that have ended. */
  advance(now: number): void {
    if (this.#correlator) this.#follow(this.#correlator.advance(now))
  }

  /** Drops what can no longer be named as evidence or retracted. */
  sweep(now: number): void {
    this.#evidence.dropBefore(now - this.#keepMs)
    this.#matched.dropBefore(now - this.#keepMs)
  }

  /** How many entries were dropped because one worker had too many. */
  get dropped(): { evidence: number; matched: number } {
    return { evidence: this.#evidence.dropped, matched: this.#matched.dropped }
  }

  /**
   * Takes over the results of another detector for rules that this one has not evaluated: its findings, the matches of
   * derived events, and the state of its correlations.
   */
  adopt(
    other: Detector,
    { replaced, reported }: { replaced: ReadonlySet<string>; reported: ReadonlySet<string> },
  ): void {
    this.findings.adopt([...other.findings.all()].filter((it) => reported.has(it.rule)))
    for (const [id, it] of other.#matched.entries()) {
      const theirs = { ...it, findings: it.findings.filter(([, rule]) => reported.has(rule)) }
      const ours = this.#matched.get(id)
      this.#matched.put(id, ours ? merged(ours, theirs) : theirs)
    }
    for (const [id, it] of other.#evidence.entries()) this.#evidence.put(id, it)
    if (this.#correlator && other.#correlator) this.#correlator.adopt(other.#correlator, replaced)
  }

  /** Drops the findings and matches of rules that are about to be re-evaluated. */
  drop(rules: ReadonlySet<string>): void {
    for (const finding of [...this.findings.all()]) if (rules.has(finding.rule)) this.findings.remove(finding.id)
    for (const [id, it] of [...this.#matched.entries()]) {
      if (!it.rules.some((rule) => rules.has(rule))) continue
      const left = { ...it, findings: it.findings.filter(([, rule]) => !rules.has(rule)) }
      left.rules = it.rules.filter((rule) => !rules.has(rule))
      if (left.rules.length > 0) this.#matched.put(id, left)
      else this.#matched.delete(id)
    }
  }

  kept(): Record<string, Kept> {
    return {
      evidence: this.#evidence.kept,
      matched: this.#matched.kept,
      ...this.#correlator?.kept,
    }
  }

  #readsOf(category: string): { contract: boolean; subject: boolean } {
    const known = this.#reads.get(category)
    if (known) return known
    const reads = (prefix: string) => this.#program.reads(category, prefix)
    const found = { contract: reads('Contract'), subject: reads('device') || reads('worker') || reads('Worker') }
    this.#reads.set(category, found)
    return found
  }

  /**
   * The event with the fields that the server adds, where rules read them. `Worker` is what people write beside our
   * fields, which begin with capitals; in some events of feeds it is a field of theirs, an account.
   */
  #flat(event: Event, { device, worker }: Subject, contract: unknown, withSubject = false): FlatEvent {
    const reads = this.#readsOf(event.category)
    const withContract = contract != null && reads.contract
    if (!withContract && !reads.subject && !withSubject) return event as FlatEvent
    const seen = { Worker: worker, ...event, device, worker }
    return withContract ? { ...seen, Contract: contract } : seen
  }

  #follow({ fired, retracted }: Changes): void {
    for (const id of retracted) this.findings.remove(id)
    for (const firing of fired) this.findings.put(firing, ...this.#evidenceOf(firing))
  }

  /** The events of a firing, and their subject. */
  #evidenceOf(firing: Firing): [events: Event[], subject: Subject] {
    const found: Evidence[] = []
    for (const id of firing.events) {
      const evidence = this.#evidence.get(id)
      if (evidence) found.push(evidence)
    }
    const one = <T>(values: readonly T[]): T | null => (new Set(values).size === 1 ? (values[0] as T) : null)
    const { device = null, worker = null } = firing.group
    return [
      found.map((it) => it.event),
      { device: device ?? one(found.map((it) => it.device)), worker: worker ?? one(found.map((it) => it.worker)) },
    ]
  }
}

function merged(a: Matched, b: Matched): Matched {
  return {
    ...a,
    findings: [...a.findings, ...b.findings.filter(([id]) => !a.findings.some(([known]) => known === id))],
    flat: a.flat ?? b.flat,
    rules: [...new Set([...a.rules, ...b.rules])],
  }
}

/** Entries by event id, at most `max` per subject, so that a noisy one displaces only its own. */
class BySubject<T extends Subject> {
  readonly kept = new Subjects<T>(undefined, (id, one) => void this.#idsOf(one).add(id))
  readonly #max: number
  readonly #timeOf: (one: T) => number
  readonly #ids = new Map<string, Set<string>>()
  dropped = 0

  constructor(max: number, timeOf: (one: T) => number) {
    this.#max = max
    this.#timeOf = timeOf
  }

  get(id: string): T | undefined {
    return this.kept.get(id)
  }

  put(id: string, one: T): void {
    this.kept.set(id, one)
    const ids = this.#idsOf(one).add(id)
    if (ids.size <= this.#max) return
    // A tenth at once, because finding the oldest takes a sort of all of them.
    const oldest = [...ids].sort((a, b) => this.#time(a) - this.#time(b) || (a < b ? -1 : 1)).slice(0, this.#max / 10)
    for (const it of oldest) this.delete(it)
    this.dropped += oldest.length
  }

  delete(id: string): void {
    const one = this.kept.get(id)
    if (!one) return
    this.kept.delete(id)
    const who = subjectOf(one)
    const ids = this.#ids.get(who)
    ids?.delete(id)
    if (ids?.size === 0) this.#ids.delete(who)
  }

  dropBefore(time: number): void {
    for (const [id, one] of this.kept) if (this.#timeOf(one) < time) this.delete(id)
  }

  entries(): IterableIterator<[string, T]> {
    return this.kept.entries()
  }

  #time(id: string): number {
    return this.#timeOf(this.kept.get(id)!)
  }

  #idsOf(one: T): Set<string> {
    const who = subjectOf(one)
    const ids = this.#ids.get(who) ?? new Set()
    this.#ids.set(who, ids)
    return ids
  }
}
