/** A lock file: one process per folder. */
import { randomUUID } from 'node:crypto'
import { linkSync, mkdirSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { Fault } from '../wire/fault.ts'
import type { System } from './host/host.ts'
import { thisSystem } from './host/systems.ts'

type Processes = Pick<System, 'processStart'>

/**
 * Acquires the lock and returns the function that releases it.
 *
 * Shape   a file with the pid and when its process started, so that a pid that was reused, or dates from before a
 *         reboot, does not hold the lock. Where the system cannot tell, the pid alone decides.
 * Errors  Fault 'agent.running' if another process holds it, 'store.unwritable' if its folder cannot be made or written.
 */
export function acquireLock(path: string, processes: Processes = thisSystem()): () => void {
  const mine = processIdentity(process.pid, processes) ?? `${process.pid}`
  const folder = dirname(path)
  const draft = `${path}.${randomUUID()}`
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    writeFileSync(draft, mine, { mode: 0o600 })
    // A link appears together with its content, and fails if the name exists, so nobody reads a half-written lock.
    for (let tries = 0; tries < 5; tries++) {
      try {
        linkSync(draft, path)
        return () => release(path, mine)
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause
      }
      const theirs = read(path)
      if (theirs !== null && isAlive(theirs, processes)) throw running(path, theirs)
      if (theirs !== null) removeStale(path, theirs)
    }
    throw running(path, read(path) ?? 'another process')
  } catch (cause) {
    throw cause instanceof Fault ? cause : unwritable(folder, cause as NodeJS.ErrnoException)
  } finally {
    discard(draft)
  }
}

/** The process that holds the lock; null if none does. */
export function lockHolder(path: string, processes: Processes = thisSystem()): number | null {
  const theirs = read(path)
  return theirs !== null && isAlive(theirs, processes) ? Number(theirs.split(' ')[0]) : null
}

function unwritable(folder: string, cause: NodeJS.ErrnoException): Fault {
  const isFull = cause.code === 'ENOSPC' || cause.code === 'EDQUOT'
  return new Fault('store.unwritable', {
    where: folder,
    why: isFull ? 'The disk is full.' : `The system says ${cause.code}.`,
    todo: isFull ? 'Free some space.' : 'Check the folder, and the user that runs the agent.',
    cause,
  })
}

function discard(draft: string): void {
  try {
    unlinkSync(draft)
  } catch {
    // It could not be written.
  }
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

function isAlive(holder: string, processes: Processes): boolean {
  const pid = Number(holder.split(' ')[0])
  if (!Number.isSafeInteger(pid) || pid < 1) return false
  const now = processIdentity(pid, processes)
  if (now !== null) return now === holder
  if (processes.processStart) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** 'pid start', or null if there is no such process or the system cannot tell. */
function processIdentity(pid: number, processes: Processes): string | null {
  const start = processes.processStart?.(pid) ?? null
  return start === null ? null : `${pid} ${start}`
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}
