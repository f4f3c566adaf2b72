/**
 * Correlations: matches of rules in, firings out. Pure, and without a clock of its own: `advance` tells it the log's.
 *
 * Shape   the firings that stand depend on the events alone, not on the order they came in, while every event comes
 *         within the lateness bound: what a late one changes is retracted or told again. A firing told with an id that
 *         is known takes the place of the one before.
 * Units   times are epoch ms of the events, whole; fractions are cut.
 */

import { lookUp } from '../cell.ts'
import { numberOf } from '../number.ts'
import type { FlatEvent, Match } from '../rule.ts'
import type { Watermark } from './deciding.ts'
import type { Change, Firing } from './firing.ts'
import { keyOf } from './group-key.ts'
import { type KeptPart, kept } from './kept.ts'
import type { LoadedCorrelation, Member } from './rule.ts'
import { type Counters, kindOfValue, type Limits, type Stage, stageOf, type Value } from './stage.ts'

export interface Taken {
  event: FlatEvent
  /** Epoch ms. */
  time: number
  id: string
  /** What the program matched in this event. */
  matches: readonly Match[]
}

export interface Changes {
  fired: readonly Firing[]
  /** Ids of firings that are true no longer; among them may be ids that were never told. */
  retracted: readonly string[]
}

export interface Correlator {
  take(taken: Taken): Changes
  /** Takes back an event that was taken: as it was then, with the ids of the rules it matched. */
  untake(taken: Omit<Taken, 'matches'> & { rules: readonly string[] }): Changes
  /** The log's clock reached `now`. Never goes back. */
  advance(now: number): Changes
  /** True for a rule that only serves correlations: its own matches are not reported. */
  hides(ruleId: string): boolean
  /** By correlation id. */
  counters(): Map<string, Counters & { groups: number; events: number }>
  /**
   * State in named parts. 'correlation.<id> <version>': by group; what is kept of another version is nobody's.
   * 'correlation.<id> <version> counters', and 'correlations.clock'.
   */
  readonly kept: Readonly<Record<string, KeptPart>>
  /**
   * Takes over the correlations of these ids, as another correlator has them: state of their own is let go. Both
   * clocks stand at the same time.
   */
  adopt(other: Correlator, ids: ReadonlySet<string>): void
}

const DEFAULTS: Limits = {
  maxEventsPerGroup: 10_000,
  maxGroupsPerOwner: 10_000,
  maxGroups: 100_000,
  maxEvents: 2_000_000,
}
const NOTHING: Changes = { fired: [], retracted: [] }

export function correlator(correlations: readonly LoadedCorrelation[], options: Partial<Limits> = {}): Correlator {
  const watermark: Watermark = { now: -Infinity }
  const limits = { ...DEFAULTS, ...options }
  const works = inOrder(correlations).map((it): Work => {
    return { correlation: it, kind: kindOfValue(it), stage: stageOf(it, watermark, limits) }
  })
  const usesOf = new Map<string, Use[]>()
  for (const work of works)
    for (const [rule, member] of work.correlation.members.entries())
      usesOf.set(member.id, [...(usesOf.get(member.id) ?? []), { work, rule, member }])
  const hidden = hiddenBy(correlations)
  let swept = -Infinity
  /** What the present call changed, the last word about each id. Null while nothing did. */
  let changed: Map<string, Firing | null> | null = null
  const tellFor = new Map(works.map((work) => [work, teller(work)]))
  /** The others decide at each match, whatever the time. */
  const ending = works.filter(({ correlation }) => correlation.atEnd)
  const clock = kept(
    () => [watermark.now, swept].map((it) => (Number.isFinite(it) ? it : null)),
    (state) => {
      const [now, last] = (state as (number | null)[]).map((it) => it ?? -Infinity)
      watermark.now = now!
      swept = last!
    },
  )
  const sweepMs = Math.min(...works.map(({ correlation }) => correlation.latenessMs + correlation.spanMs)) / 4

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
      for (const work of ending) work.stage.advance(now, tellFor.get(work)!)
      watermark.now = now
      if (now >= swept + sweepMs) {
        swept = now
        for (const { stage } of works) stage.sweep()
      }
      return takeChanged()
    },
    hides: (ruleId) => hidden.has(ruleId),
    counters: () =>
      new Map(works.map(({ correlation, stage }) => [correlation.id, { ...stage.counters, ...stage.size }])),
    kept: {
      'correlations.clock': clock,
      ...Object.fromEntries(works.map(({ correlation, stage }) => [partOf(correlation), stage.kept])),
      ...Object.fromEntries(works.map(({ correlation, stage }) => [countersOf(correlation), countersPart(stage)])),
    },
    adopt(other, ids) {
      for (const { correlation, stage } of works) {
        const [groups, counters] = [other.kept[partOf(correlation)], other.kept[countersOf(correlation)]]
        if (!ids.has(correlation.id) || !groups || !counters) continue
        stage.adopt(groups.all())
        for (const [, its] of counters.all()) Object.assign(stage.counters, its)
      }
    },
  }

  function take({ work, rule, member }: Use, event: FlatEvent, time: number, id: string): void {
    const { correlation, kind, stage } = work
    if (time < watermark.now - correlation.latenessMs) {
      stage.counters.late++
      return
    }
    const key = Number.isFinite(time) ? keyOf(event, member.groupFields) : null
    const value = key === null || kind === null ? null : readValue(event, member, kind)
    if (key === null || (kind !== null && value === null)) stage.counters.skipped++
    else stage.insert(key, time, id, rule, value, tellFor.get(work)!)
  }

  /** A firing is told, and is an event for the correlations above: its group's values, at its time. */
  function teller({ correlation }: Work) {
    const above = usesOf.get(correlation.id) ?? []
    return ({ id, time, group, firing }: Change): void => {
      if (!hidden.has(correlation.id)) (changed ??= new Map()).set(id, firing)
      for (const use of above) {
        if (firing) take(use, group, time, id)
        else takeBack(use, group, time, id)
      }
    }
  }

  function takeBack({ work, rule, member }: Use, event: FlatEvent, time: number, id: string): void {
    const key = keyOf(event, member.groupFields)
    if (key !== null) work.stage.remove(key, time, id, rule, tellFor.get(work)!)
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

interface Work {
  correlation: LoadedCorrelation
  kind: 'number' | 'text' | null
  stage: Stage
}

interface Use {
  work: Work
  /** Its place among the correlation's rules. */
  rule: number
  member: Member
}

/** Ids of rules and correlations that only serve others: every correlation that counts them keeps them to itself. */
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

/** Each after those whose firings it takes. */
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
