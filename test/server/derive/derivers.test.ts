/** Each deriver over sequences of records, with the clock in the rows. */
import assert from 'node:assert/strict'
import type { Program } from '../../../rules/language/index.ts'

import { Pipeline } from '../../../server/pipeline.ts'
import type { Event } from '../../../wire/event.ts'
import type { Recorded } from '../../../wire/recording.ts'
import { AUSTIN, contract, event, HOUR, holding, received, T0 } from '../events.ts'

/** A program without rules that keeps what it is shown: the derived events, as rules would see them. */
function derivedFrom(records: readonly Recorded[], at?: number): Event[] {
  const seen: Event[] = []
  const program = {
    rules: [{ logsource: { category: null } }],
    match: (it: Event) => {
      if (it.product === 'tellwire') seen.push(it)
      return []
    },
    reads: () => false,
  } as unknown as Program
  const pipeline = new Pipeline({
    program,
    correlations: [],

    recognise: () => undefined,
    lookup: () => ({
      ...AUSTIN,
      country: null,
      region: null,
      city: null,
      lat: null,
      lon: null,
      asn: null,
      class: 'unknown',
    }),
  })
  for (const record of records) pipeline.take(record)
  pipeline.advance(at)
  return seen
}

const home = [contract('w1'), holding('d1', 'w1')]

describe('file_burst over an hour', () => {
  const burst = (files: number, time: number, root = '/media/stick') =>
    received(
      'd1',
      event(
        'file_burst',
        {
          Root: root,
          RootKind: 'removable',
          Files: files,
          Bytes: files * 10,
          Archives: 0,
          SourceFiles: files,
          WindowSeconds: 60,
        },
        time,
      ),
    )
  const cases: { name: string; records: Recorded[]; sums: number[] }[] = [
    { name: 'one burst speaks for itself', records: [burst(100, T0)], sums: [] },
    {
      name: 'a slow copy adds up',
      records: [burst(100, T0), burst(200, T0 + 60_000), burst(300, T0 + 120_000)],
      sums: [300, 600],
    },
    { name: 'an hour later it begins anew', records: [burst(100, T0), burst(200, T0 + HOUR)], sums: [] },
    {
      name: 'another folder is another copy',
      records: [burst(100, T0), burst(200, T0 + 60_000, '/media/other')],
      sums: [],
    },
    {
      name: 'a late one counts only what came before it',
      records: [burst(100, T0), burst(200, T0 - 60_000)],
      sums: [],
    },
  ]
  for (const { name, records, sums } of cases)
    it(name, () =>
      assert.deepEqual(
        derivedFrom([...home, ...records]).flatMap((it) => (it.category === 'file_burst' ? [it.Files] : [])),
        sums,
      ),
    )
})
