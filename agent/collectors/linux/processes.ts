/**
 * Programs that started: by the kernel's word, and from /proc.
 *
 * Shape   one process_creation per exec that a source of the host tells; without one, per process that the previous
 *         poll did not have. The first poll reports all, with StartedBeforeAgent true. Kernel threads are omitted.
 *         With a source, /proc is compared once a minute: what runs and was not told is reported then, except a
 *         process that only forked. By polling, an exec in a running process is reported at the next poll if the
 *         process is new, within a minute otherwise.
 * Units   a source is read every 200 ms: of a shorter program there are only path, pid and parent, unless the source
 *         says more. Polled every 2 s: a shorter process can be missed. `StartCounters` has the number.
 * Errors  null for what cannot be read. `Image` is the path that was executed if the process has ended: a script's own;
 *         argv[0] if the link to the executable cannot be read (another user's process). A /proc that hides other
 *         users' processes (hidepid) gives a gap 'denied'; starts that the kernel counted and could not keep a gap
 *         'overflow'.
 * Source  Linux proc_pid_stat(5): field 4 is the parent, 9 the flags, 22 the start in ticks after boot, which detects a
 *         reused pid. If the last pid in /proc/loadavg is unchanged, nothing forked; reading it costs only 40 us.
 */

import type { Observation, ObservationOf } from '../../../wire/event.ts'
import { type Collector, gap, gapReason, lossGap, type StartCounters } from '../../collect.ts'
import type { Host, Start, StartSourceKind } from '../../host/host.ts'
import { redactArguments, redactCommandLine } from '../../redact/index.ts'
import { type Accounts, accountReader } from '../shared/accounts.ts'
import { bounded } from '../shared/bounded.ts'
import { imageOf, type OnProgram, type Program, parseArguments } from '../shared/programs.ts'
import { bestSource } from '../shared/start-source.ts'

const NAME = 'processes'
const EVERY_MS = 2_000
const READ_MS = 200
/** How often start times are compared, to detect reused pids and execs. */
const VERIFY_MS = 60_000
/** Of one read; a fork bomb starts more. */
const MAX_STARTS = 2_000
const KERNEL_THREAD = 0x0020_0000
const MAX_COMMAND = 8_192

type Stamp = { time: number; collector: string }
type Creation = ObservationOf<'process_creation'>

interface Seen {
  ticks: number
  /** The kernel's short name, which an exec changes. */
  comm: string
  parent: number
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
  sources: readonly StartSourceKind[] = [],
): Collector<'process_creation' | 'repository' | 'archive_created'> => ({
  name: NAME,
  // The collectors of the last two depend on `onProgram`, so this one must also run for them.
  categories: ['process_creation', 'repository', 'archive_created'],
  run: (host, _policy, signal) => run(host, starts, onProgram, sources, signal),
})

async function* run(
  host: Host,
  starts: StartCounters,
  onProgram: readonly OnProgram[],
  sources: readonly StartSourceKind[],
  signal: AbortSignal,
): AsyncIterable<Observation> {
  const source = bestSource(sources, host)
  const table = processTable(host, starts, onProgram)
  let sweptAt = Number.NEGATIVE_INFINITY
  let waiting: Start[] = []
  try {
    while (!signal.aborted) {
      const stamp = { time: host.now(), collector: NAME }
      const gaps: Observation[] = []
      let lost = 0
      const read = () => {
        const { starts, opened, ...rest } = source.read(NAME)
        gaps.push(...rest.gaps)
        lost += rest.lost
        return { starts, opened }
      }
      const told = waiting.splice(0)
      const { starts: fresh, opened } = read()
      told.push(...fresh)
      const swept: Found[] = []
      if (source.name === null || opened || host.elapsed() - sweptAt >= VERIFY_MS) {
        try {
          swept.push(...(await table.sweep(stamp, source.name !== null, gaps)))
        } catch (cause) {
          gaps.push(gap(stamp, '/proc', gapReason(cause), cause))
        }
        sweptAt = host.elapsed()
        // What started before the sweep is in the trace by now.
        told.push(...read().starts)
      }
      lost += told.splice(MAX_STARTS).length
      const looks = await table.look(told)
      // What replaced a program while it was looked at comes next.
      if (told.length > 0) waiting = read().starts
      const pids = new Set(told.map((it) => it.pid))
      const events = [
        ...swept.filter((it) => !pids.has(it.pid)),
        ...table.told(stamp, looks, new Set(waiting.map((it) => it.pid))),
      ]
      starts.by = source.name ?? 'poll'
      starts.total += lost
      if (lost > 0) gaps.push(lossGap(stamp, 'process_creation', 'more programs started than could be kept', lost))
      yield* gaps
      for (const { event } of events) yield event
      await host.sleep(source.name === null ? EVERY_MS : READ_MS, signal)
    }
  } finally {
    source.close()
  }
}

interface Found {
  pid: number
  ticks: number
  event: Creation
}
/** A start, and what /proc says of its process. Null: it has ended. */
interface Look {
  start: Start
  seen: Reading | null
}

/** The processes that are known to run. */
function processTable(host: Host, starts: StartCounters, onProgram: readonly OnProgram[]) {
  const known = new Map<number, Seen>()
  const accounts = accountReader(host)
  let young: number[] = []
  let lastPid = ''
  let kernelCount: number | null = null
  let verifiedAt = host.elapsed()
  let first = true
  return { sweep, look, told }

  /** What /proc has and the previous sweep had not. `traced`: a source tells starts, so that the kernel's are counted. */
  async function sweep(stamp: Stamp, traced: boolean, gaps: Observation[]): Promise<Found[]> {
    const verify = traced || host.elapsed() - verifiedAt >= VERIFY_MS
    const pid = parseLastPid(await host.readText('/proc/loadavg'))
    if (pid !== null && pid === lastPid && young.length === 0 && !verify) return []
    const counted = parseForks(await host.readText('/proc/stat'))
    if (!traced && counted !== null && kernelCount !== null) starts.total += Math.max(0, counted - kernelCount)
    kernelCount = traced ? null : counted
    const users = await accounts().catch(() => null)
    const pids = await listPids(host)
    if (!pids.has(1)) gaps.push(gap(stamp, 'processes of others', 'denied', '/proc is mounted with hidepid'))
    const suspects = verify ? [...known.keys()] : young
    const changed = await changedAmong(host, known, suspects, new Set(young))
    for (const it of known.keys()) if (!pids.has(it)) known.delete(it)
    const fresh = [...pids].filter((it) => !known.has(it))
    young = []
    const found: Found[] = []
    for (const it of [...fresh, ...changed]) {
      const seen = await readProcess(host, it, users)
      if (seen === null) continue
      known.set(it, seen.known)
      if (seen.known.view === null) continue
      if (traced && !first && isFork(seen.known)) continue
      tell(seen.program)
      if (!first && !traced) {
        young.push(it)
        if (!changed.has(it)) starts.seen++
      }
      found.push({ pid: it, ticks: seen.known.ticks, event: seen.event(stamp, known, first) })
    }
    if (verify) verifiedAt = host.elapsed()
    lastPid = pid ?? ''
    first = false
    return found.sort((a, b) => a.ticks - b.ticks)
  }

  /** Of several starts of one process, only the last can be looked at. */
  async function look(told: readonly Start[]): Promise<Look[]> {
    if (told.length === 0) return []
    const users = await accounts().catch(() => null)
    const last = new Map(told.map((it) => [it.pid, it]))
    const looks: Look[] = []
    for (const start of told) {
      const seen = last.get(start.pid) === start ? await readProcess(host, start.pid, users) : null
      for (const parent of seen === null ? start.parents : [seen.known.parent, ...start.parents])
        if (last.has(parent) || (await isKnown(parent, users))) break
      looks.push({ start, seen })
    }
    return looks
  }

  /** Reads a parent that was not told, because it only forked. */
  async function isKnown(pid: number, users: Accounts | null): Promise<boolean> {
    if (known.has(pid)) return true
    const seen = await readProcess(host, pid, users)
    if (seen !== null) known.set(pid, seen.known)
    return seen !== null
  }

  /** The events of starts. `replaced`: processes that execute another program by now. */
  function told(stamp: Stamp, looks: readonly Look[], replaced: ReadonlySet<number>): Found[] {
    return looks.map(({ start, seen }) => {
      starts.seen++
      starts.total++
      // A zombie has neither a link to its executable nor arguments.
      if (seen?.known.view?.image && !replaced.has(start.pid)) {
        known.set(start.pid, seen.known)
        tell(seen.program)
        return { pid: start.pid, ticks: seen.known.ticks, event: seen.event(stamp, known, false, start.parents) }
      }
      const parents = seen === null ? start.parents : [seen.known.parent, ...start.parents]
      const gone = ended({ ...start, parents })
      known.set(start.pid, gone.known)
      if (start.caught !== null) tell(gone.program)
      return { pid: start.pid, ticks: 0, event: gone.event(stamp, known, false) }
    })
  }

  /** A process that runs what its parent runs, and was not told as a start: it only forked. */
  function isFork({ parent, view }: Seen): boolean {
    const from = known.get(parent)?.view
    return from != null && view !== null && from.image === view.image && from.commandLine === view.commandLine
  }

  function tell(program: Program | null): void {
    if (program !== null) for (const listener of onProgram) listener(program)
  }
}

/** What is known of a program that has ended, or was replaced by another. */
function ended({ pid, file, parents, caught }: Start): Reading {
  const image = caught?.image ?? file
  const view: View = {
    image: image === null ? null : bounded(image, 4_096),
    commandLine: caught === null ? null : commandLineOf(caught.args),
  }
  const known: Seen = { ticks: 0, comm: '', parent: parents[0] ?? 0, view }
  const folder = caught?.folder ?? null
  const program: Program = { pid, image: view.image, args: caught?.args ?? [], folder }
  return {
    known,
    program,
    event: (stamp, all, first) => eventOf(pid, view, { parents, user: null, folder }, stamp, all, first),
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

interface Reading {
  known: Seen
  program: Program | null
  /** `parents`: further ones, if the first is not known. */
  event(stamp: Stamp, all: Map<number, Seen>, first: boolean, parents?: readonly number[]): Creation
}

async function readProcess(host: Host, pid: number, users: Accounts | null): Promise<Reading | null> {
  const stat = await host.readText(`/proc/${pid}/stat`, 4_096).then(parseStat, () => null)
  if (stat === null) return null
  const known: Seen = { ticks: stat.ticks, comm: stat.comm, parent: stat.parent, view: null }
  if ((stat.flags & KERNEL_THREAD) !== 0) return { known, program: null, event: notAProgram }
  const { args, ...view } = await viewOf(host, pid)
  known.view = view
  const uid = await host.readText(`/proc/${pid}/status`, 8_192).then(parseUid, () => null)
  const folder = await host.link(`/proc/${pid}/cwd`).catch(() => null)
  const user = uid === null || users === null ? null : users.nameOf(uid)
  const program: Program = { pid, image: view.image, args: args ?? [], folder }
  return {
    known,
    program,
    event: (stamp, all, first, parents = []) =>
      eventOf(pid, view, { parents: [stat.parent, ...parents], user, folder }, stamp, all, first),
  }
}

function eventOf(
  pid: number,
  view: View,
  { parents, user, folder }: { parents: readonly number[]; user: string | null; folder: string | null },
  stamp: Stamp,
  all: Map<number, Seen>,
  first: boolean,
): Creation {
  const from = parents.map((it) => all.get(it)?.view).find((it) => it != null)
  return {
    category: 'process_creation',
    ...stamp,
    Image: view.image,
    CommandLine: view.commandLine,
    ParentImage: from?.image ?? null,
    ParentCommandLine: from?.commandLine ?? null,
    User: user === null ? null : bounded(user, 256),
    ProcessId: pid,
    ParentProcessId: parents[0] ?? null,
    CurrentDirectory: folder === null ? null : bounded(folder, 4_096),
    OriginalFileName: null,
    Product: null,
    Company: null,
    Signer: null,
    StartedBeforeAgent: first,
  }
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
    commandLine: args === null ? null : commandLineOf(args),
    args,
  }
}

function commandLineOf(args: readonly string[]): string {
  return bounded(redactArguments(args).replaceAll('\0', ' '), MAX_COMMAND)
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
