/**
 * Records in; out comes what stands.
 *
 * It goes through the real pipeline, with one rule that makes a finding of its own of every derived event: what a
 * deriver takes back is gone here too.
 */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Program } from '../../../rules/language/index.ts'
import type { Thresholds } from '../../../server/derive/index.ts'
import { Pipeline } from '../../../server/detect/pipeline.ts'
import type { Category, EventOf } from '../../../wire/event.ts'
import type { Recorded } from '../../../wire/recording.ts'
import { HOUR, NOWHERE, rule } from '../events.ts'

const LATE_MS = 72 * HOUR

export interface Run {
  /** The log's clock at the end, epoch ms. Absent: the latest moment the records speak of. */
  at?: number
  /** By deriver, as in the configuration. */
  thresholds?: Record<string, Record<string, unknown>>
}

/** What stands of one category, by time and id. */
export function standing<C extends Category>(category: C, records: readonly Recorded[], run: Run = {}): EventOf<C>[] {
  return about(category, records, run).map((it) => it.event)
}

export interface About<C extends Category> {
  event: EventOf<C>
  device: string | null
  worker: string | null
}

/** The same, with whom each is about. */
export function about<C extends Category>(category: C, records: readonly Recorded[], run: Run = {}): About<C>[] {
  const pipeline = fresh(category, run)
  for (const it of records) pipeline.take(it)
  pipeline.advance(run.at)
  return standingIn<C>(pipeline)
}

/**
 * Fails unless `records` leave the same standing in every order in which each comes up to 72 hours late, with a restart
 * anywhere between. `known` (contracts, holdings) is there from the beginning. Says what stands.
 */
export function sameInAnyOrder<C extends Category>(
  category: C,
  known: readonly Recorded[],
  records: readonly Recorded[],
  run: Run = {},
): EventOf<C>[] {
  const inTime = [...records].sort((a, b) => timeOf(a) - timeOf(b))
  const expected = about(category, [...known, ...inTime], run)
  const length = { minLength: records.length, maxLength: records.length }
  fc.assert(
    fc.property(fc.array(fc.nat(LATE_MS), length), fc.nat(records.length), (delays, cut) => {
      const arrived = inTime
        .map((it, index) => ({ it, at: timeOf(it) + delays[index]! }))
        .sort((a, b) => a.at - b.at)
        .map(({ it }) => it)
      const before = fresh(category, run)
      for (const it of [...known, ...arrived.slice(0, cut)]) before.take(it)
      const after = fresh(category, run)
      assert.ok(after.load(before.save(), before.findings.all()))
      for (const it of arrived.slice(cut)) after.take(it)
      after.advance(run.at)
      assert.deepEqual(standingIn(after), expected)
    }),
    { numRuns: 50 },
  )
  return expected.map((it) => it.event)
}

function fresh(category: Category, run: Run): Pipeline {
  const every = rule({ logsource: { category, product: null, service: null } })
  const ours = { ...every, tellwire: { ...every.tellwire!, groupBy: ['id'] } }
  const program: Program = {
    rules: [ours],
    match: (event) => (event.category === category && event.product === 'tellwire' ? [{ rule: ours }] : []),
    reads: () => false,
  }
  return new Pipeline({
    program,
    correlations: [],
    ...(run.thresholds && { thresholds: run.thresholds as Thresholds }),
    recognise: () => undefined,
    lookup: () => NOWHERE,
  })
}

function standingIn<C extends Category>(pipeline: Pipeline): About<C>[] {
  return pipeline.findings
    .all()
    .flatMap(({ events, device, worker }) => events.map((it) => ({ event: it as EventOf<C>, device, worker })))
    .sort((a, b) => a.event.time - b.event.time || (a.event.id < b.event.id ? -1 : 1))
}

/** When the record would have come, had nothing held it up. */
function timeOf(record: Recorded): number {
  switch (record.type) {
    case 'event':
      return record.event.time
    case 'contract':
    case 'device':
    case 'label':
      return record.from
    default:
      return record.time
  }
}
