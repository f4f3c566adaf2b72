/**
 * A real PostgreSQL for tests: a private server of Debian's `postgresql`, started once per test run, durable as in
 * production, in a temporary folder that is deleted after the run.
 *
 * Shape   it listens on a Unix socket in that folder only. The server ends with the process that started it, even if
 *         that is killed: a shell between the two waits for the end of its input.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import {
  accessSync,
  chmodSync,
  chownSync,
  constants,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { notTested } from '../../../not-tested.ts'

const DEBIAN = '/usr/lib/postgresql'
const USER = 'tellwire'
const SETTINGS = [
  'listen_addresses=',
  'fsync=on',
  'synchronous_commit=on',
  'shared_buffers=32MB',
  'max_connections=100',
]

/** Started in the background, so that the end of the shell's input ends it. */
const KEEPER = `"$1" -D "$2/data" -k "$2" $(printf -- '-c %s ' $3) </dev/null >"$2/log" 2>&1 &
postgres=$!
while read -r _; do :; done
kill -INT "$postgres" 2>/dev/null
wait "$postgres"
rm -rf "$2"`

interface Server {
  url(database: string): string
  query(sql: string): Promise<Record<string, unknown>[]>
  stop(): Promise<void>
}

let running: Promise<Server> | null = null
let databases = 0

// Registered with the run, because this file is imported by test files only.
after(async function () {
  if (!running) return
  this.timeout(120_000)
  await (await running).stop()
})

export interface TestDatabase {
  url: string
  query(sql: string): Promise<Record<string, unknown>[]>
  /** Ends every connection to it, as a restart of the server would. */
  disconnect(): Promise<unknown>
  /** Empties it, which is faster than creating another one: PostgreSQL copies and syncs that file by file. */
  empty(): Promise<unknown>
  drop(): Promise<unknown>
}

/**
 * An empty database. Where PostgreSQL is not installed, the test is skipped with a message; with CI=true it fails
 * instead.
 */
export async function testDatabase(test: Mocha.Context): Promise<TestDatabase> {
  const binaries = found()
  if (binaries === null) {
    const why = `PostgreSQL is not installed (initdb is neither in PATH nor in ${DEBIAN}/*/bin; apt-get install postgresql)`
    notTested(test, why)
  }
  // The first call waits for initdb, which writes about 40 MB with a sync of each file.
  if (!running) test.timeout(Math.max(test.timeout(), 120_000))
  const server = await (running ??= start(binaries))
  const name = `test_${++databases}`
  await server.query(`create database ${name}`)
  return {
    url: server.url(name),
    query: (sql) => query(server.url(name), sql),
    disconnect: () => server.query(`select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}'`),
    empty: () => query(server.url(name), 'drop schema public cascade; create schema public'),
    drop: () => server.query(`drop database ${name} with (force)`),
  }
}

function found(): string | null {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a)) : []
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...versions.map((it) => join(DEBIAN, it, 'bin'))]
  return folders.find((it) => isProgram(join(it, 'initdb')) && isProgram(join(it, 'postgres'))) ?? null
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

async function start(binaries: string): Promise<Server> {
  const folder = mkdtempSync(join(tmpdir(), 'tellwire-postgres-'))
  chmodSync(folder, 0o700)
  const as = unprivileged()
  if (as) chownSync(folder, as.uid, as.gid)
  const options = ['--username', USER, '--auth', 'trust', '--encoding', 'UTF8', '--locale', 'C', '--no-sync']
  await promisify(execFile)(join(binaries, 'initdb'), ['-D', join(folder, 'data'), ...options], { ...as, cwd: folder })
  const words = ['-c', KEEPER, 'sh', join(binaries, 'postgres'), folder, SETTINGS.join(' ')]
  const keeper = spawn('sh', words, { ...as, cwd: folder, stdio: ['pipe', 'ignore', 'ignore'] })
  const url = (database: string) => `postgresql:///${database}?host=${encodeURIComponent(folder)}&user=${USER}`
  await answering(url('postgres'), keeper, join(folder, 'log'))
  return {
    url,
    query: (sql) => query(url('postgres'), sql),
    async stop() {
      const ended = new Promise<void>((resolve) => keeper.once('close', () => resolve()))
      keeper.stdin?.end()
      await ended
    },
  }
}

/** PostgreSQL refuses to run as root. Debian's package creates the user postgres; nobody exists everywhere. */
function unprivileged(): { uid: number; gid: number } | null {
  if (process.getuid?.() !== 0) return null
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
  const user = users.find(([name]) => name === 'postgres') ?? users.find(([name]) => name === 'nobody')
  if (!user) throw new Error('PostgreSQL does not run as root, and there is neither a user postgres nor nobody.')
  return { uid: Number(user[2]), gid: Number(user[3]) }
}

async function answering(url: string, keeper: ChildProcess, log: string): Promise<void> {
  for (;;) {
    try {
      await query(url, 'select 1')
      return
    } catch (cause) {
      if (keeper.exitCode !== null) throw new Error(`PostgreSQL did not start: ${readFileSync(log, 'utf8')}`, { cause })
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}
