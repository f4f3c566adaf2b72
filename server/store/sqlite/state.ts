/**
 * The state in one SQLite file, `state.db`, in the thread that calls.
 *
 * Shape   nothing is kept in memory, so a second process (`tellwire user add`) may write the same file. What people
 *         and laptops rely on is on the disk before a call returns; findings and the progress follow from the log:
 *         a power cut may take them back a little, together, and never the other way round.
 * Errors  Fault 'store.unwritable', 'store.newer', 'store.damaged'; 'store.missing' when opened for reading only.
 */
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import type { Verdict } from '../../model/case.ts'
import type { Enrolled } from '../../model/device.ts'
import type { Finding } from '../../model/finding.ts'
import type { AuditEntry, User } from '../../model/user.ts'
import { nameTaken, type State } from '../state.ts'
import { asFault, openDatabase, transaction } from './database.ts'
import { STATE_SCHEMA, STATE_UPGRADES, STATE_VERSION } from './schema.ts'

type Row = Record<string, unknown>

const UNIQUE_VIOLATED = 2067 // SQLITE_CONSTRAINT_UNIQUE

export function openState(options: { folder: string; readOnly?: boolean }): State {
  const { folder, readOnly = false } = options
  const file = join(folder, 'state.db')
  const db = openDatabase(file, { schema: STATE_SCHEMA, version: STATE_VERSION, upgrades: STATE_UPGRADES, readOnly })
  const sql = statements(db)

  return guarded(file, {
    enrolled: (device) => one<Enrolled>(sql.enrolled.get(device)),
    allEnrolled: () => all<Enrolled>(sql.allEnrolled.all()),
    saveEnrolled: (enrolled) => void sql.saveEnrolled.run(enrolled.device, JSON.stringify(enrolled)),
    addToken({ hash, worker, createdAt, expiresAt }) {
      transaction(db, 'begin immediate', () => {
        sql.dropTokens.run(createdAt)
        sql.addToken.run(hash, worker, createdAt, expiresAt)
      })
    },
    takeToken(hash, now) {
      const taken = sql.takeToken.get(now, hash, now)
      return taken ? { worker: taken.worker as string | null } : null
    },

    saveProgress({ position, pipeline, rules }, changed, gone) {
      const packed = zstdCompressSync(pipeline, { params: { [constants.ZSTD_c_compressionLevel]: 1 } })
      relaxed(() => {
        for (const it of changed) sql.saveFinding.run(it.id, it.worker, it.lastTime, JSON.stringify(it))
        for (const id of gone) sql.dropFinding.run(id)
        sql.saveProgress.run(position, rules, packed)
      })
    },
    progress() {
      const row = sql.progress.get()
      if (!row) return null
      const pipeline = zstdDecompressSync(row.pipeline as Uint8Array).toString('utf8')
      return { position: Number(row.position), pipeline, rules: String(row.rules) }
    },
    findings({ worker, since = 0, limit = -1 }) {
      const rows = worker === undefined ? sql.findings.all(since, limit) : sql.findingsOf.all(worker, since, limit)
      return all<Finding>(rows)
    },
    finding: (id) => one<Finding>(sql.finding.get(id)),
    clearFindings() {
      relaxed(() => {
        sql.clearFindings.run()
        sql.clearProgress.run()
      })
    },

    addVerdict: (verdict) => void sql.addVerdict.run(verdict.worker, JSON.stringify(verdict)),
    verdicts: (worker) => all<Verdict>(worker === undefined ? sql.verdicts.all() : sql.verdictsOf.all(worker)),

    users: () => sql.users.all().map(userOf),
    user(name) {
      const row = sql.user.get(name)
      return row ? userOf(row) : null
    },
    saveUser(user) {
      try {
        return { id: Number(sql.saveUser.run(user.name, JSON.stringify(user)).lastInsertRowid), ...user }
      } catch (cause) {
        throw (cause as { errcode?: number }).errcode === UNIQUE_VIOLATED ? nameTaken(user.name) : cause
      }
    },
    setPassword(userId, passwordHash) {
      transaction(db, 'begin immediate', () => {
        const user = one<Omit<User, 'id'>>(sql.userById.get(userId))
        if (user) sql.setUser.run(JSON.stringify({ ...user, passwordHash }), userId)
      })
    },
    addSession({ hash, userId, createdAt, expiresAt, once }) {
      transaction(db, 'begin immediate', () => {
        sql.dropSessions.run(createdAt)
        sql.addSession.run(hash, userId, createdAt, expiresAt, once ? 1 : 0)
      })
    },
    session(hash, now) {
      const row = sql.session.get(hash, now)
      return row ? { userId: Number(row.user_id), once: row.once === 1 } : null
    },
    endSession: (hash) => void sql.endSession.run(hash),

    audit: (entry) => void sql.audit.run(JSON.stringify(entry)),
    auditTrail: (limit) => all<AuditEntry>(sql.auditTrail.all(limit)),
    get: (key) => one<string>(sql.get.get(key)),
    set: (key, value) => void sql.set.run(key, JSON.stringify(value)),
    close: () => db.close(),
  })

  /** A transaction that does not wait for the disk: 0.1 ms instead of 5. SQLite takes the setting outside of one only. */
  function relaxed(work: () => void): void {
    db.exec('pragma synchronous = normal')
    try {
      transaction(db, 'begin immediate', work)
    } finally {
      db.exec('pragma synchronous = full')
    }
  }
}

/** Every call fails with a Fault that names the file. */
function guarded(file: string, state: State): State {
  const wrap =
    <A extends unknown[], R>(call: (...args: A) => R) =>
    (...args: A): R => {
      try {
        return call(...args)
      } catch (cause) {
        throw asFault(cause, file)
      }
    }
  return Object.fromEntries(Object.entries(state).map(([name, call]) => [name, wrap(call)])) as unknown as State
}

function one<T>(row: Row | undefined): T | null {
  return row ? (JSON.parse(String(row.doc)) as T) : null
}

function all<T>(rows: Row[]): T[] {
  return rows.map((row) => JSON.parse(String(row.doc)) as T)
}

function userOf(row: Row): User {
  return { id: Number(row.id), ...(JSON.parse(String(row.doc)) as Omit<User, 'id'>) }
}

function statements(db: DatabaseSync) {
  return {
    enrolled: db.prepare('select doc from enrolled where device = ?'),
    allEnrolled: db.prepare('select doc from enrolled order by device'),
    saveEnrolled: db.prepare(
      'insert into enrolled (device, doc) values (?, ?) on conflict do update set doc = excluded.doc',
    ),
    addToken: db.prepare('insert into tokens (hash, worker, created_at, expires_at) values (?, ?, ?, ?)'),
    dropTokens: db.prepare('delete from tokens where expires_at <= ?'),
    takeToken: db.prepare(
      'update tokens set used_at = ? where hash = ? and used_at is null and expires_at > ? returning worker',
    ),

    saveFinding: db.prepare(
      `insert into findings (id, worker, last_time, doc) values (?, ?, ?, ?)
       on conflict do update set worker = excluded.worker, last_time = excluded.last_time, doc = excluded.doc`,
    ),
    findings: db.prepare('select doc from findings where last_time >= ? order by last_time desc, id desc limit ?'),
    findingsOf: db.prepare(
      'select doc from findings where worker = ? and last_time >= ? order by last_time desc, id desc limit ?',
    ),
    finding: db.prepare('select doc from findings where id = ?'),
    clearFindings: db.prepare('delete from findings'),
    saveProgress: db.prepare(
      `insert into progress (id, position, rules, pipeline) values (1, ?, ?, ?)
       on conflict do update set position = excluded.position, rules = excluded.rules, pipeline = excluded.pipeline`,
    ),
    progress: db.prepare('select position, rules, pipeline from progress'),
    dropFinding: db.prepare('delete from findings where id = ?'),
    clearProgress: db.prepare('delete from progress'),

    // Not prepared before they are asked for: a reader may have opened a file that has no verdicts yet.
    get addVerdict() {
      return db.prepare('insert into verdicts (worker, doc) values (?, ?)')
    },
    get verdicts() {
      return db.prepare('select doc from verdicts order by id desc')
    },
    get verdictsOf() {
      return db.prepare('select doc from verdicts where worker = ? order by id desc')
    },

    users: db.prepare('select id, doc from users order by id'),
    user: db.prepare('select id, doc from users where name = ?'),
    saveUser: db.prepare('insert into users (name, doc) values (?, ?)'),
    userById: db.prepare('select doc from users where id = ?'),
    setUser: db.prepare('update users set doc = ? where id = ?'),
    addSession: db.prepare('insert into sessions (hash, user_id, created_at, expires_at, once) values (?, ?, ?, ?, ?)'),
    dropSessions: db.prepare('delete from sessions where expires_at <= ?'),
    session: db.prepare('select user_id, once from sessions where hash = ? and expires_at > ?'),
    endSession: db.prepare('delete from sessions where hash = ?'),

    audit: db.prepare('insert into audit (doc) values (?)'),
    auditTrail: db.prepare('select doc from audit order by id desc limit ?'),
    get: db.prepare('select value doc from settings where key = ?'),
    set: db.prepare('insert into settings (key, value) values (?, ?) on conflict do update set value = excluded.value'),
  }
}
