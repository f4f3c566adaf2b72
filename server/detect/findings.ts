/**
 * Turns matches into findings: one per rule version, group and UTC day of event time.
 *
 * Shape   the id is a hash over rule id, rule version, group and day, so that the same events make the same findings in
 *         any order and any number of times; another event of the same group and day is added to the finding.
 *         The group is the laptop, the worker and the fields that the rule names in `groupBy`.
 */
import { createHash } from 'node:crypto'
import { type Firing, fill, type Match, type Rule } from '../../rules/language/index.ts'
import type { Event } from '../../wire/event.ts'
import { DAY } from '../../wire/time.ts'
import type { Finding } from '../model/finding.ts'
import { sensorsOf } from './sensors.ts'

const MAX_EVENTS = 10
/** More derived events are kept, because any of them may be retracted and the rest then make up the finding. */
const MAX_DERIVED = 100

/** Differences from what was last saved. */
export interface FindingChanges {
  opened: Finding[]
  updated: Finding[]
  /** As they were last saved. */
  retracted: Finding[]
}

export class Findings {
  readonly #byId = new Map<string, Finding>()
  readonly #bySubject = new Map<string, Set<string>>()
  /** The last saved state of what has changed since; null for what is new. */
  #before = new Map<string, Finding | null>()
  /** Subjects whose findings changed since the last call of `touched()`. */
  #touched = new Set<string>()

  /** Adds a match, and returns the finding that it made or was added to. */
  add(match: Match, event: Event, device: string | null, worker: string | null): Finding {
    const { rule } = match
    const group = groupOf(rule, event, device, worker)
    const id = createHash('sha256')
      .update(JSON.stringify([rule.id, rule.version, group, Math.floor(event.time / DAY)]))
      .digest('hex')
      .slice(0, 32)
    const before = this.#byId.get(id)
    const finding = before ? grown(before, rule, event) : begun(id, rule, group, event, device, worker)
    if (finding !== before) this.#put(finding)
    return finding
  }

  /** Adds a correlation's firing; a firing with a known id replaces the previous one. */
  put(firing: Firing, events: readonly Event[], subject: { device: string | null; worker: string | null }): void {
    this.#put({
      ...basics(firing.id, firing.rule, { ...firing.group, ...firing.values }),
      ...subject,
      group: JSON.stringify(firing.group),
      time: firing.time,
      lastTime: firing.time,
      count: firing.values.count ?? firing.events.length,
      ...seenIn(firing.rule, events),
      what: whatIn(firing.rule, firing.group),
      events: [...events].slice(0, MAX_EVENTS),
    })
  }

  /** Removes a retracted event from a finding, and the finding with its last event. */
  shrink(id: string, rule: Rule | undefined, eventId: string): void {
    const finding = this.#byId.get(id)
    if (!finding) return
    const events = finding.events.filter((it) => it.id !== eventId)
    const [first] = events
    if (!first) {
      this.remove(id)
      return
    }
    this.#put({
      ...finding,
      events,
      count: finding.count - 1,
      time: first.time,
      lastTime: Math.max(...events.map((it) => it.time)),
      ...(rule ? seenIn(rule, events) : {}),
      says: rule ? sentenceOf(rule, events) : finding.says,
    })
  }

  remove(id: string): void {
    const finding = this.#byId.get(id)
    if (!finding) return
    this.#remember(id, finding)
    this.#byId.delete(id)
    this.#forgetSubject(finding)
  }

  get(id: string): Finding | null {
    return this.#byId.get(id) ?? null
  }

  /** In order of time, then id. */
  of(subject: string): Finding[] {
    const ids = this.#bySubject.get(subject)
    if (!ids) return []
    return [...ids].map((id) => this.#byId.get(id) as Finding).sort((a, b) => a.time - b.time || (a.id < b.id ? -1 : 1))
  }

  subjects(): string[] {
    return [...this.#bySubject.keys()]
  }

  all(): IterableIterator<Finding> {
    return this.#byId.values()
  }

  get size(): number {
    return this.#byId.size
  }

  /** Whether anything has changed since the last save. */
  get isChanged(): boolean {
    return this.#before.size > 0
  }

  /** Returns what has changed since the last call. */
  changes(): FindingChanges {
    const changes: FindingChanges = { opened: [], updated: [], retracted: [] }
    for (const [id, before] of this.#before) {
      const now = this.#byId.get(id)
      if (now && !before) changes.opened.push(now)
      else if (now && before) changes.updated.push(now)
      else if (before) changes.retracted.push(before)
    }
    this.#before = new Map()
    return changes
  }

  /** Subjects whose findings changed since the last call. */
  touched(): ReadonlySet<string> {
    const touched = this.#touched
    this.#touched = new Set()
    return touched
  }

  /** Takes over findings of another evaluation: of unchanged rules, or of deleted telemetry. */
  adopt(findings: Iterable<Finding>): void {
    for (const finding of findings) this.#put(finding)
  }

  /** Adds a saved finding. */
  restore(finding: Finding): void {
    this.#keep(finding)
  }

  #put(finding: Finding): void {
    const before = this.#byId.get(finding.id)
    this.#remember(finding.id, before ?? null)
    // A firing that is reported again may have another subject.
    if (before && subjectOf(before) !== subjectOf(finding)) this.#forgetSubject(before)
    this.#keep(finding)
  }

  #remember(id: string, before: Finding | null): void {
    if (!this.#before.has(id)) this.#before.set(id, before)
  }

  #keep(finding: Finding): void {
    this.#byId.set(finding.id, finding)
    const who = subjectOf(finding)
    const ids = this.#bySubject.get(who) ?? new Set()
    this.#bySubject.set(who, ids.add(finding.id))
    this.#touched.add(who)
  }

  #forgetSubject(finding: Finding): void {
    const who = subjectOf(finding)
    const ids = this.#bySubject.get(who)
    ids?.delete(finding.id)
    if (ids?.size === 0) this.#bySubject.delete(who)
    this.#touched.add(who)
  }
}

/** The subject of a finding: the worker, or the laptop while it is assigned to no known worker. */
export function subjectOf(finding: { worker: string | null; device: string | null }): string {
  return finding.worker ?? finding.device ?? 'unknown'
}

function groupOf(rule: Rule, event: Event, device: string | null, worker: string | null): string {
  const fields = rule.tellwire?.groupBy ?? []
  return JSON.stringify([device, worker, ...fields.map((field) => (event as Record<string, unknown>)[field] ?? null)])
}

function begun(
  id: string,
  rule: Rule,
  group: string,
  event: Event,
  device: string | null,
  worker: string | null,
): Finding {
  return {
    ...basics(id, rule, event as Record<string, unknown>),
    worker,
    device,
    group,
    time: event.time,
    lastTime: event.time,
    count: 1,
    ...seenIn(rule, [event]),
    what: whatIn(rule, event as Record<string, unknown>),
    events: [event],
  }
}

/** The fields that come from the rule; `fields` fill the sentence's placeholders. */
function basics(id: string, rule: Rule, fields: Readonly<Record<string, unknown>>) {
  const ours = rule.tellwire
  return {
    id,
    rule: rule.id,
    ruleVersion: rule.version,
    title: rule.title,
    level: rule.level,
    family: ours?.family ?? 'sigma',
    strength: ours?.strength ?? STRENGTH_OF_LEVEL[rule.level ?? ''] ?? 1,
    rate: ours?.rate ?? null,
    fact: ours?.fact ?? null,
    halfLifeDays: ours ? ours.halfLifeDays : 14,
    pattern: ours?.pattern ?? null,
    ordinaryFor: ours?.ordinaryFor ?? [],
    says: fill(ours?.says ?? rule.title, fields),
  }
}

/** What follows from the events: the sensors that saw them, and their own weight. */
function seenIn(rule: Rule, events: readonly Event[]): Pick<Finding, 'sensors' | 'decibans'> {
  const { sensor = null, decibans: field = null } = rule.tellwire ?? {}
  const sensors = sensor ? [sensor] : [...new Set(events.flatMap(sensorsOf))].sort()
  const own = field === null ? [] : events.map((it) => Number((it as Record<string, unknown>)[field] ?? 0))
  return { sensors, decibans: field === null ? null : Math.max(0, ...own) }
}

function whatIn(rule: Rule, fields: Readonly<Record<string, unknown>>): string {
  const rareBy = rule.tellwire?.rareBy ?? []
  return rareBy.length === 0 ? '' : JSON.stringify(rareBy.map((it) => fields[it] ?? null))
}

/** Third-party rules have no strength; it follows from their level, and never reaches 4 ('near-conclusive'). */
const STRENGTH_OF_LEVEL: Record<string, 1 | 2 | 3> = { informational: 1, low: 1, medium: 2, high: 3, critical: 3 }

/** Keeps the earliest events by (time, id), whatever order they arrive in. */
function grown(finding: Finding, rule: Rule, event: Event): Finding {
  if (finding.events.some((it) => it.id === event.id)) return finding
  const events = [...finding.events, event]
    .sort((a, b) => a.time - b.time || (a.id < b.id ? -1 : 1))
    .slice(0, event.product === 'tellwire' ? MAX_DERIVED : MAX_EVENTS)
  return {
    ...finding,
    time: Math.min(finding.time, event.time),
    lastTime: Math.max(finding.lastTime, event.time),
    count: finding.count + 1,
    ...seenIn(rule, events),
    events,
    says: sentenceOf(rule, events),
  }
}

/** The sentence about the earliest event; of a tool, about the earliest that shows more than a program's name. */
function sentenceOf(rule: Rule, events: readonly Event[]): string {
  const shown = events.find((it) => it.category !== 'tool' || it.MatchedBy !== 'name') ?? events[0]
  return fill(rule.tellwire?.says ?? rule.title, shown as unknown as Record<string, unknown>)
}
