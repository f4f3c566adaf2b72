/** What every telemetry log must do, whatever it is made of. */
import assert from 'node:assert/strict'
import type { LogQuery, Stored, TelemetryLog } from '../../../server/store/state.ts'
import type { Recorded } from '../../../wire/recording.ts'
import {
  batch,
  connectionEvent,
  feedLine,
  HOSTILE,
  HOUR,
  idOf,
  processEvent,
  recorded,
  rejectedEvent,
  T0,
} from './samples.ts'

export interface LogUnderTest {
  log: TelemetryLog
  /** Closes it and opens what it left; the same log where nothing outlives the process. */
  reopen(): Promise<TelemetryLog>
  done(): Promise<void>
}

export function logSuite(name: string, open: () => Promise<LogUnderTest>): void {
  describe(name, () => {
    let under: LogUnderTest
    let log: TelemetryLog
    beforeEach(async () => {
      under = await open()
      log = under.log
    })
    afterEach(() => under.done())

    it('begins empty', async () => {
      assert.equal(log.last(), 0)
      assert.deepEqual(await stored(log), [])
      assert.deepEqual(await log.events({}, 10), [])
      assert.deepEqual(await log.counts({}), [])
      assert.equal(log.acked('d1', 7), 0)
      assert.equal(await log.bySeq('d1', 7, 1), null)
      assert.deepEqual(await log.rejected('d1', 10), [])
    })

    it('gives positions in the order of the calls, also when they share a commit', async () => {
      const appended = await Promise.all([
        log.append(batch('d1', 1, 3)),
        log.append([]),
        log.append(batch('d2', 1, 2)),
        log.append(batch('d1', 4, 1)),
      ])
      assert.deepEqual(appended, [
        { first: 1, last: 3, duplicates: [] },
        { first: 4, last: 3, duplicates: [] },
        { first: 4, last: 5, duplicates: [] },
        { first: 6, last: 6, duplicates: [] },
      ])
      const records = [...batch('d1', 1, 3), ...batch('d2', 1, 2), ...batch('d1', 4, 1)]
      assert.deepEqual(await stored(log), numbered(records))
    })

    it('keeps every kind of record in its place, and reads on from any position', async () => {
      const records = mixed(3_700)
      for (let from = 0; from < records.length; from += 370) await log.append(records.slice(from, from + 370))
      const all = numbered(records)
      assert.deepEqual(await stored(log), all)
      for (const after of [1, 999, 1_000, 1_480, 3_699, 3_700, 9_999]) {
        assert.deepEqual(await stored(log, after), all.slice(after), `after ${after}`)
      }
    })

    it('reads up to what was there when the reading began', async () => {
      await log.append(batch('d1', 1, 5))
      const reading = log.read()
      await log.append(batch('d1', 6, 5))
      assert.deepEqual((await gather(reading)).length, 5)
    })

    it('is the same after a restart, and goes on counting', async () => {
      await log.append(mixed(2_500))
      await log.append(batch('d1', 1, 10), [rejectedEvent('d1', 11, { epoch: 7 })])
      const before = await everything(log)
      const again = await under.reopen()
      assert.deepEqual(await everything(again), before)
      assert.deepEqual(await again.append(batch('d1', 9, 4)), { first: 2_511, last: 2_512, duplicates: [0, 1] })
      assert.equal(again.acked('d1', 7), 12)
    })

    for (const size of [10, 1_200]) {
      it(`stores a number once: ${size} events a call`, async () => {
        await log.append(batch('d1', 1, size))
        const half = size / 2
        const again = [...batch('d1', half, size), ...batch('d2', 1, 1)]
        const appended = await log.append(again)
        assert.deepEqual(appended.duplicates, range(0, half + 1))
        assert.deepEqual(appended, { first: size + 1, last: size + half, duplicates: appended.duplicates })
        assert.equal(log.acked('d1', 7), size + half - 1)
        assert.equal((await log.bySeq('d1', 7, half))?.id, idOf(`process ${half}`))
        assert.equal((await log.bySeq('d1', 7, size + 1))?.id, idOf(`process ${size + 1}`))
      })

      it(`takes a number that was left out, also later: ${size} events a call`, async () => {
        const all = batch('d1', 1, size)
        const hole = all.splice(4, 1)
        await log.append(all)
        assert.equal(await log.bySeq('d1', 7, 5), null)
        assert.deepEqual(await log.append([...hole, ...hole]), { first: size, last: size, duplicates: [1] })
        assert.equal((await log.bySeq('d1', 7, 5))?.seq, 5)
        assert.equal(log.acked('d1', 7), size)
      })
    }

    it('stores a number once within a call and among calls that share a commit', async () => {
      const twice = [...batch('d1', 1, 2), ...batch('d1', 2, 1)]
      const appended = await Promise.all([
        log.append(twice),
        log.append(batch('d1', 1, 3)),
        log.append(batch('d1', 3, 2)),
      ])
      assert.deepEqual(
        appended.map((it) => it.duplicates),
        [[2], [0, 1], [0]],
      )
      assert.equal(log.last(), 4)
    })

    it('tells the lives of a spool apart, and takes a missing epoch as 0', async () => {
      const event = processEvent(1)
      const { epoch: _, ...withoutEpoch } = recorded('d1', event)
      const appended = await log.append([
        recorded('d1', event, { epoch: 1 }),
        recorded('d1', event, { epoch: 2 }),
        withoutEpoch,
        recorded('d1', event, { epoch: 0 }),
      ])
      assert.deepEqual(appended.duplicates, [3])
      assert.deepEqual(
        [0, 1, 2, 3].map((epoch) => log.acked('d1', epoch)),
        [1, 1, 1, 0],
      )
    })

    it('keeps a conflict beside what it conflicts with, each once', async () => {
      await log.append(batch('d1', 1, 3))
      const other = recorded('d1', processEvent(2, { id: idOf('other') }), { conflict: true })
      const third = recorded('d1', processEvent(2, { id: idOf('third') }), { conflict: true })
      assert.deepEqual((await log.append([other, third, other])).duplicates, [2])
      assert.deepEqual((await log.append([third])).duplicates, [0])
      assert.equal((await log.bySeq('d1', 7, 2))?.id, idOf('process 2'))
      assert.equal(log.acked('d1', 7), 3)
      assert.equal(log.last(), 5)
    })

    it('takes any number of events that no spool numbered', async () => {
      const derived = recorded('d1', processEvent(null))
      assert.deepEqual(await log.append([derived, derived]), { first: 1, last: 2, duplicates: [] })
      assert.equal(log.acked('d1', 7), 0)
    })

    it('stores a feed event once, also after a restart, until it is deleted because of its age', async () => {
      const [one, two] = [feedLine('one'), feedLine('two')]
      assert.deepEqual(await log.append([one, two, one]), { first: 1, last: 2, duplicates: [2] })
      log = await under.reopen()
      const again = { ...one, receivedAt: T0 + HOUR }
      assert.deepEqual(await log.append([again, feedLine('three')]), { first: 3, last: 3, duplicates: [0] })
      assert.equal((await stored(log)).length, 3)
      assert.equal(await log.retain(T0 + 1), 3)
      assert.deepEqual(await log.append([again]), { first: 4, last: 4, duplicates: [] })
    })

    it('keeps what was rejected, newest first, each number once, and counts it as received', async () => {
      await log.append(batch('d1', 1, 3), [rejectedEvent('d1', 4, { epoch: 7 }), rejectedEvent('d1', null)])
      await log.append([], [rejectedEvent('d1', 4, { epoch: 7 }), rejectedEvent('d1', null), rejectedEvent('d2', 1)])
      assert.deepEqual(
        (await log.rejected('d1', 10)).map((it) => it.seq),
        [null, null, 4],
      )
      assert.deepEqual(await log.rejected('d1', 1), [rejectedEvent('d1', null)])
      assert.equal(log.rejectedTotal('d1'), 3)
      assert.equal(log.acked('d1', 7), 4)
      assert.equal(log.acked('d2', 7), 0)
      assert.deepEqual((await log.append(batch('d1', 4, 2))).duplicates, [], 'a corrected event may still come')
    })

    it('keeps the newest 1,000 rejected of a device, and the count of all', async () => {
      const many = range(1, 1_600).map((seq) => rejectedEvent('d1', seq, { epoch: 7 }))
      await log.append([], many)
      const kept = await log.rejected('d1', 5_000)
      assert.deepEqual(
        kept.map((it) => it.seq),
        range(600, 1_600).reverse(),
      )
      assert.equal(log.rejectedTotal('d1'), 1_599)
    })

    it('deletes telemetry that came before a time, and nothing else', async () => {
      const old = batch('d1', 1, 1_500)
      const contract: Recorded = { type: 'contract', worker: 'w1', from: T0, country: 'US' }
      const connection: Recorded = { type: 'connection', device: 'd1', time: T0, remoteAddress: '203.0.113.9' }
      const clock: Recorded = { type: 'clock', time: T0 }
      const fresh = batch('d1', 1_501, 1_500).map((it) => ({ ...it, receivedAt: T0 + HOUR }))
      await log.append([...old, contract, connection, clock], [rejectedEvent('d1', null)])
      await log.append(fresh, [rejectedEvent('d1', null, { receivedAt: T0 + HOUR })])

      assert.equal(await log.retain(T0), 0)
      assert.equal(await log.retain(T0 + 1), 1_501)
      assert.equal(await log.retain(T0 + 1), 0)
      log = await under.reopen()
      assert.deepEqual(positions(await stored(log)), [1_501, 1_503, ...range(1_504, 3_004)])
      assert.deepEqual(positions(await log.events({ devices: ['d1'] }, 5_000)), range(1_504, 3_004).reverse())
      assert.equal(
        (await log.counts({})).reduce((sum, it) => sum + it.events, 0),
        1_500,
      )
      assert.equal((await log.rejected('d1', 10)).length, 1)
      assert.equal(await log.bySeq('d1', 7, 5), null)
      assert.deepEqual((await log.append(batch('d1', 5, 1))).duplicates, [0], 'it does not come back')
      assert.deepEqual(await log.append(batch('d1', 3_001, 1)), { first: 3_004, last: 3_004, duplicates: [] })
    })

    it('deletes what is old in a log with little in it', async () => {
      await log.append(batch('d1', 1, 10))
      assert.equal(await log.retain(T0 + 1), 10)
      assert.deepEqual([await stored(log), await log.counts({}), log.last()], [[], [], 10])
    })

    for (const { name, text } of HOSTILE) {
      it(`gives back hostile text as it came: ${name}`, async () => {
        const event = processEvent(1, { CommandLine: text, User: text.slice(0, 256) })
        const refused = rejectedEvent('d1', 2, { raw: text, where: text })
        await log.append([recorded('d1', event)], [refused])
        const again = await under.reopen()
        assert.deepEqual(await stored(again), numbered([recorded('d1', event)]))
        assert.deepEqual(await again.bySeq('d1', 7, 1), event)
        assert.deepEqual(await again.rejected('d1', 1), [refused])
      })
    }
  })

  describe(`${name}, asked`, () => {
    const records = mixed(4_321)
    let under: LogUnderTest
    let log: TelemetryLog
    before(async () => {
      under = await open()
      log = under.log
      for (let from = 0; from < records.length; from += 500) await log.append(records.slice(from, from + 500))
    })
    after(() => under.done())

    const queries: { name: string; query: LogQuery; limit: number }[] = [
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
      { name: 'a device nobody has', query: { devices: ['nobody'] }, limit: 10 },
      { name: 'no device', query: { devices: [] }, limit: 10 },
      { name: 'before everything', query: { to: T0 - 1_000 * HOUR }, limit: 10 },
      { name: 'after everything', query: { from: T0 + 1_000 * HOUR }, limit: 10 },
      { name: 'an empty time', query: { from: T0, to: T0 }, limit: 10 },
    ]
    for (const { name, query, limit } of queries) {
      it(`finds events, newest first: ${name}`, async () => {
        assert.deepEqual(positions(await log.events(query, limit)), positions(expectedEvents(records, query, limit)))
      })
      it(`counts events by hour: ${name}`, async () => {
        assert.deepEqual(await log.counts(query), expectedCounts(records, query))
      })
    }
  })
}

/** Six devices, two categories, hours out of order, records of every type between. Numbers are in no stream's order. */
function mixed(count: number): Recorded[] {
  return range(0, count).map((index) => {
    const device = `d${index % 6}`
    if (index % 97 === 0) return { type: 'clock', time: T0 + index, downSince: null }
    if (index % 89 === 0) return { type: 'connection', device, time: T0 + index, remoteAddress: '203.0.113.9' }
    if (index % 83 === 0) return { type: 'device', device, worker: 'w1', from: T0, to: null }
    if (index % 79 === 0) return { type: 'contract', worker: 'w1', from: T0 + index, country: 'US' }
    const time = T0 - ((index * 7_919) % 40) * (HOUR / 4) + (index % 5)
    const make = index % 3 === 0 ? connectionEvent : processEvent
    return recorded(device, make(index + 1, { time }), { epoch: 9 })
  })
}

function expectedEvents(records: readonly Recorded[], query: LogQuery, limit: number): Stored[] {
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

function expectedCounts(records: readonly Recorded[], query: LogQuery) {
  const from = query.from === undefined ? {} : { from: Math.floor(query.from / HOUR) * HOUR }
  const to = query.to === undefined ? {} : { to: Math.ceil(query.to / HOUR) * HOUR }
  const rows = expectedEvents(records, { ...query, ...from, ...to }, Infinity).map(({ record }) => {
    assert(record.type === 'event')
    const { device, event } = record
    return { hour: Math.floor(event.time / HOUR) * HOUR, device, category: event.category }
  })
  const byKey = Map.groupBy(rows, (it) => `${it.hour} ${it.device} ${it.category}`)
  return [...byKey].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, same]) => ({ ...same[0]!, events: same.length }))
}

async function everything(log: TelemetryLog) {
  return {
    last: log.last(),
    stored: await stored(log),
    events: await log.events({}, 10_000),
    counts: await log.counts({}),
    acked: ['d0', 'd1', 'd2'].map((device) => [log.acked(device, 7), log.acked(device, 9)]),
    bySeq: [await log.bySeq('d1', 7, 3), await log.bySeq('d1', 9, 2)],
    rejected: await log.rejected('d1', 10),
    rejectedTotal: log.rejectedTotal('d1'),
  }
}

const stored = (log: TelemetryLog, after?: number) => gather(log.read(after))
async function gather(reading: AsyncIterable<Stored>): Promise<Stored[]> {
  const found: Stored[] = []
  for await (const it of reading) found.push(it)
  return found
}

const numbered = (records: readonly Recorded[]): Stored[] =>
  records.map((record, index) => ({ position: index + 1, record }))
const positions = (found: readonly Stored[]) => found.map((it) => it.position)
/** from <= n < to */
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index)
