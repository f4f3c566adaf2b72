/** The coverage of a laptop: what could not be seen differs from what did not happen. */
import assert from 'node:assert/strict'
import { bookOf, CoverageBook, coverageOf } from '../../../server/derive/coverage.ts'
import type { Seen } from '../../../server/derive/deriver.ts'
import type { Category, EventOf } from '../../../wire/event.ts'
import { agentState, DAY, event, HOUR, processStart, T0 } from '../events.ts'

const seen = (it: EventOf<Category>): Seen => ({
  event: it,
  connection: null,
  conflict: false,
  device: 'd1',
  worker: null,
  time: it.time,
  receivedAt: it.time,
  epoch: 0,
  contract: null,
  firstBoot: null,
  facts: undefined,
  peer: null,
  approval: null,
})
const gap = (about: string, reason: EventOf<'collection_gap'>['Reason'], categories: string[], time = T0) =>
  event('collection_gap', { About: about, Reason: reason, Categories: categories, Count: null, Detail: null }, time)

const blind = (BlindSeconds: Record<string, number>, time = T0) => ({ ...agentState('summary', time), BlindSeconds })

const usb = ['usb_device']
const cases: {
  name: string
  events: EventOf<Category>[]
  category: Category
  state: string
  off?: string[]
  at?: number
  product?: string
}[] = [
  { name: 'nothing heard', events: [], category: 'process_creation', state: 'unknown' },
  { name: 'an event came', events: [processStart('/x')], category: 'process_creation', state: 'seen' },
  { name: 'nothing of the kind happened', events: [processStart('/x')], category: 'usb_device', state: 'quiet' },
  {
    name: 'a missing table is blind, not quiet',
    events: [agentState('started'), gap('/sys/bus/usb/devices', 'unsupported', usb)],
    category: 'usb_device',
    state: 'blind',
  },
  { name: 'no right to look', events: [gap('/x', 'denied', usb)], category: 'usb_device', state: 'blind' },
  {
    name: 'collected until it stopped',
    events: [processStart('/x'), gap('processes', 'stopped', ['process_creation'], T0 + HOUR)],
    category: 'process_creation',
    state: 'partial',
  },
  {
    name: 'some could not be read today',
    events: [processStart('/x'), gap('/proc', 'unparsed', ['process_creation'])],
    category: 'process_creation',
    state: 'partial',
  },
  {
    name: 'some could not be read last week',
    events: [processStart('/x'), gap('/proc', 'unparsed', ['process_creation'])],
    category: 'process_creation',
    state: 'seen',
    at: T0 + 7 * 24 * HOUR,
  },
  {
    name: 'gaps from before a new start are dropped',
    events: [gap('/x', 'denied', usb), agentState('started', T0 + HOUR)],
    category: 'usb_device',
    state: 'quiet',
  },
  {
    name: 'switched off',
    events: [processStart('/x')],
    category: 'process_creation',
    state: 'off',
    off: ['process_creation'],
  },
  {
    name: 'not observed for a minute of the day',
    events: [processStart('/x'), blind({ process_creation: 60 })],
    category: 'process_creation',
    state: 'seen',
  },
  {
    name: 'not observed for ten minutes of two hours each',
    events: [processStart('/x'), blind({ process_creation: 600 }), blind({ process_creation: 600 }, T0 + HOUR)],
    category: 'process_creation',
    state: 'partial',
  },
  {
    name: 'not observed for an hour, last week',
    events: [processStart('/x'), blind({ process_creation: 3_600 })],
    category: 'process_creation',
    state: 'seen',
    at: T0 + 7 * 24 * HOUR,
  },
  {
    name: 'no agent collects it',
    events: [processStart('/x')],
    category: 'repository',
    state: 'blind',
    product: 'plan9',
  },
]

describe('coverage', () => {
  it('an event of a clock a year ahead hides no later gap', () => {
    const book = new CoverageBook()
    const program = processStart('/x', T0 + 365 * DAY)
    book.take({ ...seen(program), receivedAt: T0 })
    book.take(seen(gap('processes', 'stopped', ['process_creation'], T0 + HOUR)))
    const found = book.coverage('d1', 'linux', [], T0 + 3 * DAY)
    assert.equal(found.find((it) => it.category === 'process_creation')?.state, 'partial')
  })

  it('says for how long a category was not observed, and keeps no others', () => {
    const book = new CoverageBook()
    book.take(seen(processStart('/x')))
    book.take(seen(blind({ process_creation: 600, nonsense: 5 })))
    book.take(seen(blind({ process_creation: 600 }, T0 + HOUR)))
    const [found] = coverageOf(book.of('d1'), 'linux', [], T0 + HOUR).filter((it) => it.category === 'process_creation')
    assert.equal(found?.detail, 'not observed for 20 min within a day')
    assert.deepEqual(Object.keys(book.of('d1').blind ?? {}), ['process_creation'])
    book.take(seen(blind({ process_creation: 7 }, T0 + 2 * DAY)))
    assert.equal(book.of('d1').blind?.process_creation?.seconds, 7, 'a new day')
  })

  it('knows which policy a laptop uses, and why not the latest, until it applies one', () => {
    const book = new CoverageBook()
    const say = (about: Partial<EventOf<'agent_state'>>) => book.take(seen({ ...agentState('started'), ...about }))
    const known = () => [book.of('d1').policyVersion, book.of('d1').policyTrouble]
    say({})
    assert.deepEqual(known(), [undefined, undefined])
    say({ PolicyVersion: 7 })
    say({ Action: 'policy_rolled_back', PolicyVersion: 7, Trouble: 'version 8: …' })
    say({ Action: 'resumed' })
    assert.deepEqual(known(), [7, 'version 8: …'])
    say({ Action: 'policy_applied', PolicyVersion: 9 })
    assert.deepEqual(known(), [9, null])
  })

  for (const { name, events, category, state, off = [], at = T0 + 2 * HOUR, product = 'linux' } of cases)
    it(`${name}: ${state}`, () => {
      const book = new CoverageBook()
      for (const it of events) book.take(seen(it))
      const row = book.coverage('d1', product, off, at).find((it) => it.category === category)
      assert.equal(row?.state, state)
    })

  const summaries: [name: string, parts: Partial<EventOf<'agent_state'>>, expected: unknown][] = [
    [
      'the way is told',
      { ForksSeen: 99, ForksTotal: 100, StartsBy: 'tracefs' },
      { seen: 99, total: 100, by: 'tracefs', time: T0 },
    ],
    ['an older agent polls', { ForksSeen: 4, ForksTotal: 100 }, { seen: 4, total: 100, by: 'poll', time: T0 }],
    [
      'more seen than counted',
      { ForksSeen: 9, ForksTotal: 8, StartsBy: 'connector' },
      { seen: 8, total: 8, by: 'connector', time: T0 },
    ],
    ['nothing started', { ForksSeen: 0, ForksTotal: 0, StartsBy: 'tracefs' }, null],
    ['nothing was counted', {}, null],
  ]
  for (const [name, parts, expected] of summaries)
    it(`programs seen: ${name}`, () => {
      const book = new CoverageBook()
      book.take(seen({ ...agentState('summary'), ...parts }))
      book.take(seen(agentState('stopping', T0 + HOUR)))
      assert.deepEqual(book.of('d1').starts, expected)
    })

  it('a laptop’s saved row alone gives the same coverage', () => {
    const book = new CoverageBook()
    for (const it of cases.flatMap(({ events }) => events)) book.take(seen(it))
    const [[device, state] = ['', null]] = [...book.kept.devices.changed()]
    const kept = bookOf(JSON.parse(JSON.stringify(state)))
    assert.deepEqual([device, kept], ['d1', book.of('d1')])
    assert.deepEqual(coverageOf(kept, 'linux', [], T0 + DAY), book.coverage('d1', 'linux', [], T0 + DAY))
  })

  it('a laptop without a saved row is unknown', () => {
    for (const state of [undefined, null]) {
      const states = new Set(coverageOf(bookOf(state), 'linux', [], T0).map((it) => it.state))
      assert.ok(states.has('unknown') && !states.has('seen') && !states.has('quiet'))
    }
  })
})
