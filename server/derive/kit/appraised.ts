/**
 * Derived events that depend on what the company says is its own, which it may say later: they are kept for
 * `APPRAISED_DAYS`, judged again when that changes, and emitted again where the judgement differs.
 *
 * Shape   `judge` completes an event: from what was observed, to the draft as the contract and the fleet are known now.
 *         Only what is not in its `mark` must follow from the observation alone.
 * Memory  per laptop one entry for each kind of observation, and three small values for each event of 35 days;
 *         `MAX_EVENTS` at most, the earliest dropped first. An event that is no longer kept stays as it is.
 */
import { DAY } from '../../../wire/time.ts'
import type { Draft, Emit } from '../deriver.ts'
import { APPRAISED_DAYS } from './appraised-days.ts'
import { Names, type Parts, Subjects } from './kept.ts'
import type { Changed, World } from './world.ts'

const MAX_EVENTS = 2_000
const MAX_KINDS = 256

export interface Appraisal {
  draft: Draft
  /** Differs when the draft does. */
  mark: string
}

/** What was observed, as plain JSON. */
interface Kind<O> {
  key: string
  observed: O
}

interface Laptop<O> {
  kinds: Kind<O>[]
  events: [time: number, kind: number, mark: string][]
}

export interface Appraised<O> {
  /** `observed` null retracts the event. */
  put(device: string, time: number, key: string, observed: O | null, emit: Emit): void
  changed(changed: Changed): void
  advance(emit: Emit): void
  readonly kept: Parts
}

export function appraised<O>(
  world: World,
  judge: (device: string, worker: string | null, time: number, observed: O) => Appraisal,
): Appraised<O> {
  const laptops = new Subjects<Laptop<O>>()
  const due = new Names()

  return {
    put(device, time, key, observed, emit) {
      const laptop = laptops.get(device) ?? { kinds: [], events: [] }
      const about = { device, worker: world.holderAt(device, time), time }
      const at = laptop.events.findLastIndex(([t, kind]) => t === time && laptop.kinds[kind]!.key === key)
      if (at !== -1) laptop.events.splice(at, 1)
      if (observed === null) emit(about, key, null)
      else {
        const { draft, mark } = judge(device, about.worker, time, observed)
        laptop.events.splice(placeOf(laptop, time), 0, [time, kindOf(laptop, key, observed), mark])
        emit(about, key, draft)
      }
      prune(laptop)
      laptops.set(device, laptop)
    },
    changed({ worker, device }) {
      if (device !== null) addDue(device)
      else if (worker !== null) for (const it of world.devicesOf(worker)) addDue(it)
      else for (const it of laptops.keys()) due.add(it)
    },
    advance(emit) {
      for (const device of due) {
        const laptop = laptops.get(device)
        for (const event of laptop?.events ?? []) {
          const { key, observed } = laptop!.kinds[event[1]]!
          const about = { device, worker: world.holderAt(device, event[0]), time: event[0] }
          const { draft, mark } = judge(device, about.worker, event[0], observed)
          if (mark === event[2]) continue
          event[2] = mark
          laptops.touch(device)
          emit(about, key, draft)
        }
      }
      due.clear()
    },
    kept: { appraised: laptops, due },
  }

  function addDue(device: string): void {
    if (laptops.has(device)) due.add(device)
  }
}

function placeOf({ events }: Laptop<unknown>, time: number): number {
  return events.findLastIndex((it) => it[0] <= time) + 1
}

function kindOf<O>({ kinds }: Laptop<O>, key: string, observed: O): number {
  const text = JSON.stringify(observed)
  const known = kinds.findIndex((it) => it.key === key && JSON.stringify(it.observed) === text)
  return known === -1 ? kinds.push({ key, observed }) - 1 : known
}

function prune<O>(laptop: Laptop<O>): void {
  const { events } = laptop
  const since = (events.at(-1)?.[0] ?? 0) - APPRAISED_DAYS * DAY
  let count = Math.max(0, events.length - MAX_EVENTS)
  while (count < events.length && events[count]![0] < since) count++
  events.splice(0, count)
  if (count === 0 || laptop.kinds.length < MAX_KINDS) return
  const used = [...new Set(events.map((it) => it[1]))]
  const places = new Map(used.map((kind, place) => [kind, place]))
  laptop.kinds = used.map((kind) => laptop.kinds[kind]!)
  for (const it of events) it[1] = places.get(it[1])!
}
