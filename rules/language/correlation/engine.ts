/**
 * Evaluates correlations: takes matches of rules, and returns firings. Pure, without a clock: `advance` sets the time.
 *
 * Shape   the firings in force depend on the set of events, not on their order, as long as every event arrives within
 *         the lateness bound: firings that a late event changes are retracted or returned again. A firing with a known
 *         id replaces the earlier one.
 * Units   times are epoch ms of the events, rounded down.
 */
import { lookUp } from '../cell.ts'
import { numberOf } from '../number.ts'
import type { FlatEvent, Match } from '../rule.ts'
import { beneathFirings } from './beneath.ts'
import type { Watermark } from './decider.ts'
import type { Value } from './entry-lists.ts'
import type { Firing, FiringChange } from './firing.ts'
import { keyOf } from './group-key.ts'
import { type KeptPart, kept } from './kept.ts'
import type { LoadedCorrelation, Member } from './rule.ts'
import { type Counters, kindOfValue, type Limits, type Stage, stageOf } from './stage.ts'

export interface Taken {
  event: FlatEvent
  /** Epoch ms. */
  time: number
  id: string
  /** The rules that the program matched with this event. */
  matches: readonly Match[]
}

export interface Changes {
  fired: readonly Firing[]
  /** Ids of firings that no longer hold; may include ids that were never returned. */
  retracted: readonly string[]
}

export interface Correlator {
  take(taken: Taken): Changes
  /** Undoes `take` for an event that was retracted: with the event as it was, and the ids of the rules it matched. */
  untake(taken: Omit<Taken, 'matches'> & { rules: readonly string[] }): Changes
  /** The log's clock reached `now`. It never goes back. */
  advance(now: number): Changes
  /** Whether the rule's own matches are not reported, because it only serves correlations. */
  hides(ruleId: string): boolean
  /** By correlation id. */
  counters(): Map<string, Counters & { groups: number; events: number }>
  /**
   * State in named parts: 'correlation.<id> <version>' by group, 'correlation.<id> <version> counters',
   * 'correlations.clock', and 'correlations.beneath' by firing. State of another version is not restored.
   */
  readonly kept: Readonly<Record<string, KeptPart>>
  /**
   * Replaces the state of these correlations by that of another correlator. Both clocks must be at the same time.
   */
  adopt(other: Correlator, ids: ReadonlySet<string>): void
}

const DEFAULTS: Limits = {
  maxEventsPerGroup: 10_000,
  maxGroupsPerOwner: 10_000,
  maxGroups: 100_000,
  maxEvents: 2_000_000,
}
const BENEATH = 'correlations.beneath'
const NOTHING: Changes = { fired: [], retracted: [] }

export function correlator(correlations: readonly LoadedCorrelation[], options: Partial<Limits> = {}): Correlator {
  const watermark: Watermark = { now: -Infinity }
  const limits = { ...DEFAULTS, ...options }
  const running = inOrder(correlations).map((it): Running => {
    return { correlation: it, kind: kindOfValue(it), stage: stageOf(it, watermark, limits) }
  })
  const usesOf = new Map<string, Use[]>()
  for (const one of running)
    for (const [rule, member] of one.correlation.members.entries())
      usesOf.set(member.id, [...(usesOf.get(member.id) ?? []), { running: one, rule, member }])
  const hidden = hiddenBy(correlations)
  const beneath = beneathFirings()
  const longestMs = Math.max(0, ...running.map(({ correlation }) => correlation.latenessMs + correlation.spanMs))
  let swept = -Infinity
  /** The latest change of each firing in this call, by id. Null while there is none. */
  let changed: Map<string, Firing | null> | null = null
  const reportFor = new Map(running.map((it) => [it, reporterOf(it)]))
  /** Correlations that depend on the clock; the others decide at each match. */
  const timed = running.filter(({ correlation }) => correlation.atEnd)
  const clock = kept(
    () => [watermark.now, swept].map((it) => (Number.isFinite(it) ? it : null)),
    (state) => {
      const [now, last] = (state as (number | null)[]).map((it) => it ?? -Infinity)
      watermark.now = now!
      swept = last!
    },
  )
  const sweepMs = Math.min(...running.map(({ correlation }) => correlation.latenessMs + correlation.spanMs)) / 4

  return {
    take({ event, time, id, matches }) {
      const at = Math.floor(time)
      for (let i = 0; i < matches.length; i++) {
        const uses = usesOf.get(matches[i]!.rule.id)
        if (uses) for (let n = 0; n < uses.length; n++) take(uses[n]!, event, at, id)
      }
      return takeChanged()
    },
    untake({ event, time, id, rules }) {
      for (const rule of rules) for (const use of usesOf.get(rule) ?? []) takeBack(use, event, Math.floor(time), id)
      return takeChanged()
    },
    advance(now) {
      if (!(now > watermark.now)) return NOTHING
      for (const it of timed) it.stage.advance(now, reportFor.get(it)!)
      watermark.now = now
      if (now >= swept + sweepMs) {
        swept = now
        for (const { stage } of running) stage.sweep()
        beneath.dropUntil(now - longestMs)
      }
      return takeChanged()
    },
    hides: (ruleId) => hidden.has(ruleId),
    counters: () =>
      new Map(running.map(({ correlation, stage }) => [correlation.id, { ...stage.counters, ...stage.size }])),
    kept: {
      'correlations.clock': clock,
      [BENEATH]: beneath.kept,
      ...Object.fromEntries(running.map(({ correlation, stage }) => [partOf(correlation), stage.kept])),
      ...Object.fromEntries(running.map(({ correlation, stage }) => [countersOf(correlation), countersPart(stage)])),
    },
    adopt(other, ids) {
      for (const [id, state] of other.kept[BENEATH]?.all() ?? []) {
        const [time, events] = state as [number, readonly string[]]
        beneath.put(id, time, events)
      }
      for (const { correlation, stage } of running) {
        const [groups, counters] = [other.kept[partOf(correlation)], other.kept[countersOf(correlation)]]
        if (!ids.has(correlation.id) || !groups || !counters) continue
        stage.adopt(groups.all())
        for (const [, saved] of counters.all()) Object.assign(stage.counters, saved)
      }
    },
  }

  function take({ running: one, rule, member }: Use, event: FlatEvent, time: number, id: string): void {
    const { correlation, kind, stage } = one
    if (time < watermark.now - correlation.latenessMs) {
      stage.counters.late++
      return
    }
    const key = Number.isFinite(time) ? keyOf(event, member.groupFields) : null
    const value = key === null || kind === null ? null : readValue(event, member, kind)
    if (key === null || (kind !== null && value === null)) stage.counters.skipped++
    else stage.insert(key, time, id, rule, value, reportFor.get(one)!)
  }

  /**
   * Records a correlation's firings, and passes them to the correlations over it, as events with the group's values.
   */
  function reporterOf({ correlation }: Running) {
    const above = usesOf.get(correlation.id) ?? []
    return ({ id, time, group, firing: made }: FiringChange): void => {
      const firing = made && { ...made, events: beneath.eventsOf(made.events) }
      if (!hidden.has(correlation.id)) (changed ??= new Map()).set(id, firing)
      if (above.length === 0) return
      // A late event can change what a firing names; then those above it name other events too.
      const isOther = firing !== null && beneath.put(id, time, firing.events)
      if (!firing) beneath.remove(id)
      for (const use of above) {
        if (isOther) takeBack(use, group, time, id)
        if (firing) take(use, group, time, id)
        else takeBack(use, group, time, id)
      }
    }
  }

  function takeBack({ running: one, rule, member }: Use, event: FlatEvent, time: number, id: string): void {
    const key = keyOf(event, member.groupFields)
    if (key !== null) one.stage.remove(key, time, id, rule, reportFor.get(one)!)
  }

  function takeChanged(): Changes {
    if (changed === null) return NOTHING
    const fired: Firing[] = []
    const retracted: string[] = []
    for (const [id, firing] of changed)
      if (firing) fired.push(firing)
      else retracted.push(id)
    changed = null
    return { fired, retracted }
  }
}

/** A correlation and its state. */
interface Running {
  correlation: LoadedCorrelation
  kind: 'number' | 'text' | null
  stage: Stage
}

interface Use {
  running: Running
  /** The member's index in the correlation. */
  rule: number
  member: Member
}

/** Ids of rules and correlations whose own results are not reported: no correlation that counts them has `generate`. */
export function hiddenBy(correlations: readonly LoadedCorrelation[]): ReadonlySet<string> {
  const shown = new Set(correlations.filter((it) => it.generate).flatMap((it) => it.members.map(({ id }) => id)))
  return new Set(correlations.flatMap((it) => it.members.map(({ id }) => id)).filter((id) => !shown.has(id)))
}

function partOf({ id, effectiveVersion }: LoadedCorrelation): string {
  return `correlation.${id} ${effectiveVersion}`
}

function countersOf(correlation: LoadedCorrelation): string {
  return `${partOf(correlation)} counters`
}

function countersPart({ counters }: Stage): KeptPart {
  return kept(
    () => counters,
    (state) => Object.assign(counters, state),
  )
}

function readValue(event: FlatEvent, { valueFields }: Member, kind: 'number' | 'text'): Value {
  return kind === 'text' ? keyOf(event, valueFields) : numberOf(lookUp(event, valueFields[0]!))
}

/** Each correlation after those that it counts. */
function inOrder(correlations: readonly LoadedCorrelation[]): LoadedCorrelation[] {
  const byId = new Map(correlations.map((it) => [it.id, it]))
  const ordered = new Set<LoadedCorrelation>()
  const visit = (it: LoadedCorrelation): void => {
    if (ordered.has(it)) return
    for (const { id } of it.members) if (byId.has(id)) visit(byId.get(id)!)
    ordered.add(it)
  }
  for (const it of correlations) visit(it)
  return [...ordered]
}
