/** Only one process at a time may change a data folder: a server, or a restore. */
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Fault } from '../../../wire/fault.ts'
import { asFault } from './database.ts'

export const LOCK_FILE = 'telemetry.lock'
/** Exists while a restore replaces the files of the folder. */
export const RESTORING_FILE = 'restoring'
const SQLITE_BUSY = 5

/**
 * Held until it is closed; it ends with the process in any case. Creates the folder.
 *
 * Errors  Fault 'server.running' when another process holds it.
 */
export function holdLock(folder: string): DatabaseSync {
  const file = join(folder, LOCK_FILE)
  let lock: DatabaseSync | undefined
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    lock = new DatabaseSync(file, { timeout: 0 })
    lock.exec('begin exclusive')
    return lock
  } catch (cause) {
    lock?.close()
    const isHeld = (cause as { errcode?: number }).errcode === SQLITE_BUSY
    if (!isHeld) throw asFault(cause, file)
    const todo = 'Use that server, or give this one another --data-folder.'
    throw new Fault('server.running', { where: folder, todo, cause })
  }
}

/** Errors  Fault 'store.damaged' when a restore was interrupted: some files are the old ones, some new, some missing. */
export function refuseHalfRestored(folder: string): void {
  if (!existsSync(join(folder, RESTORING_FILE))) return
  throw new Fault('store.damaged', {
    where: folder,
    why: 'A restore of a backup was interrupted.',
    todo: 'Restore the backup again, with --force.',
  })
}
