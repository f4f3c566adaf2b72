import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Finding } from '../../../../server/model/finding.ts'
import { openSqliteStore } from '../../../../server/store/sqlite/store.ts'
import { openStoreThread } from '../../../../server/store/sqlite/store-thread.ts'
import type { Store } from '../../../../server/store/store.ts'
import { temporaryFolder } from '../folder.ts'
import { enrolledDevice, findingOf, T0 } from '../samples.ts'
import { commitOf, type EngineUnderTest, storeSuite } from '../store.suite.ts'

storeSuite('store in SQLite', () => under('inline'))
storeSuite('store in SQLite, in a thread of its own', () => under('thread'))

async function under(run: 'inline' | 'thread'): Promise<EngineUnderTest> {
  const { folder, remove } = temporaryFolder()
  const execute = (sql: string) => {
    const db = new DatabaseSync(join(folder, 'state.db'))
    db.exec(sql)
    db.close()
  }
  return {
    config: { engine: 'sqlite', folder },
    run,
    isShared: true,
    async breakFeed() {
      execute(`create trigger broken before insert on changes begin select raise(abort, 'broken'); end`)
      return async () => execute('drop trigger broken')
    },
    done: async () => remove(),
  }
}

/** The file that version 2 created. */
const VERSION_2 = `
create table enrolled (device text primary key, doc text not null) without rowid;
create table tokens (
  hash text primary key, worker text, created_at integer not null, expires_at integer not null, used_at integer
) without rowid;
create table findings (id text primary key, worker text, last_time integer not null, doc text not null) without rowid;
create index findings_by_time on findings (last_time, id);
create index findings_by_worker on findings (worker, last_time, id);
create table progress (
  id integer primary key check (id = 1), position integer not null, rules text not null, pipeline blob not null
);
create table users (id integer primary key autoincrement, name text not null unique, doc text not null);
create table sessions (
  hash text primary key, user_id integer not null, created_at integer not null, expires_at integer not null,
  once integer not null
) without rowid;
create table audit (id integer primary key autoincrement, doc text not null);
create table settings (key text primary key, value text not null) without rowid;
create table verdicts (id integer primary key autoincrement, worker text not null, doc text not null);
create index verdicts_by_worker on verdicts (worker, id);
pragma user_version = 2;
`

const USER = { name: 'HOUSE\\ana', role: 'admin', passwordHash: 'argon2', createdAt: T0 } as const
const VERDICT = { worker: 'w1', verdict: 'confirmed', reason: 'abroad', by: 'ana', at: T0 }
const ENTRY = { at: T0, user: 'ana', action: 'login', about: null, detail: 'a\0b' }

describe('an older state.db', () => {
  let folder: string
  let remove: () => void
  let file: string
  beforeEach(() => {
    ;({ folder, remove } = temporaryFolder())
    file = join(folder, 'state.db')
  })
  afterEach(() => remove())

  function write(sql: string, ...rows: [string, ...(string | number | null)[]][]): void {
    const db = new DatabaseSync(file)
    db.exec(sql)
    for (const [insert, ...values] of rows) db.prepare(insert).run(...values)
    db.close()
  }
  const people: [string, ...(string | number | null)[]][] = [
    ['insert into enrolled values (?, ?)', 'd1', JSON.stringify(enrolledDevice('d1'))],
    ['insert into tokens values (?, ?, ?, ?, null)', 'h1', 'w"1', T0, T0 + 9],
    ['insert into tokens values (?, ?, ?, ?, null)', 'h2', null, T0, T0 + 9],
    ['insert into users (id, name, doc) values (7, ?, ?)', USER.name, JSON.stringify(USER)],
    ['insert into sessions values (?, 7, ?, ?, 0)', 's1', T0, T0 + 9],
    ['insert into audit (doc) values (?)', JSON.stringify(ENTRY)],
    ['insert into settings values (?, ?)', 'salt', JSON.stringify('grain')],
    ['insert into verdicts (worker, doc) values (?, ?)', 'w1', JSON.stringify(VERDICT)],
  ]
  const found = [findingOf('f1', { lastTime: T0 + 5, says: 'a\0b\ud800' }), findingOf('f2', { worker: null })]
  const saved = found.map((it): [string, ...(string | number | null)[]] => [
    'insert into findings values (?, ?, ?, ?)',
    ...[it.id, it.worker, it.lastTime, JSON.stringify(it)],
  ])

  it('keeps users, devices and verdicts', async () => {
    write(VERSION_2, ...people)
    const store = await openSqliteStore({ folder })
    assert.deepEqual(await store.devices.list(), [enrolledDevice('d1')])
    assert.equal((await store.devices.enroll('h1', enrolledDevice('d2'), T0)).worker, 'w"1')
    assert.equal((await store.devices.enroll('h2', enrolledDevice('d3'), T0)).worker, null)
    await store.devices.revoke('d1', { at: T0, by: 'ana', why: 'lost' }, ENTRY)
    assert.deepEqual(
      (await store.devices.revokedSince(T0)).map((it) => it.device),
      ['d1'],
    )
    assert.deepEqual(await store.users.byName(USER.name), { id: 7, ...USER, disabledAt: null, generation: 0 })
    assert.ok((await store.users.add({ ...USER, name: 'ben' })).id > 7)
    assert.deepEqual(await store.users.session('s1', T0), { userId: 7, once: false })
    assert.deepEqual(await store.audit.newest(9), [ENTRY, ENTRY])
    assert.equal(await store.values.get('salt'), 'grain')
    assert.deepEqual(await store.cases.verdictsOf('w1'), [VERDICT])
    assert.deepEqual(await store.evaluations.list(), [])
    await store.close()
  })

  it('shows the old findings until the log has been evaluated again', async () => {
    write(VERSION_2, ...saved, ['insert into progress values (1, 5, ?, ?)', 'rules', 'pipeline'])
    const store = await openSqliteStore({ folder })
    assert.deepEqual(await store.evaluations.active(), {
      ...{ id: 'before-upgrade', ruleset: '{}', stream: '', position: 0, digest: null, time: T0 + 5, active: true },
    })
    const shown: Finding[] = []
    for await (const block of store.evaluations.findings('before-upgrade')) shown.push(...block)
    assert.deepEqual(shown, found)
    assert.deepEqual(await store.evaluations.findingsOf('before-upgrade', 'w1'), [found[0]])
    await store.evaluations.begin({ id: 'e1', ruleset: '{"rules":[]}', stream: 'stream-1' })
    await store.evaluations.activate('e1', [])
    assert.equal((await store.evaluations.list()).length, 1)
    await store.close()
  })

  it('of version 1 is upgraded to the newest at once', async () => {
    const version1 = VERSION_2.replace(/create table verdicts[^;]*;/, '')
      .replace(/create index verdicts[^;]*;/, '')
      .replace('user_version = 2', 'user_version = 1')
    write(version1, ...saved)
    const store = await openSqliteStore({ folder })
    assert.deepEqual(await store.cases.verdictsOf('w1'), [])
    assert.equal((await store.evaluations.findingsOf('before-upgrade', 'w1')).length, 1)
    await store.close()
  })

  it('is not changed by a read-only store', async () => {
    write(VERSION_2, ...people)
    const store = await openSqliteStore({ folder, readOnly: true })
    assert.equal(await store.values.get('salt'), 'grain')
    await store.close()
    const db = new DatabaseSync(file)
    assert.equal(db.prepare('pragma user_version').get()?.user_version, 2)
    db.close()
  })

  it('is refused when a newer Tellwire wrote it', async () => {
    write(`${VERSION_2}; pragma user_version = 99`)
    await assert.rejects(openSqliteStore({ folder }), { name: 'Fault', code: 'store.newer', where: file })
  })

  it('is upgraded once when several open it', async () => {
    write(VERSION_2, ...people, ...saved)
    const stores = await Promise.all(Array.from({ length: 4 }, () => openStoreThread({ folder })))
    for (const it of stores) assert.equal((await it.evaluations.active())?.id, 'before-upgrade')
    await Promise.all(stores.map((it) => it.close()))
  })
})

describe('state.db', () => {
  let folder: string
  let remove: () => void
  let file: string
  let store: Store
  beforeEach(async () => {
    ;({ folder, remove } = temporaryFolder())
    file = join(folder, 'state.db')
    store = await openSqliteStore({ folder })
  })
  afterEach(async () => {
    await store.close()
    remove()
  })

  const rows = (table: string) => {
    const db = new DatabaseSync(file)
    const count = Number(db.prepare(`select count(*) count from ${table}`).get()?.count)
    db.close()
    return count
  }

  it('can be read and written by its owner only', () => {
    for (const name of ['state.db', 'state.db-wal', 'state.db-shm']) {
      assert.equal(statSync(join(folder, name)).mode & 0o077, 0, name)
    }
  })

  it('fails with a Fault that names the file', async () => {
    const db = new DatabaseSync(file)
    db.exec('drop table audit; drop table findings')
    db.close()
    const fault = { name: 'Fault', code: 'store.unwritable', where: file }
    await assert.rejects(store.audit.newest(1), fault)
    await assert.rejects(store.evaluations.findings('e1')[Symbol.asyncIterator]().next(), fault)
    await assert.rejects(openSqliteStore({ folder: '/dev/null/folder' }), { name: 'Fault', code: 'store.unwritable' })
  })

  it('with a text that is not JSON is reported as damaged, with the file', async () => {
    const store = await openSqliteStore({ folder })
    await store.values.set('key', 'value')
    const db = new DatabaseSync(join(folder, 'state.db'))
    db.exec(`update settings set value = 'garbage'`)
    db.close()
    await assert.rejects(store.values.get('key'), {
      ...{ name: 'Fault', code: 'store.damaged', where: join(folder, 'state.db') },
    })
    await store.close()
  })

  it('that is not a database is reported as damaged', async () => {
    mkdirSync(join(folder, 'other'))
    writeFileSync(join(folder, 'other', 'state.db'), randomBytes(8_192))
    await assert.rejects(openSqliteStore({ folder: join(folder, 'other') }), { name: 'Fault', code: 'store.damaged' })
  })

  it('deletes the rows of a dropped evaluation, even if the store was closed in between', async () => {
    const kept = Array.from({ length: 1_200 }, (_, index) => ({ part: 'p', subject: `s${index}`, state: '{}' }))
    const findings = [findingOf('f1')]
    await store.evaluations.begin({ id: 'e1', ruleset: '{}', stream: 's' })
    await store.evaluations.commit('e1', commitOf(1, { kept, findings }))
    await store.evaluations.drop('e1')
    await store.close()
    assert.deepEqual([rows('evaluations'), rows('kept'), rows('findings')], [0, 1_200, 1])
    store = await openSqliteStore({ folder })
    await store.evaluations.begin({ id: 'e1', ruleset: '{}', stream: 's' })
    await store.evaluations.commit('e1', commitOf(1, { findings }))
    while (rows('dropped') > 0) await new Promise((resolve) => setTimeout(resolve, 5))
    assert.deepEqual([rows('kept'), rows('findings')], [0, 1])
  })

  it('is opened and written by several threads at once', async () => {
    const other = join(folder, 'fresh')
    const opened = await Promise.all(Array.from({ length: 4 }, () => openStoreThread({ folder: other })))
    await opened[0]!.evaluations.begin({ id: 'e1', ruleset: '{}', stream: 's' })
    const states = Array.from({ length: 500 }, (_, index) => ({ part: 'p', subject: `s${index}`, state: '{}' }))
    const writing = opened.flatMap((it, thread) =>
      [0, 1, 2, 3, 4].flatMap((index) => [
        it.evaluations.commit('e1', commitOf(1, { kept: states, findings: [findingOf(`f${thread}.${index}`)] })),
        it.users.add({ ...USER, name: `user ${thread}.${index}` }),
      ]),
    )
    await Promise.all(writing)
    const reader = opened[3]!
    assert.equal((await reader.users.list()).length, 20)
    assert.equal((await reader.evaluations.findingsOf('e1', 'w1')).length, 20)
    await Promise.all(opened.map((it) => it.close()))
  })
})
