/**
 * Archives that are created anywhere, or appear in watched folders.
 *
 * Shape   one archive_created when an archive has stopped growing, with the sizes of all its parts. From the command
 *         lines of archivers anywhere, with Image and Encrypted; from the sweep of watched folders, from 1 MB on, with
 *         both null (a download, a program's own archive). File names do not leave the laptop.
 * Units   checked every 5 s while archives are pending; complete when the size is the same at two checks and the
 *         archiver has exited. At most 50 per check, the rest at the next ones.
 * Errors  an archiver that runs for less than two seconds is missed, unless it writes to a watched folder. An archive
 *         that does not exist when its archiver has exited (it failed, or wrote elsewhere) is not reported. More than
 *         256 pending archives, or one that still grows after six hours: gap 'overflow' with their number.
 * Source  `archive-command.ts`; names of parts as zip (.z01), 7-Zip (.7z.001) and RAR (.part1.rar) write them.
 */
import { basename, dirname } from 'node:path/posix'
import type { ObservationOf } from '../../../wire/event.ts'
import type { Policy } from '../../../wire/messages.ts'
import { HOUR } from '../../../wire/time.ts'
import { type Collector, lossGap } from '../../collect.ts'
import type { Host } from '../../host/host.ts'
import { archiveCommand } from './archive-command.ts'
import type { OnProgram } from './programs.ts'
import { linuxPlaces, type OpenPlaces, type Root } from './watched-roots.ts'

const NAME = 'archives'
const TICK_MS = 5_000
const MAX_PENDING = 256
const MAX_AT_ONCE = 50
const MAX_REPORTED = 1_024
const MAX_WAIT_MS = 6 * HOUR
const MIN_BYTES_FROM_SWEEP = 1_048_576

interface Pending {
  path: string
  /** Null: the program that creates it was not seen. */
  by: { pid: number; image: string | null; encrypted: boolean } | null
  since: number | null
  size: number
}
type Stamp = { time: number; collector: string }

export interface ArchiveSystem {
  open: OpenPlaces
  isRunning(host: Host, pid: number): Promise<boolean>
}
const LINUX: ArchiveSystem = { open: linuxPlaces, isRunning: isProcess }

export function archives(system = LINUX): {
  collector: Collector<'archive_created'>
  onProgram: OnProgram
  onArchive: (path: string) => void
} {
  const pending = new Map<string, Pending>()
  const counts = { overflow: 0 }
  const add = (path: string, by: Pending['by']) => {
    const before = pending.get(path)
    if (before !== undefined) before.by ??= by
    else if (pending.size >= MAX_PENDING) counts.overflow++
    else pending.set(path, { path, by, since: null, size: -1 })
  }
  return {
    onProgram: ({ pid, image, args, folder }) => {
      const made = archiveCommand(args, folder)
      if (made !== null) add(archiveOf(made.path), { pid, image, encrypted: made.encrypted })
    },
    onArchive: (path) => add(archiveOf(path), null),
    collector: {
      name: NAME,
      categories: ['archive_created'],
      run: (host, policy, signal) => run(host, policy, signal, pending, counts, system),
    },
  }
}

async function* run(
  host: Host,
  policy: Policy,
  signal: AbortSignal,
  pending: Map<string, Pending>,
  counts: { overflow: number },
  { open, isRunning }: ArchiveSystem,
) {
  const places = open(host)
  const reported = new Map<string, string>()
  while (!signal.aborted) {
    const stamp = { time: host.now(), collector: NAME }
    const { complete, abandoned } = await checkPending(host, pending, isRunning)
    const fresh = complete.filter(({ it, parts, version }) => {
      const known = reported.get(it.path) === version
      remember(reported, it.path, version)
      return !known && (it.by !== null || sum(parts) >= MIN_BYTES_FROM_SWEEP)
    })
    if (counts.overflow > 0)
      yield lossGap(stamp, 'archive_created', `more than ${MAX_PENDING} pending`, counts.overflow)
    if (abandoned > 0) yield lossGap(stamp, 'archive_created', 'still growing after six hours', abandoned)
    counts.overflow = 0
    if (fresh.length > 0) {
      const { homes, gaps } = await places.homes(stamp)
      yield* gaps
      const roots = await places.roots(policy, homes, await places.mounts())
      for (const { it, parts } of fresh) yield event(stamp, it, parts, roots)
    }
    await host.sleep(TICK_MS, signal)
  }
}

interface Complete {
  it: Pending
  parts: number[]
  version: string
}

/** Removes from `pending` the complete archives, at most MAX_AT_ONCE, and those that are missing or take too long. */
async function checkPending(
  host: Host,
  pending: Map<string, Pending>,
  isRunning: ArchiveSystem['isRunning'],
): Promise<{ complete: Complete[]; abandoned: number }> {
  const complete: Complete[] = []
  let abandoned = 0
  for (const it of [...pending.values()]) {
    if (complete.length >= MAX_AT_ONCE) break
    it.since ??= host.elapsed()
    const isAtWork = it.by !== null && (await isRunning(host, it.by.pid))
    const found = await measure(host, it.path)
    const size = sum(found.parts)
    const exists = found.parts.length > 0
    const isTooLong = host.elapsed() - it.since > MAX_WAIT_MS
    if (exists && size === it.size && !isAtWork) complete.push({ it, ...found })
    else if (isTooLong && exists) abandoned++
    else if (!isTooLong && (exists || isAtWork || it.size !== 0)) {
      it.size = size
      continue
    }
    pending.delete(it.path)
  }
  return { complete, abandoned }
}

function event(stamp: Stamp, { path, by }: Pending, parts: readonly number[], roots: readonly Root[]) {
  const root = roots
    .filter((it) => path.startsWith(`${it.path}/`))
    .reduce<Root | null>((best, it) => (best === null || it.path.length > best.path.length ? it : best), null)
  return {
    category: 'archive_created' as const,
    ...stamp,
    RootKind: root?.kind ?? null,
    Bytes: sum(parts),
    Parts: parts.length,
    Encrypted: by?.encrypted ?? null,
    Image: by?.image ?? null,
  } satisfies ObservationOf<'archive_created'>
}

function sum(parts: readonly number[]): number {
  return parts.reduce((bytes, part) => bytes + part, 0)
}

function isProcess(host: Host, pid: number): Promise<boolean> {
  return host.stat(`/proc/${pid}`).then(
    () => true,
    () => false,
  )
}

/** The sizes of the archive's parts; none if it does not exist (yet). */
async function measure(host: Host, path: string): Promise<{ parts: number[]; version: string }> {
  const whole = await host.stat(path).catch(() => null)
  const first = await host.stat(`${path}.001`).catch(() => null)
  if (whole?.kind !== 'file' && first?.kind !== 'file' && !/\.(zip|rar)$/i.test(path)) return { parts: [], version: '' }
  const files = await host.entries(dirname(path)).catch(() => [])
  const parts = files.filter((it) => it.kind === 'file' && archiveOf(it.name) === basename(path))
  return {
    parts: parts.map((it) => it.size),
    version: parts.map((it) => `${it.name} ${it.size} ${it.modifiedMs}`).join('\n'),
  }
}

/** The archive that a part belongs to: x.7z.001 → x.7z, x.z01 → x.zip, x.part1.rar → x.rar. */
export function archiveOf(path: string): string {
  return path
    .replace(/\.\d{3}$/, '')
    .replace(/\.z\d{2}$/i, '.zip')
    .replace(/\.part\d{1,5}\.rar$/i, '.rar')
}

function remember(reported: Map<string, string>, path: string, version: string): void {
  reported.delete(path)
  reported.set(path, version)
  if (reported.size > MAX_REPORTED) reported.delete(reported.keys().next().value!)
}
