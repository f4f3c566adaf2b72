/**
 * Program starts from the log of the audit daemon, where one runs and has a rule for them: neither the trace nor the
 * process connector is needed, as in a kernel that is locked down.
 *
 * Shape   one start per exec that succeeded, with its command line and folder, even if the program has ended. An event is
 *         several lines with one number; it is over with PROCTITLE, or at the second read after its first line.
 * Units   at most 4 MB of the log at a read.
 * Errors  throws where the log cannot be read, the daemon does not run, or the log has no program start in its last
 *         megabyte: then there is no rule for them, or it is not known. What the log grew beyond a read counts as one
 *         lost start, at least. A rule that is removed later is not noticed: the starts are then those that polling finds.
 * Source  auditd(8), auditd.conf(5); Linux kernel/auditsc.c (audit_log_execve_info, audit_log_untrustedstring): text with
 *         a blank, a quote or anything but ASCII is in hex. Written from these and published logs, and never run with
 *         the daemon.
 */
import { closeSync, fstatSync, openSync, readFileSync, readSync, statSync } from 'node:fs'
import type { Start, StartSource, StartSourceKind } from '../host.ts'
import { needsFirstPidNamespace } from './forks.ts'

const LOG = '/var/log/audit/audit.log'
const DAEMON = '/run/auditd.pid'
const MAX_READ = 4 * 1_048_576
const CHUNK = 65_536
/** How much of the log must show that program starts are in it. */
const EVIDENCE_BYTES = 1_048_576
const MAX_LINE = 16_384
const MAX_OPEN_EVENTS = 1_024
const MAX_ARGUMENTS = 1_024
/** Of all arguments together. */
const MAX_CHARACTERS = 65_536
/** How often it is checked that the daemon still runs. */
const CHECK_EVERY = 300

export function audit(log = LOG, daemon = DAEMON): StartSourceKind {
  return { name: 'audit', open: () => open(log, daemon) }
}

function open(path: string, daemon: string): StartSource {
  needsFirstPidNamespace('in a container the pids of the log are others')
  needsDaemon(daemon)
  let fd = openSync(path, 'r')
  let offset = 0
  try {
    offset = fstatSync(fd).size
    if (!hasStarts(fd, offset))
      throw Object.assign(new Error('unsupported: the audit log has no program starts'), { code: 'ENOENT' })
  } catch (cause) {
    closeSync(fd)
    throw cause
  }
  const events = new AuditEvents()
  const buffer = Buffer.alloc(CHUNK)
  let rest = ''
  let isSkipping = false
  let reads = 0
  return { name: 'audit', read, close: () => closeSync(fd) }

  function read(): { starts: Start[]; lost: number } {
    if (++reads % CHECK_EVERY === 0) needsDaemon(daemon)
    const starts: Start[] = []
    let lost = take(starts)
    // The daemon renames a full log, and goes on in a new one.
    const now = statSync(path, { throwIfNoEntry: false })
    if (now !== undefined && (now.ino !== fstatSync(fd).ino || now.size < offset)) {
      const next = openSync(path, 'r')
      closeSync(fd)
      fd = next
      offset = 0
      rest = ''
      isSkipping = false
      lost += take(starts)
    }
    starts.push(...events.older())
    return { starts, lost }
  }

  /** What the log has more than before. Returns how often a part of it was left out. */
  function take(starts: Start[]): number {
    const { size } = fstatSync(fd)
    const isTooMuch = size - offset > MAX_READ
    if (isTooMuch) {
      offset = size - MAX_READ
      rest = ''
      isSkipping = true
    }
    while (offset < size) {
      const bytes = readSync(fd, buffer, 0, Math.min(CHUNK, size - offset), offset)
      if (bytes === 0) break
      offset += bytes
      // The log is ASCII: the rest is in hex.
      const lines = (rest + buffer.toString('latin1', 0, bytes)).split('\n')
      rest = lines.pop()!
      if (rest.length > MAX_LINE) {
        rest = ''
        isSkipping = true
      }
      for (const line of lines) {
        if (!isSkipping && line.length <= MAX_LINE) starts.push(...events.take(line))
        isSkipping = false
      }
    }
    return isTooMuch ? 1 : 0
  }
}

/** Errors  throws with ENOENT where it does not run. */
function needsDaemon(path: string): void {
  try {
    const pid = Number(readFileSync(path, 'utf8').trim())
    if (Number.isInteger(pid) && pid > 0) readFileSync(`/proc/${pid}/stat`)
    else throw new Error('no pid')
  } catch {
    throw Object.assign(new Error('unsupported: the audit daemon does not run'), { code: 'ENOENT' })
  }
}

function hasStarts(fd: number, size: number): boolean {
  const bytes = Buffer.alloc(Math.min(size, EVIDENCE_BYTES))
  const read = readSync(fd, bytes, 0, bytes.length, size - bytes.length)
  return bytes.subarray(0, read).includes('type=EXECVE ')
}

interface AuditEvent {
  pid: number | null
  parent: number | null
  image: string | null
  folder: string | null
  /** Pieces of arguments, in their order. Null: it is no program start, or not yet known to be one. */
  args: string[] | null
  characters: number
  isOld: boolean
}

/** Puts the lines of events together. Lines of several events may be mixed. */
export class AuditEvents {
  readonly #open = new Map<string, AuditEvent>()

  /** The start that this line completes. */
  take(line: string): Start[] {
    const [, type, id, all] = /^(?:node=\S+ )?type=([A-Z_]+) msg=audit\(([\d.]+:\d+)\): ?(.*)$/.exec(line) ?? []
    if (type === undefined || id === undefined || all === undefined) return []
    // What the daemon adds for people to read follows this character.
    const text = all.split('\x1d', 1)[0]!
    if (type === 'SYSCALL') {
      if (/(?:^| )success=yes(?: |$)/.test(text)) this.#add(id, text)
      return []
    }
    const event = this.#open.get(id)
    if (event === undefined) return []
    if (type === 'EXECVE') addArguments(event, text)
    else if (type === 'CWD') event.folder = textOf(text, 'cwd')
    else if (type === 'PROCTITLE') return this.#end(id, event)
    return []
  }

  /** Those that an earlier call has seen, too. */
  older(): Start[] {
    const starts: Start[] = []
    for (const [id, event] of this.#open) {
      if (event.isOld) starts.push(...this.#end(id, event))
      event.isOld = true
    }
    return starts
  }

  #add(id: string, text: string): void {
    this.#open.set(id, {
      pid: numberOf(text, 'pid'),
      parent: numberOf(text, 'ppid'),
      image: textOf(text, 'exe'),
      folder: null,
      args: null,
      characters: 0,
      isOld: false,
    })
    if (this.#open.size > MAX_OPEN_EVENTS) this.#open.delete(this.#open.keys().next().value!)
  }

  #end(id: string, { pid, parent, image, folder, args }: AuditEvent): Start[] {
    this.#open.delete(id)
    if (pid === null || args === null) return []
    return [{ pid, file: image, parents: parent === null ? [] : [parent], caught: { args, image, folder } }]
  }
}

/** `argc=3 a0="ls" a1=2D6C a2_len=9 a2[0]=…`: a long one is in pieces, which may be in several lines. */
function addArguments(event: AuditEvent, text: string): void {
  event.args ??= []
  for (const [, number, quoted, hex] of text.matchAll(
    /(?:^| )a(\d{1,6})(?:\[\d{1,6}\])?=(?:"([^"]*)"|([0-9A-F]+)(?= |$))/g,
  )) {
    const at = Number(number)
    const piece = quoted ?? Buffer.from(hex!, 'hex').toString('utf8')
    event.characters += piece.length
    if (at > event.args.length || at >= MAX_ARGUMENTS || event.characters > MAX_CHARACTERS) return
    event.args[at] = (event.args[at] ?? '') + piece
  }
}

/** Null: it is not there, or nothing is known of it. */
function textOf(text: string, name: string): string | null {
  const [, quoted, hex] = new RegExp(`(?:^| )${name}=(?:"([^"]*)"|([0-9A-F]+)(?= |$))`).exec(text) ?? []
  return quoted ?? (hex === undefined ? null : Buffer.from(hex, 'hex').toString('utf8'))
}

function numberOf(text: string, name: string): number | null {
  const digits = new RegExp(`(?:^| )${name}=(\\d{1,10})(?: |$)`).exec(text)?.[1]
  return digits === undefined ? null : Number(digits)
}
