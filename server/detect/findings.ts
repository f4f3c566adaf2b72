/**
 * Matches become findings: one per rule version, group and UTC day of event time.
 *
 * Shape   the id is a hash over rule id, rule version, group and day, so that the same events give the same findings in
 *         any order and any number of times; a later event of the same group and day adds to the finding.
 *         The group is the laptop, the worker and the fields the rule names in `groupBy`.
 */
import { createHash } from 'node:crypto'
import type { Firing, Match, Rule } from '../../rules/language/index.ts'
import type { Event } from '../../wire/event.ts'
import type { Finding } from '../model/finding.ts'

const DAY = 86_400_000
const MAX_EVENTS = 10
/** Of derived events more are kept: any of them may be taken back, and the others then say what is left. */
const MAX_DERIVED = 100

export class Findings {
  readonly #byId = new Map<string, Finding>()
  readonly #byWorker = new Map<string, Set<string>>()
  readonly #revisions = new Map<string, number>()
  #dirty = new Set<string>()
  #gone = new Set<string>()

  /** The finding this match made or grew. */
  add(match: Match, event: Event, device: string | null, worker: string | null): Finding {
    const { rule } = match
    const group = groupOf(rule, event, device, worker)
    const id = createHash('sha256')
      .update(JSON.stringify([rule.id, rule.version, group, Math.floor(event.time / DAY)]))
      .digest('hex')
      .slice(0, 32)
    const before = this.#byId.get(id)
    const finding = before ? grown(before, rule, event) : begun(id, rule, group, event, device, worker)
    this.#keep(finding)
    this.#dirty.add(id)
    return finding
  }

  /** A correlation's firing; told again under a known id, it takes the place of the one before. */
  put(firing: Firing, events: readonly Event[], subject: { device: string | null; worker: string | null }): void {
    this.remove(firing.id)
    this.#gone.delete(firing.id)
    this.#keep({
      ...basics(firing.id, firing.rule, { ...firing.group, ...firing.values }),
      ...subject,
      group: JSON.stringify(firing.group),
      time: firing.time,
      lastTime: firing.time,
      count: firing.values.count ?? firing.events.length,
      events: [...events].slice(0, MAX_EVENTS),
    })
    this.#dirty.add(firing.id)
  }

  /** One of its events stands no longer; with the last of them the finding goes. */
  shrink(id: string, rule: Rule | undefined, eventId: string): void {
    const finding = this.#byId.get(id)
    if (!finding) return
    const events = finding.events.filter((it) => it.id !== eventId)
    const [first] = events
    if (!first) {
      this.remove(id)
      return
    }
    this.#keep({
      ...finding,
      events,
      count: finding.count - 1,
      time: first.time,
      lastTime: Math.max(...events.map((it) => it.time)),
      says: rule ? saidOf(rule, events) : finding.says,
    })
    this.#dirty.add(id)
  }

  remove(id: string): void {
    const finding = this.#byId.get(id)
    if (!finding) return
    this.#byId.delete(id)
    this.#byWorker.get(subject(finding))?.delete(id)
    this.#changed(subject(finding))
    this.#dirty.delete(id)
    this.#gone.add(id)
  }

  get(id: string): Finding | null {
    return this.#byId.get(id) ?? null
  }

  /** In order of time, then id. */
  of(worker: string): Finding[] {
    const ids = this.#byWorker.get(worker)
    if (!ids) return []
    return [...ids].map((id) => this.#byId.get(id) as Finding).sort((a, b) => a.time - b.time || (a.id < b.id ? -1 : 1))
  }

  /** Another number whenever something about the worker changed. */
  revisionOf(worker: string): number {
    return this.#revisions.get(worker) ?? 0
  }

  workers(): string[] {
    return [...this.#byWorker.keys()]
  }

  all(): Finding[] {
    return [...this.#byId.values()]
  }

  get size(): number {
    return this.#byId.size
  }

  /** What changed, and the ids of what is gone, since `settled` was last called: to be written down. */
  changes(): { changed: Finding[]; gone: string[] } {
    return { changed: [...this.#dirty].map((id) => this.#byId.get(id) as Finding), gone: [...this.#gone] }
  }

  /** The changes are written down. */
  settled(): void {
    this.#dirty.clear()
    this.#gone.clear()
  }

  /** Findings of an earlier judgement that cannot be made again. */
  carry(findings: readonly Finding[]): void {
    for (const finding of findings) {
      this.#keep(finding)
      this.#dirty.add(finding.id)
    }
  }

  load(findings: readonly Finding[]): void {
    for (const finding of findings) this.#keep(finding)
  }

  #keep(finding: Finding): void {
    this.#byId.set(finding.id, finding)
    const who = subject(finding)
    const ids = this.#byWorker.get(who) ?? new Set()
    this.#byWorker.set(who, ids.add(finding.id))
    this.#changed(who)
  }

  #changed(worker: string): void {
    this.#revisions.set(worker, this.revisionOf(worker) + 1)
  }
}

/** Whom a finding is about: the worker, or the laptop while nobody is known to hold it. */
export function subject(finding: { worker: string | null; device: string | null }): string {
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
    events: [event],
  }
}

/** What a finding has from its rule; `fields` fill the sentence. */
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
    halfLifeDays: ours ? ours.halfLifeDays : 14,
    pattern: ours?.pattern ?? null,
    ordinaryFor: ours?.ordinaryFor ?? [],
    says: sentence(ours?.says ?? rule.title, fields),
  }
}

/** Rules that are not ours carry no strength; their level stands in, and never reaches 4 ('near-conclusive'). */
const STRENGTH_OF_LEVEL: Record<string, 1 | 2 | 3> = { informational: 1, low: 1, medium: 2, high: 3, critical: 3 }

/** The earliest ten events by (time, id), whatever order they came in. */
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
    events,
    says: saidOf(rule, events),
  }
}

/** Of the earliest event, whatever order they came in. */
function saidOf(rule: Rule, [first]: readonly Event[]): string {
  return sentence(rule.tellwire?.says ?? rule.title, first as unknown as Record<string, unknown>)
}

function sentence(template: string, fields: Readonly<Record<string, unknown>>): string {
  return template.replace(/\{([A-Za-z0-9_]+)\}/g, (_, field: string) => {
    const value = fields[field]
    if (value === null || value === undefined) return 'unknown'
    // A reader does not want the fourteenth digit of a day.
    return typeof value === 'number' ? String(Math.round(value * 10) / 10) : String(value).slice(0, 200)
  })
}
