import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Numbers } from '../../../server/recordings/numbers.ts'

describe('numbers of a recording', () => {
  it('a number is new once, then a retry or a conflict', () => {
    const numbers = new Numbers()
    assert.deepEqual(
      [
        numbers.take('d1', 0, 1, 'a'),
        numbers.take('d1', 0, 1, 'a'),
        numbers.take('d1', 0, 1, 'b'),
        numbers.take('d1', 1, 1, 'b'),
        numbers.take('d2', 0, 1, 'b'),
      ],
      ['new', 'retry', 'conflict', 'new', 'new'],
    )
  })

  it('gives the same answers as a map of ids, for any numbers in any order', () =>
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(
            fc.oneof(
              fc.integer({ min: 1, max: 3_000 }),
              fc.maxSafeInteger().map((it) => Math.abs(it) || 1),
            ),
            fc.constantFrom('a', 'b'),
          ),
          { maxLength: 300 },
        ),
        (taken) => {
          const numbers = new Numbers()
          const known = new Map<number, string>()
          for (const [seq, id] of taken) {
            const before = known.get(seq)
            const expected = before === undefined ? 'new' : before === id ? 'retry' : 'conflict'
            if (before === undefined) known.set(seq, id)
            assert.equal(numbers.take('d1', 0, seq, id), expected)
          }
        },
      ),
    ))

  it('numbers with growing gaps do not fill the memory', () => {
    const numbers = new Numbers()
    const before = process.memoryUsage().arrayBuffers
    for (let n = 0; n < 40; n++) numbers.take('d1', 0, 2 ** n, `${n}`)
    assert.ok(process.memoryUsage().arrayBuffers - before < 1_000_000)
  })
})
