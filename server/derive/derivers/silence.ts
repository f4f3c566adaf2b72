/**
 * A laptop that stopped talking, and whether its worker went on elsewhere (#58, #97, P15).
 *
 * Shape   silence is time in which the laptop itself saw nothing: what a spool brings later fills it again. One
 *         `silence` per gap: of `silentHours`, whoever was active; or shorter, from `activeSilentHours` on, when the
 *         identity provider saw this very laptop, or the code host its worker, in the middle of it. While a gap lasts
 *         that takes `lastingHours`: a laptop that cannot reach us has a spool that will tell. It is said when the first
 *         threshold is passed, and said anew as `HoursSilent` grows, by whole `silentHours`, for a week.
 *         `Announced` the agent's last word was that it was stopping, or it said afterwards that it had slept.
 *         Time in which the server itself was not listening does not count.
 * Memory  per laptop the stretches in which it was heard, per worker the hours of activity elsewhere, KEPT_MS back.
 */

import * as z from 'zod'
import { DAY, HOUR, MINUTE } from '../../../wire/time.ts'
import { type Draft, deriverKind, type Emit, LATENESS_MS, type Seen } from '../deriver.ts'
import { Subjects, single } from '../kit/kept.ts'

const WEEK = 7 * DAY
/** The lateness bound, and the days over which a silence may repeat. */
const KEPT_MS = LATENESS_MS + WEEK
const MAX_ENTRIES = 400
const MAX_ACTIVITY = 1_500
const TALKS_AGAIN_MS = 600_000
/** Of `silentHours` each. */
const LONGEST_DAYS = 7

const thresholds = z.strictObject({
  /** Hours without a word that count as silence by themselves: an idle agent reports itself every hour. */
  silentHours: z.number().min(3).max(720).default(24),
  /** Hours that count when the worker was active meanwhile: threat model P15, two hours. */
  activeSilentHours: z.number().min(1.5).max(24).default(2),
  /** The same while the gap lasts: behind a hotel's login page a browser works, and the agent cannot reach us. */
  lastingHours: z.number().min(1.5).max(72).default(8),
  /** Minutes at either end of a gap in which activity proves nothing: clocks differ, and heartbeats are hourly. */
  marginMinutes: z.number().min(0).max(240).default(70),
  /** Distinct hours in which the account was used from elsewhere that make a day's silence one of an absent laptop. */
  accountHours: z.int().min(1).max(24).default(3),
  /** Gaps with activity in them, at one hour of the UTC day, that count as repeated. */
  repeats: z.int().min(2).max(7).default(3),
})

type Evidence = 'this_laptop' | 'repository' | 'account'
const EVIDENCE = ['this_laptop', 'repository', 'account'] as const

interface Laptop {
  /** In order, and apart by more than the shortest gap that can matter. */
  heard: [from: number, to: number][]
  /** When the agent said that it was stopping. */
  stops: number[]
  /** When it woke, and how long it had slept. */
  wakes: [time: number, ms: number][]
  /** By the gap's start: what stands. */
  said: [gap: number, time: number, draft: Draft][]
  /** When something may become due. Not before: the last word, and the shortest silence. */
  due: number
  /** More is known than when it was judged last. */
  fresh: boolean
}

/** One hour of one worker's activity elsewhere: the first and last moment, and from which laptop. */
type Activity = [hour: number, kind: Evidence, device: string | null, first: number, last: number]

export const silence = deriverKind('silence', thresholds, (limits, world) => {
  const silentMs = limits.silentHours * HOUR
  const activeMs = Math.min(limits.activeSilentHours * HOUR, silentMs)
  const lastingMs = Math.min(limits.lastingHours * HOUR, silentMs)
  const marginMs = limits.marginMinutes * MINUTE
  const laptops = new Subjects<Laptop>()
  const activity = new Subjects<Activity[]>()
  let deaf: [number, number][] = []
  /** Any identity or repository feed has ever spoken: without one, nobody knows who was active elsewhere. */
  let feeds = false

  return {
    take(seen) {
      if (seen.conflict) return
      if (seen.device !== null) hear(seen.device, seen)
      else if (seen.worker !== null) note(seen.worker, seen)
    },
    advance(now, emit) {
      const due: [string, Laptop][] = []
      for (const [device, laptop] of laptops) if (now >= laptop.due || laptop.fresh) due.push([device, laptop])
      // Before any is judged: each looks at when the worker's other laptops were heard.
      for (const [, laptop] of due) forgetHeard(laptop, now)
      for (const [device, laptop] of due) judge(device, laptop, now, emit)
    },
    deaf: (from, to) => {
      deaf = [...deaf.filter(([, end]) => end > to - KEPT_MS), [from, to] as [number, number]]
        .sort((a, b) => a[0] - b[0])
        .slice(-MAX_ENTRIES)
    },
    kept: {
      laptops,
      activity,
      deaf: single(
        () => deaf,
        (state) => {
          deaf = state
        },
      ),
      feeds: single(
        () => feeds,
        (state) => {
          feeds = state
        },
      ),
    },
  }

  function hear(device: string, { event, worker, time, receivedAt }: Seen): void {
    const laptop = laptops.ensure(device, unheard)
    laptops.touch(device)
    // What one laptop was awake for is no riddle of the others.
    if (worker !== null && activity.has(worker)) refresh(worker, device)
    // A clock that runs ahead must not hide what is still to come.
    const at = Math.min(time, receivedAt)
    if (event?.category === 'agent_state' && event.Action === 'stopping') push(laptop.stops, at)
    if (event?.category === 'power_state' && event.ResumedAfterSeconds !== null)
      push(laptop.wakes, [at, event.ResumedAfterSeconds * 1_000])
    const last = laptop.heard.at(-1)
    if (last && at >= last[0] && at - last[1] < activeMs) {
      // The usual case: it talks on, and what could become due moves away.
      if (laptop.said.at(-1)?.[0] === last[1]) laptop.fresh = true
      const talked = last[1] - last[0]
      last[1] = Math.max(last[1], at)
      if (talked < TALKS_AGAIN_MS && last[1] - last[0] >= TALKS_AGAIN_MS) laptop.fresh = true
      laptop.due = last[1] + activeMs
      return
    }
    laptop.heard = merged([...laptop.heard, [at, at]], activeMs)
    laptop.fresh = true
  }

  /** All of the worker's laptops but one are judged at the next advance. */
  function refresh(worker: string, but: string | null): void {
    for (const device of world.devicesOf(worker)) {
      const laptop = device === but ? undefined : laptops.get(device)
      if (!laptop || laptop.fresh) continue
      laptop.fresh = true
      laptops.touch(device)
    }
  }

  function note(worker: string, { event, time: told, receivedAt }: Seen): void {
    const found = activityOf(event)
    if (!found) return
    const time = Math.min(told, receivedAt)
    if (!feeds) {
      feeds = true
      for (const [device, laptop] of laptops) {
        laptop.fresh = true
        laptops.touch(device)
      }
    }
    const [kind, device] = found
    const hour = Math.floor(time / HOUR)
    const all = activity.get(worker) ?? []
    const before = all.find((it) => it[0] === hour && it[1] === kind && it[2] === device)
    if (before) {
      before[3] = Math.min(before[3], time)
      before[4] = Math.max(before[4], time)
    } else all.push([hour, kind, device, time, time])
    const newest = Math.max(...all.map((it) => it[0]))
    activity.set(worker, all.filter((it) => it[0] > newest - KEPT_MS / HOUR).slice(-MAX_ACTIVITY))
    refresh(worker, null)
  }

  /** A little more is kept than is judged: what came just before a gap may cover activity in another laptop's. */
  function forgetHeard(laptop: Laptop, now: number): void {
    const { heard } = laptop
    laptop.heard = heard.filter(([, to], index) => to > now - KEPT_MS - activeMs || index === heard.length - 1)
  }

  /** Every gap of the kept time, and what stands of it. */
  function judge(device: string, laptop: Laptop, now: number, emit: Emit): void {
    const first = laptop.heard.findIndex(([, to], index) => to > now - KEPT_MS || index === laptop.heard.length - 1)
    const heard = laptop.heard.slice(first)
    const gaps = heard.map(([, from], index): Gap => {
      const next = heard[index + 1]
      // Just connected, it may be about to tell what it saw meanwhile.
      const ended = next !== undefined && (next[1] - next[0] >= TALKS_AGAIN_MS || index + 2 < heard.length)
      return { from, to: next?.[0] ?? now, ended, evidence: null }
    })
    // What is older than is judged stands as it stood.
    laptop.said = laptop.said.filter(([gap]) => gap >= heard[0]![0])
    for (const gap of gaps) gap.evidence = gap.to - gap.from < activeMs ? null : evidenceIn(device, gap)
    const said = gaps.flatMap((gap): Laptop['said'] => {
      const word = wordOn(laptop, gap, gaps)
      return word && isHeld(device, word[0]) ? [[gap.from, ...word]] : []
    })
    for (const [gap, time] of laptop.said)
      if (!said.some((it) => it[0] === gap && it[1] === time)) tell(time, gap, null)
    for (const it of said)
      if (JSON.stringify(laptop.said.find(([gap]) => gap === it[0])) !== JSON.stringify(it)) tell(it[1], it[0], it[2])
    laptop.said = said
    const last = heard.at(-1)![1]
    const steps = Array.from({ length: LONGEST_DAYS }, (_, n) => (n + 1) * silentMs)
    const open = [activeMs, lastingMs, ...steps].map((ms) => afterListening(last, ms)).find((it) => it > now)
    laptop.due = open ?? Number.MAX_SAFE_INTEGER
    laptop.fresh = false
    laptops.touch(device)

    function tell(time: number, gap: number, draft: Draft | null): void {
      emit({ device, worker: world.holderAt(device, time), time }, `gap ${gap}`, draft)
    }
  }

  /** When the gap became a silence, and what is said of it. */
  function wordOn(laptop: Laptop, { from, to, ended, evidence }: Gap, gaps: readonly Gap[]): [number, Draft] | null {
    const full = to >= afterListening(from, silentMs)
    const counts =
      evidence !== null &&
      evidence.kind !== 'account' &&
      to >= afterListening(from, ended ? activeMs : Math.max(lastingMs, activeMs))
    if (!full && !counts) return null
    const slept = laptop.wakes.some(([time, ms]) => Math.abs(time - to) < 10 * MINUTE && ms >= 0.8 * (to - from))
    const hour = new Date(from).getUTCHours()
    const alike = gaps.filter(
      (it) =>
        it.evidence !== null && it.from <= from && it.from > from - WEEK && new Date(it.from).getUTCHours() === hour,
    )
    return [
      full ? afterListening(from, silentMs) : Math.max(afterListening(from, activeMs), evidence!.since),
      {
        category: 'silence',
        HoursSilent: full ? limits.silentHours * timesPassed(from, to) : limits.activeSilentHours,
        ActiveElsewhere: feeds ? evidence !== null : null,
        Evidence: evidence?.kind ?? null,
        Announced: slept || laptop.stops.some((it) => Math.abs(it - from) < 5 * MINUTE),
        RepeatsAtHour: evidence && alike.length >= limits.repeats ? hour : null,
      },
    ]
  }

  /** The strongest evidence of work within the gap, and when it was first seen. */
  function evidenceIn(device: string, { from, to, ended }: Gap): Gap['evidence'] {
    const worker = world.holderAt(device, from)
    const all = (worker !== null && activity.get(worker)) || []
    const [start, end] = [from + marginMs, ended ? to - marginMs : to]
    const within = all.filter((it) => it[3] >= start && it[4] <= end && !elsewhereOurs(device, it))
    for (const kind of EVIDENCE) {
      const found = within.filter((it) => it[1] === kind && (kind !== 'this_laptop' || it[2] === device))
      if (found.length >= (kind === 'account' ? limits.accountHours : 1))
        return { kind, since: Math.min(...found.map((it) => it[3])) }
    }
    return null
  }

  /** Another laptop of this worker was awake then: no riddle. */
  function elsewhereOurs(device: string, [, kind, , first]: Activity): boolean {
    if (kind !== 'repository') return false
    const worker = world.holderAt(device, first)
    if (worker === null) return false
    return world.devicesOf(worker).some((other) => {
      const heard = other === device || world.holderAt(other, first) !== worker ? [] : (laptops.get(other)?.heard ?? [])
      return heard.some(([a, b]) => a - activeMs <= first && first <= b + activeMs)
    })
  }

  /** A laptop that was handed back may be switched off. */
  function isHeld(device: string, time: number): boolean {
    return world.holdingsOf(device).length === 0 || world.holderAt(device, time) !== null
  }

  /** How often `silentHours` went by. */
  function timesPassed(from: number, to: number): number {
    let times = 1
    while (times < LONGEST_DAYS && to >= afterListening(from, (times + 1) * silentMs)) times++
    return times
  }

  /** When somebody who listened from `from` on had listened for so long. */
  function afterListening(from: number, ms: number): number {
    let time = from + ms
    for (const [start, end] of deaf) if (start < time && end > from) time += end - Math.max(start, from)
    return time
  }
})

interface Gap {
  from: number
  to: number
  /** False: it lasts. */
  ended: boolean
  evidence: { kind: Evidence; since: number } | null
}

function unheard(): Laptop {
  return { heard: [], stops: [], wakes: [], said: [], due: 0, fresh: true }
}

/** What a feed's event says about who was active; null for what says nothing, such as a phone or a failure. */
function activityOf(event: Seen['event']): [Evidence, device: string | null] | null {
  if (event?.category === 'repo_audit') return ['repository', null]
  if (event?.category !== 'idp_login' || event.Mobile === true || /^(fail|den)/i.test(event.Result)) return null
  return event.DeviceId === null ? ['account', null] : ['this_laptop', event.DeviceId]
}

function push<T>(list: T[], one: T): void {
  list.push(one)
  if (list.length > MAX_ENTRIES) list.shift()
}

/** In order; what is nearer than `apart` is one stretch. */
function merged(stretches: readonly [number, number][], apart: number): [number, number][] {
  const out: [number, number][] = []
  for (const [from, to] of [...stretches].sort((a, b) => a[0] - b[0])) {
    const last = out.at(-1)
    if (last && from - last[1] < apart) last[1] = Math.max(last[1], to)
    else out.push([from, to])
  }
  return out.slice(-MAX_ENTRIES)
}
