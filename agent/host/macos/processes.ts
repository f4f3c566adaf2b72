/**
 * Processes. Nothing here has run on a Mac; the parsers have, on bytes built as the headers say.
 *
 * Source  libproc.h, sys/proc_info.h; sys/sysctl.h: KERN_PROCARGS2 gives the number of arguments, the path that was
 *         executed, NULs up to a multiple of eight, the arguments, and then the environment, which is not read.
 */
import type { ProcessFacts } from './calls.ts'
import { CallError } from './calls.ts'
import { proc_bsdinfo, proc_vnodepathinfo, vnode_info_path } from './layouts.ts'
import { lastError, succeeded, sysctl, system, textAt } from './library.ts'

const PROC_PIDTBSDINFO = 3
const PROC_PIDVNODEPATHINFO = 9
const PROC_PIDPATHINFO_MAXSIZE = 4_096
const CTL_KERN = 1
const KERN_PROCARGS2 = 49
const EPERM = 1
const SZOMB = 5
const MAX_PROCESSES = 65_536

const info = Buffer.alloc(proc_bsdinfo.size)
const folders = Buffer.alloc(proc_vnodepathinfo.size)
const path = Buffer.alloc(PROC_PIDPATHINFO_MAXSIZE)
let pids = Buffer.alloc(4 * 2_048)

/** Errors  CallError. */
export function processes(): number[] {
  for (;;) {
    const count = Number(system.proc_listallpids(pids, pids.length))
    succeeded('proc_listallpids', count)
    if (count === 0) throw new CallError('proc_listallpids', lastError())
    // A full buffer may have left some out.
    if (count * 4 < pids.length || pids.length >= 4 * MAX_PROCESSES)
      return Array.from({ length: Math.min(count, pids.length / 4) }, (_, n) => pids.readInt32LE(n * 4)).filter(
        (pid) => pid > 0,
      )
    pids = Buffer.alloc(pids.length * 2)
  }
}

export function processFacts(pid: number): ProcessFacts {
  const got = Number(system.proc_pidinfo(pid, PROC_PIDTBSDINFO, 0, info, info.length))
  const isDenied = got < info.length && lastError() === EPERM
  const found = got < info.length ? null : parseProcess(info)
  const length = Number(system.proc_pidpath(pid, path, path.length))
  const inFolder = Number(system.proc_pidinfo(pid, PROC_PIDVNODEPATHINFO, 0, folders, folders.length))
  return {
    isDenied,
    parent: found?.parent ?? null,
    uid: found?.uid ?? null,
    name: found?.name ?? null,
    startedAt: found?.startedAt ?? null,
    image: length > 0 ? path.toString('utf8', 0, length) : null,
    args: argumentsOf(pid),
    folder: inFolder < folders.length ? null : textAt(folders, vnode_info_path.at.vip_path, 1_024) || null,
  }
}

/** Null: there is no such process, or it has ended and waits for its parent. */
export function processStart(pid: number): string | null {
  const got = Number(system.proc_pidinfo(pid, PROC_PIDTBSDINFO, 0, info, info.length))
  return got < info.length ? null : parseProcess(info).startedAt
}

/** `startedAt` is null for one that has ended and waits for its parent. */
export function parseProcess(bytes: Buffer) {
  const { at } = proc_bsdinfo
  const isOver = bytes.readUInt32LE(at.pbi_status) === SZOMB
  const [seconds, micros] = [at.pbi_start_tvsec, at.pbi_start_tvusec].map((it) => bytes.readBigUInt64LE(it))
  return {
    parent: bytes.readUInt32LE(at.pbi_ppid),
    uid: bytes.readUInt32LE(at.pbi_uid),
    name: textAt(bytes, at.pbi_name, 32) || textAt(bytes, at.pbi_comm, 16) || null,
    startedAt: isOver ? null : `${seconds}.${String(micros).padStart(6, '0')}`,
  }
}

function argumentsOf(pid: number): string[] | null {
  try {
    return parseArguments(sysctl([CTL_KERN, KERN_PROCARGS2, pid]))
  } catch {
    return null
  }
}

/** Null: it is cut before the first argument. */
export function parseArguments(bytes: Buffer): string[] | null {
  if (bytes.length < 5) return null
  const count = bytes.readInt32LE(0)
  let at = bytes.indexOf(0, 4)
  if (at === -1) return null
  while (at < bytes.length && bytes[at] === 0) at++
  const args: string[] = []
  while (args.length < count && at < bytes.length) {
    const end = bytes.indexOf(0, at)
    args.push(bytes.toString('utf8', at, end === -1 ? bytes.length : end))
    if (end === -1) break
    at = end + 1
  }
  return args
}
