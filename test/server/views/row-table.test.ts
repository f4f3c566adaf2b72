/** Rows by their changes: none lost and none repeated, wherever the pages end. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { byUrgency } from '../../../server/model/urgency.ts'
import { RowTable } from '../../../server/views/row-table.ts'
import type { QueuePage, WorkerRow } from '../../../server/views/schema.ts'
import { T0 } from '../events.ts'
import { workerRow } from './samples.ts'

const ask = (table: RowTable, since: number | null, limit = 100) => JSON.parse(table.page(since, limit)) as QueuePage
const named = ({ rows }: QueuePage) => rows.map((it) => it.worker)

function filled(...workers: string[]): RowTable {
  const table = new RowTable(T0)
  for (const [index, worker] of workers.entries()) table.put(workerRow(worker, { points: 10 * index }))
  return table
}

/** Reads as a page does: from its revision to the end, and from the start when it is reset. */
class Copy {
  readonly rows = new Map<string, WorkerRow>()
  revision: number | null = null
  resets = 0

  read(table: RowTable, limit: number): void {
    for (let more = true; more; ) {
      const page = ask(table, this.revision, limit)
      if (page.reset) {
        this.rows.clear()
        this.resets++
      }
      for (const it of page.rows) this.rows.set(it.worker, it)
      for (const it of page.gone) this.rows.delete(it)
      this.revision = page.revision
      more = page.more
    }
  }
}

describe('the rows of the queue', () => {
  it('the first page is in the order of the queue, and complete when all rows fit', () => {
    const page = ask(filled('a', 'b', 'c'), null)
    assert.deepEqual([named(page), page.reset, page.more, page.gone], [['c', 'b', 'a'], true, false, []])
  })

  it('a limited first page is followed by all rows, oldest change first', () => {
    const table = filled('a', 'b', 'c')
    const first = ask(table, null, 2)
    assert.deepEqual([named(first), first.more], [['c', 'b'], true])
    const second = ask(table, first.revision, 2)
    assert.deepEqual([named(second), second.reset, second.more], [['a', 'b'], false, true])
    const third = ask(table, second.revision, 2)
    assert.deepEqual([named(third), third.more, third.revision], [['c'], false, table.revision])
  })

  it('storing an equal row is not a change', () => {
    const table = filled('a')
    const { revision } = table
    assert.equal(table.put(workerRow('a', { points: 0 })), false)
    assert.equal(table.revision, revision)
    const page = ask(table, revision)
    assert.deepEqual([page.rows, page.gone, page.revision, page.more], [[], [], revision, false])
  })

  it('a row that changed twice is sent once, in its current state', () => {
    const table = filled('a', 'b')
    const { revision } = table
    table.put(workerRow('a', { points: 50 }))
    table.put(workerRow('a', { points: 60 }))
    assert.deepEqual(ask(table, revision).rows, [workerRow('a', { points: 60 })])
  })

  it('the next open case is below the worker, or the first one, wherever a decided case went', () => {
    const table = new RowTable(T0)
    const put = (worker: string, points: number, state: WorkerRow['case']) =>
      table.put(workerRow(worker, { band: 'high', points, case: state, name: `Name of ${worker}` }))
    put('a', 50, 'open')
    put('b', 40, 'reopened')
    put('c', 30, 'closed')
    put('d', 20, 'open')
    put('e', 10, 'none')
    const next = (worker: string) => {
      const { next, open } = table.nextCase(worker)
      return [next?.worker, open]
    }
    assert.deepEqual(['a', 'b', 'c', 'd', 'e', 'nobody'].map(next), [
      ...[
        ['b', 2],
        ['d', 2],
        ['d', 3],
        ['a', 2],
        ['a', 3],
        ['a', 3],
      ],
    ])
    assert.equal(table.nextCase('a').next?.name, 'Name of b')
    for (const it of ['a', 'b', 'd']) put(it, 1, 'closed')
    assert.deepEqual(table.nextCase('a'), { next: null, open: 0 })
  })

  it('removed workers are listed, unless they came back', () => {
    const table = filled('a', 'b')
    const { revision } = table
    table.remove('a')
    table.remove('b')
    table.put(workerRow('b'))
    const page = ask(table, revision)
    assert.deepEqual([page.gone, named(page)], [['a'], ['b']])
    assert.equal(table.remove('nobody'), false)
  })

  const strangers = [
    { name: 'before a restart', since: (table: RowTable) => table.revision - 10_000 },
    { name: 'nowhere', since: () => 0 },
    { name: 'the future', since: (table: RowTable) => table.revision + 1 },
  ]
  for (const { name, since } of strangers)
    it(`a revision from ${name} starts over`, () => {
      const table = filled('a', 'b')
      const page = ask(table, since(table))
      assert.deepEqual([page.reset, named(page)], [true, ['b', 'a']])
    })

  it('with more removals than are kept, only a reader with an old revision starts over', () => {
    const table = filled('a')
    const early = table.revision
    for (let n = 0; n < 10_002; n++) {
      table.put(workerRow('x'))
      table.remove('x')
    }
    assert.equal(ask(table, early).reset, true)
    const late = table.revision
    table.remove('a')
    assert.deepEqual([ask(table, late).reset, ask(table, late).gone], [false, ['a']])
  })

  it('a copy read to the end equals the table, whatever changes during reading', () => {
    const step = fc.oneof(
      fc.record({ worker: fc.nat(12), points: fc.nat(3) }),
      fc.record({ gone: fc.nat(12) }),
      fc.record({ read: fc.integer({ min: 1, max: 5 }) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const table = new RowTable(T0)
        const copy = new Copy()
        for (const it of steps) {
          if ('points' in it) table.put(workerRow(`w${it.worker}`, { points: it.points }))
          else if ('gone' in it) table.remove(`w${it.gone}`)
          else copy.read(table, it.read)
        }
        copy.read(table, 3)
        const all = ask(table, null, 1_000).rows
        assert.deepEqual([...copy.rows.values()].sort(byUrgency), all)
        assert.equal(copy.resets, 1)
      }),
    )
  })
})
