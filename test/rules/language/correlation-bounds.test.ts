/** What is bounded, counted, hidden and written down. */

import assert from 'node:assert/strict'
import { type Correlator, correlator, type FlatEvent, load, type Rule } from '../../../rules/language/index.ts'
import { HOUR } from '../../../wire/time.ts'
import { Ledger, standing } from './correlation-clock.ts'

const BASE = 'title: a\nid: a\nlogsource: { category: x }\ndetection: { s: { K: a }, condition: s }\n'

function loaded(...correlations: string[]) {
  const documents = correlations.map((it, n) => `title: c${n}\nid: c${n}\ncorrelation: { timespan: 10s, ${it} }\n`)
  const { correlations: found, problems } = load([{ path: 'c.yml', text: [BASE, ...documents].join('---\n') }])
  assert.deepEqual(problems, [])
  return found
}

function take(engine: Correlator, id: string, time: number, event: FlatEvent = {}) {
  return engine.take({ event, time, id, matches: [{ rule: { id: 'a' } as Rule }] })
}

const BY_GROUP = 'type: event_count, rules: [a], group-by: [G], condition: { gte: 2 }'

describe('correlations within bounds', () => {
  it('too many groups: the one with the oldest last match goes, and is counted', () => {
    const engine = correlator(loaded(BY_GROUP), { maxGroups: 2 })
    for (const [n, G] of ['u', 'v', 'u', 'w'].entries()) take(engine, `e${n}`, n, { G })
    const { evicted, groups } = engine.counters().get('c0')!
    assert.deepEqual({ evicted, groups }, { evicted: 1, groups: 2 })
    // v went, so this is its first; w did not.
    assert.equal(take(engine, 'e5', 5, { G: 'w' }).fired.length, 1)
    assert.equal(take(engine, 'e6', 6, { G: 'v' }).fired.length, 0)
  })

  it('too many matches altogether: other groups go first', () => {
    const engine = correlator(loaded(BY_GROUP.replace('2', '9')), { maxEvents: 6 })
    for (let n = 0; n < 12; n++) take(engine, `e${n}`, n, { G: n % 4 })
    const { evicted, events } = engine.counters().get('c0')!
    assert.ok(evicted > 0 && events <= 6, `${evicted} ${events}`)
  })

  it('too many groups of one owner: only its own are dropped', () => {
    const engine = correlator(loaded(BY_GROUP.replace('[G]', '[G, H]')), { maxGroupsPerOwner: 3, maxGroups: 100 })
    take(engine, 'quiet', 0, { G: 'quiet', H: 'x' })
    for (let n = 1; n <= 50; n++) take(engine, `e${n}`, n, { G: 'loud', H: n })
    const { crowded, evicted, groups } = engine.counters().get('c0')!
    assert.deepEqual({ crowded, evicted, groups }, { crowded: 47, evicted: 0, groups: 4 })
    assert.equal(take(engine, 'again', 51, { G: 'quiet', H: 'x' }).fired.length, 1)
    assert.equal(take(engine, 'last', 52, { G: 'loud', H: 48 }).fired.length, 1)
    assert.equal(take(engine, 'first', 53, { G: 'loud', H: 1 }).fired.length, 0)
  })

  it('too many matches in a group: the earliest goes, and is counted', () => {
    const engine = correlator(loaded('type: value_sum, rules: [a], condition: { field: V, gte: 12 }'), {
      maxEventsPerGroup: 3,
    })
    const fired = [1, 2, 3, 4, 5].flatMap((V, n) => take(engine, `e${n}`, n, { V }).fired)
    assert.deepEqual(
      fired.map(({ time, events }) => [time, events]),
      [[4, ['e1', 'e2', 'e3', 'e4']]],
    )
    assert.deepEqual(engine.counters().get('c0')?.truncated, 2)
    assert.equal(engine.counters().get('c0')?.events, 3)
  })

  it('a threshold above the bound can still be reached', () => {
    const engine = correlator(loaded('type: event_count, rules: [a], condition: { gte: 20 }'), { maxEventsPerGroup: 3 })
    const fired = Array.from({ length: 20 }, (_, n) => take(engine, `e${n}`, n).fired).flat()
    assert.deepEqual(
      fired.map(({ values }) => values),
      [{ count: 20 }],
    )
  })

  it('windows decided at the end live on when their first match goes', () => {
    const engine = correlator(loaded('type: event_count, rules: [a], condition: { lt: 2 }'), { maxEventsPerGroup: 3 })
    for (let n = 0; n < 8; n++) take(engine, `e${n}`, n)
    take(engine, 'last', 20_000)
    assert.deepEqual(
      engine.advance(40_000).fired.map(({ events }) => events),
      [['last']],
    )
  })

  it('drops what no late event can affect', () => {
    const engine = correlator(loaded(BY_GROUP, 'type: event_count, rules: [a], group-by: [G], condition: { lt: 2 }'))
    for (let n = 0; n < 50; n++) take(engine, `e${n}`, n, { G: n })
    engine.advance(20_000)
    engine.advance(72 * HOUR)
    assert.equal(engine.counters().get('c0')?.events, 50)
    engine.advance(200 * HOUR)
    for (const id of ['c0', 'c1']) {
      const { groups, events, late, evicted } = engine.counters().get(id)!
      assert.deepEqual({ groups, events, late, evicted }, { groups: 0, events: 0, late: 0, evicted: 0 })
    }
    assert.deepEqual(statesOf(engine), [])
  })

  it('a busy group forgets as it goes', () => {
    const engine = correlator(loaded('type: event_count, rules: [a], condition: { gte: 3 }'))
    for (let hour = 0; hour < 500; hour++) {
      engine.advance(hour * HOUR)
      take(engine, `e${hour}`, hour * HOUR)
    }
    assert.ok(engine.counters().get('c0')!.events <= 74)
  })

  it('values as long as they like are kept short, and apart', () => {
    const engine = correlator(loaded(BY_GROUP))
    const long = 'x'.repeat(100_000)
    take(engine, 'e1', 1, { G: `${long}1` })
    assert.equal(take(engine, 'e2', 2, { G: `${long}2` }).fired.length, 0)
    const [firing] = take(engine, 'e3', 3, { G: `${long}1` }).fired
    assert.deepEqual(firing?.events, ['e1', 'e3'])
    assert.ok(firing!.group.G!.length <= 512)
  })

  it('maps are no group; times that are none are skipped; a time is a whole millisecond', () => {
    const engine = correlator(loaded(BY_GROUP))
    take(engine, 'e1', 1, { G: {} })
    take(engine, 'e2', Number.NaN, { G: 'u' })
    take(engine, 'e3', 3.7, { G: 'u' })
    assert.equal(engine.counters().get('c0')?.skipped, 2)
    assert.equal(take(engine, 'e4', 4, { G: 'u' }).fired[0]?.from, 4 - 10_000)
  })

  it('the clock never goes back', () => {
    const engine = correlator(loaded('type: event_count, rules: [a], condition: { lt: 2 }'))
    take(engine, 'e1', 1)
    assert.equal(engine.advance(50_000).fired.length, 1)
    assert.deepEqual(engine.advance(0), { fired: [], retracted: [] })
    assert.deepEqual(engine.advance(Number.NaN), { fired: [], retracted: [] })
  })

  it('windows moved again and again are decided once', () => {
    const engine = correlator(loaded('type: event_count, rules: [a], condition: { lt: 3 }'))
    const { tell, firings } = standing()
    // Each comes before all others, so that every window moves each time.
    for (let n = 300; n > 0; n--) tell(take(engine, `e${n}`, n * 9_999))
    tell(engine.advance(HOUR * 10))
    assert.deepEqual(
      firings().map(({ time, values }) => [time, values.count]),
      Array.from({ length: 150 }, (_, n) => [(2 * n + 1) * 9_999 + 9_999, 2]),
    )
  })

  it('ten thousand matches that come backwards are no matter', function () {
    this.timeout(60_000)
    const engine = correlator(loaded('type: event_count, rules: [a], condition: { gte: 9999 }'))
    const { tell, firings } = standing()
    for (let n = 9_999; n >= 0; n--) tell(take(engine, `e${n}`, n))
    assert.deepEqual(
      firings().map(({ time, values }) => [time, values]),
      [[9_998, { count: 9_999 }]],
    )
  })
})

describe('correlations hide the rules that they count', () => {
  const cases = [
    { name: 'by themselves', texts: [BY_GROUP], hidden: true },
    { name: 'not with generate', texts: [`${BY_GROUP}, generate: true`], hidden: false },
    { name: 'not when another has generate', texts: [BY_GROUP, `${BY_GROUP}, generate: true`], hidden: false },
  ]
  for (const { name, texts, hidden } of cases)
    it(name, () => assert.equal(correlator(loaded(...texts)).hides('a'), hidden))

  it('but no other rules', () => assert.equal(correlator(loaded(BY_GROUP)).hides('b'), false))
  it('lower ones too', () => {
    const engine = correlator(loaded(BY_GROUP, 'type: event_count, rules: [c0], condition: { gte: 1 }'))
    take(engine, 'e1', 1, { G: 'u' })
    assert.deepEqual(
      take(engine, 'e2', 2, { G: 'u' }).fired.map(({ rule }) => rule.id),
      ['c1'],
    )
  })
})

/** Of all groups, as [part, group, state]. */
function statesOf({ kept }: Correlator): unknown[] {
  const groups = Object.entries(kept).filter(([name]) => /^correlation\..*[^s]$/.test(name))
  return groups.flatMap(([name, part]) => Array.from(part.all(), ([group, state]) => [name, group, state]))
}

/** The changed parts, without counters and the clock. */
function changedIn({ kept }: Correlator): [group: string, matches: number | null][] {
  return Object.entries(kept).flatMap(([name, part]) => {
    const changed = [...part.changed()]
    if (!name.startsWith('correlation.') || name.endsWith('counters')) return []
    return changed.map(([group, state]): [string, number | null] => [
      group,
      state === undefined ? null : (state as [unknown[]])[0].length,
    ])
  })
}

describe('correlations, written down', () => {
  it('start without state when the rule has changed', () => {
    const ledger = new Ledger()
    const before = correlator(loaded(BY_GROUP))
    take(before, 'e1', 1, { G: 'u' })
    ledger.collect(before)
    assert.equal(ledger.restored(loaded(BY_GROUP), 0).counters().get('c0')?.events, 1)
    assert.equal(
      ledger
        .restored(loaded(BY_GROUP.replace('gte', 'gt')), 0)
        .counters()
        .get('c0')?.events,
      0,
    )
  })

  it('start without state when a filter of a counted rule has changed', () => {
    const ledger = new Ledger()
    const before = correlator(loaded(BY_GROUP))
    take(before, 'e1', 1, { G: 'u' })
    ledger.collect(before)
    const filter = 'title: f\nlogsource: { category: x }\nfilter: { rules: any, s: { G: v }, condition: not s }\n'
    const files = [BASE, `title: c0\nid: c0\ncorrelation: { timespan: 10s, ${BY_GROUP} }\n`, filter]
    const { correlations } = load(files.map((text, n) => ({ path: `${n}.yml`, text })))
    assert.equal(ledger.restored(correlations, 0).counters().get('c0')?.events, 0)
  })

  it('report changed groups once', () => {
    const engine = correlator(loaded(BY_GROUP))
    for (const [n, G] of ['u', 'v', 'u'].entries()) take(engine, `e${n}`, n, { G })
    assert.deepEqual(changedIn(engine), [
      ['u', 2],
      ['v', 1],
    ])
    assert.deepEqual(changedIn(engine), [])
    take(engine, 'e3', 3, { G: 'v' })
    // The same again changes nothing.
    take(engine, 'e0', 0, { G: 'u' })
    assert.deepEqual(changedIn(engine), [['v', 2]])
  })

  it('report removed groups if they were saved', () => {
    const engine = correlator(loaded(BY_GROUP))
    take(engine, 'e1', 1, { G: 'u' })
    changedIn(engine)
    take(engine, 'e2', 2, { G: 'v' })
    for (const [id, G] of [['e1', 'u'] as const, ['e2', 'v'] as const])
      engine.untake({ event: { G }, time: Number(id.slice(1)), id, rules: ['a'] })
    assert.deepEqual(changedIn(engine), [['u', null]])
    take(engine, 'e3', 3, { G: 'u' })
    assert.deepEqual(changedIn(engine), [['u', 1]])
  })

  it('a group that goes and comes between two times is one that changed', () => {
    const engine = correlator(loaded(BY_GROUP))
    take(engine, 'e1', 1, { G: 'u' })
    changedIn(engine)
    engine.untake({ event: { G: 'u' }, time: 1, id: 'e1', rules: ['a'] })
    take(engine, 'e2', 2, { G: 'u' })
    assert.deepEqual(changedIn(engine), [['u', 1]])
    engine.untake({ event: { G: 'u' }, time: 2, id: 'e2', rules: ['a'] })
    assert.deepEqual(changedIn(engine), [['u', null]])
  })

  it('report a window that fired by the clock', () => {
    const engine = correlator(loaded(BY_GROUP.replace('gte', 'lt')))
    take(engine, 'e1', 1, { G: 'u' })
    changedIn(engine)
    assert.equal(engine.advance(20_000).fired.length, 1)
    assert.deepEqual(changedIn(engine), [['u', 1]])
  })

  it('restored groups are not reported as changed', () => {
    const ledger = new Ledger()
    const before = correlator(loaded(BY_GROUP))
    for (let n = 0; n < 9; n++) take(before, `e${n}`, n, { G: n % 3 })
    ledger.collect(before)
    const after = ledger.restored(loaded(BY_GROUP), 2)
    assert.deepEqual(changedIn(after), [])
    assert.deepEqual(statesOf(after).map(String).sort(), statesOf(before).map(String).sort())
  })

  it('give up the same groups after a restart', () => {
    const ledger = new Ledger()
    const before = correlator(loaded(BY_GROUP), { maxGroups: 2 })
    for (const [n, G] of ['u', 'v', 'u'].entries()) take(before, `e${n}`, n, { G })
    ledger.collect(before)
    for (let turn = 0; turn < 4; turn++) {
      const after = ledger.restored(loaded(BY_GROUP), turn, { maxGroups: 2 })
      take(after, 'e4', 4, { G: 'w' })
      assert.equal(after.counters().get('c0')?.evicted, 1)
      assert.deepEqual(changedIn(after), [
        ['v', null],
        ['w', 1],
      ])
    }
  })
})

describe('correlations taken over', () => {
  const two = () => loaded(BY_GROUP, BY_GROUP.replace('gte: 2', 'lt: 3'))
  const fill = (engine: Correlator) => {
    const { tell, firings } = standing()
    for (let n = 0; n < 9; n++) tell(take(engine, `e${n}`, n * 3_000, { G: n % 3 }))
    tell(engine.advance(26_000))
    return { tell, firings }
  }

  it('go on as where they were made, and the others as before', () => {
    const whole = correlator(two())
    const all = fill(whole)
    const part = correlator(two().filter(({ id }) => id === 'c1'))
    const told = fill(part)
    const heir = correlator(two())
    // Of its own it has something else, which goes.
    take(heir, 'other', 1, { G: 'other' })
    heir.advance(26_000)
    changedIn(heir)
    heir.adopt(part, new Set(['c1', 'none']))
    assert.deepEqual(
      changedIn(heir).map(([group, matches]) => [group, matches]),
      [
        ['other', null],
        ['0', 3],
        ['1', 3],
        ['2', 3],
      ],
    )
    for (const [engine, { tell }] of [[whole, all] as const, [heir, told] as const]) {
      tell(take(engine, 'e9', 27_000, { G: 1 }))
      tell(engine.advance(90_000))
    }
    const ofC1 = (it: typeof all) => it.firings().filter(({ rule }) => rule.id === 'c1')
    assert.ok(ofC1(all).length > 2)
    assert.deepEqual(ofC1(told), ofC1(all))
    assert.deepEqual(heir.counters().get('c0')?.events, 2)
  })
})
