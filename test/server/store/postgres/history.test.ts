import assert from 'node:assert/strict'
import type { History } from '../../../../server/store/history.ts'
import { memoryTelemetry } from '../../../../server/store/memory/telemetry.ts'
import { openPostgresHistory } from '../../../../server/store/postgres/history.ts'
import type { Stored } from '../../../../server/store/stream.ts'
import type { Fault } from '../../../../wire/fault.ts'
import type { Recorded } from '../../../../wire/recording.ts'
import { historySuite } from '../history.suite.ts'
import { batch, gather, mixed, numbered, rejectedEvent, sameRecords, T0 } from '../samples.ts'
import { type TestDatabase, testDatabase } from './server.ts'

let shared: TestDatabase | undefined

historySuite('history in PostgreSQL', async (test) => {
  const database = (shared ??= await testDatabase(test))
  const under = {
    stream: memoryTelemetry().stream,
    history: await openPostgresHistory({ url: database.url }),
    async reopen() {
      await under.history.close()
      under.history = await openPostgresHistory({ url: database.url })
    },
    async done() {
      await under.history.close()
      await database.empty()
    },
  }
  return under
})

describe('history in PostgreSQL, when things go wrong', () => {
  let database: TestDatabase
  let history: History
  before(async function () {
    database = shared ??= await testDatabase(this)
  })
  beforeEach(async () => {
    history = await openPostgresHistory({ url: database.url })
  })
  afterEach(async () => {
    await history.close()
    await database.empty()
  })
  const everything = () => gather(history.scan({ categories: null, after: 0, upTo: 10_000_000 }))

  for (const size of [7, 900, 5_000]) {
    it(`stores positions with gaps: ${size} a call`, async () => {
      const stored = [
        ...numbered(batch('d1', 1, 500)),
        ...at(503, batch('d1', 501, 1)),
        ...at(1_400, batch('d1', 502, 700)),
        ...at(5_000_000, batch('d1', 1_202, 40)),
      ].filter((it) => it.position % 7 !== 0)
      for (let from = 0; from < stored.length; from += size) await history.append(stored.slice(from, from + size))
      assert.equal(await history.last(), 5_000_039)
      sameRecords(await everything(), stored)
      sameRecords(await gather(history.scan({ categories: null, after: 503, upTo: 1_500 })), [
        ...stored.filter((it) => it.position > 503 && it.position <= 1_500),
      ])
      assert.equal((await history.events({}, 10_000)).length, stored.length)
      assert.equal((await history.bySeq('d1', 7, 1_203))?.seq, 1_203)
    })
  }

  it('two writers with the same stream make one history', async () => {
    const stored = numbered(mixed(3_000))
    const other = await openPostgresHistory({ url: database.url })
    const feed = async (to: History, size: number) => {
      for (let from = 0; from < stored.length; from += size) await to.append(stored.slice(from, from + size))
    }
    await Promise.all([feed(history, 70), feed(other, 110)])
    await other.close()
    sameRecords(await everything(), stored)
    const events = stored.filter((it) => it.record.type === 'event').length
    assert.equal(
      (await history.counts({})).reduce((sum, it) => sum + it.events, 0),
      events,
    )
  })

  it('stores nothing of a refused call, which can be repeated', async () => {
    await history.append(numbered(batch('d1', 1, 500)))
    await database.query(`create function broken() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$;
      create trigger broken before insert on history_received for each row execute function broken()`)
    const stored = at(501, batch('d1', 501, 600))
    await assert.rejects(history.append(stored, [rejectedEvent('d1', null)]), {
      name: 'Fault',
      code: 'store.unwritable',
    })
    assert.equal(await history.last(), 500)
    assert.equal((await everything()).length, 500)
    assert.deepEqual(await history.rejected('d1', 10), [])
    await database.query('drop trigger broken on history_received')
    await history.append(stored, [rejectedEvent('d1', null)])
    sameRecords(await everything(), numbered(batch('d1', 1, 1_100)))
    assert.equal((await history.rejected('d1', 10)).length, 1)
  })

  it('reports a damaged segment, and continues after it', async () => {
    for (const first of [1, 1_001, 2_001]) await history.append(at(first, batch('d1', first, 1_000)))
    await database.query(
      `update history_segments set lines = overlay(lines placing '\\x00ff00' from 500) where first = 1001`,
    )
    await assert.rejects(everything(), (fault: Fault) => {
      assert.equal(fault.code, 'store.damaged')
      assert.equal(fault.facts.segment, 1_001)
      return true
    })
    const faults: Fault[] = []
    const onDamaged = (fault: Fault) => void faults.push(fault)
    const found = await gather(history.scan({ categories: null, after: 0, upTo: 10_000 }, { onDamaged }))
    assert.equal(found.length, 2_000)
    assert.equal((await history.events({}, 10_000, { onDamaged })).length, 2_000)
    assert.deepEqual(
      faults.map(({ facts }) => [facts.first, facts.last]),
      [
        [1_001, 2_000],
        [1_001, 2_000],
      ],
    )
    await assert.rejects(history.bySeq('d1', 7, 1_500), { code: 'store.damaged' })
    assert.equal((await history.bySeq('d1', 7, 2_500))?.seq, 2_500)
    // An unreadable segment stays, and does not prevent deleting the others.
    assert.equal(await history.retain(T0 + 1), 2_000)
    assert.equal(await history.retain(T0 + 1), 0)
  })

  it('refuses a database of a newer Tellwire', async () => {
    await database.query(`update tellwire_schema set version = 99 where part = 'history'`)
    await assert.rejects(openPostgresHistory({ url: database.url }), { name: 'Fault', code: 'store.newer' })
  })
})

const at = (first: number, records: readonly Recorded[]): Stored[] =>
  records.map((record, index) => ({ position: first + index, record }))
