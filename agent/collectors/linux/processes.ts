/**
 * Programs that started, from /proc.
 *
 * Shape   one process_creation per process that the previous poll did not have; the first poll reports all, with
 *         StartedBeforeAgent true. A process that executes another program (exec) is reported again: at the next poll
 *         if it is new, within a minute otherwise. Kernel threads are omitted.
 * Units   polled every 2 s: a shorter process can be missed. `StartCounters` has the number.
 * Errors  null for what cannot be read; a process that ends during the poll is omitted. `Image` is argv[0] if the link
 *         to the executable cannot be read (another user's process). A /proc that hides other users' processes
 *         (hidepid) gives a gap 'denied'.
 * Source  Linux proc_pid_stat(5): field 4 is the parent, 9 the flags, 22 the start in ticks after boot, which detects a
 *         reused pid. If the last pid in /proc/loadavg is unchanged, nothing forked; reading it costs only 40 us.
 */

import type { ObservationOf } from '../../../wire/event.ts'
import { type Collector, gap, gapReason, type StartCounters } from '../../collect.ts'
import type { Host } from '../../host/host.ts'
import { redactArguments, redactCommandLine } from '../../redact/index.ts'
import { type Accounts, accountReader } from '../shared/accounts.ts'
import { bounded } from '../shared/bounded.ts'
import { imageOf, type OnProgram, type Program } from '../shared/programs.ts'

const NAME = 'processes'
const EVERY_MS = 2_000
/** How often start times are compared, to detect reused pids and execs. */
const VERIFY_MS = 60_000
const KERNEL_THREAD = 0x0020_0000
const MAX_COMMAND = 8_192

interface Seen {
  ticks: number
  /** The kernel's short name, which an exec changes. */
  comm: string
  /** Null for a kernel thread. */
  view: View | null
}
interface View {
  image: string | null
  commandLine: string | null
}

/** `onProgram` is called for each program that is reported, so that other collectors need not read /proc again. */
export const processes = (
  starts: StartCounters,
  onProgram: readonly OnProgram[] = [],
): Collector<'process_creation' | 'repository' | 'archive_created'> => ({
  name: NAME,
  // The collectors of the last two depend on `onProgram`, so this one must also run for them.
  categories: ['process_creation', 'repository', 'archive_created'],
  run: (host, _policy, signal) => run(host, starts, onProgram, signal),
})

async function* run(host: Host, starts: StartCounters, onProgram: readonly OnProgram[], signal: AbortSignal) {
  const known = new Map<number, Seen>()
  const accounts = accountReader(host)
  let young: number[] = []
  let lastPid = ''
  let kernelCount: number | null = null
  let verifiedAt = host.elapsed()
  let first = true
  while (!signal.aborted) {
    const stamp = { time: host.now(), collector: NAME }
    try {
      const verify = host.elapsed() - verifiedAt >= VERIFY_MS
      const pid = parseLastPid(await host.readText('/proc/loadavg'))
      if (pid === null || pid !== lastPid || young.length > 0 || verify) {
        const counted = parseForks(await host.readText('/proc/stat'))
        if (counted !== null && kernelCount !== null) starts.total += Math.max(0, counted - kernelCount)
        kernelCount = counted
        const users = await accounts().catch(() => null)
        const pids = await listPids(host)
        if (!pids.has(1)) yield gap(stamp, 'processes of others', 'denied', '/proc is mounted with hidepid')
        const suspects = verify ? [...known.keys()] : young
        const changed = await changedAmong(host, known, suspects, new Set(young))
        for (const it of known.keys()) if (!pids.has(it)) known.delete(it)
        const fresh = [...pids].filter((it) => !known.has(it))
        young = []
        const found: { ticks: number; event: ObservationOf<'process_creation'> }[] = []
        for (const it of [...fresh, ...changed]) {
          const seen = await readProcess(host, it, users)
          if (seen === null) continue
          if (seen.program !== null) for (const listener of onProgram) listener(seen.program)
          known.set(it, seen.known)
          if (seen.known.view === null) continue
          if (!first) {
            young.push(it)
            if (!changed.has(it)) starts.seen++
          }
          found.push({ ticks: seen.known.ticks, event: seen.event(stamp, known, first) })
        }
        if (verify) verifiedAt = host.elapsed()
        lastPid = pid ?? ''
        first = false
        for (const { event } of found.sort((a, b) => a.ticks - b.ticks)) yield event
      }
    } catch (cause) {
      yield gap(stamp, '/proc', gapReason(cause), cause)
    }
    await host.sleep(EVERY_MS, signal)
  }
}

async function listPids(host: Host): Promise<Set<number>> {
  const pids = new Set<number>()
  for (const name of await host.list('/proc')) if (name[0]! >= '1' && name[0]! <= '9') pids.add(Number(name))
  return pids
}

/**
 * Of `suspects`, those that now run another program. Removes those with a reused pid from `known`, so that they are
 * new.
 */
async function changedAmong(host: Host, known: Map<number, Seen>, suspects: number[], young: Set<number>) {
  const changed = new Set<number>()
  for (const pid of suspects) {
    const before = known.get(pid)
    if (before === undefined) continue
    const now = await host.readText(`/proc/${pid}/stat`, 4_096).then(parseStat, () => null)
    if (now === null) continue
    if (now.ticks !== before.ticks) known.delete(pid)
    else if (before.view !== null && (young.has(pid) || now.comm !== before.comm)) {
      const view = await viewOf(host, pid)
      known.set(pid, { ...before, comm: now.comm })
      const isAnother = view.image !== before.view.image || view.commandLine !== before.view.commandLine
      if (isAnother && view.commandLine !== null) changed.add(pid)
    }
  }
  return changed
}

async function readProcess(host: Host, pid: number, users: Accounts | null) {
  const stat = await host.readText(`/proc/${pid}/stat`, 4_096).then(parseStat, () => null)
  if (stat === null) return null
  const known: Seen = { ticks: stat.ticks, comm: stat.comm, view: null }
  if ((stat.flags & KERNEL_THREAD) !== 0) return { known, program: null, event: notAProgram }
  const { args, ...view } = await viewOf(host, pid)
  known.view = view
  const uid = await host.readText(`/proc/${pid}/status`, 8_192).then(parseUid, () => null)
  const folder = await host.link(`/proc/${pid}/cwd`).catch(() => null)
  const event = (stamp: { time: number; collector: string }, all: Map<number, Seen>, first: boolean) => {
    const parent = all.get(stat.parent)?.view
    return {
      category: 'process_creation' as const,
      ...stamp,
      Image: view.image,
      CommandLine: view.commandLine,
      ParentImage: parent?.image ?? null,
      ParentCommandLine: parent?.commandLine ?? null,
      User: uid === null || users === null ? null : bounded(users.nameOf(uid), 256),
      ProcessId: pid,
      ParentProcessId: stat.parent,
      CurrentDirectory: folder === null ? null : bounded(folder, 4_096),
      OriginalFileName: null,
      Product: null,
      Company: null,
      Signer: null,
      StartedBeforeAgent: first,
    }
  }
  const program: Program = { pid, image: view.image, args: args ?? [], folder }
  return { known, program, event }
}

function notAProgram(): never {
  throw new Error('a kernel thread is not a program')
}

async function viewOf(host: Host, pid: number): Promise<View & { args: string[] | null }> {
  const args = await host.readText(`/proc/${pid}/cmdline`, 65_536).then(parseArguments, () => null)
  const link = await host.link(`/proc/${pid}/exe`).catch(() => null)
  // argv[0] may be a whole title that the program set.
  const image = link === null ? redactCommandLine(args?.[0] ?? '').replaceAll('\0', ' ') : imageOf(link)
  return {
    image: image === '' ? null : bounded(image, 4_096),
    commandLine: args === null ? null : bounded(redactArguments(args).replaceAll('\0', ' '), MAX_COMMAND),
    args,
  }
}

/** Each argument ends in NUL. A program that set its own title may leave blanks between, and NULs at the end. */
export function parseArguments(text: string): string[] {
  const trimmed = text.replace(/\0+$/, '')
  return trimmed === '' ? [] : trimmed.split('\0')
}

/** The short name is in parentheses and may contain any character, including ')' and newline: the last ')' ends it. */
export function parseStat(text: string): { comm: string; parent: number; flags: number; ticks: number } | null {
  const open = text.indexOf('(')
  const close = text.lastIndexOf(')')
  if (open === -1 || close < open) return null
  const fields = text.slice(close + 2).split(' ')
  const [parent, flags, ticks] = [Number(fields[1]), Number(fields[6]), Number(fields[19])]
  if (!Number.isSafeInteger(parent) || !Number.isSafeInteger(ticks) || parent < 0 || Number.isNaN(flags)) return null
  return { comm: text.slice(open + 1, close), parent, flags, ticks }
}

/** The real user id. The kernel escapes newlines in names, so a process cannot forge this line. */
export function parseUid(status: string): number | null {
  const found = /^Uid:\s+(\d{1,10})\s/m.exec(status)
  return found ? Number(found[1]) : null
}

export function parseForks(stat: string): number | null {
  const found = /^processes (\d+)$/m.exec(stat)
  return found ? Number(found[1]) : null
}

export function parseLastPid(loadavg: string): string | null {
  return /^(?:\S+ ){4}(\d+)\s*$/.exec(loadavg)?.[1] ?? null
}
