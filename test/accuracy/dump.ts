/**
 * All findings of a fleet, morning by morning, so that constants of the score can be tried without running it again.
 *
 * Shape   `findings` as the detector makes them, with what the rule says about them; of their events only the first is
 *         whole, of the others the id, time and category remain. Two findings with a common event id tell of one
 *         event. `mornings` says on which day of the run a finding was new, grew, or was retracted: the state of a
 *         morning is the last entry up to that day.
 * Units   days of the run, at midnight UTC: what stands at 3 was there when the fourth day began.
 */
import type { Finding } from '../../server/model/finding.ts'
import type { Contract } from '../../wire/contract.ts'
import { DAY } from '../../wire/time.ts'
import type { Label } from './course.ts'
import type { Fleet } from './fleets.ts'

/** Null: retracted. */
export type Entry = [day: number, state: { time: number; lastTime: number; count: number } | null]

export interface DumpedFinding extends Omit<Finding, 'events'> {
  first: Finding['events'][number] | null
  events: { id: string; category: string; time: number }[]
  mornings: Entry[]
}

export interface Dump {
  fleet: Fleet
  /** Everybody, with the contract of the last day. */
  workers: { worker: string; label: Label | null; contract: Contract | null }[]
  findings: DumpedFinding[]
}

interface Known {
  findings: { subjects(): string[]; of(worker: string): Finding[] }
  world: { contractAt(worker: string, time: number): Contract | null }
  readonly time: number
}

export function dumping(fleet: Fleet, known: Known) {
  const all = new Map<string, DumpedFinding>()
  return {
    morning(at: number): void {
      const day = Math.round((at - fleet.start) / DAY)
      const here = new Set<string>()
      for (const worker of known.findings.subjects())
        for (const finding of known.findings.of(worker)) {
          here.add(finding.id)
          take(day, finding)
        }
      for (const [id, { mornings }] of all) if (!here.has(id) && mornings.at(-1)?.[1]) mornings.push([day, null])
    },
    done(labels: ReadonlyMap<string, Label>): Dump {
      const findings = [...all.values()]
      const workers = Array.from({ length: fleet.workers }, (_, nth) => `w${nth + 1}`)
      return {
        fleet,
        workers: workers.map((worker) => ({
          worker,
          label: labels.get(worker) ?? null,
          contract: known.world.contractAt(worker, known.time),
        })),
        findings,
      }
    },
  }

  function take(day: number, finding: Finding): void {
    const { events, ...rest } = finding
    const { time, lastTime, count } = finding
    const before = all.get(finding.id)
    const state = before?.mornings.at(-1)?.[1]
    if (state && state.time === time && state.lastTime === lastTime && state.count === count) return
    all.set(finding.id, {
      ...rest,
      first: events[0] ?? null,
      events: events.map(({ id, category, time }) => ({ id, category, time })),
      mornings: [...(before?.mornings ?? []), [day, { time, lastTime, count }]],
    })
  }
}

/** The findings of each worker as they were on that morning, as the score reads them. */
export function findingsAt({ findings }: Dump, day: number): Map<string, Finding[]> {
  const of = new Map<string, Finding[]>()
  for (const { mornings, first, events, ...finding } of findings) {
    const state = mornings.findLast(([from]) => from <= day)?.[1]
    if (!state) continue
    const subject = finding.worker ?? finding.device ?? 'unknown'
    const known = events.filter((it) => it.time <= state.lastTime)
    const whole = { ...finding, ...state, events: known.map((it) => ({ ...(it.id === first?.id ? first : it) })) }
    of.set(subject, [...(of.get(subject) ?? []), whole as Finding])
  }
  return of
}
