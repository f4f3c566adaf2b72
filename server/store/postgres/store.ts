/**
 * The store in PostgreSQL, shared by several machines.
 *
 * Shape   a commit is one transaction of about ten statements, however many rows it has. A writer locks the row of the
 *         evaluation first and the feed's row after it, so writers cannot deadlock, and revisions and seqs become
 *         visible in order.
 */

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
import { type Database, openDatabase, type Query, type Row } from './database.ts'
import { STORE } from './schema.ts'

const BLOCK = 2_000

/** Errors  Fault 'store.unwritable' (also when PostgreSQL cannot be reached), 'store.newer', 'store.damaged'. */
export async function openPostgresStore(options: { url: string }): Promise<Store> {
  const database = await openDatabase({ url: options.url, schema: STORE })
  return {
    devices: devices(database),
    users: users(database),
    cases: cases(database),
    audit: audit(database),
    values: values(database),
    evaluations: evaluations(database),
    changes: changes(database),
    close: database.close,
  }
}

function devices({ query, transaction }: Database): Devices {
  const read = async (query: Query, device: string) =>
    one<Enrolled>(await query('select doc from devices where device = $1', [keyOf(device)]))
  const write = (query: Query, laptop: Enrolled) =>
    query(
      `insert into devices (device, doc, revoked_at) values ($1, $2, $3) on conflict (device)
       do update set doc = excluded.doc, revoked_at = excluded.revoked_at`,
      [keyOf(laptop.device), JSON.stringify(laptop), laptop.revokedAt],
    )
  /** One writer at a time: a row that does not exist yet cannot be locked. */
  const alone = <T>(work: (query: Query) => Promise<T>) =>
    transaction(async (query) => {
      await query('lock table devices in share row exclusive mode')
      return await work(query)
    })
  return {
    get: (device) => read(query, device),
    async list({ after, limit } = {}) {
      // Null means no limit. Every id sorts after the empty text.
      const page = [after === undefined ? '' : keyOf(after), limit ?? null]
      return all<Enrolled>(await query('select doc from devices where device > $1 order by device limit $2', page))
    },
    save: (laptop) =>
      alone(async (query) => void (await write(query, saved(laptop, await read(query, laptop.device))))),
    addToken: ({ hash, worker, createdAt, expiresAt }) =>
      transaction(async (query) => {
        await query('delete from tokens where expires_at <= $1', [createdAt])
        await query('insert into tokens (hash, worker, created_at, expires_at) values ($1, $2, $3, $4)', [
          hash,
          JSON.stringify(worker),
          createdAt,
          expiresAt,
        ])
      }),
    enroll: (hash, laptop, now) =>
      alone(async (query) => {
        const [token] = await query(
          `update tokens set used_at = $1 where hash = $2 and used_at is null and expires_at > $1
           returning worker, created_at`,
          [now, hash],
        )
        if (!token) throw tokenRefused()
        const stored = enrolledAgain(laptop, await read(query, laptop.device), Number(token.created_at))
        await write(query, stored)
        return { worker: JSON.parse(String(token.worker)) as string | null, laptop: stored }
      }),
    revoke: (device, revocation, entry) =>
      alone(async (query) => {
        const before = await read(query, device)
        if (!before) return null
        const after = revoked(before, revocation)
        await write(query, after)
        await addAudit(query, entry)
        return after
      }),
    revokedSince: async (time) =>
      all<Enrolled>(await query('select doc from devices where revoked_at >= $1 order by device', [time])),
  }
}

function users({ query, transaction }: Database): Users {
  const list = async (query: Query) => (await query('select id, doc from users order by id')).map(rowUser)
  const byName = async (query: Query, name: string) =>
    (await query('select id, doc from users where name = $1', [keyOf(name)])).map(rowUser)[0] ?? null
  const byId = async (query: Query, id: number) =>
    (await query('select id, doc from users where id = $1', [id])).map(rowUser)[0] ?? null
  const write = (query: Query, { id, ...doc }: User) =>
    query('update users set name = $2, doc = $3 where id = $1', [id, keyOf(doc.name), JSON.stringify(doc)])
  /** One writer at a time: whether an admin remains depends on all rows. */
  const alone = <T>(work: (query: Query) => Promise<T>) =>
    transaction(async (query) => {
      await query('lock table users in share row exclusive mode')
      return await work(query)
    })
  return {
    list: () => list(query),
    byName: (name) => byName(query, name),
    byId: (id) => byId(query, id),
    async add(user) {
      const [row] = await query(
        'insert into users (name, doc) values ($1, $2) on conflict (name) do nothing returning id',
        [keyOf(user.name), JSON.stringify(user)],
      )
      if (!row) throw nameTaken(user.name)
      return userOf(Number(row.id), user)
    },
    setPassword: (id, passwordHash, name) =>
      alone(async (query) => {
        const user = await byId(query, id)
        if (!user) return null
        const after = { ...user, passwordHash, name: name ?? user.name }
        if (after.name !== user.name && (await byName(query, after.name))) throw nameTaken(after.name)
        await write(query, after)
        return after
      }),
    change: (id, change, entries) =>
      alone(async (query) => {
        const users = await list(query)
        const user = users.find((it) => it.id === id)
        if (!user) return null
        const after = changed(user, change)
        keepAdmin(users, user, after)
        await write(query, after)
        for (const it of entries) await addAudit(query, it)
        return after
      }),
    remove: (id, entry) =>
      alone(async (query) => {
        const users = await list(query)
        const user = users.find((it) => it.id === id)
        if (!user) return false
        keepAdmin(users, user, null)
        await query('delete from users where id = $1', [id])
        await addAudit(query, entry)
        return true
      }),
    addSession: ({ hash, userId, createdAt, expiresAt, once }) =>
      transaction(async (query) => {
        await query('delete from sessions where expires_at <= $1', [createdAt])
        await query('insert into sessions (hash, user_id, created_at, expires_at, once) values ($1, $2, $3, $4, $5)', [
          hash,
          userId,
          createdAt,
          expiresAt,
          once,
        ])
      }),
    async session(hash, now) {
      const [row] = await query('select user_id, once from sessions where hash = $1 and expires_at > $2', [hash, now])
      return row ? { userId: Number(row.user_id), once: row.once === true } : null
    },
    async endSession(hash) {
      await query('delete from sessions where hash = $1', [hash])
    },
  }
}

function cases({ query, transaction }: Database): Cases {
  return {
    decide: (verdict, change, entry) =>
      transaction(async (query) => {
        await query('insert into verdicts (worker, doc) values ($1, $2)', [
          keyOf(verdict.worker),
          JSON.stringify(verdict),
        ])
        await addAudit(query, entry)
        await publish(query, [change])
      }),
    verdictsOf: async (worker) =>
      all<Verdict>(await query('select doc from verdicts where worker = $1 order by id desc', [keyOf(worker)])),
    async latest() {
      const rows = await query('select distinct on (worker) doc from verdicts order by worker, id desc')
      return new Map(all<Verdict>(rows).map((it) => [it.worker, it]))
    },
  }
}

function audit({ query }: Database): Audit {
  return {
    add: (entry) => addAudit(query, entry),
    newest: async (limit) => all<AuditEntry>(await query('select doc from audit order by id desc limit $1', [limit])),
  }
}

async function addAudit(query: Query, entry: AuditEntry): Promise<void> {
  await query('insert into audit (doc) values ($1)', [JSON.stringify(entry)])
}

function values({ query }: Database): Values {
  const insert = 'insert into settings (key, value) values ($1, $2) on conflict (key)'
  return {
    async get(key) {
      const [row] = await query('select value from settings where key = $1', [keyOf(key)])
      return row ? (JSON.parse(String(row.value)) as string) : null
    },
    async set(key, value) {
      await query(`${insert} do update set value = excluded.value`, [keyOf(key), JSON.stringify(value)])
    },
    async compareAndSet(key, expected, value) {
      const [name, next] = [keyOf(key), JSON.stringify(value)]
      const written =
        expected === null
          ? await query(`${insert} do nothing returning key`, [name, next])
          : await query('update settings set value = $2 where key = $1 and value = $3 returning key', [
              name,
              next,
              JSON.stringify(expected),
            ])
      return written.length > 0
    },
  }
}

const EVALUATION = '(select id from evaluations where name = $1)'

function evaluations(database: Database): Evaluations {
  const { query, transaction } = database
  return {
    list: async () => (await query('select * from evaluations order by id')).map(evaluationOf),
    async active() {
      const [row] = await query('select * from evaluations where active')
      return row ? evaluationOf(row) : null
    },
    async begin({ id, ruleset, stream, base }) {
      await transaction(async (query) => {
        // Locks the base, so that no commit to it is under way.
        const [found = null] = await query('select id from evaluations where name = $1 for update', [keyOf(base ?? '')])
        if (base !== undefined && !found) throw superseded(base)
        const begun = await query(
          'insert into evaluations (name, doc, base) values ($1, $2, $3) on conflict (name) do nothing returning id',
          [keyOf(id), JSON.stringify({ id, ruleset, stream }), base === undefined ? null : found!.id],
        )
        if (begun.length === 0) throw superseded(id)
      })
      void purge(database)
    },
    commit: (id, commit) => transaction((query) => write(query, id, commit)),
    async activate(id, changes) {
      await transaction(async (query) => {
        const rows = await query('select id, name from evaluations order by id for update')
        const found = rows.find((row) => row.name === keyOf(id))
        if (!found) throw superseded(id)
        await drop(query, 'id <> $1', found.id)
        await query('update evaluations set active = true where id = $1', [found.id])
        await publish(query, changes)
      })
      void purge(database)
    },
    async amend(id, commit) {
      await transaction((query) => amend(query, id, commit))
      void purge(database)
    },
    async drop(id) {
      await drop(query, 'name = $1', keyOf(id))
      void purge(database)
    },
    ...judgement(database),
  }
}

/** The results of an evaluation. */
function judgement({ query, blocks }: Database) {
  return {
    async *kept(id, prefix = '') {
      const sql = `select part, subject, full_subject, state from kept
        where evaluation = ${EVALUATION} and part >= $2 and part < $3 order by part, subject`
      for await (const block of blocks(sql, [keyOf(id), prefix, behind(prefix)], BLOCK)) yield block.map(keptRow)
    },
    async keptOf(id, part, subject) {
      const sql = `select state from kept where evaluation = ${EVALUATION} and part = $2 and subject = $3`
      const [row] = await query(sql, [keyOf(id), part, keyOf(subject)])
      return row ? String(row.state) : null
    },
    async *findings(id) {
      const sql = `select doc from findings where evaluation = ${EVALUATION} order by id`
      for await (const block of blocks(sql, [keyOf(id)], BLOCK)) yield all<Finding>(block)
    },
    async findingsOf(id, worker) {
      const sql = `select doc from findings where evaluation = ${EVALUATION} and worker = $2 order by time, id`
      return all<Finding>(await query(sql, [keyOf(id), keyOf(worker)]))
    },
    async finding(id, finding) {
      const sql = `select doc from findings where evaluation = ${EVALUATION} and id = $2`
      return one<Finding>(await query(sql, [keyOf(id), keyOf(finding)]))
    },
    async standing(id, worker) {
      const sql = `select doc from standings where evaluation = ${EVALUATION} and worker = $2 and not gone`
      return one<Standing>(await query(sql, [keyOf(id), keyOf(worker)]))
    },
    async standingsSince(id, since) {
      // One statement sees one moment: the revision fits the rows.
      const sql = `select e.revision, s.gone, s.doc from evaluations e
        left join standings s on s.evaluation = e.id and s.revision > $2 where e.name = $1`
      const rows = await query(sql, [keyOf(id), since])
      const changed = rows.filter((row) => row.doc !== null)
      return {
        revision: Number(rows[0]?.revision ?? 0),
        standings: all<Standing>(changed.filter((row) => row.gone === false)),
        gone: all<string>(changed.filter((row) => row.gone === true)),
      }
    },
    async clusters(id) {
      const sql = `select doc from clusters where evaluation = ${EVALUATION} order by place`
      return all<Cluster>(await query(sql, [keyOf(id)]))
    },
  } satisfies Partial<Evaluations>
}

async function write(query: Query, id: string, commit: Commit): Promise<void> {
  const [row] = await query('select id, position, revision, active from evaluations where name = $1 for update', [
    keyOf(id),
  ])
  if (!row || commit.position < Number(row.position)) throw superseded(id)
  const evaluation = Number(row.id)
  const moved = commit.standings.length + commit.standingsGone.length > 0
  const revision = Number(row.revision) + (moved ? 1 : 0)
  await writeKept(query, evaluation, commit.kept)
  await writeFindings(query, evaluation, commit)
  if (moved) await writeStandings(query, evaluation, { ...commit, revision })
  if (commit.clusters) await writeClusters(query, evaluation, commit.clusters)
  await query('update evaluations set position = $2, digest = $3, time = $4, revision = $5 where id = $1', [
    evaluation,
    commit.position,
    commit.digest,
    commit.time,
    revision,
  ])
  if (row.active === true) await publish(query, commit.changes)
}

async function amend(query: Query, id: string, commit: Commit): Promise<void> {
  const rows = await query('select * from evaluations order by id for update')
  const mine = rows.find((row) => row.name === keyOf(id))
  const base = rows.find((row) => mine && row.id === mine.base && row.active === true)
  if (!mine || !base || commit.position < Number(base.position)) throw superseded(id)
  await query(
    `delete from kept using kept_before before
     where before.evaluation = $1 and kept.evaluation = $2
       and kept.part = before.part and kept.subject = before.subject`,
    [mine.id, base.id],
  )
  await query(
    `insert into kept (evaluation, part, subject, full_subject, state)
     select $2, part, subject, full_subject, state from kept_before where evaluation = $1 and state is not null`,
    [mine.id, base.id],
  )
  await drop(query, 'id <> $1', base.id)
  await query('update evaluations set name = $1, doc = $2 where id = $3', [keyOf(id), mine.doc, base.id])
  await write(query, id, commit)
}

/** For the evaluations that amend this one. */
async function remember(query: Query, evaluation: number, rows: readonly KeptRow[]): Promise<void> {
  const subjects = rows.map((it) => keyOf(it.subject))
  const full = rows.map(({ subject }, index) => (subjects[index] === subject ? null : JSON.stringify(subject)))
  await query(
    `insert into kept_before (evaluation, part, subject, full_subject, state)
     select amending.id, replaced.part, replaced.subject, replaced.full_subject, kept.state
     from evaluations amending,
       unnest($2::text[], $3::text[], $4::text[]) as replaced (part, subject, full_subject)
       left join kept on kept.evaluation = $1 and kept.part = replaced.part and kept.subject = replaced.subject
     where amending.base = $1
     on conflict (evaluation, part, subject) do nothing`,
    [evaluation, rows.map((it) => it.part), subjects, full],
  )
}

async function writeKept(query: Query, evaluation: number, rows: readonly KeptRow[]): Promise<void> {
  const kept = latest(rows, (it) => `${it.part}\0${it.subject}`)
  const [amending] = await query('select 1 from evaluations where base = $1 limit 1', [evaluation])
  if (amending) await remember(query, evaluation, kept)
  const [there, gone] = [kept.filter((it) => it.state !== null), kept.filter((it) => it.state === null)]
  if (there.length > 0) {
    const subjects = there.map((it) => keyOf(it.subject))
    const full = there.map(({ subject }, index) => (subjects[index] === subject ? null : JSON.stringify(subject)))
    await query(
      `insert into kept (evaluation, part, subject, full_subject, state)
       select $1, * from unnest($2::text[], $3::text[], $4::text[], $5::text[])
       on conflict (evaluation, part, subject) do update set state = excluded.state`,
      [evaluation, there.map((it) => it.part), subjects, full, there.map((it) => it.state)],
    )
  }
  if (gone.length === 0) return
  await query(
    `delete from kept using unnest($2::text[], $3::text[]) as gone (part, subject)
     where kept.evaluation = $1 and kept.part = gone.part and kept.subject = gone.subject`,
    [evaluation, gone.map((it) => it.part), gone.map((it) => keyOf(it.subject))],
  )
}

async function writeFindings(query: Query, evaluation: number, { findings, gone }: Commit): Promise<void> {
  const there = latest(findings, (it) => it.id)
  if (there.length > 0) {
    await query(
      `insert into findings (evaluation, id, worker, time, doc)
       select $1, * from unnest($2::text[], $3::text[], $4::bigint[], $5::text[])
       on conflict (evaluation, id) do update
       set worker = excluded.worker, time = excluded.time, doc = excluded.doc`,
      [
        evaluation,
        there.map((it) => keyOf(it.id)),
        there.map((it) => it.worker ?? it.device).map((it) => (it === null ? null : keyOf(it))),
        there.map((it) => it.time),
        there.map((it) => JSON.stringify(it)),
      ],
    )
  }
  if (gone.length === 0) return
  await query('delete from findings where evaluation = $1 and id = any($2)', [evaluation, gone.map(keyOf)])
}

async function writeStandings(
  query: Query,
  evaluation: number,
  { standings, standingsGone, revision }: Commit & { revision: number },
): Promise<void> {
  const there = latest(standings, (it) => it.worker)
  if (there.length > 0) {
    await query(
      `insert into standings (evaluation, worker, revision, gone, doc)
       select $1, worker, $2, false, doc from unnest($3::text[], $4::text[]) as there (worker, doc)
       on conflict (evaluation, worker) do update
       set revision = excluded.revision, gone = excluded.gone, doc = excluded.doc`,
      [evaluation, revision, there.map((it) => keyOf(it.worker)), there.map((it) => JSON.stringify(it))],
    )
  }
  if (standingsGone.length === 0) return
  await query(
    `update standings set revision = $2, gone = true, doc = left_.doc
     from unnest($3::text[], $4::text[]) as left_ (worker, doc)
     where standings.evaluation = $1 and standings.worker = left_.worker and not standings.gone`,
    [evaluation, revision, standingsGone.map(keyOf), standingsGone.map((it) => JSON.stringify(it))],
  )
}

async function writeClusters(query: Query, evaluation: number, clusters: readonly Cluster[]): Promise<void> {
  await query('delete from clusters where evaluation = $1', [evaluation])
  await query(
    'insert into clusters (evaluation, place, doc) select $1, place, doc from unnest($2::text[]) with ordinality as all_ (doc, place)',
    [evaluation, clusters.map((it) => JSON.stringify(it))],
  )
}

/** Adds to the feed. Must come last in its transaction: from here to its end every other writer of changes waits. */
async function publish(query: Query, published: readonly Change[]): Promise<void> {
  if (published.length === 0) return
  const [feed] = await query('select last from feed for update')
  const byId = new Map<string, Change>()
  for (const it of published) if (!byId.has(keyOf(it.id))) byId.set(keyOf(it.id), it)
  const known = await query('select id from changes where id = any($1)', [[...byId.keys()]])
  for (const { id } of known) byId.delete(String(id))
  const fresh = [...byId]
  await query(
    `insert into changes (seq, id, time, doc)
     select $1::bigint + place, id, time, doc
     from unnest($2::text[], $3::bigint[], $4::text[]) with ordinality as fresh (id, time, doc, place)`,
    [
      Number(feed!.last),
      fresh.map(([id]) => id),
      fresh.map(([, it]) => it.time),
      fresh.map(([, it]) => JSON.stringify(it)),
    ],
  )
  await query('update feed set last = last + $1', [fresh.length])
}

function changes({ query }: Database): ChangeFeed {
  return {
    async after(seq, limit) {
      const rows = await query('select seq, doc from changes where seq > $1 order by seq limit $2', [seq, limit])
      return rows.map((row) => ({ seq: Number(row.seq), change: JSON.parse(String(row.doc)) as Change }))
    },
    last: async () => Number((await query('select last from feed'))[0]!.last),
    async position(consumer) {
      const [row] = await query('select seq from consumers where name = $1', [keyOf(consumer)])
      return row ? Number(row.seq) : null
    },
    async setPosition(consumer, seq) {
      await query(
        'insert into consumers (name, seq) values ($1, $2) on conflict (name) do update set seq = excluded.seq',
        [keyOf(consumer), seq],
      )
    },
    async trim(time) {
      const [row] = await query(
        'with gone as (delete from changes where time < $1 returning 1) select count(*) from gone',
        [time],
      )
      return Number(row!.count)
    },
  }
}

/** Removes evaluations at once; `purge` deletes their rows afterwards. */
async function drop(query: Query, which: string, value: unknown): Promise<void> {
  await query(
    `with gone as (delete from evaluations where ${which} returning id)
     insert into dropped (evaluation) select id from gone`,
    [value],
  )
}

/**
 * Deletes the rows of dropped evaluations. Blocks nobody, and nobody waits for it. What is left when a connection is
 * lost is deleted by the next call.
 */
async function purge({ transaction }: Database): Promise<void> {
  const step = () =>
    transaction(async (query) => {
      const [row] = await query('select evaluation from dropped limit 1 for update skip locked')
      if (!row) return false
      for (const table of ['kept', 'kept_before', 'findings', 'standings', 'clusters']) {
        await query(`delete from ${table} where evaluation = $1`, [row.evaluation])
      }
      await query('delete from dropped where evaluation = $1', [row.evaluation])
      return true
    })
  try {
    while (await step());
  } catch {
    // Leftover rows only cost space.
  }
}

/** An upsert takes each row once: the last one wins. */
function latest<T>(rows: readonly T[], key: (row: T) => string): T[] {
  return [...new Map(rows.map((it) => [key(it), it])).values()]
}

function one<T>(rows: readonly Row[]): T | null {
  return all<T>(rows)[0] ?? null
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
    active: row.active === true,
  }
}

function keptRow(row: Row): KeptRow {
  const subject = row.full_subject === null ? String(row.subject) : (JSON.parse(String(row.full_subject)) as string)
  return { part: String(row.part), subject, state: String(row.state) }
}
