/**
 * Opens a PostgreSQL database for our engines, and translates its error codes into Faults.
 *
 * Shape   a pool of connections. A call whose connection is lost fails; later calls get new connections. bigint is
 *         read as a number: no value of ours exceeds 2^53.
 * Errors  Fault 'store.unwritable', 'store.damaged', 'store.newer'. When the connection is lost between a commit and
 *         its response, only PostgreSQL knows whether the data was written; the call then fails.
 * Source  https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
import pg from 'pg'
import { Fault } from '../../../wire/fault.ts'

export type Row = Record<string, unknown>
export type Query = (sql: string, values?: readonly unknown[]) => Promise<Row[]>

export interface Database {
  /** One statement in a transaction of its own. */
  query: Query
  /** All of it, or nothing and the error. */
  transaction<T>(work: (query: Query) => Promise<T>): Promise<T>
  /** The rows of one SELECT in blocks, as of the first read. */
  blocks(sql: string, values: readonly unknown[], rows: number): AsyncIterable<Row[]>
  /** Waits for statements and transactions; unfinished reads are cut short. */
  close(): Promise<void>
}

export interface Schema {
  /** Which part the tables belong to: several engines share a database, each with a version of its own. */
  part: 'store' | 'history'
  version: number
  /** Creates everything in a database without this part. */
  create: string
  /** Statements that upgrade each version to the next: the first upgrades 1 to 2. */
  upgrades: readonly string[]
}

const INT8 = 20
const CONNECTIONS = 10
/** A transaction left open by a hung process blocks the others no longer than this. */
const IDLE_IN_TRANSACTION_MS = 300_000

export async function openDatabase(options: { url: string; schema: Schema }): Promise<Database> {
  const where = placeOf(options.url)
  const pool = new pg.Pool({
    connectionString: options.url,
    application_name: 'tellwire',
    max: CONNECTIONS,
    connectionTimeoutMillis: 30_000,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
    keepAlive: true,
    types: { getTypeParser: (oid, format) => (oid === INT8 ? Number : pg.types.getTypeParser(oid, format)) },
  })
  // A query reports its lost connection itself; without this handler an idle one would end the process.
  pool.on('error', () => {})
  const database = opened(connections(pool), where)
  try {
    await bring(database, options.schema, where)
    return database
  } catch (cause) {
    await database.close()
    throw cause
  }
}

interface Connections {
  take(): Promise<Connection>
  close(): Promise<void>
}

interface Connection {
  query: Query
  release(isLost: boolean): void
}

/** When one connection is lost, the other idle ones most likely are too: no older connection is used again. */
function connections(pool: pg.Pool): Connections {
  let losses = 0
  const madeAfter = new WeakMap<pg.PoolClient, number>()
  pool.on('connect', (client) => {
    madeAfter.set(client, losses)
    client.on('error', () => lost(client))
  })
  function lost(client: pg.PoolClient): void {
    losses = Math.max(losses, madeAfter.get(client)! + 1)
  }
  async function take(): Promise<pg.PoolClient> {
    for (;;) {
      const client = await pool.connect()
      if (madeAfter.get(client) === losses) return client
      client.release(true)
    }
  }
  return {
    async take() {
      const client = await take()
      return {
        query: async (sql, values = []) => (await client.query<Row>(sql, [...values])).rows,
        release(isLost) {
          if (isLost) lost(client)
          client.release(isLost)
        },
      }
    },
    close: () => pool.end(),
  }
}

function opened(connections: Connections, where: string): Database {
  const running = new Set<Promise<unknown>>()
  const readings = new Set<Reading>()
  let isClosed = false
  const refuse = () => {
    if (isClosed) throw new Fault('store.unwritable', { where, why: 'The store is closed.' })
  }
  /** The pool's `end` drops callers that wait for a connection, so closing waits for them first. */
  async function run<T>(work: () => Promise<T>): Promise<T> {
    refuse()
    const begun = work()
    running.add(begun)
    try {
      return await begun
    } catch (cause) {
      throw asFault(cause, where)
    } finally {
      running.delete(begun)
    }
  }
  return {
    query: (sql, values = []) => run(() => single(connections, sql, values)),
    transaction: (work) => run(() => transaction(connections, work)),
    async *blocks(sql, values, rows) {
      refuse()
      let reading: Reading | undefined
      try {
        reading = await read(connections, sql, values)
        readings.add(reading)
        for (;;) {
          const block = await reading.next(rows)
          if (block.length > 0) yield block
          if (block.length < rows) return
        }
      } catch (cause) {
        throw asFault(cause, where)
      } finally {
        if (reading) readings.delete(reading)
        await reading?.end()
      }
    },
    async close() {
      if (isClosed) return
      isClosed = true
      for (const it of readings) it.cut()
      await Promise.allSettled(running)
      await connections.close()
    },
  }
}

async function single(connections: Connections, sql: string, values: readonly unknown[]): Promise<Row[]> {
  const connection = await connections.take()
  let isLost = false
  try {
    return await connection.query(sql, values)
  } catch (cause) {
    isLost = isUnreachable(cause)
    throw cause
  } finally {
    connection.release(isLost)
  }
}

async function transaction<T>(connections: Connections, work: (query: Query) => Promise<T>): Promise<T> {
  const connection = await connections.take()
  let isLost = false
  try {
    await connection.query('begin')
    const result = await work(connection.query)
    await connection.query('commit')
    return result
  } catch (cause) {
    isLost = !(await rolledBack(connection))
    throw cause
  } finally {
    connection.release(isLost)
  }
}

/** A cursor in a transaction of its own: it shows the data as of its creation. */
interface Reading {
  next(rows: number): Promise<Row[]>
  end(): Promise<void>
  /** Ends the connection, whatever it is doing. */
  cut(): void
}

async function read(connections: Connections, sql: string, values: readonly unknown[]): Promise<Reading> {
  const connection = await connections.take()
  let isReleased = false
  const release = (isLost: boolean) => {
    if (!isReleased) connection.release(isLost)
    isReleased = true
  }
  const reading: Reading = {
    next: (rows) => connection.query(`fetch ${rows} from blocks`),
    async end() {
      if (!isReleased) release(!(await rolledBack(connection)))
    },
    cut: () => release(true),
  }
  try {
    await connection.query('begin read only')
    await connection.query(`declare blocks no scroll cursor for ${sql}`, values)
    return reading
  } catch (cause) {
    await reading.end()
    throw cause
  }
}

/** False: the connection cannot be used again. */
async function rolledBack({ query }: Connection): Promise<boolean> {
  try {
    await query('rollback')
    return true
  } catch {
    return false
  }
}

/** Only one process at a time creates tables; the others wait and find them created. */
async function bring(database: Database, schema: Schema, where: string): Promise<void> {
  const { part, version, create, upgrades } = schema
  await database.transaction(async (query) => {
    await query(`select pg_advisory_xact_lock(hashtext('tellwire_schema'))`)
    const [encoding] = await query('show server_encoding')
    if (encoding?.server_encoding !== 'UTF8') {
      const why = `The database has the encoding ${String(encoding?.server_encoding)}.`
      throw new Fault('store.unwritable', { where, why, todo: "Create it again with encoding 'UTF8'." })
    }
    await query('create table if not exists tellwire_schema (part text primary key, version integer not null)')
    const [row] = await query('select version from tellwire_schema where part = $1', [part])
    const found = row ? Number(row.version) : 0
    if (found > version) {
      const why = `It has version ${found}; this Tellwire knows version ${version}.`
      throw new Fault('store.newer', { where, why, todo: 'Run the newer Tellwire.' })
    }
    const statements = found === 0 ? [create] : upgrades.slice(found - 1, version - 1)
    for (const it of statements) await query(it)
    await query(
      'insert into tellwire_schema (part, version) values ($1, $2) on conflict (part) do update set version = $2',
      [part, version],
    )
  })
}

/** Without user and password. */
function placeOf(url: string): string {
  try {
    const { hostname, port, pathname, searchParams } = new URL(url, 'postgresql://localhost')
    const host = searchParams.get('host') ?? hostname
    return `postgresql://${host}${port ? `:${port}` : ''}${pathname}`
  } catch {
    return 'postgresql'
  }
}

/** By SQLSTATE or its class. */
const ADVICE: Record<string, { why: string | null; todo: string }> = {
  '08': { why: null, todo: 'Start PostgreSQL, or repair the network. Refused writes can be retried.' },
  '28': { why: null, todo: "Correct user and password in the store's URL, or allow this user in pg_hba.conf." },
  '3D000': { why: null, todo: 'Create the database: createdb.' },
  '42501': { why: null, todo: 'Give this user write permission.' },
  '53': { why: null, todo: 'Give PostgreSQL more connections or memory. Refused writes can be retried.' },
  '53100': { why: "PostgreSQL's disk is full.", todo: 'Free some space. Refused writes can be retried.' },
  '57': { why: 'PostgreSQL ended the connection.', todo: 'Wait until it is back. Refused writes can be retried.' },
  '25006': { why: 'This PostgreSQL is read-only.', todo: "Name the primary in the store's URL." },
}
const DAMAGED = /^XX00[12]$/
/** Other errors come from the system ('EPIPE', 'ECONNREFUSED') or from the client ('Connection terminated'). */
const SQLSTATE = /^(\d[0-9A-Z]|F0|HV|P0|XX)[0-9A-Z]{3}$/
const UNREACHABLE = /connect|timeout|terminat|not queryable/i

export function asFault(cause: unknown, where: string): Fault {
  if (cause instanceof Fault) return cause
  const { code, message } = errorOf(cause)
  const facts = { reason: message, ...(code && { code }) }
  if (code && DAMAGED.test(code)) {
    return new Fault('store.damaged', { where, todo: 'Restore the database from a backup.', facts, cause })
  }
  const advice = SQLSTATE.test(code ?? '') ? (ADVICE[code!] ?? ADVICE[code!.slice(0, 2)]) : undefined
  const { why, todo } = advice ?? (isUnreachable(cause) ? ADVICE['08']! : { why: message, todo: null })
  return new Fault('store.unwritable', { where, why, todo, facts, cause })
}

function isUnreachable(cause: unknown): boolean {
  const { code = '', message } = errorOf(cause)
  return SQLSTATE.test(code) ? /^(08|57P)/.test(code) : /^E[A-Z]+$/.test(code) || UNREACHABLE.test(message)
}

/** A host with several addresses fails with one error per address. */
function errorOf(cause: unknown): { code: string | undefined; message: string } {
  const first = cause instanceof AggregateError ? (cause.errors[0] as unknown) : cause
  const { code, message } = first as { code?: string; message?: string }
  return { code, message: message ?? String(first) }
}
