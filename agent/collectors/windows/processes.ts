/**
 * Programs that started, from the list of processes.
 *
 * Shape   one process_creation per process that the previous poll did not have; the first poll reports all, with
 *         StartedBeforeAgent true. `OriginalFileName`, `Product` and `Company` are what the program's maker put into
 *         it, so that a renamed tool still has its name; not of programs on a share, whose server could block.
 * Units   polled every second: a shorter process can be missed, and nothing here counts how many. A reused pid with the
 *         same parent and name is noticed within a minute.
 * Errors  null for what cannot be read; a gap 'denied' for processes that may not be asked. Of one that ended before it was
 *         asked, only the file's name is known.
 * Blind   CurrentDirectory and Signer. Channels that also see short programs (Security 4688, Sysmon) are not read.
 * Source  Toolhelp; seen on Wine 10 only.
 */
import type { ObservationOf } from '../../../wire/event.ts'
import { type Collector, gap, gapReason } from '../../collect.ts'
import type { Host } from '../../host/host.ts'
import type { FileVersion, ProcessRow, Windows } from '../../host/windows/calls.ts'
import { bounded } from '../shared/bounded.ts'
import { commandText } from '../shared/command-text.ts'
import type { OnProgram } from '../shared/programs.ts'
import { commandArguments } from './kit/command-arguments.ts'

const NAME = 'processes'
const EVERY_MS = 1_000
const VERIFY_MS = 60_000
/** The idle process and the kernel's, which are no programs. */
const NO_PROGRAMS = new Set([0, 4])
/**
 * Programs whose arguments may be relative to their working folder. It is read in their memory, which is not done to
 * others: of the system's, security products would take that for an attack.
 */
const RELATIVE = /^(?:git|7z[agrz]?|rar|winrar|zip|(?:bsd)?tar|gpg2?)\.exe$/i
const MAX_KNOWN_FILES = 2_000
const NO_VERSION: FileVersion = { originalName: null, product: null, company: null }

interface Seen {
  row: ProcessRow
  startedAt: string | null
  image: string | null
  commandLine: string | null
  isDenied: boolean
}

/** `onProgram` is called for each program, so that other collectors need not ask again. */
export const processes = (windows: Windows, onProgram: readonly OnProgram[] = []): Collector<'process_creation'> => ({
  name: NAME,
  categories: ['process_creation'],
  run: (host, _policy, signal) => run(host, windows, onProgram, signal),
})

async function* run(host: Host, windows: Windows, onProgram: readonly OnProgram[], signal: AbortSignal) {
  const known = new Map<number, Seen>()
  const describe = describer(windows)
  let verifiedAt = host.elapsed()
  let isFirst = true
  while (!signal.aborted) {
    const stamp = { time: host.now(), collector: NAME }
    try {
      const rows = windows.processes().filter(({ pid }) => !NO_PROGRAMS.has(pid))
      const pids = new Set(rows.map((it) => it.pid))
      for (const pid of known.keys()) if (!pids.has(pid)) known.delete(pid)
      const verify = host.elapsed() - verifiedAt >= VERIFY_MS
      if (verify) verifiedAt = host.elapsed()
      const fresh = rows.filter((row) => isNew(windows, row, known.get(row.pid), verify))
      let denied = 0
      // Parents first: all are known before the first is reported.
      for (const row of fresh) known.set(row.pid, look(windows, row))
      for (const row of fresh) {
        const seen = known.get(row.pid)!
        if (seen.isDenied) denied++
        const args = commandArguments(seen.commandLine ?? '')
        const folder = RELATIVE.test(row.name) ? windows.workingFolder(row.pid) : null
        for (const listener of onProgram) listener({ pid: row.pid, image: seen.image, args, folder })
        yield { ...(await describe(seen, known.get(row.parent))), ...stamp, StartedBeforeAgent: isFirst }
      }
      if (denied > 0) yield gap(stamp, 'processes of others', 'denied', 'their paths cannot be read', denied)
      isFirst = false
    } catch (cause) {
      yield gap(stamp, 'list of processes', gapReason(cause), cause)
    }
    await host.sleep(EVERY_MS, signal)
  }
}

function isNew(windows: Windows, row: ProcessRow, seen: Seen | undefined, verify: boolean): boolean {
  if (seen === undefined || seen.row.parent !== row.parent || seen.row.name !== row.name) return true
  return verify && windows.process(row.pid).startedAt !== seen.startedAt
}

function look(windows: Windows, row: ProcessRow): Seen & { sid: string | null } {
  return { row, ...windows.process(row.pid) }
}

/** Accounts and makers are asked for once: a look at a file costs milliseconds. */
function describer(windows: Windows) {
  const accounts = new Map<string, Promise<string | null>>()
  const versions = new Map<string, Promise<FileVersion>>()
  return async (it: Seen & { sid?: string | null }, parent: Seen | undefined) => {
    const { row, image, commandLine, sid = null } = it
    const user = sid === null ? null : await once(accounts, sid, () => windows.accountOf(sid)).catch(() => sid)
    const version = isLocal(image)
      ? await once(versions, image, () => windows.versionOf(image)).catch(() => NO_VERSION)
      : NO_VERSION
    return {
      category: 'process_creation' as const,
      Image: image === null ? bounded(row.name, 4_096) : bounded(image, 4_096),
      CommandLine: commandText(commandLine),
      ParentImage: parent?.image == null ? null : bounded(parent.image, 4_096),
      ParentCommandLine: commandText(parent?.commandLine ?? null),
      User: user === null ? null : bounded(user, 256),
      ProcessId: row.pid,
      ParentProcessId: row.parent,
      CurrentDirectory: null,
      OriginalFileName: short(version.originalName),
      Product: short(version.product),
      Company: short(version.company),
      Signer: null,
    } satisfies Omit<ObservationOf<'process_creation'>, 'time' | 'collector' | 'StartedBeforeAgent'>
  }
}

function once<T>(known: Map<string, Promise<T>>, key: string, ask: () => Promise<T>): Promise<T> {
  const before = known.get(key)
  if (before !== undefined) return before
  if (known.size >= MAX_KNOWN_FILES) known.clear()
  const asked = ask()
  known.set(key, asked)
  return asked
}

/** `C:\…`; a share is `\\server\…`. */
function isLocal(image: string | null): image is string {
  return image !== null && /^[A-Za-z]:\\/.test(image)
}

function short(text: string | null): string | null {
  return text === null ? null : bounded(text, 256)
}
