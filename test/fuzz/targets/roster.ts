/** Rosters as CSV and as JSON. */
import assert from 'node:assert/strict'
import { deliveryText } from '../../../server/roster/delivery.ts'
import { newsOf } from '../../../server/roster/news.ts'
import { MAX_PROBLEMS, parseRoster } from '../../../server/roster/roster.ts'
import { Contract, Device } from '../../../wire/contract.ts'
import { Fault } from '../../../wire/fault.ts'
import { Recorded } from '../../../wire/recording.ts'
import type { Target } from '../target.ts'

const NOW = Date.UTC(2026, 10, 22)

export const rosterCsv: Target = {
  name: 'roster-csv',
  shape: 'csv',
  dictionary: ['worker,', 'country', 'timeZone', '2026-02-29', 'America/Chicago', '"";""', '",\n"', 'Mo-Fr 9-17'],
  open: async () => ({ run: (input) => read(input, 'csv') }),
}

export const rosterJson: Target = {
  name: 'roster-json',
  shape: 'json',
  dictionary: ['"worker":', '"contracts":', '"devices":', '"from":', '"to":', '"approvedEgress":', '"household":'],
  open: async () => ({ run: (input) => read(input, 'json') }),
}

function read(input: Buffer, format: 'csv' | 'json'): void {
  try {
    const roster = parseRoster(input.toString('utf8'), { format, fileName: 'roster', now: NOW })
    for (const it of roster.contracts) assert.ok(Contract.safeParse(it).success, 'a contract satisfies the schema')
    for (const it of roster.devices) assert.ok(Device.safeParse(it).success, 'an assignment satisfies the schema')
    assert.ok(roster.problems.length <= Math.min(MAX_PROBLEMS, roster.omitted))
    for (const { line, why } of roster.problems) assert.ok(line >= 1 && why.length > 0 && why.length < 1_000)
    assert.doesNotThrow(() => JSON.parse(deliveryText(roster)))
    const { records } = newsOf(roster, { versions: () => [], holdings: () => [] }, NOW)
    for (const it of records)
      assert.ok(Recorded.safeParse(JSON.parse(JSON.stringify(it))).success, 'a record satisfies the schema')
  } catch (cause) {
    if (!(cause instanceof Fault && cause.code === 'roster.invalid')) throw cause
  }
}
