/** The derived events in force after some records, with restarts in between. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Thresholds } from '../../../server/derive/index.ts'
import type { Category, EventOf } from '../../../wire/event.ts'
import type { Recorded } from '../../../wire/recording.ts'
import { HOUR } from '../events.ts'
import { Ledger, Rig, shuffled } from './rig.ts'

const LATE_MS = 72 * HOUR

export interface Run {
  /** The log's clock at the end, epoch ms. Absent: the latest moment the records speak of. */
  at?: number
  /** By deriver, as in the configuration. */
  thresholds?: Record<string, Record<string, unknown>>
}

export interface About<C extends Category> {
  event: EventOf<C>
  device: string | null
  worker: string | null
}

/** The events in force of one category, by time and id. */
export function standing<C extends Category>(category: C, records: readonly Recorded[], run: Run = {}): EventOf<C>[] {
  return about(category, records, run).map((it) => it.event)
}

/** The same, with their subjects. */
export function about<C extends Category>(category: C, records: readonly Recorded[], run: Run = {}): About<C>[] {
  return inForce(category, records, run, [Math.floor(records.length / 2)])
}

/**
 * Fails unless the events in force are the same in every order in which each record is up to 72 hours late, with
 * restarts anywhere. `known` (contracts, holdings) comes first. Returns the events in force.
 */
export function sameInAnyOrder<C extends Category>(
  category: C,
  known: readonly Recorded[],
  records: readonly Recorded[],
  run: Run = {},
): EventOf<C>[] {
  const inTime = [...records].sort((a, b) => timeOf(a) - timeOf(b))
  const expected = inForce(category, [...known, ...inTime], run, [])
  const length = { minLength: records.length, maxLength: records.length }
  const restarts = fc.array(fc.nat(known.length + records.length), { maxLength: 3 })
  fc.assert(
    fc.property(fc.array(fc.nat(LATE_MS), length), restarts, (delays, cuts) => {
      const arrived = inTime
        .map((it, index) => ({ it, at: timeOf(it) + delays[index]! }))
        .sort((a, b) => a.at - b.at)
        .map(({ it }) => it)
      assert.deepEqual(inForce(category, [...known, ...arrived], run, cuts), expected)
    }),
    { numRuns: 50 },
  )
  return expected.map((it) => it.event)
}

/** After `cuts` records, a new process resumes from the saved rows, in another order. */
function inForce<C extends Category>(
  category: C,
  records: readonly Recorded[],
  run: Run,
  cuts: readonly number[],
): About<C>[] {
  const ledger = new Ledger()
  const standing = new Map<string, About<C>>()
  let rig = new Rig(run.thresholds as Thresholds)
  const settle = () => {
    for (const { event, device, worker, isRetracted } of rig.emitted)
      if (isRetracted) standing.delete(event.id)
      else if (event.category === category) standing.set(event.id, { event: event as EventOf<C>, device, worker })
    rig.emitted = []
    ledger.collect(rig.parts)
  }
  for (const [index, record] of records.entries()) {
    rig.take(record)
    if (cuts.length > 0) settle()
    if (!cuts.includes(index + 1)) continue
    ledger.check(rig.parts)
    const next = new Rig(run.thresholds as Thresholds)
    next.restored(shuffled(ledger.rows(), index))
    next.clockOf(rig)
    rig = next
  }
  rig.advance(run.at)
  settle()
  ledger.check(rig.parts)
  return [...standing.values()].sort((a, b) => a.event.time - b.event.time || (a.event.id < b.event.id ? -1 : 1))
}

/** When the record would have arrived without delay. */
function timeOf(record: Recorded): number {
  switch (record.type) {
    case 'event':
      return record.event.time
    case 'learning':
      return record.saidAt
    case 'contract':
    case 'approval':
    case 'device':
    case 'revocation':
    case 'label':
      return record.from
    default:
      return record.time
  }
}
