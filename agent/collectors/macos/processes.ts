/**
 * Programs that started, from the list of processes, and from Endpoint Security where that is allowed.
 *
 * Shape   one process_creation per process that the previous poll did not have; the first poll reports all, with
 *         StartedBeforeAgent true. A process that executes another program is told again at the next poll if it is new, and
 *         within a minute otherwise. What eslogger printed and no poll saw, because it was too short, is told as well.
 *         `Signer` is the organisation in the signature that the kernel has checked, which a new file name does not change;
 *         of programs from the App Store it is Apple.
 * Units   polled every second: without eslogger a shorter process can be missed, and nothing counts how many; with it
 *         `StartCounters` has the number. A reused pid is noticed within a minute.
 * Errors  null for what cannot be read; a gap 'denied' for processes that may not be asked. eslogger needs Full Disk Access,
 *         by a profile of the company: otherwise a gap 'denied', and the next try after ten minutes.
 * Source  libproc, eslogger(1) (agent/host/macos). Written from documentation; it has never run on a Mac.
 */
import type { ObservationOf } from '../../../wire/event.ts'
import { type Collector, gap, gapReason, lossGap, type StartCounters } from '../../collect.ts'
import type { Host } from '../../host/host.ts'
import type { LineFeed, Mac, ProcessFacts } from '../../host/macos/calls.ts'
import { redactArguments } from '../../redact/index.ts'
import { bounded } from '../shared/bounded.ts'
import type { OnProgram } from '../shared/programs.ts'
import { accountsOf } from './kit/accounts.ts'
import { type Exec, parseExec } from './kit/execs.ts'

const NAME = 'processes'
const EVERY_MS = 1_000
const VERIFY_MS = 60_000
/** How long the names of accounts are used. */
const ACCOUNTS_MS = 60_000
const KERNEL = 0
/** How long a line of eslogger may come after the poll that saw the same program. */
const LATE_MS = 10_000
const AGAIN_MS = 600_000
const BY_ESLOGGER = 'program starts by eslogger'
const MAX_SIGNERS = 2_000

interface Seen {
  facts: ProcessFacts
  /** The next poll looks at it again: a shell forks first, and executes the program then. */
  isYoung: boolean
}

export const processes = (
  mac: Mac,
  starts: StartCounters,
  onProgram: readonly OnProgram[] = [],
): Collector<'process_creation' | 'repository' | 'archive_created'> => ({
  name: NAME,
  // The collectors of the last two depend on `onProgram`, so this one must also run for them.
  categories: ['process_creation', 'repository', 'archive_created'],
  run: (host, _policy, signal) => run(host, mac, starts, onProgram, signal),
})

async function* run(host: Host, mac: Mac, starts: StartCounters, onProgram: readonly OnProgram[], signal: AbortSignal) {
  const known = new Map<number, Seen>()
  const signers = new Map<string, string>()
  const told = execTeller(host, mac, starts)
  let accounts = await accountsOf(host, { time: host.now(), collector: NAME })
  let accountsAt = host.elapsed()
  let verifiedAt = host.elapsed()
  let isFirst = true
  try {
    while (!signal.aborted) {
      const stamp = { time: host.now(), collector: NAME }
      if (host.elapsed() - accountsAt >= ACCOUNTS_MS) {
        accounts = await accountsOf(host, stamp)
        accountsAt = host.elapsed()
      }
      const event = (pid: number, facts: ProcessFacts, signer: string | null) => {
        for (const listener of onProgram)
          listener({ pid, image: facts.image, args: facts.args ?? [], folder: facts.folder })
        const parent = facts.parent === null ? undefined : known.get(facts.parent)?.facts
        const User = facts.uid === null ? null : bounded(accounts.nameOf(facts.uid), 256)
        return { ...describe(pid, facts, parent, signer), ...stamp, User, StartedBeforeAgent: isFirst }
      }
      try {
        const pids = new Set(mac.processes().filter((it) => it !== KERNEL))
        for (const pid of known.keys()) if (!pids.has(pid)) known.delete(pid)
        const verify = host.elapsed() - verifiedAt >= VERIFY_MS
        if (verify) verifiedAt = host.elapsed()
        const fresh: number[] = []
        let denied = 0
        for (const pid of pids) {
          const before = known.get(pid)
          if (before !== undefined && !before.isYoung && !verify) continue
          const facts = mac.process(pid)
          if (facts.isDenied) denied++
          const isSame = before?.facts.startedAt === facts.startedAt && before?.facts.image === facts.image
          known.set(pid, { facts, isYoung: before === undefined && !isFirst })
          if (before === undefined || !isSame) fresh.push(pid)
        }
        for (const pid of fresh) {
          const { facts } = known.get(pid)!
          // It has ended, or may not be asked.
          if (facts.image === null && facts.name === null) continue
          told.polled(pid, facts)
          yield event(pid, facts, signerOf(mac, signers, pid, facts))
        }
        if (denied > 0) yield gap(stamp, 'processes of others', 'denied', 'they may not be asked', denied)
      } catch (cause) {
        yield gap(stamp, 'list of processes', gapReason(cause), cause)
      }
      const { execs, gaps } = told.read(stamp)
      for (const { pid, facts } of execs) yield event(pid, facts, null)
      yield* gaps
      isFirst = false
      await host.sleep(EVERY_MS, signal)
    }
  } finally {
    told.close()
  }
}

/** What eslogger printed, without what a poll told. */
function execTeller(host: Host, mac: Mac, starts: StartCounters) {
  const recent = new Map<string, number>()
  let feed: LineFeed | null = null
  let failedAt = Number.NEGATIVE_INFINITY
  let last: number | null = null
  return { polled, read, close: () => feed?.close() }

  function polled(pid: number, { image }: ProcessFacts): void {
    recent.set(`${pid} ${image}`, host.elapsed())
  }

  function read(stamp: { time: number; collector: string }) {
    const now = host.elapsed()
    for (const [key, at] of recent) if (now - at > LATE_MS) recent.delete(key)
    const gaps: ObservationOf<'collection_gap'>[] = []
    if (now - failedAt < AGAIN_MS) return { execs: [], gaps }
    feed ??= mac.execs()
    const { lines, lost, failure } = feed.read()
    const found = lines.flatMap((it) => parseExec(it) ?? [])
    const missed = lost + found.reduce((sum, it) => sum + dropped(it), 0)
    starts.seen += found.length
    starts.total += found.length + missed
    starts.by = failure === null ? 'eslogger' : 'poll'
    if (missed > 0) gaps.push(lossGap(stamp, 'process_creation', 'more programs started than could be kept', missed))
    if (failure !== null) {
      failedAt = now
      last = null
      gaps.push(gap(stamp, BY_ESLOGGER, gapReason(failure), failure))
    }
    return { execs: found.filter(({ pid, facts }) => !recent.has(`${pid} ${facts.image}`)), gaps }
  }

  /** Messages that the kernel dropped before this one. */
  function dropped({ sequence }: Exec): number {
    const before = last
    last = sequence ?? last
    return sequence === null || before === null ? 0 : Math.max(0, sequence - before - 1)
  }
}

/** Kept by the file. One without a signer is asked for again: another program may have taken its place. */
function signerOf(mac: Mac, signers: Map<string, string>, pid: number, { image }: ProcessFacts): string | null {
  const before = image === null ? undefined : signers.get(image)
  if (image === null || before !== undefined) return before ?? null
  try {
    const found = mac.signerOf(pid)
    if (found === null) return null
    if (signers.size >= MAX_SIGNERS) signers.clear()
    const signer = bounded(found, 256)
    signers.set(image, signer)
    return signer
  } catch {
    return null
  }
}

function describe(pid: number, it: ProcessFacts, parent: ProcessFacts | undefined, Signer: string | null) {
  return {
    category: 'process_creation' as const,
    Image: bounded(it.image ?? it.name ?? '', 4_096),
    CommandLine: commandOf(it),
    ParentImage: parent?.image == null ? null : bounded(parent.image, 4_096),
    ParentCommandLine: parent === undefined ? null : commandOf(parent),
    ProcessId: pid,
    ParentProcessId: it.parent,
    CurrentDirectory: it.folder === null ? null : bounded(it.folder, 4_096),
    OriginalFileName: null,
    Product: null,
    Company: null,
    Signer,
  } satisfies Omit<ObservationOf<'process_creation'>, 'time' | 'collector' | 'StartedBeforeAgent' | 'User'>
}

function commandOf({ args }: ProcessFacts): string | null {
  return args === null || args.length === 0 ? null : bounded(redactArguments(args), 8_192)
}
