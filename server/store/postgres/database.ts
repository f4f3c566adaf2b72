/**
 * One PostgreSQL database the way our engines want it, and in our words what it says in codes.
 *
 * Shape   a pool of connections. The call that finds its connection lost fails, and those after it get new ones. bigint
 *         comes as a number: nothing of ours passes 2^53.
 * Errors  Fault 'store.unwritable', 'store.damaged', 'store.newer'. When the connection is lost between a commit and
 *         its answer, only PostgreSQL knows whether it was written; we say that it was not.
 * Source  https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
import pg from 'pg'
import { Fault } from '../../../wire/fault.ts'

export type Row = Record<string, unknown>
export type Query = (sql: string, values?: readonly unknown[]) => Promise<Row[]>

export interface Database {
  /** One statement, a transaction of its own. */
  query: Query
  /** All of it, or nothing and the error. */
  transaction<T>(work: (query: Query) => Promise<T>): Promise<T>
  /** The rows of one SELECT in blocks, as they were when the first was asked for. */
  blocks(sql: string, values: readonly unknown[], rows: number): AsyncIterable<Row[]>
  /** Waits for statements and transactions; a reading that is not at its end is cut short. */
  close(): Promise<void>
}

export interface Schema {
  /** Whose tables they are: several engines share a database, each with a version of its own. */
  part: 'store' | 'history'
  version: number
  /** Makes everything in a database that has nothing of this part. */
  create: string
  /** What makes of each version the next: the first makes 2 of 1. */
  upgrades: readonly string[]
}

const INT8 = 20
const CONNECTIONS = 10
/** A transaction that is left open, because its process hangs, holds nobody up for longer. */
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
  // Whoever uses a connection that is lost hears of it from his query; this would end the process.
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

/** When one is lost, the others that are idle most likely are too: none that was made before is used again. */
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
    if (isClosed) throw new Fault('store.unwritable', { where, todo: 'The store is closed.' })
  }
  /** The pool forgets at its end who waits for a connection, so its end waits for them. */
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

/** A cursor in a transaction of its own: it shows the moment at which it was made. */
interface Reading {
  next(rows: number): Promise<Row[]>
  end(): Promise<void>
  /** Takes the connection away, whatever it is doing. */
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

/** False: the connection is good for nothing any more. */
async function rolledBack({ query }: Connection): Promise<boolean> {
  try {
    await query('rollback')
    return true
  } catch {
    return false
  }
}

/** Only one process at a time makes tables; the others wait and find them made. */
async function bring(database: Database, schema: Schema, where: string): Promise<void> {
  const { part, version, create, upgrades } = schema
  await database.transaction(async (query) => {
    await query(`select pg_advisory_xact_lock(hashtext('tellwire_schema'))`)
    const [encoding] = await query('show server_encoding')
    if (encoding?.server_encoding !== 'UTF8') {
      throw new Fault('store.unwritable', { where, todo: "Make the database again with encoding 'UTF8'." })
    }
    await query('create table if not exists tellwire_schema (part text primary key, version integer not null)')
    const [row] = await query('select version from tellwire_schema where part = $1', [part])
    const found = row ? Number(row.version) : 0
    if (found > version) {
      const todo = `It has version ${found} and this Tellwire knows ${version}: run the newer one.`
      throw new Fault('store.newer', { where, todo })
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

/** By code or class of codes: what to do. */
const TODO: Record<string, string> = {
  '08': 'Start PostgreSQL, or mend the network; what is refused now is taken later.',
  '28': 'Correct user and password in the URL of the store, or let this user in (pg_hba.conf).',
  '3D000': 'Make the database: createdb.',
  '42501': 'Give this user the right to write there.',
  '53': 'Give PostgreSQL more connections or memory; what is refused now is taken later.',
  '53100': 'The disk of PostgreSQL is full: free some space; what is refused now is taken later.',
  '57': 'PostgreSQL ended the connection: when it is back, what is refused now is taken later.',
  '25006': 'This PostgreSQL takes no writes: name the primary in the URL of the store.',
}
const DAMAGED = /^XX00[12]$/
/** What else comes from the system ('EPIPE', 'ECONNREFUSED') or from the client ('Connection terminated'). */
const SQLSTATE = /^(\d[0-9A-Z]|F0|HV|P0|XX)[0-9A-Z]{3}$/
const UNREACHABLE = /connect|timeout|terminat|not queryable/i

export function asFault(cause: unknown, where: string): Fault {
  if (cause instanceof Fault) return cause
  const { code, message } = told(cause)
  const facts = { reason: message, ...(code && { code }) }
  if (code && DAMAGED.test(code)) {
    return new Fault('store.damaged', { where, todo: 'Restore the database from a backup.', facts, cause })
  }
  const todo = SQLSTATE.test(code ?? '') ? (TODO[code!] ?? TODO[code!.slice(0, 2)]) : undefined
  const whatToDo = todo ?? (isUnreachable(cause) ? TODO['08']! : `${message}.`)
  return new Fault('store.unwritable', { where, todo: whatToDo, facts, cause })
}

function isUnreachable(cause: unknown): boolean {
  const { code = '', message } = told(cause)
  return SQLSTATE.test(code) ? /^(08|57P)/.test(code) : /^E[A-Z]+$/.test(code) || UNREACHABLE.test(message)
}

/** A host with several addresses fails with one error for each of them. */
function told(cause: unknown): { code: string | undefined; message: string } {
  const first = cause instanceof AggregateError ? (cause.errors[0] as unknown) : cause
  const { code, message } = first as { code?: string; message?: string }
  return { code, message: message ?? String(first) }
}
