/** What is bounded, counted, hidden and written down. */
import assert from 'node:assert/strict'
import { type Correlator, correlator, type FlatEvent, load, type Rule } from '../../../rules/language/index.ts'
import { standing } from './correlation-clock.ts'

const HOUR = 3_600_000
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
  it('too many groups: the least recently used goes, and is counted', () => {
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

  it('what no late event can reach is forgotten', () => {
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
    assert.deepEqual(engine.save().stages[Object.keys(engine.save().stages)[0]!]?.groups, [])
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
    this.timeout(20_000)
    const engine = correlator(loaded('type: event_count, rules: [a], condition: { gte: 9999 }'))
    const { tell, firings } = standing()
    for (let n = 9_999; n >= 0; n--) tell(take(engine, `e${n}`, n))
    assert.deepEqual(
      firings().map(({ time, values }) => [time, values]),
      [[9_998, { count: 9_999 }]],
    )
  })
})

describe('correlations hide what they count', () => {
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

describe('correlations, written down', () => {
  it('begin anew when the rule has changed', () => {
    const before = correlator(loaded(BY_GROUP))
    take(before, 'e1', 1, { G: 'u' })
    const after = correlator(loaded(BY_GROUP.replace('gte', 'gt')))
    after.load(before.save())
    assert.equal(after.counters().get('c0')?.events, 0)
  })

  it('begin anew when a filter on what they count has changed', () => {
    const before = correlator(loaded(BY_GROUP))
    take(before, 'e1', 1, { G: 'u' })
    const filter = 'title: f\nlogsource: { category: x }\nfilter: { rules: any, s: { G: v }, condition: not s }\n'
    const files = [BASE, `title: c0\nid: c0\ncorrelation: { timespan: 10s, ${BY_GROUP} }\n`, filter]
    const after = correlator(load(files.map((text, n) => ({ path: `${n}.yml`, text }))).correlations)
    after.load(before.save())
    assert.equal(after.counters().get('c0')?.events, 0)
  })

  it('are the same text for the same state', () => {
    const fill = () => {
      const engine = correlator(loaded(BY_GROUP))
      for (let n = 0; n < 9; n++) take(engine, `e${n}`, n, { G: n % 3 })
      return engine
    }
    const again = correlator(loaded(BY_GROUP))
    again.load(JSON.parse(JSON.stringify(fill().save())))
    assert.equal(JSON.stringify(again.save()), JSON.stringify(fill().save()))
  })

  it('keep which groups were used last', () => {
    const options = { maxGroups: 2 }
    const before = correlator(loaded(BY_GROUP), options)
    for (const [n, G] of ['u', 'v', 'u'].entries()) take(before, `e${n}`, n, { G })
    const after = correlator(loaded(BY_GROUP), options)
    after.load(before.save())
    take(after, 'e4', 4, { G: 'w' })
    assert.equal(
      take(after, 'e5', 20_000, { G: 'u' }).fired.length + take(after, 'e6', 20_001, { G: 'u' }).fired.length,
      1,
    )
    assert.equal(after.counters().get('c0')?.evicted, 1)
    assert.deepEqual(
      Object.values(after.save().stages)[0]?.groups.map(([key]) => key),
      ['w', 'u'],
    )
  })
})
