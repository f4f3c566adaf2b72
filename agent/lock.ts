/** A lock file: one process per folder. */
import { randomUUID } from 'node:crypto'
import { linkSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs'
import { Fault } from '../wire/fault.ts'

/**
 * Acquires the lock and returns the function that releases it.
 *
 * Shape   a file with pid, start time of the process and boot id, so that a pid that was reused, or dates from before a
 *         reboot, does not hold the lock. Without /proc, the pid alone decides.
 * Errors  Fault 'agent.running' if another process holds it.
 */
export function acquireLock(path: string): () => void {
  const mine = processIdentity(process.pid) ?? `${process.pid}`
  const draft = `${path}.${randomUUID()}`
  writeFileSync(draft, mine, { mode: 0o600 })
  try {
    // A link appears together with its content, and fails if the name exists, so nobody reads a half-written lock.
    for (let tries = 0; tries < 5; tries++) {
      try {
        linkSync(draft, path)
        return () => release(path, mine)
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause
      }
      const theirs = read(path)
      if (theirs !== null && isAlive(theirs)) throw running(path, theirs)
      if (theirs !== null) removeStale(path, theirs)
    }
    throw running(path, read(path) ?? 'another process')
  } finally {
    unlinkSync(draft)
  }
}

/** The process that holds the lock; null if none does. */
export function lockHolder(path: string): number | null {
  const theirs = read(path)
  return theirs !== null && isAlive(theirs) ? Number(theirs.split(' ')[0]) : null
}

function running(path: string, holder: string): Fault {
  const pid = holder.split(' ')[0]
  return new Fault('agent.running', { where: path, todo: `Stop process ${pid}, or use another --folder.` })
}

/** Moves the file aside and checks it again, because another process may have acquired the lock in the meantime. */
function removeStale(path: string, stale: string): void {
  const aside = `${path}.${randomUUID()}`
  try {
    renameSync(path, aside)
  } catch {
    return // another process was faster
  }
  if (read(aside) !== stale) {
    try {
      linkSync(aside, path)
    } catch {
      // The name is in use again, by a process that is alive.
    }
  }
  unlinkSync(aside)
}

function release(path: string, mine: string): void {
  if (read(path) === mine) unlinkSync(path)
}

function isAlive(holder: string): boolean {
  const pid = Number(holder.split(' ')[0])
  if (!Number.isSafeInteger(pid) || pid < 1) return false
  const now = processIdentity(pid)
  if (now !== null) return now === holder
  if (process.platform === 'linux') return false
  try {
    process.kill(pid, 0)
    return true
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** 'pid start boot', or null if there is no such process or no /proc. */
function processIdentity(pid: number): string | null {
  const stat = read(`/proc/${pid}/stat`)
  if (stat === null) return null
  // The second field is the program's name and may contain blanks and brackets; the 22nd is the start time in ticks.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  if (fields[0] === 'Z' || fields[0] === 'X') return null // a zombie
  const start = fields[19]
  return `${pid} ${start} ${(read('/proc/sys/kernel/random/boot_id') ?? '').trim()}`
}

function read(path: string): string | null {
  // On other systems, anybody could create a folder of that name.
  if (path.startsWith('/proc/') && process.platform !== 'linux') return null
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}
