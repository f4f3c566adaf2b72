/**
 * Events to findings: single rules, and correlations over what they matched.
 *
 * Shape   a rule's match becomes a finding by itself unless the rule only serves correlations. A correlation's firing
 *         is a finding with the firing's id; when a late event shows that it was not so, the finding goes again.
 * Memory  the events that correlations may still name as evidence: EVIDENCE_MAX, the oldest given up first. A finding
 *         whose evidence is gone keeps its count and its sentence.
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
import { allRows, type Row, restoreRows } from '../derive/kit/kept.ts'
import { Findings } from './findings.ts'

const EVIDENCE_MAX = 20_000

export interface Subject {
  device: string | null
  worker: string | null
}

interface Evidence extends Subject {
  event: Event
}

/** What a derived event has done, so that it can be undone. */
interface Done {
  findings: [id: string, rule: string][]
  /** As the correlations saw it; null when none counts what it matched. */
  flat: FlatEvent | null
  rules: string[]
}
/** Beyond, the earliest can no longer be taken back: some 30 a laptop stand within the lateness bound. */
const DONE_MAX = 500_000

export interface DetectorState {
  correlations: Row[]
  evidence: Evidence[]
  done: [id: string, done: Done][]
}

export class Detector {
  readonly findings = new Findings()
  readonly #program: Program
  readonly #rules: ReadonlyMap<string, Rule>
  readonly #correlator: Correlator | null
  /** Rules that correlations count. */
  readonly #counted: ReadonlySet<string>
  /** Categories that any rule asks for; null when a rule asks for all of them. */
  readonly #asked: ReadonlySet<string> | null
  /** What rules for a category read beside the event. */
  readonly #reads = new Map<string, { contract: boolean; subject: boolean }>()
  #evidence = new Map<string, Evidence>()
  /** Derived events that matched, by id. */
  #done = new Map<string, Done>()

  constructor(program: Program, correlations: readonly LoadedCorrelation[]) {
    this.#program = program
    this.#rules = new Map(program.rules.map((it) => [it.id, it]))
    // What a laptop brings after a week offline is counted as if it had come at once.
    const patient = correlations.map((it) => ({ ...it, latenessMs: Math.max(it.latenessMs, LATENESS_MS) }))
    this.#correlator = patient.length > 0 ? correlator(patient) : null
    this.#counted = new Set(correlations.flatMap((it) => it.members.map(({ id }) => id)))
    const categories = program.rules.map((rule) => rule.logsource.category)
    this.#asked = categories.includes(null) ? null : new Set(categories as string[])
  }

  /** `derived`: it may be taken back. */
  take(event: Event, subject: Subject, contract: unknown, derived = false): void {
    if (this.#asked && !this.#asked.has(event.category)) return
    const matches = this.#program.match(this.#flat(event, subject, contract))
    if (matches.length === 0) return
    const made = matches
      .filter((it) => !it.rule.tellwire?.step && !this.#correlator?.hides(it.rule.id))
      .map((it): Done['findings'][number] => [
        this.findings.add(it, event, subject.device, subject.worker).id,
        it.rule.id,
      ])
    const counts = this.#correlator !== null && matches.some((it) => this.#counted.has(it.rule.id))
    // Correlations group by whom it is about.
    const flat = this.#flat(event, subject, contract, counts)
    if (derived)
      this.#remember(this.#done, DONE_MAX, event.id, {
        findings: made,
        flat: counts ? flat : null,
        rules: matches.map((it) => it.rule.id),
      })
    if (!this.#correlator || !counts) return
    this.#remember(this.#evidence, EVIDENCE_MAX, event.id, { event, ...subject })
    this.#follow(this.#correlator.take({ event: flat, time: event.time, id: event.id, matches }))
  }

  /** A derived event that stands no longer: what it made or grew is undone. */
  forget(id: string): void {
    const done = this.#done.get(id)
    if (!done) return
    this.#done.delete(id)
    for (const [finding, rule] of done.findings) this.findings.shrink(finding, this.#rules.get(rule), id)
    if (done.flat && this.#correlator)
      this.#follow(this.#correlator.untake({ event: done.flat, time: done.flat.time as number, id, rules: done.rules }))
    this.#evidence.delete(id)
  }

  /** The log's clock: what correlations decide at a window's end. */
  advance(now: number): void {
    if (this.#correlator) this.#follow(this.#correlator.advance(now))
  }

  save(): DetectorState {
    return {
      correlations: allRows(this.#correlator?.kept ?? {}),
      evidence: [...this.#evidence.values()],
      done: [...this.#done],
    }
  }

  load(state: DetectorState): void {
    restoreRows(this.#correlator?.kept ?? {}, state.correlations)
    this.#done = new Map(state.done)
    this.#evidence = new Map(state.evidence.map((it) => [it.event.id, it]))
  }

  #readsOf(category: string): { contract: boolean; subject: boolean } {
    const known = this.#reads.get(category)
    if (known) return known
    const reads = (prefix: string) => this.#program.reads(category, prefix)
    const found = { contract: reads('Contract'), subject: reads('device') || reads('worker') }
    this.#reads.set(category, found)
    return found
  }

  /** With what the server adds, where rules read it. */
  #flat(event: Event, { device, worker }: Subject, contract: unknown, withSubject = false): FlatEvent {
    const reads = this.#readsOf(event.category)
    const withContract = contract != null && reads.contract
    if (!withContract && !reads.subject && !withSubject) return event as FlatEvent
    return withContract ? { ...event, device, worker, Contract: contract } : { ...event, device, worker }
  }

  #remember<T>(all: Map<string, T>, max: number, id: string, one: T): void {
    all.set(id, one)
    if (all.size > max) all.delete(all.keys().next().value as string)
  }

  #follow({ fired, retracted }: Changes): void {
    for (const id of retracted) this.findings.remove(id)
    for (const firing of fired) this.findings.put(firing, ...this.#behind(firing))
  }

  /** The events of a firing, and whom they are about; a firing over firings stands on theirs. */
  #behind(firing: Firing): [events: Event[], subject: Subject] {
    const found: Evidence[] = []
    for (const id of firing.events) {
      const evidence = this.#evidence.get(id)
      if (evidence) found.push(evidence)
      const lower = this.findings.get(id)
      if (lower) found.push(...lower.events.map((event) => ({ event, device: lower.device, worker: lower.worker })))
    }
    const one = <T>(values: readonly T[]): T | null => (new Set(values).size === 1 ? (values[0] as T) : null)
    const { device = null, worker = null } = firing.group
    return [
      found.map((it) => it.event),
      { device: device ?? one(found.map((it) => it.device)), worker: worker ?? one(found.map((it) => it.worker)) },
    ]
  }
}
