/**
 * Programs that began, as /proc lists them.
 *
 * Shape   one process_creation per process the previous poll lacked; the first poll reports all, StartedBeforeAgent
 *         true. A process that puts another program in its place (exec) is reported again when we see it: at the next
 *         poll when young, within a minute when old. Kernel threads are left out.
 * Units   polled every 2 s: a process that lives less can be missed. `StartCounters` says how many.
 * Errors  null for what we may not read; a process that ended while we looked is left out. `Image` is argv[0] where
 *         the executable's link is not ours to read (another user's process), because its name is then all there is.
 *         A /proc that hides other users' processes (hidepid) is a gap 'denied'.
 * Source  Linux proc_pid_stat(5): field 4 is the parent, 9 the flags, 22 the start in ticks after boot, which tells a
 *         pid from the same pid used again. The last pid in /proc/loadavg says for 40 us that nothing forked.
 */

import type { ObservationOf } from '../../../wire/event.ts'
import { type Collector, gap, gapReason, type StartCounters } from '../../collect.ts'
import type { Host } from '../../host/host.ts'
import { redactArguments } from '../../redact/index.ts'
import { type Accounts, accountReader } from '../shared/accounts.ts'
import { bounded } from '../shared/bounded.ts'
import { imageOf, type OnProgram, type Program } from '../shared/programs.ts'

const NAME = 'processes'
const EVERY_MS = 2_000
/** Start times are compared again this often, so that a pid used again, or an exec, is seen. */
const VERIFY_MS = 60_000
const KERNEL_THREAD = 0x0020_0000
const MAX_COMMAND = 8_192

interface Seen {
  ticks: number
  /** The kernel's short name; an exec changes it. */
  comm: string
  /** Null for a kernel thread. */
  view: View | null
}
interface View {
  image: string | null
  commandLine: string | null
}

/** `onProgram` is called for each program that is reported, so that one look at /proc serves all. */
export const processes = (starts: StartCounters, onProgram: readonly OnProgram[] = []): Collector => ({
  name: NAME,
  // The last two are made from the programs it hands on: it runs for them, too, and is missed by them.
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
        const who = await accounts().catch(() => null)
        const pids = await listPids(host)
        if (!pids.has(1)) yield gap(stamp, 'processes of others', 'denied', '/proc is mounted with hidepid')
        const suspects = verify ? [...known.keys()] : young
        const changed = await changedAmong(host, known, suspects, new Set(young))
        for (const it of known.keys()) if (!pids.has(it)) known.delete(it)
        const fresh = [...pids].filter((it) => !known.has(it))
        young = []
        const found: { ticks: number; event: ObservationOf<'process_creation'> }[] = []
        for (const it of [...fresh, ...changed]) {
          const seen = await look(host, it, who)
          if (seen === null) continue
          if (seen.program !== null) for (const tell of onProgram) tell(seen.program)
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

/** Of `suspects`, those whose pid was used again (forgotten here, so that they are new) or that run another program. */
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
      const became = view.image !== before.view.image || view.commandLine !== before.view.commandLine
      if (became && view.commandLine !== null) changed.add(pid)
    }
  }
  return changed
}

async function look(host: Host, pid: number, who: Accounts | null) {
  const stat = await host.readText(`/proc/${pid}/stat`, 4_096).then(parseStat, () => null)
  if (stat === null) return null
  const known: Seen = { ticks: stat.ticks, comm: stat.comm, view: null }
  if ((stat.flags & KERNEL_THREAD) !== 0) return { known, program: null, event: never }
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
      User: uid === null || who === null ? null : bounded(who.nameOf(uid), 256),
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

function never(): never {
  throw new Error('a kernel thread is not a program')
}

async function viewOf(host: Host, pid: number): Promise<View & { args: string[] | null }> {
  const args = await host.readText(`/proc/${pid}/cmdline`, 65_536).then(parseArguments, () => null)
  const link = await host.link(`/proc/${pid}/exe`).catch(() => null)
  const image = link === null ? (args?.[0] ?? '') : imageOf(link)
  return {
    image: image === '' ? null : bounded(image, 4_096),
    commandLine: args === null ? null : bounded(redactArguments(args).replaceAll('\0', ' '), MAX_COMMAND),
    args,
  }
}

/** Arguments end in NUL each. A program that wrote its own title may leave blanks between, and NULs behind. */
export function parseArguments(text: string): string[] {
  const trimmed = text.replace(/\0+$/, '')
  return trimmed === '' ? [] : trimmed.split('\0')
}

/** The short name stands in parentheses and may hold any character, ')' and newline too: the last ')' ends it. */
export function parseStat(text: string): { comm: string; parent: number; flags: number; ticks: number } | null {
  const open = text.indexOf('(')
  const close = text.lastIndexOf(')')
  if (open === -1 || close < open) return null
  const fields = text.slice(close + 2).split(' ')
  const [parent, flags, ticks] = [Number(fields[1]), Number(fields[6]), Number(fields[19])]
  if (!Number.isSafeInteger(parent) || !Number.isSafeInteger(ticks) || parent < 0 || Number.isNaN(flags)) return null
  return { comm: text.slice(open + 1, close), parent, flags, ticks }
}

/** The real user id. A name with a newline in it is escaped by the kernel, so the line is the kernel's own. */
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
