/**
 * Program starts from the kernel's own trace, without native code.
 *
 * Shape   one start per exec, with the path as the caller gave it, and the parent from the fork before it. An instance
 *         of tracefs of our own, so that nobody else's tracing is touched; it is removed at the end, and one that a
 *         killed agent left at the next start (the kernel keeps those that are still read).
 * Units   the ring holds 128 KB per processor, about 1,000 starts, between two reads. `lost` counts forks, too.
 * Errors  throws where tracefs is not mounted, not permitted (root; not in a container's pid namespace, whose pids
 *         differ), or switched off by somebody. Starts that the kernel overwrote are counted by its own counters. A
 *         kernel before 6.8 keeps no path that is longer than about 4,000 bytes: such a start is not counted either.
 * Source  Linux Documentation/trace/events.rst and ring-buffer-map.rst, `events/header_page` and `header_event`,
 *         include/trace/events/sched.h (sched_process_exec). The binary pages (`trace_pipe_raw`) have lengths; in the
 *         text, a path with a newline could pose as another start.
 */
import {
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs'
import type { Start, StartSource, StartSourceKind } from '../host.ts'
import { Forks, needsFirstPidNamespace } from './forks.ts'

/** Where systemd mounts it, and where older distributions do. */
const FOLDERS = ['/sys/kernel/tracing', '/sys/kernel/debug/tracing']
const PREFIX = 'tellwire-'
const EXEC = 'events/sched/sched_process_exec'
const FORK = 'events/sched/sched_process_fork'
const MAX_ROUNDS = 3
const RING_KB = '128'
/** Room for the longest path that the kernel accepts, 4,096 bytes. */
const PAGE_KB = '8'
/** How often the kernel's counters are read, and whether tracing is still on. */
const CHECK_EVERY = 300
/** Of one processor at one read, so that a flood of starts ends: a ring has fewer. */
const MAX_PAGES = 64

export function tracefs(folders: readonly string[] = FOLDERS): StartSourceKind {
  return { name: 'tracefs', open: () => open(folders) }
}

interface Processor {
  folder: string
  fd: number
  /** By the kernel's count, at the last check. */
  lost: number
}

function open(folders: readonly string[]): StartSource {
  needsFirstPidNamespace('in a container the pids of the trace are others')
  const root = mounted(folders)
  removeLeftOver(root)
  const instance = `${root}/instances/${PREFIX}${process.pid}`
  mkdirSync(instance)
  const processors: Processor[] = []
  const close = () => {
    for (const { fd } of processors) closeSync(fd)
    processors.length = 0
    rmdirSync(instance)
  }
  try {
    // The default is one clock for each processor, and an exec may seem to be older than its fork.
    writeFileSync(`${instance}/trace_clock`, 'mono')
    attempt(() => writeFileSync(`${instance}/buffer_subbuf_size_kb`, PAGE_KB))
    writeFileSync(`${instance}/buffer_size_kb`, RING_KB)
    const format = parseFormats(
      readFileSync(`${instance}/${EXEC}/format`, 'utf8'),
      readFileSync(`${instance}/${FORK}/format`, 'utf8'),
    )
    const header = parsePageHeader(readFileSync(`${instance}/events/header_page`, 'utf8'))
    if (format === null || header === null) throw new Error('unparsed: the format of the trace')
    for (const name of readdirSync(`${instance}/per_cpu`)) {
      const folder = `${instance}/per_cpu/${name}`
      const fd = openSync(`${folder}/trace_pipe_raw`, constants.O_RDONLY | constants.O_NONBLOCK)
      processors.push({ folder, fd, lost: 0 })
    }
    for (const event of [FORK, EXEC]) writeFileSync(`${instance}/${event}/enable`, '1')
    return { name: 'tracefs', read: reader(instance, processors, format, header), close }
  } catch (cause) {
    attempt(close)
    throw cause
  }
}

function mounted(folders: readonly string[]): string {
  let why: unknown = null
  for (const folder of folders)
    try {
      readdirSync(`${folder}/instances`)
      return folder
    } catch (cause) {
      why ??= cause
    }
  throw why
}

/** The kernel refuses to remove an instance whose trace is being read. */
function removeLeftOver(root: string): void {
  for (const name of readdirSync(`${root}/instances`))
    if (name.startsWith(PREFIX)) attempt(() => rmdirSync(`${root}/instances/${name}`))
}

function reader(instance: string, processors: Processor[], format: Formats, header: PageHeader): StartSource['read'] {
  const page = Buffer.alloc(Math.max(header.bytes, Number(PAGE_KB) * 1_024))
  const forks = new Forks()
  let reads = 0
  return () => {
    const found: Traced[] = []
    let lost = 0
    const isDue = ++reads % CHECK_EVERY === 0
    if (isDue && (!isOn(`${instance}/tracing_on`) || !isOn(`${instance}/${EXEC}/enable`)))
      throw new Error('stopped: somebody switched the trace off')
    // An exec on a processor that was read later than the one on which its fork was: the fork is there by now.
    for (let round = 0; round < MAX_ROUNDS; round++) {
      for (const it of processors) lost += readProcessor(it, isDue && round === 0, found)
      for (const it of found) if (it.kind === 'fork') forks.add(it)
      if (found.every((it) => it.kind === 'fork' || forks.has(it.pid))) break
    }
    found.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0))
    return { starts: startsOf(found, forks), lost }
  }

  function readProcessor(it: Processor, isDue: boolean, found: Traced[]): number {
    let hasMissed = false
    for (let pages = 0; pages < MAX_PAGES; pages++) {
      const read = readPage(it.fd, page)
      if (read === 0) break
      const { records, missed, filled } = parsePage(page.subarray(0, read), header, format)
      found.push(...records)
      hasMissed ||= missed
      // The rest would be read next time anyway; an empty read costs an exception.
      if (filled * 2 < read) break
    }
    if (!hasMissed && !isDue) return 0
    const before = it.lost
    it.lost = parseLost(readFileSync(`${it.folder}/stats`, 'utf8'))
    return Math.max(0, it.lost - before)
  }
}

/** The execs, each with its parents where their forks were seen. */
function startsOf(found: readonly Traced[], forks: Forks): Start[] {
  return found.flatMap((it) =>
    it.kind === 'fork' ? [] : [{ pid: it.pid, file: it.file, parents: forks.parentsOf(it.pid), caught: null }],
  )
}

/** 0: there is nothing. */
function readPage(fd: number, page: Buffer): number {
  try {
    return readSync(fd, page)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EAGAIN') return 0
    throw cause
  }
}

function isOn(path: string): boolean {
  return readFileSync(path, 'utf8').trim() === '1'
}

/** `at`: ticks of the trace's clock. */
export type Traced =
  | { kind: 'exec'; at: bigint; pid: number; file: string | null }
  | { kind: 'fork'; at: bigint; parent: number; child: number }

/** The events' numbers, and the offsets of the fields in them. */
export interface Formats {
  exec: { id: number; file: number; pid: number }
  fork: { id: number; parent: number; child: number }
}

export function parseFormats(exec: string, fork: string): Formats | null {
  const id = (text: string) => /^ID:\s*(\d{1,5})$/m.exec(text)?.[1]
  const offset = (text: string, field: string) =>
    new RegExp(`field:${field};\\s*offset:(\\d{1,4});\\s*size:4;`).exec(text)?.[1]
  const numbers = [
    ...[id(exec), offset(exec, '__data_loc char\\[\\] filename'), offset(exec, 'pid_t pid')],
    ...[id(fork), offset(fork, 'pid_t parent_pid'), offset(fork, 'pid_t child_pid')],
  ].map((it) => (it === undefined ? Number.NaN : Number(it)))
  if (numbers.some(Number.isNaN)) return null
  const [execId, file, pid, forkId, parent, child] = numbers as [number, number, number, number, number, number]
  return { exec: { id: execId, file, pid }, fork: { id: forkId, parent, child } }
}

export interface PageHeader {
  /** Offset and size of the number that says how many bytes are used. */
  commit: number
  commitBytes: number
  /** Where the records begin. */
  data: number
  /** Of the whole page. */
  bytes: number
}

export function parsePageHeader(text: string): PageHeader | null {
  const commit = /field: local_t commit;\s*offset:(\d+);\s*size:([48]);/.exec(text)
  const data = /field: char data;\s*offset:(\d+);\s*size:(\d+);/.exec(text)
  if (!commit || !data) return null
  const from = Number(data[1])
  return { commit: Number(commit[1]), commitBytes: Number(commit[2]), data: from, bytes: from + Number(data[2]) }
}

/** Of `per_cpu/cpuN/stats`: overwritten before they were read, and not written because an interrupt came between. */
export function parseLost(stats: string): number {
  const count = (name: string) => Number(new RegExp(`^${name}: (\\d{1,15})$`, 'm').exec(stats)?.[1] ?? 0)
  return count('overrun') + count('commit overrun') + count('dropped events')
}

const PADDING = 29
const TIME_EXTEND = 30
const TIME_STAMP = 31
/** Flags in the number of used bytes: records were lost before this page, and their number stands after the others. */
const MISSED = 0x8000_0000
const USED = 0x0fff_ffff

/**
 * The execs and forks of one page of the ring. Little-endian, as all that Node runs on.
 *
 * Shape   a record: 5 bits of type or length in words, 27 bits of time since the previous one, data. `filled`: bytes of
 *         the page in use.
 * Errors  a record that does not fit into the page ends it: what follows cannot be found.
 */
export function parsePage(page: Buffer, header: PageHeader, formats: Formats) {
  const records: Traced[] = []
  const commit = page.readUInt32LE(header.commit)
  const filled = commit & USED
  const end = Math.min(page.length, header.data + filled)
  let time = page.readBigUInt64LE(0)
  for (let at = header.data; at + 4 <= end; ) {
    const head = page.readUInt32LE(at)
    const type = head & 31
    const delta = head >>> 5
    at += 4
    if (type === TIME_EXTEND || type === TIME_STAMP || type === PADDING || type === 0) {
      if (at + 4 > end || (type === PADDING && delta === 0)) break
      const word = page.readUInt32LE(at)
      const wide = (BigInt(word) << 27n) + BigInt(delta)
      if (type === TIME_EXTEND) time += wide
      // An absolute time has 59 bits; the others are those of the page's.
      else if (type === TIME_STAMP) time = (time & ~0x07ff_ffff_ffff_ffffn) | wide
      else time += BigInt(delta)
      if (type === 0 && word >= 4) add(records, page.subarray(at + 4, Math.min(end, at + word)), time, formats)
      // The length counts its own word.
      at += type === TIME_EXTEND || type === TIME_STAMP ? 4 : Math.max(4, align(word))
      continue
    }
    time += BigInt(delta)
    const next = at + type * 4
    if (next > end) break
    add(records, page.subarray(at, next), time, formats)
    at = next
  }
  return { records, missed: commit >= MISSED, filled }
}

function align(bytes: number): number {
  return Math.ceil(bytes / 4) * 4
}

function add(records: Traced[], record: Buffer, at: bigint, { exec, fork }: Formats): void {
  if (record.length < 8) return
  const id = record.readUInt16LE(0)
  if (id === fork.id && record.length >= Math.max(fork.parent, fork.child) + 4)
    records.push({ kind: 'fork', at, parent: record.readInt32LE(fork.parent), child: record.readInt32LE(fork.child) })
  else if (id === exec.id && record.length >= Math.max(exec.file, exec.pid) + 4) {
    // Where the text is in the record, and its length with the NUL.
    const place = record.readUInt32LE(exec.file)
    const text = record.subarray(place & 0xffff, (place & 0xffff) + (place >>> 16))
    const nul = text.indexOf(0)
    const path = text.toString('utf8', 0, nul === -1 ? text.length : nul)
    records.push({ kind: 'exec', at, pid: record.readInt32LE(exec.pid), file: path === '' ? null : path })
  }
}

function attempt(act: () => void): void {
  try {
    act()
  } catch {
    // What could not be tidied up is tried again at the next start.
  }
}
