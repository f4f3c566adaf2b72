import assert from 'node:assert/strict'
import { asFault, openDatabase, type Schema } from '../../../../server/store/postgres/database.ts'
import { STORE } from '../../../../server/store/postgres/schema.ts'
import { openPostgresStore } from '../../../../server/store/postgres/store.ts'
import type { Store } from '../../../../server/store/store.ts'
import { Fault } from '../../../../wire/fault.ts'
import { enrolledDevice } from '../samples.ts'
import { commitOf } from '../store.suite.ts'
import { type TestDatabase, testDatabase } from './server.ts'

const UNWRITABLE = { name: 'Fault', code: 'store.unwritable' }

describe('PostgreSQL as a store', () => {
  let database: TestDatabase
  const opened: Store[] = []
  const open = async () => {
    const store = await openPostgresStore({ url: database.url })
    opened.push(store)
    return store
  }
  before(async function () {
    database = await testDatabase(this)
  })
  afterEach(async () => {
    for (const it of opened.splice(0)) await it.close()
    await database.empty()
  })
  after(() => database?.drop())

  /** Ends the one connection that waits for a lock, as soon as there is one. */
  async function disconnectWaiting(): Promise<void> {
    const sql = `select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`
    while ((await database.query(sql)).length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  }

  it('fails only the commit whose connection is lost, and the next one works', async () => {
    const store = await open()
    await store.evaluations.begin({ id: 'e1', ruleset: '{}', stream: 's' })
    const holder = await openDatabase({ url: database.url, schema: { ...NOTHING, part: 'history' } })
    const commit = commitOf(5, { kept: [{ part: 'p', subject: 's', state: '1' }] })
    await holder.transaction(async (query) => {
      await query('select 1 from evaluations for update')
      await Promise.all([assert.rejects(store.evaluations.commit('e1', commit), UNWRITABLE), disconnectWaiting()])
    })
    assert.equal((await store.evaluations.list())[0]?.position, 0)
    await store.evaluations.commit('e1', commit)
    assert.equal(await store.evaluations.keptOf('e1', 'p', 's'), '1')
    await holder.close()
  })

  it('fails at most one call when all idle connections are lost', async () => {
    const store = await open()
    const write = () => Promise.all(Array.from({ length: 20 }, (_, index) => store.values.set(`key ${index}`, 'value')))
    await write()
    await database.disconnect()
    const first = await store.values.get('key 1').catch((fault: Fault) => fault.code)
    assert.ok(first === 'value' || first === 'store.unwritable', `${first}`)
    await write()
    assert.equal(await store.values.get('key 1'), 'value')
  })

  it('fails a read whose connection is lost, and the next read starts over', async () => {
    const store = await open()
    await store.evaluations.begin({ id: 'e1', ruleset: '{}', stream: 's' })
    const kept = Array.from({ length: 4_500 }, (_, index) => ({ part: 'p', subject: `s${index}`, state: '{}' }))
    await store.evaluations.commit('e1', commitOf(1, { kept }))
    let read = 0
    const reading = async () => {
      for await (const block of store.evaluations.kept('e1')) {
        if (read === 0) await database.disconnect()
        read += block.length
      }
    }
    await assert.rejects(reading(), UNWRITABLE)
    assert.ok(read < 4_500)
    read = 1
    await reading()
    assert.equal(read, 4_501)
  })

  it('deletes the rows of a dropped evaluation without blocking commits', async () => {
    const store = await open()
    for (const id of ['e1', 'e2']) {
      await store.evaluations.begin({ id, ruleset: '{}', stream: 's' })
      await store.evaluations.commit(id, commitOf(1, { kept: [{ part: 'p', subject: 's', state: '1' }] }))
    }
    await store.evaluations.drop('e1')
    await store.evaluations.commit('e2', commitOf(2))
    while ((await database.query('select 1 from dropped')).length > 0) await new Promise((done) => setTimeout(done, 5))
    assert.deepEqual(await database.query('select count(*)::integer count from kept'), [{ count: 1 }])
  })

  it('does not deadlock when several write changes and commits at once', async () => {
    const stores = [await open(), await open(), await open()]
    await stores[0]!.evaluations.begin({ id: 'e1', ruleset: '{}', stream: 's' })
    await stores[0]!.evaluations.activate('e1', [])
    const changeOf = (id: string) => ({
      ...({ kind: 'case_decided', id, position: 1, time: 1, worker: 'w1', verdict: 'confirmed', by: 'ana' } as const),
    })
    const verdict = {
      worker: 'w1',
      verdict: 'confirmed',
      reason: '',
      by: 'ana',
      at: 1,
      band: 'low',
      points: 1,
    } as const
    const entry = { at: 1, user: 'ana', action: 'decide', about: null, detail: null }
    await Promise.all(
      Array.from({ length: 30 }, (_, index) => {
        const { evaluations, cases } = stores[index % 3]!
        if (index % 5 === 0) return evaluations.activate('e1', [changeOf(`a${index}`)])
        if (index % 2 === 0) return cases.decide({ ...verdict, kinds: [] }, changeOf(`d${index}`), entry)
        return evaluations.commit('e1', commitOf(1, { changes: [changeOf(`c${index}`)] }))
      }),
    )
    const seqs = (await stores[0]!.changes.after(0, 99)).map((it) => it.seq)
    assert.deepEqual(
      seqs,
      Array.from({ length: 30 }, (_, index) => index + 1),
    )
  })

  it('creates its tables once when several open it at once', async () => {
    const stores = await Promise.all(Array.from({ length: 5 }, open))
    await stores[0]!.values.set('key', 'value')
    assert.equal(await stores[4]!.values.get('key'), 'value')
    assert.deepEqual(await database.query('select part, version from tellwire_schema'), [
      { part: 'store', version: STORE.version },
    ])
  })

  const NOTHING: Schema = { part: 'store', version: 1, create: 'select 1', upgrades: [] }
  const upgrade = (from: number, to: number): Schema => ({
    ...{ part: 'history', version: to, create: 'create table steps (step integer)' },
    upgrades: Array.from({ length: to - 1 }, (_, index) => `insert into steps values (${index + from})`),
  })

  it('upgrades from any older version to the newest, part by part', async () => {
    for (const to of [1, 1, 2, 4]) {
      await (await openDatabase({ url: database.url, schema: upgrade(1, to) })).close()
    }
    await open()
    assert.deepEqual(await database.query('select step from steps'), [{ step: 1 }, { step: 2 }, { step: 3 }])
    assert.deepEqual(await database.query('select part, version from tellwire_schema order by part'), [
      { part: 'history', version: 4 },
      { part: 'store', version: STORE.version },
    ])
  })

  it('upgrades a store of version 1: its laptops can be revoked', async () => {
    const doc = JSON.stringify(enrolledDevice('d1'))
    const create = `create table devices (device text collate "C" primary key, doc text not null);
      create table evaluations (id bigint)`
    await (await openDatabase({ url: database.url, schema: { ...NOTHING, create } })).close()
    await database.query(`insert into devices values ('d1', '${doc}')`)
    const { devices } = await open()
    const entry = { at: 5, user: 'ana', action: 'laptop.revoked', about: 'd1', detail: 'lost' }
    await database.query('create table audit (id bigint generated always as identity primary key, doc text not null)')
    assert.equal((await devices.revoke('d1', { at: 5, by: 'ana', why: 'lost' }, entry))?.revokedAt, 5)
    assert.equal((await devices.revokedSince(5)).length, 1)
  })

  it('refuses a newer version, and rolls back an upgrade that fails', async () => {
    await (await openDatabase({ url: database.url, schema: { ...NOTHING, version: STORE.version + 1 } })).close()
    await assert.rejects(open(), { name: 'Fault', code: 'store.newer' })
    const failing: Schema = { ...NOTHING, part: 'history', create: 'create table half (way integer); select nothing' }
    await assert.rejects(openDatabase({ url: database.url, schema: failing }), UNWRITABLE)
    assert.deepEqual(await database.query(`select to_regclass('half') as half`), [{ half: null }])
  })

  it('refuses a database with an encoding that cannot store every text', async () => {
    await database.query(`create database latin1 template template0 encoding 'LATIN1'`)
    await assert.rejects(openPostgresStore({ url: database.url.replace(/test_\d+/, 'latin1') }), {
      ...UNWRITABLE,
      message: /UTF8/,
    })
    await database.query('drop database latin1')
  })

  it('says how to create a missing database', async () => {
    const url = database.url.replace(/test_\d+/, 'nowhere')
    await assert.rejects(openPostgresStore({ url }), { ...UNWRITABLE, todo: 'Create the database: createdb.' })
  })

  it('names the server without the password when it cannot be reached', async () => {
    const url = 'postgresql://ana:secret@127.0.0.1:1/tellwire'
    await assert.rejects(openPostgresStore({ url }), (fault: Fault) => {
      assert.deepEqual([fault.code, fault.where], ['store.unwritable', 'postgresql://127.0.0.1:1/tellwire'])
      assert.match(fault.todo ?? '', /^Start PostgreSQL/)
      assert.doesNotMatch(`${fault.message} ${JSON.stringify(fault.facts)}`, /secret/)
      return true
    })
  })

  it('completes calls made before it is closed, and refuses later ones', async () => {
    const store = await openPostgresStore({ url: database.url })
    const writing = Array.from({ length: 20 }, (_, index) => store.values.set(`key ${index}`, 'value'))
    const closing = store.close()
    await assert.rejects(store.values.get('key 0'), UNWRITABLE)
    await Promise.all([...writing, closing])
    assert.equal((await database.query('select 1 from settings')).length, 20)
  })

  it('can be closed during a read', async () => {
    const store = await openPostgresStore({ url: database.url })
    await store.evaluations.begin({ id: 'e1', ruleset: '{}', stream: 's' })
    const kept = Array.from({ length: 2_500 }, (_, index) => ({ part: 'p', subject: `s${index}`, state: '{}' }))
    await store.evaluations.commit('e1', commitOf(1, { kept }))
    const blocks = store.evaluations.kept('e1')[Symbol.asyncIterator]()
    assert.equal((await blocks.next()).done, false)
    await store.close()
    await assert.rejects(blocks.next(), UNWRITABLE)
  })
})

describe('the Fault for an error of PostgreSQL', () => {
  const errors: { name: string; cause: unknown; code: string; detail: RegExp }[] = [
    { name: 'a full disk', cause: { code: '53100', message: 'm' }, code: 'store.unwritable', detail: /disk is full/ },
    {
      name: 'too many connections',
      cause: { code: '53300', message: 'm' },
      code: 'store.unwritable',
      detail: /connections/,
    },
    { name: 'no such database', cause: { code: '3D000', message: 'm' }, code: 'store.unwritable', detail: /createdb/ },
    { name: 'a wrong password', cause: { code: '28P01', message: 'm' }, code: 'store.unwritable', detail: /password/ },
    { name: 'a standby', cause: { code: '25006', message: 'm' }, code: 'store.unwritable', detail: /primary/ },
    { name: 'a damaged page', cause: { code: 'XX001', message: 'm' }, code: 'store.damaged', detail: /backup/ },
    {
      name: 'a broken pipe',
      cause: { code: 'EPIPE', message: 'write EPIPE' },
      code: 'store.unwritable',
      detail: /^Start/,
    },
    {
      name: 'a lost connection',
      cause: new Error('Connection terminated unexpectedly'),
      code: 'store.unwritable',
      detail: /^Start/,
    },
    {
      name: 'a host with two addresses',
      cause: new AggregateError([{ code: 'ECONNREFUSED', message: 'm' }]),
      code: 'store.unwritable',
      detail: /^Start/,
    },
    {
      name: 'anything else',
      cause: { code: '23502', message: 'null value' },
      code: 'store.unwritable',
      detail: /^null value\.$/,
    },
    {
      name: 'a Fault',
      cause: new Fault('api.invalid', { todo: 'as it is' }),
      code: 'api.invalid',
      detail: /^as it is\.?$/,
    },
  ]
  for (const { name, cause, code, detail } of errors) {
    it(`is ${code} for ${name}`, () => {
      const fault = asFault(cause, 'place')
      assert.equal(fault.code, code)
      assert.match(fault.detail ?? '', detail)
    })
  }
})
