/**
 * Programs that started, as eslogger prints them. The environment in its lines is not looked at.
 *
 * Errors  null for any other line.
 * Source  eslogger(1), which promises nothing about its form; the names of fields as in its public output with
 *         schema_version 1: event.exec.{target,args,cwd}, target.{audit_token,ppid,executable}, global_seq_num. Written from
 *         documentation; it has never run on a Mac.
 */
import type { ProcessFacts } from '../../../host/macos/calls.ts'

const MAX_ARGS = 4_096

export interface Exec {
  pid: number
  facts: ProcessFacts
  /** Counts the messages of this eslogger: a gap in it is messages that the kernel dropped. Null: it does not say. */
  sequence: number | null
}

export function parseExec(line: string): Exec | null {
  if (!line.startsWith('{')) return null
  try {
    const message = JSON.parse(line) as unknown
    const exec = at(message, 'event', 'exec')
    const pid = at(exec, 'target', 'audit_token', 'pid')
    const image = at(exec, 'target', 'executable', 'path')
    if (!isNumber(pid) || typeof image !== 'string') return null
    const [parent, uid, folder, args] = [
      at(exec, 'target', 'ppid'),
      at(exec, 'target', 'audit_token', 'euid'),
      at(exec, 'cwd', 'path'),
      at(exec, 'args'),
    ]
    const sequence = at(message, 'global_seq_num')
    const words = Array.isArray(args) ? args.slice(0, MAX_ARGS).filter((it) => typeof it === 'string') : null
    return {
      pid,
      sequence: isNumber(sequence) ? sequence : null,
      facts: {
        isDenied: false,
        parent: isNumber(parent) ? parent : null,
        uid: isNumber(uid) ? uid : null,
        name: null,
        image,
        args: words,
        folder: typeof folder === 'string' ? folder : null,
        startedAt: null,
      },
    }
  } catch {
    return null
  }
}

function at(value: unknown, ...names: string[]): unknown {
  return names.reduce<unknown>(
    (it, name) =>
      typeof it === 'object' && it !== null && Object.hasOwn(it, name) ? Reflect.get(it, name) : undefined,
    value,
  )
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}
