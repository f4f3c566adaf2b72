/** One person under several names: letter case, and accounts that a contract claims, before or after they were used. */
import assert from 'node:assert/strict'
import type { FlatEvent, Match, Program } from '../../../rules/language/index.ts'
import { Pipeline } from '../../../server/detect/pipeline.ts'
import { recordIn } from '../../../server/recordings/record.ts'
import type { Recorded, RecordedOf } from '../../../wire/recording.ts'
import { BERLIN, contract, DAY, holding, login, NOWHERE, rule, T0 } from '../events.ts'
import { copyState } from './copy-state.ts'

const loginRule = rule({ logsource: { category: 'idp_login', product: null, service: null } })
const keyRule = rule({
  id: '22222222-2222-4222-8222-222222222222',
  logsource: { category: 'shared_key', product: null, service: null },
})
const program: Program = {
  rules: [loginRule, keyRule],
  match: (event: FlatEvent): Match[] =>
    [loginRule, keyRule].filter((it) => it.logsource.category === event.category).map((it) => ({ rule: it })),
  reads: () => false,
}
const fresh = () => new Pipeline({ program, correlations: [], recognise: () => undefined, lookup: () => NOWHERE })

/** By worker, the number of findings. */
function found(records: readonly Recorded[], restartAfter = -1): Record<string, number> {
  let pipeline = fresh()
  records.forEach((it, at) => {
    // As a line of a recording, which is where names get their form.
    pipeline.take(recordIn(JSON.stringify(it)) as Recorded)
    if (at !== restartAfter) return
    const after = fresh()
    copyState(pipeline, after)
    pipeline = after
  })
  pipeline.judgeAt(pipeline.clock.end)
  return Object.fromEntries(pipeline.findings.subjects().map((it) => [it, pipeline.findings.of(it).length]))
}

const used = (account: string, day = 1, from = 'feed', fields = {}): RecordedOf<'feed'> => {
  const line = login(account, T0 + day * DAY, { Ip: '203.0.113.9', ...fields })
  return { ...line, geo: BERLIN, event: { ...line.event, collector: from } }
}
const claims = (...accounts: object[]) => contract('w1', { accounts } as Partial<RecordedOf<'contract'>>)

describe('one worker, several names', () => {
  const KEY = { MfaDeviceHash: 'aabbccddeeff' }
  const rows: { name: string; records: Recorded[]; found: Record<string, number> }[] = [
    { name: 'letter case', records: [contract('W.One'), used('w.one'), used('W.ONE', 2)], found: { 'w.one': 2 } },
    { name: 'a claimed account', records: [claims({ account: 'Robin.C' }), used('robin.c')], found: { w1: 1 } },
    { name: 'claimed after it was used', records: [used('robin.c'), claims({ account: 'robin.c' })], found: { w1: 1 } },
    {
      name: 'claimed after it was used beside the own name: no second person with the same authenticator',
      records: [
        contract('w1'),
        used('w1', 1, 'feed', KEY),
        used('robin.c', 1, 'feed', KEY),
        used('robin.c', 2, 'feed', KEY),
        claims({ account: 'robin.c' }),
      ],
      found: { w1: 2 },
    },
    {
      name: 'an account of one feed is not that of another',
      records: [
        claims({ account: 'robin', source: 'GitHub' }),
        used('robin', 1, 'feed:github-eu'),
        used('robin', 2, 'feed:okta'),
      ],
      found: { w1: 1, robin: 1 },
    },
    {
      name: 'a recording that does not say the feed',
      records: [claims({ account: 'robin', source: 'github' }), used('robin')],
      found: { w1: 1 },
    },
    {
      name: 'a claim does not take the name of a colleague',
      records: [claims({ account: 'w2' }), contract('w2'), used('w2')],
      found: { w2: 1 },
    },
    {
      name: 'but a handle at one feed may be called like a colleague',
      records: [claims({ account: 'w2', source: 'github' }), contract('w2'), used('w2', 1, 'feed:github')],
      found: { w1: 1 },
    },
    {
      name: 'two claims decide nothing',
      records: [claims({ account: 'x' }), contract('w2', { accounts: [{ account: 'x' }] }), used('x')],
      found: { x: 1 },
    },
    {
      name: 'a claim that had lapsed',
      records: [claims({ account: 'x', to: T0 }), used('x', 1)],
      found: { x: 1 },
    },
    {
      name: 'a contract of their own, later',
      records: [used('w3'), contract('w3'), holding('d3', 'w3')],
      found: { w3: 1 },
    },
  ]
  for (const { name, records, ...expected } of rows)
    it(name, () => {
      assert.deepEqual(found(records), expected.found)
      for (let at = 0; at < records.length; at++) assert.deepEqual(found(records, at), expected.found, `restart ${at}`)
    })

  it('leaves no finding with the account, although only its newest lines are kept', () => {
    const many = Array.from({ length: 260 }, (_, nth) => used('robin.c', 1 + nth / 100, 'feed', { App: `a${nth}` }))
    const all = found([...many, claims({ account: 'robin.c' })])
    assert.deepEqual(Object.keys(all), ['w1'])
  })
})
