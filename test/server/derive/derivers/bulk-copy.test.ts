/** A slow copy, added up. */
import assert from 'node:assert/strict'
import type { Recorded } from '../../../../wire/recording.ts'
import { contract, event, HOUR, holding, MINUTE, received, T0 } from '../../events.ts'
import { sameInAnyOrder, standing } from '../standing.ts'

const home = [contract('w1'), holding('d1', 'w1')]
const burst = (files: number, time: number, root = '/media/stick') =>
  received(
    'd1',
    event(
      'file_burst',
      {
        ...{ Root: root, RootKind: 'removable', Files: files, Bytes: files * 10, Archives: 0, SourceFiles: files },
        WindowSeconds: 60,
      },
      time,
    ),
  )

const cases: { what: string; records: Recorded[]; sums: number[] }[] = [
  { what: 'one burst speaks for itself', records: [burst(100, T0)], sums: [] },
  {
    what: 'a slow copy adds up',
    records: [burst(100, T0), burst(200, T0 + MINUTE), burst(300, T0 + 2 * MINUTE)],
    sums: [300, 600],
  },
  { what: 'an hour later it begins anew', records: [burst(100, T0), burst(200, T0 + HOUR)], sums: [] },
  {
    what: 'another folder is another copy',
    records: [burst(100, T0), burst(200, T0 + MINUTE, '/media/other')],
    sums: [],
  },
  {
    what: 'one that comes late is put where it belongs',
    records: [burst(100, T0), burst(200, T0 - MINUTE)],
    sums: [300],
  },
]

describe('file_burst over an hour', () => {
  for (const { what, records, sums } of cases)
    it(what, () =>
      assert.deepEqual(
        standing('file_burst', [...home, ...records]).map((it) => it.Files),
        sums,
      ),
    )

  it('is the same in any order, across a restart', () => {
    const copy = Array.from({ length: 12 }, (_, n) => burst(100 + n, T0 + n * 9 * MINUTE))
    assert.equal(sameInAnyOrder('file_burst', home, copy).length, 11)
  })
})
