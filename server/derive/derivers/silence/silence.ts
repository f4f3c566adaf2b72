/**
 * A laptop that stopped sending events, and whether its worker was active elsewhere meanwhile (#58, #97, P15).
 *
 * Shape   a silence is a gap in the times of a laptop's events; events that a spool delivers late fill it again. One
 *         `silence` per gap: of `silentHours`, whether or not anybody was active; or shorter, from `activeSilentHours`
 *         on, when the identity provider saw this laptop, or the code host its worker, in the middle of it. While the
 *         gap lasts, that takes `lastingHours`: a laptop without a connection has a spool that may still fill the gap.
 *         Emitted when the first threshold is passed, and updated whenever `HoursSilent` grows by `silentHours`, for
 *         `MAX_STEPS` steps. `Announced`: the agent's last event said that it was stopping, or it reported afterwards
 *         that the laptop had slept. `SameBoot`: the boot before and after the gap is the same one, and the laptop, which
 *         reports when it has slept, did not: the agent was paused. That is a silence from `activeSilentHours` on. Time
 *         in which the server was down does not count. A gap ends when the laptop is
 *         revoked: from then on the server refuses it, until it is enrolled again and heard again.
 * Memory  per laptop the stretches in which it was heard, its boots and the times at which it woke, per worker the hours of activity elsewhere, `KEPT_MS` back.
 *         The time a laptop was last heard changes with every event, so it is saved in a small row of its own.
 */
import * as z from 'zod'
import type { EventOf } from '../../../../wire/event.ts'
import { DAY, HOUR, MINUTE } from '../../../../wire/time.ts'
import { type Draft, deriverKind, type Emit, type Seen } from '../../deriver.ts'
import { Subjects, single } from '../../kit/kept.ts'
import { Schedule } from '../../kit/schedule.ts'
import { type ActiveHour, activityIn, type Evidence, KEPT_MS, strongestEvidence, withActivity } from './activity.ts'
import {
  afterUptime,
  type Gap,
  gapsAfter,
  joined,
  MAX_STRETCHES,
  RECONNECTED_MS,
  type Stretch,
  untilRevoked,
  withDowntime,
} from './stretches.ts'

const REPEAT_MS = 7 * DAY
/** Updates of a lasting silence, each after `silentHours` more. */
const MAX_STEPS = 7
const MAX_BOOTS = 32
/** A laptop reports within minutes that it has slept; one that wakes only to restart may not. */
const WAKE_MS = 15 * MINUTE
/** Reports of sleep from which it is known that this laptop makes them. */
const LEAST_WAKES = 3

const thresholds = z.strictObject({
  /** Hours without an event that are a silence by themselves: an idle agent reports every hour. */
  silentHours: z.number().min(3).max(720).default(24),
  /** Hours that are enough when the worker was active meanwhile: threat model P15, two hours. */
  activeSilentHours: z.number().min(1.5).max(24).default(2),
  /** The same while the gap lasts: behind a hotel's login page a browser works, and the agent has no connection. */
  lastingHours: z.number().min(1.5).max(72).default(8),
  /** Minutes at both ends of a gap in which activity proves nothing: clocks differ, and heartbeats are hourly. */
  marginMinutes: z.number().min(0).max(240).default(70),
  /** Distinct hours in which the account was used elsewhere before that counts as evidence. */
  accountHours: z.int().min(1).max(24).default(3),
  /** Gaps with activity, beginning in the same hour of the UTC day, that count as repeated. */
  repeats: z.int().min(2).max(7).default(3),
})

interface Laptop {
  /** Stretches before the current one, in order, separated by more than the shortest gap that counts. */
  earlier: Stretch[]
  /** When the current stretch began. */
  since: number
  /** When the agent reported that it was stopping. */
  stops: number[]
  /** When the laptop reported that it had slept, and for how long. */
  resumes: [time: number, sleptMs: number][]
  /** The events in force, by the start of their gap. */
  reported: Reported[]
  /** Something changed since the last judgement. */
  isStale: boolean
}

/** Saved apart from the rest of a laptop's state, because it changes with every event. */
interface Contact {
  /** When the laptop was last heard: the end of its current stretch. */
  last: number
  /** When the next threshold may be passed. */
  due: number
}

/** A boot, and the first and last time at which the agent reported it. */
type Boot = [id: string, first: number, last: number]

interface Running {
  boots: Boot[]
  /** When the agent reported that the laptop had slept. */
  wakes: number[]
}

type Reported = [gap: number, time: number, draft: Draft]

interface JudgedGap extends Gap {
  evidence: { kind: Evidence; since: number } | null
}

export const silence = deriverKind('silence', thresholds, (limits, world) => {
  const silentMs = limits.silentHours * HOUR
  const activeMs = Math.min(limits.activeSilentHours * HOUR, silentMs)
  const lastingMs = Math.min(limits.lastingHours * HOUR, silentMs)
  const marginMs = limits.marginMinutes * MINUTE
  const laptops = new Subjects<Laptop>()
  const contacts = new Subjects<Contact>()
  const activity = new Subjects<ActiveHour[]>()
  const running = new Subjects<Running>()
  /** When to look at each laptop: at the latest when it is due, at once when it is stale. Not saved. */
  const schedule = new Schedule()
  let downtimes: Stretch[] = []
  /** Whether an identity or repository feed has ever sent an event: without one, activity elsewhere is unknown. */
  let hasFeeds = false

  return {
    take(seen) {
      if (seen.conflict) return
      if (seen.device !== null) takeLaptop(seen.device, seen)
      else if (seen.worker !== null) takeFeed(seen.worker, seen)
    },
    advance(now, emit) {
      const due: [string, Laptop][] = []
      for (const device of schedule.take(now)) {
        const laptop = laptops.get(device)!
        const contact = contacts.get(device)!
        if (laptop.isStale || now >= contact.due) due.push([device, laptop])
        else schedule.add(device, contact.due)
      }
      // Before any is judged, because each judgement reads the stretches of the worker's other laptops.
      for (const [, laptop] of due) forget(laptop, now)
      for (const [device, laptop] of due) judge(device, laptop, now, emit)
    },
    serverDown(from, to) {
      downtimes = withDowntime(downtimes, [from, to], to - KEPT_MS)
    },
    revoked(device) {
      const laptop = laptops.get(device)
      if (laptop) markStale(device, laptop)
    },
    restored() {
      for (const [device, { isStale }] of laptops) schedule.add(device, isStale ? 0 : contacts.get(device)!.due)
    },
    kept: {
      laptops,
      contacts,
      activity,
      running,
      downtimes: single(
        () => downtimes,
        (state) => {
          downtimes = state
        },
      ),
      hasFeeds: single(
        () => hasFeeds,
        (state) => {
          hasFeeds = state
        },
      ),
    },
  }

  function takeLaptop(device: string, { event, worker, time, receivedAt }: Seen): void {
    // What this laptop was used for no longer speaks against the worker's others.
    if (worker !== null && activity.has(worker)) markAllStale(worker, device)
    // A clock that is ahead must not hide a silence that follows.
    const at = Math.min(time, receivedAt)
    const laptop = laptops.get(device) ?? begin(device, at)
    const contact = contacts.ensure(device, () => ({ last: at, due: 0 }))
    if (event?.category === 'agent_state' && event.Action === 'stopping') {
      push(laptop.stops, at)
      laptops.touch(device)
    }
    if (event?.category === 'power_state' && event.ResumedAfterSeconds !== null) {
      push(laptop.resumes, [at, event.ResumedAfterSeconds * 1_000])
      laptops.touch(device)
    }
    if (event?.category === 'agent_state' || event?.category === 'power_state') addRunning(device, laptop, event, at)
    if (at >= laptop.since && at - contact.last < activeMs) extend(device, laptop, contact, at)
    else insert(device, laptop, contact, at)
  }

  /** The report that a boot goes on, or that the laptop woke, may come some time after the end of the gap. */
  function addRunning(
    device: string,
    laptop: Laptop,
    event: EventOf<'agent_state'> | EventOf<'power_state'>,
    at: number,
  ): void {
    const isWake = event.category === 'agent_state' ? event.Action === 'resumed' : event.ResumedAfterSeconds !== null
    const id = event.category === 'agent_state' ? event.BootId : null
    if (!isWake && id === null) return
    const state = running.ensure(device, () => ({ boots: [], wakes: [] }))
    running.touch(device)
    if (isWake) {
      push(state.wakes, at)
      markStale(device, laptop)
    }
    if (id === null) return
    const known = state.boots.find((it) => it[0] === id)
    if (!known) {
      // The latest are kept.
      state.boots = [...state.boots, [id, at, at] as Boot].sort((a, b) => a[2] - b[2]).slice(-MAX_BOOTS)
      return
    }
    if (at > known[2] + activeMs || at < known[1] - activeMs) markStale(device, laptop)
    known[1] = Math.min(known[1], at)
    known[2] = Math.max(known[2], at)
  }

  /** Null: not known, or it did not go on. */
  function sameBoot(device: string, { from, to, hasEnded }: Gap): boolean | null {
    const state = running.get(device)
    if (!state || !hasEnded || !state.boots.some(([, first, last]) => first <= from && last >= to + WAKE_MS))
      return null
    const isWake = (at: number) => at > from && at < to + WAKE_MS
    if (state.wakes.some(isWake)) return false
    return state.wakes.length >= LEAST_WAKES ? true : null
  }

  function begin(device: string, at: number): Laptop {
    const laptop: Laptop = { earlier: [], since: at, stops: [], resumes: [], reported: [], isStale: true }
    laptops.set(device, laptop)
    schedule.add(device, 0)
    return laptop
  }

  /** The usual case: the current stretch goes on, and nothing is due for another `activeMs`. */
  function extend(device: string, laptop: Laptop, contact: Contact, at: number): void {
    const before = contact.last
    contact.last = Math.max(before, at)
    const due = contact.last + activeMs
    // Earlier than before when a late event continues a stretch.
    if (due < contact.due) schedule.add(device, due)
    contact.due = due
    contacts.touch(device)
    const hasReconnected = before - laptop.since < RECONNECTED_MS && contact.last - laptop.since >= RECONNECTED_MS
    if (hasReconnected || laptop.reported.at(-1)?.[0] === before) markStale(device, laptop)
  }

  /** A new stretch, or a late event between others. */
  function insert(device: string, laptop: Laptop, contact: Contact, at: number): void {
    const stretches = joined([...heard(laptop, contact), [at, at]], activeMs)
    const [since, last] = stretches.pop()!
    Object.assign(laptop, { earlier: stretches, since })
    markStale(device, laptop)
    contact.last = last
    contacts.touch(device)
  }

  function heard({ earlier, since }: Laptop, { last }: Contact): Stretch[] {
    return [...earlier, [since, last]]
  }

  /** It is judged at the next advance. */
  function markStale(device: string, laptop: Laptop): void {
    laptop.isStale = true
    laptops.touch(device)
    schedule.add(device, 0)
  }

  /** The same for all laptops of the worker without `except`. */
  function markAllStale(worker: string, except: string | null): void {
    for (const device of world.devicesOf(worker)) {
      const laptop = device === except ? undefined : laptops.get(device)
      if (laptop && !laptop.isStale) markStale(device, laptop)
    }
  }

  function takeFeed(worker: string, { event, time, receivedAt }: Seen): void {
    const found = activityIn(event, (it) => world.deviceNamed(it))
    if (!found) return
    if (!hasFeeds) {
      hasFeeds = true
      for (const [device, laptop] of laptops) markStale(device, laptop)
    }
    activity.set(worker, withActivity(activity.get(worker) ?? [], { ...found, time: Math.min(time, receivedAt) }))
    markAllStale(worker, null)
  }

  /** Keeps a little more than is judged: a stretch just before a gap may explain activity in another laptop's gap. */
  function forget(laptop: Laptop, now: number): void {
    laptop.earlier = laptop.earlier.filter(([, to]) => to > now - KEPT_MS - activeMs)
  }

  /** Judges all gaps that are not too old, and emits what is different from before. */
  function judge(device: string, laptop: Laptop, now: number, emit: Emit): void {
    const contact = contacts.get(device)!
    const stretches = heard(laptop, contact).filter(
      ([, to], index) => to > now - KEPT_MS || index === laptop.earlier.length,
    )
    const gaps = untilRevoked(gapsAfter(stretches, now), world.revocationsOf(device)).map(
      (gap): JudgedGap => ({ ...gap, evidence: gap.to - gap.from < activeMs ? null : evidenceIn(device, gap) }),
    )
    // Events of older gaps stay in force.
    const before = laptop.reported.filter(([gap]) => gap >= stretches[0]![0])
    const reported = gaps.flatMap((gap): Reported[] => {
      const found = silenceIn(device, laptop, gap, gaps)
      return found && isHeld(device, found.time) ? [[gap.from, found.time, found.draft]] : []
    })
    const send = (time: number, gap: number, draft: Draft | null) =>
      emit({ device, worker: world.holderAt(device, time), time }, `gap ${gap}`, draft)
    for (const [gap, time] of before) if (!reported.some((it) => it[0] === gap && it[1] === time)) send(time, gap, null)
    for (const it of reported)
      if (JSON.stringify(before.find(([gap]) => gap === it[0])) !== JSON.stringify(it)) send(it[1], it[0], it[2])
    laptop.reported = reported
    laptop.isStale = false
    laptops.touch(device)
    contact.due = nextDue(contact.last, now)
    contacts.touch(device)
    schedule.add(device, contact.due)
  }

  /** When a lasting gap passes its next threshold. */
  function nextDue(last: number, now: number): number {
    const steps = Array.from({ length: MAX_STEPS }, (_, n) => (n + 1) * silentMs)
    const times = [activeMs, lastingMs, ...steps].map((ms) => afterUptime(last, ms, downtimes))
    return times.find((it) => it > now) ?? Number.MAX_SAFE_INTEGER
  }

  /** Null when the gap is not a silence. `time`: when it became one. */
  function silenceIn(
    device: string,
    { stops, resumes }: Laptop,
    { from, to, hasEnded, evidence }: JudgedGap,
    gaps: readonly JudgedGap[],
  ): { time: number; draft: Draft } | null {
    const lasted = (ms: number) => to >= afterUptime(from, ms, downtimes)
    const isFull = lasted(silentMs)
    const isActive =
      evidence !== null && evidence.kind !== 'account' && lasted(hasEnded ? activeMs : Math.max(lastingMs, activeMs))
    const isStopped = stops.some((it) => Math.abs(it - from) < 5 * MINUTE)
    const isSame = isStopped ? null : sameBoot(device, { from, to, hasEnded })
    if (!isFull && !isActive && !(isSame === true && lasted(activeMs))) return null
    const slept = resumes.some(([time, ms]) => Math.abs(time - to) < 10 * MINUTE && ms >= 0.8 * (to - from))
    const hour = hourOf(from)
    const sameHour = gaps.filter(
      (it) => it.evidence !== null && it.from <= from && it.from > from - REPEAT_MS && hourOf(it.from) === hour,
    )
    const early = () => Math.max(afterUptime(from, activeMs, downtimes), isActive ? evidence.since : from)
    const hours = isActive ? limits.activeSilentHours : Math.round(((to - from) / HOUR) * 10) / 10
    return {
      time: isFull ? afterUptime(from, silentMs, downtimes) : early(),
      draft: {
        category: 'silence',
        HoursSilent: isFull ? limits.silentHours * stepsIn(from, to) : hours,
        ActiveElsewhere: hasFeeds ? evidence !== null : null,
        Evidence: evidence?.kind ?? null,
        Announced: slept || isStopped,
        SameBoot: slept ? false : isSame,
        RepeatsAtHour: evidence && sameHour.length >= limits.repeats ? hour : null,
      },
    }
  }

  /** The number of `silentHours` in the gap, from one to `MAX_STEPS`. */
  function stepsIn(from: number, to: number): number {
    let steps = 1
    while (steps < MAX_STEPS && to >= afterUptime(from, (steps + 1) * silentMs, downtimes)) steps++
    return steps
  }

  function evidenceIn(device: string, { from, to, hasEnded }: Gap): JudgedGap['evidence'] {
    const worker = world.holderAt(device, from)
    const hours = (worker !== null && activity.get(worker)) || []
    const [start, end] = [from + marginMs, hasEnded ? to - marginMs : to]
    const within = hours.filter((it) => it[3] >= start && it[4] <= end && !isByOtherLaptop(device, it))
    return strongestEvidence(within, device, limits.accountHours)
  }

  /** Whether another laptop of the worker was in use then, which explains the activity. */
  function isByOtherLaptop(device: string, [, kind, , first]: ActiveHour): boolean {
    if (kind !== 'repository') return false
    const worker = world.holderAt(device, first)
    if (worker === null) return false
    return world.devicesOf(worker).some((other) => {
      if (other === device || world.holderAt(other, first) !== worker) return false
      const laptop = laptops.get(other)
      const stretches = laptop ? heard(laptop, contacts.get(other)!) : []
      return stretches.some(([from, to]) => from - activeMs <= first && first <= to + activeMs)
    })
  }

  /** A laptop that was returned may be switched off. */
  function isHeld(device: string, time: number): boolean {
    return world.holdingsOf(device).length === 0 || world.holderAt(device, time) !== null
  }
})

function hourOf(time: number): number {
  return new Date(time).getUTCHours()
}

function push<T>(list: T[], added: T): void {
  list.push(added)
  if (list.length > MAX_STRETCHES) list.shift()
}
