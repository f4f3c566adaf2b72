import assert from 'node:assert/strict'
import { ColleagueBook } from '../../../server/detect/colleagues.ts'
import type { Finding } from '../../../server/model/finding.ts'
import { finding } from '../assess/finding.ts'
import { DAY, HOUR, T0 } from '../events.ts'

const START = Math.floor(T0 / DAY) * DAY

function company({ workers, showing, flagged = [] }: { workers: number; showing: number[]; flagged?: number[] }) {
  const book = new ColleagueBook()
  const found = new Map<string, Finding[]>()
  for (let n = 0; n < workers; n++) book.saw(`w${n}`, START)
  for (const n of showing) found.set(`w${n}`, [finding({ rule: 'r', worker: `w${n}`, time: START, lastTime: START })])
  const count = (now: number) =>
    book.count(now, {
      findings: { of: (worker) => found.get(worker) ?? [] },
      world: { contractAt: (worker) => ({ worker, from: 0, roles: [worker === 'w0' ? 'Lead' : 'Developer'] }) },
      isFlagged: (worker) => flagged.includes(Number(worker.slice(1))),
    })
  return { book, count }
}

describe('colleagues', () => {
  it('are counted by role, with how many show each kind of evidence', () => {
    const { count } = company({ workers: 20, showing: [0, 1, 2] })
    assert.deepEqual(count(START + HOUR), {
      ...{ type: 'rarity', time: START + HOUR },
      roles: [
        { role: 'developer', workers: 19, shown: { r: 2 } },
        { role: 'lead', workers: 1, shown: { r: 1 } },
      ],
    })
  })
  it('who are flagged do not make their evidence common', () => {
    const { count } = company({ workers: 101, showing: [1, 2, 3, 4], flagged: [1, 2, 3] })
    assert.deepEqual(count(START).roles[0]?.shown, { r: 1 })
  })
  it('who are flagged are counted when they are too many to be infiltrators', () => {
    const all = Array.from({ length: 100 }, (_, n) => n + 1)
    const { count } = company({ workers: 101, showing: all, flagged: all })
    assert.deepEqual(count(START).roles[0]?.shown, { r: 90 })
  })
  it('who were not seen for a month are not counted, and neither are old findings', () => {
    const { book, count } = company({ workers: 10, showing: [1] })
    book.saw('w1', START + 40 * DAY)
    assert.deepEqual(count(START + 40 * DAY).roles, [{ role: 'developer', workers: 1, shown: {} }])
  })
  it('are counted every hour of the first day, and then daily', () => {
    const { book, count } = company({ workers: 3, showing: [] })
    const due: number[] = []
    for (let now = START; now <= START + 4 * DAY; now += HOUR / 2)
      if (book.isDue(now)) {
        due.push((now - START) / HOUR)
        book.take(count(now))
      }
    assert.deepEqual(due, [...Array.from({ length: 23 }, (_, n) => n + 1), 24, 48, 72, 96])
  })
  it('are not counted before anybody was seen', () => assert.equal(new ColleagueBook().isDue(T0), false))
  it('an older record does not replace a newer one', () => {
    const { book, count } = company({ workers: 3, showing: [] })
    book.take(count(START + DAY))
    book.take(count(START))
    assert.equal(book.record?.time, START + DAY)
  })
})
