/** Which workers are joined, and by which keys. */
import assert from 'node:assert/strict'
import { clusters } from '../../../server/assess/clusters.ts'
import type { Band } from '../../../server/model/assessment.ts'
import type { Finding } from '../../../server/model/finding.ts'
import type { EventOf } from '../../../wire/event.ts'
import { DAY, event, T0 } from '../events.ts'
import { finding } from './finding.ts'

const key = (hash: string, fields: Partial<EventOf<'shared_key'>> = {}) =>
  event('shared_key', {
    KeyKind: 'uplink',
    KeyHash: hash,
    Workers: 2,
    Days: 4,
    Rarity: 1,
    Corroborated: null,
    Roams: false,
    NetworkClass: 'residential',
    ...fields,
  })
const shares = (
  worker: string,
  hash: string,
  fields: Partial<Finding> = {},
  about: Partial<EventOf<'shared_key'>> = {},
) => finding({ worker, strength: 4, family: 'network', halfLifeDays: null, events: [key(hash, about)], ...fields })
const of = (findings: Finding[], bands: Record<string, Band> = {}) =>
  clusters(findings, (worker) => ({ band: bands[worker] ?? 'high', points: 70 }), T0)

describe('clusters', () => {
  it('a farm is one cluster, with all its workers', () => {
    const [farm, ...rest] = of(['w1', 'w2', 'w3'].map((it) => shares(it, 'aaaaaaaa')))
    assert.deepEqual(rest, [])
    assert.deepEqual(
      [farm?.workers, farm?.band, farm?.kind, farm?.key],
      [['w1', 'w2', 'w3'], 'critical', 'uplink', 'aaaaaaaa'],
    )
  })
  it('indirectly joined workers are one cluster', () => {
    const found = of([
      shares('w1', 'aaaaaaaa'),
      shares('w2', 'aaaaaaaa'),
      shares('w2', 'bbbbbbbb', {}, { KeyKind: 'controller' }),
      shares('w3', 'bbbbbbbb', {}, { KeyKind: 'controller' }),
      shares('w8', 'cccccccc'),
      shares('w9', 'cccccccc'),
    ])
    assert.deepEqual(
      found.map((it) => [it.workers, it.keys.map(({ kind }) => kind)]),
      [
        [
          ['w1', 'w2', 'w3'],
          ['uplink', 'controller'],
        ],
        [['w8', 'w9'], ['uplink']],
      ],
    )
  })
  it('three workers with one inconclusive key have the highest of their bands', () => {
    const desks = ['w1', 'w2', 'w3'].map((it) => shares(it, 'aaaaaaaa', { strength: 3 }, { KeyKind: 'edid' }))
    assert.equal(of(desks, { w1: 'medium', w2: 'medium', w3: 'low' })[0]?.band, 'medium')
    const again = ['w1', 'w2', 'w3'].map((it) => shares(it, 'bbbbbbbb', { strength: 3 }, { KeyKind: 'gateway' }))
    assert.equal(of([...desks, ...again], { w1: 'medium', w2: 'medium', w3: 'low' })[0]?.band, 'critical')
  })
  it('two workers have the higher of their bands', () =>
    assert.equal(
      of([shares('w1', 'aaaaaaaa'), shares('w2', 'aaaaaaaa')], { w1: 'low', w2: 'medium' })[0]?.band,
      'medium',
    ))
  it('weak or faded findings join nobody', () => {
    assert.deepEqual(of([shares('w1', 'aaaaaaaa', { strength: 2 }), shares('w2', 'aaaaaaaa', { strength: 2 })]), [])
    const old = { halfLifeDays: 14, lastTime: T0 - 29 * DAY }
    assert.deepEqual(of([shares('w1', 'aaaaaaaa', old), shares('w2', 'aaaaaaaa', old)]), [])
  })
  it('a key of one worker only joins nobody', () => assert.deepEqual(of([shares('w1', 'aaaaaaaa')]), []))
  it('have the same order, whatever that of the findings', () => {
    const all = ['w1', 'w2', 'w3'].flatMap((it) => [
      shares(it, 'aaaaaaaa'),
      shares(it, 'bbbbbbbb', {}, { KeyKind: 'gateway' }),
    ])
    assert.deepEqual(of([...all].reverse()), of(all))
  })
})
