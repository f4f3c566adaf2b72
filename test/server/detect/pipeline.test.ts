/** Live = replay: the same records give the same findings, once, across a restart and in any order within a day. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { FlatEvent, Match, Program } from '../../../rules/language/index.ts'

import { Pipeline } from '../../../server/detect/pipeline.ts'
import { recordIn } from '../../../server/recordings/record.ts'
import type { Recorded } from '../../../wire/recording.ts'
import { AUSTIN, BERLIN, contract, DAY, HOUR, holding, processStart, received, rule, session, T0 } from '../events.ts'
import { copyState } from './copy-state.ts'

const toolRule = rule()
const placeRule = rule({
  id: '22222222-2222-4222-8222-222222222222',
  logsource: { category: 'place_mismatch', product: null, service: null },
})
const program: Program = {
  rules: [toolRule, placeRule],
  match: (event: FlatEvent): Match[] =>
    [toolRule, placeRule].filter((it) => it.logsource.category === event.category).map((it) => ({ rule: it })),
  reads: () => false,
}
const fresh = () =>
  new Pipeline({
    program,
    correlations: [],

    recognise: (event) =>
      event.category === 'process_creation' && event.Image?.endsWith('/anydesk')
        ? {
            tools: [
              {
                id: 'anydesk',
                name: 'AnyDesk',
                category: 'remote-desktop',
                by: 'name',
                renamed: false,
                unattended: null,
              },
            ],
          }
        : undefined,
    lookup: () => AUSTIN,
  })
const run = (records: readonly Recorded[]) => {
  const pipeline = fresh()
  for (const it of records) pipeline.take(it)
  return pipeline
}
const found = (pipeline: Pipeline) =>
  JSON.stringify([...pipeline.findings.all()].sort((a, b) => (a.id < b.id ? -1 : 1)))

const records: Recorded[] = [
  contract('w1'),
  holding('d1', 'w1'),
  session('d1', BERLIN),
  received('d1', processStart('/opt/anydesk', T0 + HOUR)),
  received('d1', processStart('/usr/bin/ls', T0 + HOUR)),
  session('d1', BERLIN, T0 + DAY),
  received('d1', processStart('/opt/anydesk', T0 + DAY + HOUR)),
]

describe('the pipeline', () => {
  it('makes findings about the worker to whom the laptop was assigned', () =>
    assert.deepEqual(
      run(records)
        .findings.of('w1')
        .map((it) => [it.rule, it.time - T0, it.count, it.says]),
      [
        [placeRule.id, 0, 1, 'unknown was seen'],
        [toolRule.id, HOUR, 1, 'AnyDesk was seen'],
        [placeRule.id, DAY, 1, 'unknown was seen'],
        [toolRule.id, DAY + HOUR, 1, 'AnyDesk was seen'],
      ],
    ))

  for (let cut = 0; cut <= records.length; cut++)
    it(`a restart after ${cut} records changes nothing`, () => {
      const before = run(records.slice(0, cut))
      const after = fresh()
      copyState(before, after)
      for (const it of records.slice(cut)) after.take(it)
      assert.equal(found(after), found(run(records)))
    })

  it('gives the same finding ids in any order of the events of a day', () => {
    const events = Array.from({ length: 8 }, (_, at) => received('d1', processStart('/opt/anydesk', T0 + at * HOUR)))
    const ids = (order: readonly Recorded[]) =>
      [...run([contract('w1'), holding('d1', 'w1'), ...order]).findings.all()].map((it) => it.id)
    fc.assert(
      fc.property(fc.shuffledSubarray(events, { minLength: events.length }), (order) => {
        assert.deepEqual(ids(order), ids(events))
      }),
    )
  })

  it('evaluates a laptop without a worker under its own id', () => {
    const pipeline = run([received('d9', processStart('/opt/anydesk'))])
    assert.equal(pipeline.findings.of('d9').length, 1)
  })

  it('does not report a revoked laptop as silent, nor does a replay of the same log', () => {
    const [first, later] = [received('d1', processStart('/x')), received('d2', processStart('/x', T0 + 40 * HOUR))]
    const revocation: Recorded = { type: 'revocation', device: 'd1', from: T0 + 3 * HOUR, to: null }
    const silentIn = (log: readonly Recorded[]) => {
      const pipeline = run(log)
      pipeline.advance(pipeline.time)
      return pipeline.silent().map((it) => it.device)
    }
    const known = [contract('w1'), holding('d1', 'w1'), first]
    assert.deepEqual(silentIn([...known, later]), ['d1'])
    const log = [...known, revocation, later]
    assert.deepEqual(silentIn(log), [])
    const exported = log.map((it) => recordIn(JSON.stringify(it)))
    assert.deepEqual(exported, log)
    assert.deepEqual(silentIn(exported as Recorded[]), [])
  })

  it('counts gaps in the numbering, and gaps that were filled later', () => {
    const numbered = (seq: number): Recorded => {
      const it = received('d1', processStart('/x'))
      return { ...it, epoch: 7, event: { ...it.event, seq } }
    }
    const pipeline = run([numbered(1), numbered(5), numbered(3)])
    assert.equal(pipeline.coverage.of('d1').holes, 2)
  })
})
