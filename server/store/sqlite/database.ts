/** Opens a SQLite file with the settings of both stores, and translates SQLite's error numbers into Faults. */
import { closeSync, existsSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Fault } from '../../../wire/fault.ts'

/**
 * Shape   WAL, so that readers never wait for the writer; every commit is on the disk before it returns. A file of an
 *         older version is upgraded; `upgrades` has the statements, those from version 1 to 2 first. A
 *         reader leaves an older file as it is.
 * Errors  Fault 'store.missing' (read-only, and no file), 'store.newer', 'store.unwritable', 'store.damaged'.
 */
export function openDatabase(
  file: string,
  options: {
    schema: string
    version: number
    upgrades?: readonly string[]
    readOnly?: boolean
    /** How long a call waits for other writers. */
    busyMs?: number
  },
): DatabaseSync {
  const { schema, version, upgrades = [], readOnly = false, busyMs = 5_000 } = options
  let db: DatabaseSync | undefined
  try {
    if (readOnly && !existsSync(file)) {
      throw new Fault('store.missing', { where: file, todo: 'Name the data folder of a server that has run.' })
    }
    if (!readOnly) makeFile(file)
    // Another process, such as `tellwire user add`, may be writing; none of our transactions takes longer than 5 s.
    db = new DatabaseSync(file, { readOnly, timeout: busyMs })
    const found = versionOf(db)
    if (found > version) {
      throw new Fault('store.newer', {
        where: file,
        why: `It has version ${found}; this Tellwire knows version ${version}.`,
        todo: 'Run the newer Tellwire.',
      })
    }
    if (readOnly) return db
    db.exec('pragma journal_mode = wal; pragma synchronous = full')
    if (found < version) bring(db, schema, version, upgrades)
    return db
  } catch (cause) {
    db?.close()
    throw asFault(cause, file)
  }
}

/** Readable by its owner only; SQLite gives -wal and -shm the same permissions. */
function makeFile(file: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  closeSync(openSync(file, 'a', 0o600))
}

function bring(db: DatabaseSync, schema: string, version: number, upgrades: readonly string[]): void {
  transaction(db, 'begin immediate', () => {
    // Two processes may find an empty or old file at the same time: the second waited above, and the work is done.
    const found = versionOf(db)
    const statements = found === 0 ? [schema] : upgrades.slice(found - 1, version - 1)
    for (const it of statements) db.exec(it)
    db.exec(`pragma user_version = ${version}`)
  })
}

function versionOf(db: DatabaseSync): number {
  return Number(db.prepare('pragma user_version').get()?.user_version)
}

/** Runs `work` in one transaction: all of it, or nothing and the error. */
export function transaction<T>(db: DatabaseSync, begin: 'begin' | 'begin immediate', work: () => T): T {
  db.exec(begin)
  try {
    const result = work()
    db.exec('commit')
    return result
  } catch (cause) {
    // On a full disk SQLite rolls back by itself.
    if (db.isTransaction) db.exec('rollback')
    throw cause
  }
}

// https://sqlite.org/rescode.html, primary codes.
const BUSY = 5
const READONLY = 8
const CORRUPT = 11
const FULL = 13
const NOT_A_DATABASE = 26

export function asFault(cause: unknown, where: string): Fault {
  if (cause instanceof Fault) return cause
  const { errcode = 0, code, message = String(cause) } = cause as { errcode?: number; code?: string; message?: string }
  const facts = { reason: message }
  const primary = errcode & 0xff
  // A SyntaxError: a stored text is not JSON.
  if (primary === CORRUPT || primary === NOT_A_DATABASE || cause instanceof SyntaxError) {
    return new Fault('store.damaged', { where, todo: 'Restore the data folder from a backup.', facts, cause })
  }
  const advice =
    primary === FULL || code === 'ENOSPC'
      ? { why: 'The disk is full.', todo: 'Free some space. Refused writes can be retried.' }
      : primary === READONLY || code === 'EACCES' || code === 'EROFS'
        ? { todo: 'Give this user write permission.' }
        : primary === BUSY
          ? { why: 'Another process holds it.', todo: 'Stop that process, or use another folder.' }
          : { why: message }
  return new Fault('store.unwritable', { where, ...advice, facts, cause })
}
