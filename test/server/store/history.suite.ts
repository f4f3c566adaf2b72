/** The tests that every engine of `History` passes. */
import assert from 'node:assert/strict'
import type { History, HistoryQuery, ScanQuery } from '../../../server/store/history.ts'
import type { Rejected, Stored, Stream } from '../../../server/store/stream.ts'
import type { Recorded } from '../../../wire/recording.ts'
import {
  batch,
  connectionEvent,
  feedLine,
  gather,
  HOSTILE,
  HOUR,
  idOf,
  mixed,
  numbered,
  processEvent,
  range,
  recorded,
  rejectedEvent,
  T0,
} from './samples.ts'

export interface HistoryUnderTest {
  /** The stream that feeds the history. */
  stream: Stream
  history: History
  /** Closes and reopens both; does nothing for an engine in memory. */
  reopen(): Promise<void>
  done(): Promise<void>
}

export function historySuite(name: string, open: (test: Mocha.Context) => Promise<HistoryUnderTest>): void {
  describe(name, () => {
    let under: HistoryUnderTest
    beforeEach(async function () {
      under = await open(this)
    })
    afterEach(() => under.done())
    const put = (records: readonly Recorded[], rejected: readonly Rejected[] = []) => putInto(under, records, rejected)

    it('begins empty', async () => {
      const { history } = under
      assert.deepEqual(await history.events({}, 10), [])
      assert.deepEqual(await history.counts({}), [])
      assert.equal(await history.bySeq('d1', 7, 1), null)
      assert.deepEqual(await history.rejected('d1', 10), [])
      assert.deepEqual(await history.rejectedTotals(['d1']), new Map())
      assert.deepEqual(await gather(history.scan({ categories: null, after: 0, upTo: 10 })), [])
    })

    it('is the same after a restart', async () => {
      await put(mixed(2_500))
      await put(batch('d1', 1, 10), [rejectedEvent('d1', 11, { epoch: 7 })])
      const before = await everything(under.history)
      await under.reopen()
      assert.deepEqual(await everything(under.history), before)
    })

    it('skips positions that it has', async () => {
      const records = mixed(2_700)
      for (let from = 0; from < records.length; from += 300) await put(records.slice(from, from + 300))
      const before = await everything(under.history)
      const all = await gather(under.stream.read(0))
      for (const [from, to] of [
        [0, 10],
        [2_690, 2_700],
        [900, 2_100],
        [0, 2_700],
      ])
        await under.history.append(all.slice(from, to))
      assert.deepEqual(await everything(under.history), before)
    })

    it('stores the new part of a call that also has old positions', async () => {
      await put(batch('d1', 1, 5))
      await under.stream.publish(batch('d1', 6, 5))
      await under.history.append(await gather(under.stream.read(2)))
      assert.deepEqual(positions(await under.history.events({}, 100)), range(1, 11).reverse())
    })

    for (const size of [10, 1_200]) {
      it(`finds an event by its number: ${size} events a call`, async () => {
        const all = batch('d1', 1, size)
        const hole = all.splice(4, 1)
        await put(all)
        assert.equal((await under.history.bySeq('d1', 7, 4))?.id, idOf('process 4'))
        assert.equal((await under.history.bySeq('d1', 7, size))?.id, idOf(`process ${size}`))
        assert.equal(await under.history.bySeq('d1', 7, 5), null)
        assert.equal(await under.history.bySeq('d1', 7, size + 1), null)
        assert.equal(await under.history.bySeq('d1', 8, 1), null)
        assert.equal(await under.history.bySeq('d2', 7, 1), null)
        await put(hole)
        assert.equal((await under.history.bySeq('d1', 7, 5))?.seq, 5)
      })
    }

    it('finds the first event of a number, not a conflicting one', async () => {
      await put(batch('d1', 1, 3))
      await put([recorded('d1', processEvent(2, { id: idOf('other') }), { conflict: true })])
      assert.equal((await under.history.bySeq('d1', 7, 2))?.id, idOf('process 2'))
      assert.equal((await under.history.events({}, 10)).length, 4)
    })

    it('distinguishes the epochs of a spool', async () => {
      const event = (what: string) => processEvent(1, { id: idOf(what) })
      const { epoch: _, ...withoutEpoch } = recorded('d1', event('none'))
      await put([recorded('d1', event('one'), { epoch: 1 }), withoutEpoch])
      assert.equal((await under.history.bySeq('d1', 1, 1))?.id, idOf('one'))
      assert.equal((await under.history.bySeq('d1', 0, 1))?.id, idOf('none'))
    })

    it('returns rejected events newest first, each number once', async () => {
      await put(batch('d1', 1, 3), [rejectedEvent('d1', 4, { epoch: 7 }), rejectedEvent('d1', null)])
      await put([], [rejectedEvent('d1', 4, { epoch: 7 }), rejectedEvent('d1', null), rejectedEvent('d2', 1)])
      assert.deepEqual(
        (await under.history.rejected('d1', 10)).map((it) => it.seq),
        [null, null, 4],
      )
      assert.deepEqual(await under.history.rejected('d1', 1), [rejectedEvent('d1', null)])
      assert.deepEqual(await under.history.rejected('d1', 0), [])
      const totals = await under.history.rejectedTotals(['d1', 'd2', 'd3'])
      assert.deepEqual([...totals].sort(), [
        ['d1', 3],
        ['d2', 1],
      ])
    })

    it('keeps the newest 1,000 rejected events of a device, and counts all', async () => {
      const many = range(1, 1_600).map((seq) => rejectedEvent('d1', seq, { epoch: 7 }))
      await put([], many)
      const kept = await under.history.rejected('d1', 5_000)
      assert.deepEqual(
        kept.map((it) => it.seq),
        range(600, 1_600).reverse(),
      )
      assert.equal((await under.history.rejectedTotals(['d1'])).get('d1'), 1_599)
    })

    it('deletes only telemetry that arrived before a time', async () => {
      const old = batch('d1', 1, 1_500)
      const contract: Recorded = { type: 'contract', worker: 'w1', from: T0, country: 'US' }
      const connection: Recorded = { type: 'connection', device: 'd1', time: T0, remoteAddress: '203.0.113.9' }
      const clock: Recorded = { type: 'clock', time: T0 }
      const fresh = batch('d1', 1_501, 1_500).map((it) => ({ ...it, receivedAt: T0 + HOUR }))
      await put([...old, contract, connection, clock], [rejectedEvent('d1', null)])
      await put(fresh, [rejectedEvent('d1', null, { receivedAt: T0 + HOUR })])

      assert.equal(await under.history.retain(T0), 0)
      assert.equal(await under.history.retain(T0 + 1), 1_501)
      assert.equal(await under.history.retain(T0 + 1), 0)
      await under.reopen()
      const { history } = under
      const scanned = await gather(history.scan({ categories: null, after: 0, upTo: 9_999 }))
      assert.deepEqual(positions(scanned), [1_501, 1_503, ...range(1_504, 3_004)])
      assert.deepEqual(positions(await history.events({ devices: ['d1'] }, 5_000)), range(1_504, 3_004).reverse())
      assert.equal(total(await history.counts({})), 1_500)
      assert.equal((await history.rejected('d1', 10)).length, 1)
      assert.equal((await history.rejectedTotals(['d1'])).get('d1'), 2)
      assert.equal(await history.bySeq('d1', 7, 5), null)
      assert.equal((await history.bySeq('d1', 7, 2_000))?.seq, 2_000)
      await put(batch('d1', 3_001, 1))
      assert.deepEqual(positions(await history.events({}, 1)), [3_004])
    })

    it('deletes old telemetry from a history with few records', async () => {
      await put(batch('d1', 1, 10))
      assert.equal(await under.history.retain(T0 + 1), 10)
      assert.deepEqual([await under.history.events({}, 10), await under.history.counts({})], [[], []])
    })

    for (const { name, text } of HOSTILE) {
      it(`returns hostile text unchanged: ${name}`, async () => {
        const event = processEvent(1, { CommandLine: text, User: text.slice(0, 256) })
        const refused = rejectedEvent('d1', 2, { raw: text, where: text })
        await put([recorded('d1', event)], [refused])
        await put(batch('d2', 1, 1_100))
        await under.reopen()
        assert.deepEqual(await under.history.events({ devices: ['d1'] }, 10), numbered([recorded('d1', event)]))
        assert.deepEqual(await under.history.bySeq('d1', 7, 1), event)
        assert.deepEqual(await under.history.rejected('d1', 1), [refused])
        const scan: ScanQuery = { categories: ['process_creation'], after: 0, upTo: 1, literals: [text.slice(1, 200)] }
        assert.deepEqual(await gather(under.history.scan(scan)), numbered([recorded('d1', event)]))
      })
    }
  })

  describe(`${name}, queries`, () => {
    const records = mixed(4_321)
    let under: HistoryUnderTest
    let history: History
    before(async function () {
      under = await open(this)
      history = under.history
      for (let from = 0; from < records.length; from += 500) await putInto(under, records.slice(from, from + 500), [])
    })
    after(() => under.done())

    const queries: { name: string; query: HistoryQuery; limit: number }[] = [
      { name: 'everything, a few', query: {}, limit: 7 },
      { name: 'everything, all', query: {}, limit: 10_000 },
      { name: 'nothing', query: {}, limit: 0 },
      { name: 'one device', query: { devices: ['d3'] }, limit: 50 },
      {
        name: 'two devices, one category',
        query: { devices: ['d3', 'd1'], categories: ['network_connection'] },
        limit: 50,
      },
      { name: 'a category, all of it', query: { categories: ['process_creation'] }, limit: 10_000 },
      { name: 'within hours', query: { from: T0 - 5 * HOUR, to: T0 - 2 * HOUR }, limit: 10_000 },
      { name: 'within parts of hours', query: { from: T0 - 4.7 * HOUR, to: T0 - 2.3 * HOUR }, limit: 300 },
      { name: 'a few before the middle of an hour', query: { to: T0 - 2.3 * HOUR, devices: ['d2'] }, limit: 5 },
      { name: 'an unknown device', query: { devices: ['nobody'] }, limit: 10 },
      { name: 'no device', query: { devices: [] }, limit: 10 },
      { name: 'before everything', query: { to: T0 - 1_000 * HOUR }, limit: 10 },
      { name: 'after everything', query: { from: T0 + 1_000 * HOUR }, limit: 10 },
      { name: 'an empty time', query: { from: T0, to: T0 }, limit: 10 },
    ]
    for (const { name, query, limit } of queries) {
      it(`finds events, newest first: ${name}`, async () => {
        assert.deepEqual(
          positions(await history.events(query, limit)),
          positions(expectedEvents(records, query, limit)),
        )
      })
      it(`counts events by hour: ${name}`, async () => {
        assert.deepEqual(await history.counts(query), expectedCounts(records, query))
      })
    }
  })

  describe(`${name}, scans`, () => {
    // Segments of one category each, of both, of rare feed lines only, and a journal: skipping segments must not lose
    // any.
    const processes = (from: number, count: number) => batch('d1', from, count)
    const connections = (from: number, count: number) =>
      range(from, from + count).map((seq) => recorded('d2', connectionEvent(seq)))
    const contract = (from: number): Recorded => ({ type: 'contract', worker: 'w1', from, country: 'US' })
    const device: Recorded = { type: 'device', device: 'd1', worker: 'w1', from: T0, to: null }
    const clock: Recorded = { type: 'clock', time: T0, downSince: null }
    const label: Recorded = { type: 'label', worker: 'w1', truth: 'benign', scenario: 'N1', from: T0 }
    const session: Recorded = { type: 'connection', device: 'd1', time: T0, remoteAddress: '203.0.113.9' }
    const words = [
      recorded('d3', processEvent(1, { CommandLine: 'C:\\Tools\\AnyDesk.exe --silent "x"' })),
      recorded('d3', processEvent(2, { CommandLine: 'RUSTDESK' })),
      recorded('d3', processEvent(3, { CommandLine: 'Ru\u017ftDe\u017f\u212a' })),
      recorded('d3', processEvent(4, { CommandLine: 'grüße ÄPFEL 日本' })),
      recorded('d3', processEvent(5, { CommandLine: 'a+b(c) [d] {e} ^$|?*' })),
      recorded('d3', connectionEvent(6, { DestinationHostname: 'relay.anydesk.com' })),
    ]
    const calls: Recorded[][] = [
      [contract(T0), device, ...processes(1, 1_000)],
      [...connections(1, 1_200), contract(T0 + 1)],
      [clock, session, ...connections(1_201, 1_000)],
      [...processes(1_001, 300), ...words, label, ...connections(2_201, 900)],
      [feedLine('one'), ...connections(3_101, 1_000)],
      [...processes(1_301, 20), contract(T0 + 2), feedLine('two'), session],
    ]
    const all = numbered(calls.flat())
    let under: HistoryUnderTest
    before(async function () {
      under = await open(this)
      for (const it of calls) await putInto(under, it, [])
    })
    after(() => under.done())

    const scans: { name: string; query: ScanQuery }[] = [
      { name: 'everything', query: { categories: null, after: 0, upTo: all.length } },
      { name: 'beyond the end', query: { categories: null, after: 0, upTo: 1_000_000 } },
      { name: 'a part', query: { categories: null, after: 1_700, upTo: 3_333 } },
      { name: 'nothing', query: { categories: null, after: 1_700, upTo: 1_700 } },
      { name: 'one category', query: { categories: ['process_creation'], after: 0, upTo: all.length } },
      { name: 'the other, in part', query: { categories: ['network_connection'], after: 900, upTo: 3_000 } },
      {
        name: 'both',
        query: { categories: ['process_creation', 'network_connection'], after: 10, upTo: all.length },
      },
      { name: 'of feeds', query: { categories: ['contract_event'], after: 0, upTo: all.length } },
      { name: 'a category without events', query: { categories: ['usb_device'], after: 0, upTo: all.length } },
      { name: 'no category', query: { categories: [], after: 0, upTo: all.length } },
      ...[
        ['anydesk'],
        ['ANYDESK.EXE'],
        ['tools\\any'],
        ['"x"'],
        ['rustdesk'],
        ['GRÜSSE', 'grüße'],
        ['Äpfel'],
        ['日本'],
        ['日'],
        ['c) [d]', 'nothing of the kind'],
        ['^$|?*'],
        ['nothing of the kind'],
        [],
        range(0, 100).map((it) => `word-${it}`),
      ].flatMap((literals) => [
        { name: `words ${literals.slice(0, 2)}`, query: { categories: null, after: 0, upTo: all.length, literals } },
        {
          name: `words ${literals.slice(0, 2)} in a category`,
          query: { categories: ['process_creation' as const], after: 5, upTo: all.length, literals },
        },
      ]),
    ]
    for (const { name, query } of scans) {
      it(`returns every record that may match, in order and unchanged: ${name}`, async () => {
        const found = await gather(under.history.scan(query))
        const given = new Set(found.map((it) => it.position))
        assert.deepEqual(
          found,
          all.filter((it) => given.has(it.position)),
        )
        assert(found.every((it) => it.position > query.after && it.position <= query.upTo))
        const missed = all.filter((it) => mustCome(it, query) && !given.has(it.position))
        assert.deepEqual(missed, [])
      })
    }

    it('omits most records that cannot match', async () => {
      const found = await gather(
        under.history.scan({ categories: ['process_creation'], after: 0, upTo: all.length, literals: ['anydesk'] }),
      )
      assert(found.length < 20, `${found.length} records`)
      const connected = await gather(
        under.history.scan({ categories: ['network_connection'], after: 0, upTo: all.length }),
      )
      assert(connected.every(({ record }) => record.type !== 'event' || record.device !== 'd1'))
    })
  })
}

/** Publishes, and feeds the stored records to the history, as a server does. */
async function putInto(
  { stream, history }: HistoryUnderTest,
  records: readonly Recorded[],
  rejected: readonly Rejected[],
): Promise<void> {
  const { first } = await stream.publish(records, rejected)
  await history.append(await gather(stream.read(first - 1)), rejected)
}

/** The records that a scan must return, computed by brute force. Ignores case as the rule engine does. */
function mustCome({ position, record }: Stored, { categories, after, upTo, literals }: ScanQuery): boolean {
  if (position <= after || position > upTo) return false
  if (['contract', 'approval', 'learning', 'device', 'revocation', 'clock'].includes(record.type)) return true
  const category = record.type === 'event' || record.type === 'feed' ? record.event.category : null
  if (categories !== null && (category === null || !(categories as readonly string[]).includes(category))) return false
  if (literals === undefined) return true
  const texts: string[] = []
  JSON.stringify(record, (_, value: unknown) => {
    if (typeof value !== 'object') texts.push(folded(String(value)))
    return value
  })
  return literals.some((it) => texts.some((text) => text.includes(folded(it))))
}

const folded = (text: string) => text.toLowerCase().replaceAll('\u017f', 's').replaceAll('\u212a', 'k')

function expectedEvents(records: readonly Recorded[], query: HistoryQuery, limit: number) {
  const { from = -Infinity, to = Infinity, devices, categories } = query
  return numbered(records)
    .flatMap((it) => (it.record.type === 'event' ? [{ ...it, record: it.record }] : []))
    .filter(({ record: { device, event } }) => {
      if (event.time < from || event.time >= to) return false
      return (devices?.includes(device) ?? true) && (categories?.includes(event.category) ?? true)
    })
    .sort((a, b) => b.record.event.time - a.record.event.time || b.position - a.position)
    .slice(0, limit)
}

function expectedCounts(records: readonly Recorded[], query: HistoryQuery) {
  const from = query.from === undefined ? {} : { from: Math.floor(query.from / HOUR) * HOUR }
  const to = query.to === undefined ? {} : { to: Math.ceil(query.to / HOUR) * HOUR }
  const rows = expectedEvents(records, { ...query, ...from, ...to }, Infinity).map(({ record }) => {
    const { device, event } = record
    return { hour: Math.floor(event.time / HOUR) * HOUR, device, category: event.category }
  })
  const byKey = Map.groupBy(rows, (it) => `${it.hour} ${it.device} ${it.category}`)
  return [...byKey].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, same]) => ({ ...same[0]!, events: same.length }))
}

async function everything(history: History) {
  return {
    events: await history.events({}, 10_000),
    counts: await history.counts({}),
    scanned: await gather(history.scan({ categories: null, after: 0, upTo: 1_000_000 })),
    bySeq: [await history.bySeq('d1', 7, 3), await history.bySeq('d1', 9, 2)],
    rejected: await history.rejected('d1', 10),
    rejectedTotals: await history.rejectedTotals(['d1', 'd2']),
  }
}

const positions = (found: readonly Stored[]) => found.map((it) => it.position)
const total = (counts: readonly { events: number }[]) => counts.reduce((sum, it) => sum + it.events, 0)
