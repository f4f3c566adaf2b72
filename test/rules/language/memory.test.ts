/** The cache of values: what it finds, its bound, and its rest where values do not recur. */
import assert from 'node:assert/strict'
import { compile, type FlatEvent, load } from '../../../rules/language/index.ts'
import { budget, memory } from '../../../rules/language/memory.ts'

/** Longer than a trial and a rest together. */
const LONG = 10_000

/** Of `count` values, how many were found. A value that is not found is set. */
function foundOf(known: ReturnType<typeof memory<string>>, valueAt: (n: number) => string, count: number): number {
  let found = 0
  for (let n = 0; n < count; n++) {
    const value = valueAt(n)
    const before = known.get(value)
    if (before === undefined) known.set(value, `result of ${value}`)
    else found++
    assert.ok(before === undefined || before === `result of ${value}`)
  }
  return found
}

describe('the memory of values', () => {
  const fresh = (most = 4_194_304) => {
    const shared = budget(most)
    return { shared, known: memory<string>(shared, (text) => text.length) }
  }

  const traffic: { name: string; valueAt(n: number): string; atLeast: number; atMost: number }[] = [
    { name: 'one value', valueAt: () => 'a', atLeast: LONG - 1, atMost: LONG - 1 },
    { name: 'fifty values', valueAt: (n) => `v${n % 50}`, atLeast: LONG - 50, atMost: LONG - 50 },
    { name: 'new values alone', valueAt: (n) => `v${n}`, atLeast: 0, atMost: 0 },
    {
      name: 'every second value new',
      valueAt: (n) => (n % 2 ? `v${n}` : 'a'),
      atLeast: LONG / 2 - 1,
      atMost: LONG / 2,
    },
    // Found in the trials, between which it rests.
    { name: 'one value in fifty recurring', valueAt: (n) => (n % 50 ? `v${n}` : 'a'), atLeast: 10, atMost: 100 },
  ]
  for (const { name, valueAt, atLeast, atMost } of traffic)
    it(`finds of ${name} from ${atLeast} to ${atMost}`, () => {
      const found = foundOf(fresh().known, valueAt, LONG)
      assert.ok(found >= atLeast && found <= atMost, `${found} found`)
    })

  it('keeps little of values that do not recur', () => {
    const { shared, known } = fresh()
    foundOf(known, (n) => `value ${n}`, LONG)
    assert.ok(shared.spent > 0 && shared.spent < (LONG * 'value 1234'.length) / 4, `${shared.spent} characters`)
  })

  it('finds values that begin to recur, and more different ones than it tries at once', () => {
    const { known } = fresh()
    assert.equal(
      foundOf(known, (n) => `new ${n}`, LONG),
      0,
    )
    const turns = 20
    foundOf(known, (n) => `v${n % 5_000}`, 5_000 * turns)
    assert.equal(
      foundOf(known, (n) => `v${n % 5_000}`, 5_000),
      5_000,
    )
  })

  it('forgets what was not read for two generations, and keeps what was', () => {
    const { known } = fresh(1_000)
    known.set('kept', 'k')
    known.set('left', 'l')
    for (let n = 0; n < 400; n++) {
      known.set(`filler ${n}`, 'f')
      if (n % 20 === 0) assert.equal(known.get('kept'), 'k')
    }
    assert.equal(known.get('left'), undefined)
  })
})

describe('matches', () => {
  it('are the same for new and recurring values, in any mixture', () => {
    const rule = (id: string, selection: string) =>
      `title: t\nid: ${id}\nlogsource: { category: c }\ndetection:\n  s: ${selection}\n  condition: s\n`
    const text = [
      rule('part', "{ F|contains: 'needle' }"),
      rule('end', "{ F|endswith: '\\tool.exe' }"),
      rule('expression', "{ F|re: 'n[e]{2}dle [0-9]+7$' }"),
      rule('both', '{ F|startswith: x, G: same }'),
    ].join('---\n')
    const { rules } = load([{ path: 'r.yml', text }])
    const program = compile(rules)
    const matches = (event: FlatEvent) => program.match(event).map(({ rule }) => rule.id)
    const expected = (F: string, G: string) => [
      ...(F.includes('needle') ? ['part'] : []),
      ...(F.endsWith('\\tool.exe') ? ['end'] : []),
      ...(/needle [0-9]+7$/.test(F) ? ['expression'] : []),
      ...(F.startsWith('x') && G === 'same' ? ['both'] : []),
    ]
    const forms = [
      (n: number) => `x needle ${n}`,
      () => 'needle 7',
      (n: number) => `C:\\${n}\\tool.exe`,
      () => 'C:\\tool.exe',
      (n: number) => `nothing ${n}`,
    ]
    for (let n = 0; n < 4 * LONG; n++) {
      // Stretches of recurring values between those of new ones.
      const form = forms[Math.floor(n / LONG) % 2 === 0 ? n % 5 : n % 3 === 0 ? 1 : 4]!
      const [F, G] = [form(n), n % 7 === 0 ? `${n}` : 'same']
      assert.deepEqual(matches({ category: 'c', F, G }), expected(F, G))
    }
  })
})
