/**
 * The store in one SQLite file, `state.db`, in the caller's thread.
 *
 * Shape   node:sqlite is synchronous: when a method returns, its work is done and its promise settled. Several threads
 *         and processes write the same file, so every transaction takes the write lock at its start, waits up to
 *         30 s for it, and is short. What people and laptops rely on is on the disk before a call resolves. A power
 *         cut may undo the newest results of evaluations, rows and position together; they follow from the log.
 * Errors  Fault 'store.unwritable', 'store.newer', 'store.damaged'; 'store.missing' when read-only.
 */
import { join } from 'node:path'
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import { setTimeout as rest } from 'node:timers/promises'
import type { Cluster } from '../../model/assessment.ts'
import type { Verdict } from '../../model/case.ts'
import type { Change } from '../../model/change.ts'
import type { Enrolled } from '../../model/device.ts'
import type { Finding } from '../../model/finding.ts'
import type { Standing } from '../../model/standing.ts'
import type { AuditEntry, User } from '../../model/user.ts'
import { enrolledAgain, revoked, saved, tokenRefused } from '../devices.ts'
import { behind, keyOf } from '../keys.ts'
import {
  type Audit,
  type Cases,
  type ChangeFeed,
  type Commit,
  type Devices,
  type Evaluation,
  type Evaluations,
  type KeptRow,
  nameTaken,
  type Store,
  superseded,
  type Users,
  type Values,
} from '../store.ts'
import { changed, keepAdmin, type StoredUser, userOf } from '../users.ts'
import { asFault, openDatabase, transaction } from './database.ts'
import { STORE_SCHEMA, STORE_UPGRADES, STORE_VERSION } from './schema.ts'

type Row = Record<string, unknown>

const BUSY_MS = 30_000
const BLOCK = 2_000

/** Shape  `readOnly` leaves an older file as it is, and may run beside a server. */
export async function openSqliteStore(options: { folder: string; readOnly?: boolean }): Promise<Store> {
  const { folder, readOnly = false } = options
  const file = join(folder, 'state.db')
  const database = sqliteDatabase(file, readOnly)
  const guard = <T extends object>(aggregate: T) => guarded(file, aggregate)
  return {
    devices: guard(devices(database)),
    users: guard(users(database)),
    cases: guard(cases(database)),
    audit: guard(audit(database)),
    values: guard(values(database)),
    evaluations: { ...guard(evaluations(database)), ...iterated(database, file) },
    changes: guard(changes(database)),
    close: async () => database.close(),
  }
}

interface Database {
  /** Prepared at first use: a reader may have opened an older file without all tables. */
  sql(text: string): StatementSync
  /** All of it, on the disk before it returns; or nothing and the error. */
  durable<T>(work: () => T): T
  /** Does not wait for the disk: 0.1 ms instead of 5. */
  relaxed<T>(work: () => T): T
  /** A connection of its own for one read. */
  snapshot(): DatabaseSync
  isOpen(): boolean
  close(): void
}

function sqliteDatabase(file: string, readOnly: boolean): Database {
  const open = (readOnly: boolean) =>
    openDatabase(file, {
      schema: STORE_SCHEMA,
      version: STORE_VERSION,
      upgrades: STORE_UPGRADES,
      readOnly,
      busyMs: BUSY_MS,
    })
  const db = open(readOnly)
  const statements = new Map<string, StatementSync>()
  const durable = <T>(work: () => T): T => transaction(db, 'begin immediate', work)
  return {
    sql(text) {
      const known = statements.get(text) ?? db.prepare(text)
      statements.set(text, known)
      return known
    },
    durable,
    // SQLite accepts the setting only outside of a transaction.
    relaxed(work) {
      db.exec('pragma synchronous = normal')
      try {
        return durable(work)
      } finally {
        db.exec('pragma synchronous = full')
      }
    },
    snapshot: () => open(true),
    isOpen: () => db.isOpen,
    close: () => db.close(),
  }
}

/** Every call fails with a Fault that names the file. */
function guarded<T extends object>(file: string, aggregate: T): T {
  const wrap =
    (call: (...args: unknown[]) => Promise<unknown>) =>
    (...args: unknown[]) =>
      call(...args).catch((cause: unknown) => {
        throw asFault(cause, file)
      })
  return Object.fromEntries(Object.entries(aggregate).map(([name, call]) => [name, wrap(call)])) as T
}

function devices(database: Database): Devices {
  const { sql, durable } = database
  const read = (device: string) => one<Enrolled>(sql('select doc from enrolled where device = ?').get(keyOf(device)))
  const write = (laptop: Enrolled) =>
    sql(
      `insert into enrolled (device, doc, revoked_at) values (?, ?, ?) on conflict (device)
       do update set doc = excluded.doc, revoked_at = excluded.revoked_at`,
    ).run(keyOf(laptop.device), JSON.stringify(laptop), laptop.revokedAt)
  return {
    get: async (device) => read(device),
    async list({ after, limit = -1 } = {}) {
      // Every id sorts after the empty text.
      const from = after === undefined ? '' : keyOf(after)
      return all<Enrolled>(sql('select doc from enrolled where device > ? order by device limit ?').all(from, limit))
    },
    async save(laptop) {
      durable(() => write(saved(laptop, read(laptop.device))))
    },
    async addToken({ hash, worker, createdAt, expiresAt }) {
      durable(() => {
        sql('delete from tokens where expires_at <= ?').run(createdAt)
        sql('insert into tokens (hash, worker, created_at, expires_at) values (?, ?, ?, ?)').run(
          hash,
          JSON.stringify(worker),
          createdAt,
          expiresAt,
        )
      })
    },
    enroll: async (hash, laptop, now) =>
      durable(() => {
        const token = sql(
          `update tokens set used_at = ?1 where hash = ?2 and used_at is null and expires_at > ?1
           returning worker, created_at`,
        ).get(now, hash)
        if (!token) throw tokenRefused()
        const stored = enrolledAgain(laptop, read(laptop.device), Number(token.created_at))
        write(stored)
        return { worker: JSON.parse(String(token.worker)) as string | null, laptop: stored }
      }),
    revoke: async (device, revocation, entry) =>
      durable(() => {
        const before = read(device)
        if (!before) return null
        const after = revoked(before, revocation)
        write(after)
        addAudit(database, entry)
        return after
      }),
    revokedSince: async (time) =>
      all<Enrolled>(sql('select doc from enrolled where revoked_at >= ? order by device').all(time)),
  }
}

function users(database: Database): Users {
  const { sql, durable } = database
  const list = () => sql('select id, doc from users order by id').all().map(rowUser)
  const user = (row: Row | undefined) => (row ? rowUser(row) : null)
  const byName = (name: string) => user(sql('select id, doc from users where name = ?').get(keyOf(name)))
  const byId = (id: number) => user(sql('select id, doc from users where id = ?').get(id))
  const write = ({ id, ...doc }: User) =>
    sql('update users set name = ?, doc = ? where id = ?').run(keyOf(doc.name), JSON.stringify(doc), id)
  return {
    list: async () => list(),
    byName: async (name) => byName(name),
    byId: async (id) => byId(id),
    async add(user) {
      const row = sql('insert into users (name, doc) values (?, ?) on conflict (name) do nothing returning id').get(
        keyOf(user.name),
        JSON.stringify(user),
      )
      if (!row) throw nameTaken(user.name)
      return userOf(Number(row.id), user)
    },
    setPassword: async (id, passwordHash, name) =>
      durable(() => {
        const user = byId(id)
        if (!user) return null
        const after = { ...user, passwordHash, name: name ?? user.name }
        if (after.name !== user.name && byName(after.name)) throw nameTaken(after.name)
        write(after)
        return after
      }),
    change: async (id, change, entries) =>
      durable(() => {
        const users = list()
        const user = users.find((it) => it.id === id)
        if (!user) return null
        const after = changed(user, change)
        keepAdmin(users, user, after)
        write(after)
        for (const it of entries) addAudit(database, it)
        return after
      }),
    remove: async (id, entry) =>
      durable(() => {
        const users = list()
        const user = users.find((it) => it.id === id)
        if (!user) return false
        keepAdmin(users, user, null)
        sql('delete from users where id = ?').run(id)
        addAudit(database, entry)
        return true
      }),
    async addSession({ hash, userId, createdAt, expiresAt, once }) {
      durable(() => {
        sql('delete from sessions where expires_at <= ?').run(createdAt)
        sql('insert into sessions (hash, user_id, created_at, expires_at, once) values (?, ?, ?, ?, ?)').run(
          hash,
          userId,
          createdAt,
          expiresAt,
          once ? 1 : 0,
        )
      })
    },
    async session(hash, now) {
      const row = sql('select user_id, once from sessions where hash = ? and expires_at > ?').get(hash, now)
      return row ? { userId: Number(row.user_id), once: row.once === 1 } : null
    },
    async endSession(hash) {
      sql('delete from sessions where hash = ?').run(hash)
    },
  }
}

function cases(database: Database): Cases {
  const { sql, durable } = database
  return {
    async decide(verdict, change, entry) {
      durable(() => {
        sql('insert into verdicts (worker, doc) values (?, ?)').run(keyOf(verdict.worker), JSON.stringify(verdict))
        addAudit(database, entry)
        publish(database, [change])
      })
    },
    verdictsOf: async (worker) =>
      all<Verdict>(sql('select doc from verdicts where worker = ? order by id desc').all(keyOf(worker))),
    async latest() {
      const rows = sql('select doc from verdicts where id in (select max(id) from verdicts group by worker)').all()
      return new Map(all<Verdict>(rows).map((it) => [it.worker, it]))
    },
  }
}

function audit(database: Database): Audit {
  return {
    add: async (entry) => addAudit(database, entry),
    newest: async (limit) => all<AuditEntry>(database.sql('select doc from audit order by id desc limit ?').all(limit)),
  }
}

function addAudit({ sql }: Database, entry: AuditEntry): void {
  sql('insert into audit (doc) values (?)').run(JSON.stringify(entry))
}

function values({ sql, durable }: Database): Values {
  const read = (key: string) => {
    const row = sql('select value from settings where key = ?').get(keyOf(key))
    return row ? (JSON.parse(String(row.value)) as string) : null
  }
  const write = (key: string, value: string) => {
    sql('insert into settings (key, value) values (?, ?) on conflict (key) do update set value = excluded.value').run(
      keyOf(key),
      JSON.stringify(value),
    )
  }
  return {
    get: async (key) => read(key),
    set: async (key, value) => write(key, value),
    compareAndSet: async (key, expected, value) =>
      durable(() => {
        if (read(key) !== expected) return false
        write(key, value)
        return true
      }),
  }
}

const EVALUATION = '(select id from evaluations where name = ?)'

type Iterated = Pick<Evaluations, 'kept' | 'findings'>

function evaluations(database: Database): Omit<Evaluations, keyof Iterated> {
  const { sql, relaxed } = database
  const purge = purger(database)
  return {
    list: async () => sql('select * from evaluations order by id').all().map(evaluationOf),
    async active() {
      const row = sql('select * from evaluations where active = 1').get()
      return row ? evaluationOf(row) : null
    },
    async begin({ id, ruleset, stream, base }) {
      const doc = JSON.stringify({ id, ruleset, stream })
      relaxed(() => {
        const found = base === undefined ? null : sql('select id from evaluations where name = ?').get(keyOf(base))
        if (found === undefined) throw superseded(base!)
        const { changes } = sql(
          'insert into evaluations (name, doc, base) values (?, ?, ?) on conflict (name) do nothing',
        ).run(keyOf(id), doc, found ? Number(found.id) : null)
        if (changes === 0) throw superseded(id)
      })
      purge()
    },
    commit: async (id, commit) => relaxed(() => write(database, id, commit)),
    async activate(id, changes) {
      relaxed(() => {
        const found = sql('select id from evaluations where name = ?').get(keyOf(id))
        if (!found) throw superseded(id)
        drop(database, 'id <> ?', Number(found.id))
        sql('update evaluations set active = 1 where id = ?').run(Number(found.id))
        publish(database, changes)
      })
      purge()
    },
    async amend(id, commit) {
      relaxed(() => amend(database, id, commit))
      purge()
    },
    async drop(id) {
      relaxed(() => drop(database, 'name = ?', keyOf(id)))
      purge()
    },
    ...judgement(database),
  }
}

/** The results of an evaluation. */
function judgement({ sql }: Database) {
  return {
    async keptOf(id, part, subject) {
      const row = sql(`select state from kept where evaluation = ${EVALUATION} and part = ? and subject = ?`).get(
        keyOf(id),
        part,
        keyOf(subject),
      )
      return row ? String(row.state) : null
    },
    async findingsOf(id, worker) {
      const found = sql(`select doc from findings where evaluation = ${EVALUATION} and worker = ? order by time, id`)
      return all<Finding>(found.all(keyOf(id), keyOf(worker)))
    },
    async finding(id, finding) {
      const found = sql(`select doc from findings where evaluation = ${EVALUATION} and id = ?`)
      return one<Finding>(found.get(keyOf(id), keyOf(finding)))
    },
    async standing(id, worker) {
      const found = sql(`select doc from standings where evaluation = ${EVALUATION} and worker = ? and gone = 0`)
      return one<Standing>(found.get(keyOf(id), keyOf(worker)))
    },
    async standingsSince(id, since) {
      // One statement sees one moment: the revision fits the rows.
      const rows = sql(
        `select e.revision, s.gone, s.doc from evaluations e
         left join standings s on s.evaluation = e.id and s.revision > ? where e.name = ?`,
      ).all(since, keyOf(id))
      const changed = rows.filter((row) => row.doc !== null)
      return {
        revision: Number(rows[0]?.revision ?? 0),
        standings: all<Standing>(changed.filter((row) => row.gone === 0)),
        gone: all<string>(changed.filter((row) => row.gone === 1)),
      }
    },
    async clusters(id) {
      const found = sql(`select doc from clusters where evaluation = ${EVALUATION} order by place`)
      return all<Cluster>(found.all(keyOf(id)))
    },
  } satisfies Partial<Evaluations>
}

function iterated(database: Database, file: string): Iterated {
  return {
    async *kept(id, prefix = '') {
      const text = `select part, subject, full_subject, state from kept
        where evaluation = ${EVALUATION} and part >= ? and part < ? order by part, subject`
      const rows = blocks(database, file, text, [keyOf(id), prefix, behind(prefix)])
      for await (const block of rows) yield block.map(keptRow)
    },
    async *findings(id) {
      const rows = blocks(database, file, `select doc from findings where evaluation = ${EVALUATION} order by id`, [
        keyOf(id),
      ])
      for await (const block of rows) yield all<Finding>(block)
    },
  }
}

/** A statement sees one moment until its end; on a connection of its own, no other statement is affected. */
async function* blocks(
  { snapshot }: Database,
  file: string,
  text: string,
  parameters: readonly SQLInputValue[],
): AsyncIterable<Row[]> {
  let db: DatabaseSync | undefined
  try {
    db = snapshot()
    let block: Row[] = []
    for (const row of db.prepare(text).iterate(...parameters)) {
      block.push(row)
      if (block.length < BLOCK) continue
      yield block
      block = []
    }
    if (block.length > 0) yield block
  } catch (cause) {
    throw asFault(cause, file)
  } finally {
    db?.close()
  }
}

function write(database: Database, id: string, commit: Commit): void {
  const { sql } = database
  const row = sql('select id, position, revision, active from evaluations where name = ?').get(keyOf(id))
  if (!row || commit.position < Number(row.position)) throw superseded(id)
  const evaluation = Number(row.id)
  const moved = commit.standings.length + commit.standingsGone.length > 0
  const revision = Number(row.revision) + (moved ? 1 : 0)
  writeKept(database, evaluation, commit.kept)
  writeFindings(database, evaluation, commit)
  writeStandings(database, evaluation, { ...commit, revision })
  if (commit.clusters) writeClusters(database, evaluation, commit.clusters)
  sql('update evaluations set position = ?, digest = ?, time = ?, revision = ? where id = ?').run(
    commit.position,
    commit.digest,
    commit.time,
    revision,
    evaluation,
  )
  if (row.active === 1) publish(database, commit.changes)
}

function writeKept({ sql }: Database, evaluation: number, rows: readonly KeptRow[]): void {
  const save = sql(
    `insert into kept (evaluation, part, subject, full_subject, state) values (?, ?, ?, ?, ?)
     on conflict (evaluation, part, subject) do update set state = excluded.state`,
  )
  const remove = sql('delete from kept where evaluation = ? and part = ? and subject = ?')
  const remember = sql(
    `insert or ignore into kept_before (evaluation, part, subject, full_subject, state) values (?1, ?2, ?3, ?4,
       (select state from kept where evaluation = ?5 and part = ?2 and subject = ?3))`,
  )
  const amending = sql('select id from evaluations where base = ?')
    .all(evaluation)
    .map((it) => Number(it.id))
  for (const { part, subject, state } of rows) {
    const key = keyOf(subject)
    const full = key === subject ? null : JSON.stringify(subject)
    for (const it of amending) remember.run(it, part, key, full, evaluation)
    if (state === null) remove.run(evaluation, part, key)
    else save.run(evaluation, part, key, full, state)
  }
}

function amend(database: Database, id: string, commit: Commit): void {
  const { sql } = database
  const mine = sql('select id, doc, base from evaluations where name = ?').get(keyOf(id))
  const base = sql('select id, position from evaluations where id = ? and active = 1').get(Number(mine?.base ?? -1))
  if (!mine || !base || commit.position < Number(base.position)) throw superseded(id)
  const [from, to] = [Number(mine.id), Number(base.id)]
  sql(
    `delete from kept where evaluation = ?2 and (part, subject) in
       (select part, subject from kept_before where evaluation = ?1)`,
  ).run(from, to)
  sql(
    `insert into kept (evaluation, part, subject, full_subject, state)
     select ?2, part, subject, full_subject, state from kept_before where evaluation = ?1 and state is not null`,
  ).run(from, to)
  drop(database, 'id <> ?', to)
  sql('update evaluations set name = ?, doc = ? where id = ?').run(keyOf(id), String(mine.doc), to)
  write(database, id, commit)
}

function writeFindings({ sql }: Database, evaluation: number, { findings, gone }: Commit): void {
  const save = sql(
    `insert into findings (evaluation, id, worker, time, doc) values (?, ?, ?, ?, ?)
     on conflict (evaluation, id) do update set worker = excluded.worker, time = excluded.time, doc = excluded.doc`,
  )
  for (const it of findings) {
    const subject = it.worker ?? it.device
    save.run(evaluation, keyOf(it.id), subject === null ? null : keyOf(subject), it.time, JSON.stringify(it))
  }
  const remove = sql('delete from findings where evaluation = ? and id = ?')
  for (const id of gone) remove.run(evaluation, keyOf(id))
}

function writeStandings(
  { sql }: Database,
  evaluation: number,
  { standings, standingsGone, revision }: Commit & { revision: number },
): void {
  const save = sql(
    `insert into standings (evaluation, worker, revision, gone, doc) values (?, ?, ?, 0, ?)
     on conflict (evaluation, worker) do update
     set revision = excluded.revision, gone = excluded.gone, doc = excluded.doc`,
  )
  for (const it of standings) save.run(evaluation, keyOf(it.worker), revision, JSON.stringify(it))
  const remove = sql(
    'update standings set revision = ?, gone = 1, doc = ? where evaluation = ? and worker = ? and gone = 0',
  )
  for (const worker of standingsGone) remove.run(revision, JSON.stringify(worker), evaluation, keyOf(worker))
}

function writeClusters({ sql }: Database, evaluation: number, clusters: readonly Cluster[]): void {
  sql('delete from clusters where evaluation = ?').run(evaluation)
  const save = sql('insert into clusters (evaluation, place, doc) values (?, ?, ?)')
  for (const [place, it] of clusters.entries()) save.run(evaluation, place, JSON.stringify(it))
}

function publish({ sql }: Database, published: readonly Change[]): void {
  // Looked up first: an insert stopped by a conflict would use up a number.
  const known = sql('select 1 from changes where id = ?')
  const add = sql('insert into changes (id, time, doc) values (?, ?, ?)')
  for (const it of published) if (!known.get(keyOf(it.id))) add.run(keyOf(it.id), it.time, JSON.stringify(it))
}

function changes({ sql, relaxed }: Database): ChangeFeed {
  return {
    async after(seq, limit) {
      const rows = sql('select seq, doc from changes where seq > ? order by seq limit ?').all(seq, limit)
      return rows.map((row) => ({ seq: Number(row.seq), change: JSON.parse(String(row.doc)) as Change }))
    },
    last: async () => Number(sql(`select seq from sqlite_sequence where name = 'changes'`).get()?.seq ?? 0),
    async position(consumer) {
      const row = sql('select seq from consumers where name = ?').get(keyOf(consumer))
      return row ? Number(row.seq) : null
    },
    async setPosition(consumer, seq) {
      const save = sql(
        'insert into consumers (name, seq) values (?, ?) on conflict (name) do update set seq = excluded.seq',
      )
      relaxed(() => save.run(keyOf(consumer), seq))
    },
    trim: async (time) => Number(relaxed(() => sql('delete from changes where time < ?').run(time)).changes),
  }
}

/** Removes evaluations at once; `purger` deletes their rows afterwards. */
function drop({ sql }: Database, which: string, value: number | string): void {
  sql(`insert into dropped (evaluation) select id from evaluations where ${which}`).run(value)
  sql(`delete from evaluations where ${which}`).run(value)
}

/** Some 10 ms. */
const PURGED_ROWS = 500
/** A waiting writer tries the lock again after 1 to 100 ms: without this pause it would hardly ever find it free. */
const REST_MS = 10
const KEYS = {
  kept: 'part, subject',
  kept_before: 'part, subject',
  findings: 'id',
  standings: 'worker',
  clusters: 'place',
}

/**
 * Deletes the rows of dropped evaluations in small transactions, and begins with a pause, so that the caller does not
 * wait. What is left when the store is closed or the disk is full is deleted by the next call.
 */
function purger({ sql, relaxed, isOpen }: Database): () => void {
  let running = false
  const step = () =>
    relaxed(() => {
      const row = sql('select evaluation from dropped limit 1').get()
      if (!row) return false
      const evaluation = Number(row.evaluation)
      for (const [table, keys] of Object.entries(KEYS)) {
        const remove = sql(
          `delete from ${table} where evaluation = ?1 and (${keys}) in
           (select ${keys} from ${table} where evaluation = ?1 limit ${PURGED_ROWS})`,
        )
        if (remove.run(evaluation).changes > 0) return true
      }
      sql('delete from dropped where evaluation = ?').run(evaluation)
      return true
    })
  async function run(): Promise<void> {
    if (running) return
    running = true
    try {
      do await rest(REST_MS)
      while (isOpen() && step())
    } catch {
      // Leftover rows only cost space.
    } finally {
      running = false
    }
  }
  return () => void run()
}

function one<T>(row: Row | undefined): T | null {
  return row ? (JSON.parse(String(row.doc)) as T) : null
}

function all<T>(rows: readonly Row[]): T[] {
  return rows.map((row) => JSON.parse(String(row.doc)) as T)
}

function rowUser(row: Row): User {
  return userOf(Number(row.id), JSON.parse(String(row.doc)) as StoredUser)
}

function evaluationOf(row: Row): Evaluation {
  return {
    ...(JSON.parse(String(row.doc)) as Pick<Evaluation, 'id' | 'ruleset' | 'stream'>),
    position: Number(row.position),
    digest: row.digest === null ? null : String(row.digest),
    time: Number(row.time),
    active: row.active === 1,
  }
}

function keptRow(row: Row): KeptRow {
  const subject = row.full_subject === null ? String(row.subject) : (JSON.parse(String(row.full_subject)) as string)
  return { part: String(row.part), subject, state: String(row.state) }
}
