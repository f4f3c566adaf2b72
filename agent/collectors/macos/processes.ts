/**
 * Programs that started, from the list of processes.
 *
 * Shape   one process_creation per process that the previous poll did not have; the first poll reports all, with
 *         StartedBeforeAgent true. A process that executes another program is told again at the next poll if it is new, and
 *         within a minute otherwise. `Signer` is the organisation in the signature that the kernel has checked, which a
 *         new file name does not change.
 * Units   polled every second: a shorter process can be missed, and nothing here counts how many. A reused pid is noticed
 *         within a minute.
 * Errors  null for what cannot be read; a gap 'denied' for processes that may not be asked. Of one that ended before it was
 *         asked nothing is told.
 * Blind   programs shorter than a second: Endpoint Security needs an entitlement that Apple grants, or Full Disk Access
 *         for eslogger. Told once as a gap 'denied'.
 * Source  libproc (agent/host/macos). Written from documentation; it has never run on a Mac.
 */
import type { ObservationOf } from '../../../wire/event.ts'
import { type Collector, gap, gapReason } from '../../collect.ts'
import type { Host } from '../../host/host.ts'
import type { Mac, ProcessFacts } from '../../host/macos/calls.ts'
import { redactArguments } from '../../redact/index.ts'
import { bounded } from '../shared/bounded.ts'
import type { OnProgram } from '../shared/programs.ts'
import { accountsOf } from './kit/accounts.ts'

const NAME = 'processes'
const EVERY_MS = 1_000
const VERIFY_MS = 60_000
/** How long the names of accounts are used. */
const ACCOUNTS_MS = 60_000
const KERNEL = 0
const MAX_SIGNERS = 2_000

interface Seen {
  facts: ProcessFacts
  /** The next poll looks at it again: a shell forks first, and executes the program then. */
  isYoung: boolean
}

export const processes = (mac: Mac, onProgram: readonly OnProgram[] = []): Collector<'process_creation'> => ({
  name: NAME,
  categories: ['process_creation'],
  run: (host, _policy, signal) => run(host, mac, onProgram, signal),
})

async function* run(host: Host, mac: Mac, onProgram: readonly OnProgram[], signal: AbortSignal) {
  const known = new Map<number, Seen>()
  const signers = new Map<string, string>()
  let accounts = await accountsOf(host, { time: host.now(), collector: NAME })
  let accountsAt = host.elapsed()
  let verifiedAt = host.elapsed()
  let isFirst = true
  while (!signal.aborted) {
    const stamp = { time: host.now(), collector: NAME }
    if (host.elapsed() - accountsAt >= ACCOUNTS_MS) {
      accounts = await accountsOf(host, stamp)
      accountsAt = host.elapsed()
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
        for (const listener of onProgram)
          listener({ pid, image: facts.image, args: facts.args ?? [], folder: facts.folder })
        const parent = facts.parent === null ? undefined : known.get(facts.parent)?.facts
        const signer = signerOf(mac, signers, pid, facts)
        const User = facts.uid === null ? null : bounded(accounts.nameOf(facts.uid), 256)
        yield { ...describe(pid, facts, parent, signer), ...stamp, User, StartedBeforeAgent: isFirst }
      }
      if (denied > 0) yield gap(stamp, 'processes of others', 'denied', 'they may not be asked', denied)
      isFirst = false
    } catch (cause) {
      yield gap(stamp, 'list of processes', gapReason(cause), cause)
    }
    await host.sleep(EVERY_MS, signal)
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
