/** Folding notes in order, whatever their order of arrival and number. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Draft } from '../../../../server/derive/deriver.ts'
import { LATENESS_MS } from '../../../../server/derive/deriver.ts'
import { inOrder, type Note } from '../../../../server/derive/kit/in-order.ts'
import { allRows, restoreRows } from '../../../../server/derive/kit/kept.ts'
import { DAY, HOUR, T0 } from '../../events.ts'

type Step = Note & { add: number }
const draft = (value: number) => ({ category: 'silence', HoursSilent: value }) as unknown as Draft
/** Reports the running sum at every third note, and sometimes retracts the one before. */
const sums = () =>
  inOrder<{ sum: number; count: number; last: number | null }, Step>(
    {
      begin: () => ({ sum: 0, count: 0, last: null }),
      step(state, { time, add }, report) {
        state.sum += add
        if (++state.count % 3 > 0) return
        if (state.last !== null && add % 2 === 0) report(state.last, 'sum', null)
        report(time, 'sum', draft(state.sum))
        state.last = time
      },
    },
    50,
  )
function standing(steps: readonly Step[], restartAfter = -1): [number, unknown][] {
  const all = new Map<number, unknown>()
  let engine = sums()
  for (const [index, step] of steps.entries()) {
    engine.take('w1', step, (time, _key, reported) => {
      if (reported) all.set(time, (reported as { HoursSilent?: number }).HoursSilent)
      else assert.ok(all.delete(time), 'an event that was never reported is not retracted')
    })
    if (index !== restartAfter) continue
    const rows = allRows(engine.kept)
    engine = sums()
    restoreRows(engine.kept, rows.reverse())
  }
  return [...all].sort((a, b) => a[0] - b[0])
}
const note = (n: number, time: number): Step => ({ id: `n${n}`, time, add: n })

describe('notes in order', () => {
  it('the events in force are the same in any order, with a restart anywhere', () =>
    fc.assert(
      fc.property(
        fc.array(fc.nat(60), { minLength: 1, maxLength: 40 }).chain((hours) => {
          const steps = hours.map((hour, n) => note(n, T0 + hour * HOUR))
          return fc.tuple(fc.constant(steps), fc.shuffledSubarray(steps, { minLength: steps.length }), fc.nat(40))
        }),
        ([steps, shuffled, cut]) => {
          const inTime = [...steps].sort((a, b) => a.time - b.time || (a.id < b.id ? -1 : 1))
          assert.deepEqual(standing(shuffled, cut), standing(inTime))
        },
      ),
    ))

  it('a repeated note changes nothing', () => {
    const steps = [1, 2, 3, 4, 5, 6].map((n) => note(n, T0 + n * HOUR))
    assert.deepEqual(standing([...steps, ...steps]), standing(steps))
  })

  it('too many notes are settled early and counted, and their events stay in force', () => {
    const engine = sums()
    const said: number[] = []
    for (let n = 1; n <= 200; n++) engine.take('w1', note(2 * n + 1, T0 + n), (time) => said.push(time))
    engine.take('w1', note(7, T0 + 10), () => assert.fail('too late for what was settled'))
    assert.deepEqual([engine.counters.squeezed, engine.counters.late], [150, 1])
    assert.equal(said.length, 66)
  })

  it('a note from before the lateness bound is counted and ignored', () => {
    const engine = sums()
    engine.take('w1', note(1, T0), () => {})
    engine.take('w1', note(2, T0 + LATENESS_MS + DAY), () => {})
    engine.take('w1', note(3, T0 - DAY), () => assert.fail('too late'))
    assert.equal(engine.counters.late, 1)
  })
})
