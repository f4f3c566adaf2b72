import assert from 'node:assert/strict'
import { noteOf } from '../../../../server/store/fold.ts'
import { lineOf } from '../../../../server/store/segment.ts'
import { columnsOf, notesOf } from '../../../../server/store/sqlite/note-columns.ts'
import type { Recorded } from '../../../../wire/recording.ts'
import { feedLine, idOf, mixed, processEvent, recorded, T0 } from '../samples.ts'

describe('the facts of records as columns', () => {
  const cases: { name: string; records: Recorded[] }[] = [
    { name: 'nothing', records: [] },
    { name: 'records of every type', records: mixed(400) },
    { name: 'feed lines', records: [feedLine('one'), feedLine('two')] },
    { name: 'a label', records: [{ type: 'label', worker: 'w1', truth: 'benign', scenario: 'N1', from: T0 }] },
    { name: 'an event that no spool numbered', records: [recorded('d1', processEvent(null))] },
    {
      name: 'conflicts among others',
      records: [
        recorded('d1', processEvent(1)),
        recorded('d1', processEvent(1, { id: idOf('a') }), { conflict: true }),
        feedLine('one'),
        recorded('d2', processEvent(2, { id: idOf('b') }), { conflict: true }),
      ],
    },
  ]
  for (const { name, records } of cases) {
    it(`are the same as from the records: ${name}`, () => {
      const lines = records.map(lineOf)
      // Ids of events without a conflict are not transferred.
      const expected = records.map((record, index) => {
        const note = noteOf(lines[index]!, record)
        return note.facts && !note.facts.conflict ? { ...note, facts: { ...note.facts, id: '' } } : note
      })
      assert.deepEqual(notesOf(lines, columnsOf(records)), expected)
    })
  }
})
