/**
 * Archives that are made, or appear in watched folders.
 *
 * Shape   one archive_created when an archive has stopped growing, with the sizes of all its parts. From the command
 *         lines of archivers anywhere, with Image and Encrypted; from the sweep of watched folders, from 1 MB on, with
 *         both null (a download, a program's own archive). No names leave the laptop.
 * Units   looked at every 5 s while one is waited for; done when its size is the same at two looks and its archiver has
 *         ended. At most 50 a look, the rest at the next ones.
 * Errors  an archiver that lives less than two seconds is missed, unless it writes into a watched folder. An archive
 *         that is not there when its archiver has ended (it failed, or wrote elsewhere) is not told. More than 256
 *         waited for, or one that still grows after six hours: gap 'overflow' with their number.
 * Source  `archive-command.ts`; parts are named as zip (.z01), 7-Zip (.7z.001) and RAR (.part1.rar) name them.
 */
import { basename, dirname } from 'node:path/posix'
import type { ObservationOf } from '../../../wire/event.ts'
import type { Policy } from '../../../wire/messages.ts'
import { type Collector, lossGap } from '../../collect.ts'
import type { Host } from '../../host/host.ts'
import { accountReader, homesOf } from '../shared/accounts.ts'
import { archiveCommand } from '../shared/archive-command.ts'
import type { OnProgram } from '../shared/programs.ts'
import { findRoots, type Root } from '../shared/watched-roots.ts'

const NAME = 'archives'
const TICK_MS = 5_000
const MAX_WAITING = 256
const MAX_AT_ONCE = 50
const MAX_TOLD = 1_024
const LONGEST_MS = 6 * 3_600_000
const UNSEEN_BYTES = 1_048_576

interface Waiting {
  path: string
  /** Null: nobody saw who made it. */
  by: { pid: number; image: string | null; encrypted: boolean } | null
  since: number | null
  size: number
}
type Stamp = { time: number; collector: string }

export function archives(): { collector: Collector; onProgram: OnProgram; onArchive: (path: string) => void } {
  const waiting = new Map<string, Waiting>()
  const counts = { over: 0 }
  const add = (path: string, by: Waiting['by']) => {
    const before = waiting.get(path)
    if (before !== undefined) before.by ??= by
    else if (waiting.size >= MAX_WAITING) counts.over++
    else waiting.set(path, { path, by, since: null, size: -1 })
  }
  return {
    onProgram: ({ pid, image, args, folder }) => {
      const made = archiveCommand(args, folder)
      if (made !== null) add(wholeOf(made.path), { pid, image, encrypted: made.encrypted })
    },
    onArchive: (path) => add(wholeOf(path), null),
    collector: {
      name: NAME,
      categories: ['archive_created'],
      run: (host, policy, signal) => run(host, policy, signal, waiting, counts),
    },
  }
}

async function* run(
  host: Host,
  policy: Policy,
  signal: AbortSignal,
  waiting: Map<string, Waiting>,
  counts: { over: number },
) {
  const accounts = accountReader(host)
  const told = new Map<string, string>()
  while (!signal.aborted) {
    const stamp = { time: host.now(), collector: NAME }
    const { done, endless } = await lookAt(host, waiting)
    const fresh = done.filter(({ it, parts, version }) => {
      const known = told.get(it.path) === version
      remember(told, it.path, version)
      return !known && (it.by !== null || sum(parts) >= UNSEEN_BYTES)
    })
    if (counts.over > 0) yield lossGap(stamp, 'archive_created', 'more than are waited for', counts.over)
    if (endless > 0) yield lossGap(stamp, 'archive_created', 'still growing after six hours', endless)
    counts.over = 0
    if (fresh.length > 0) {
      const { homes, gaps } = await homesOf(accounts, stamp)
      yield* gaps
      const roots = await findRoots(host, policy, homes, await host.readText('/proc/self/mountinfo').catch(() => ''))
      for (const { it, parts } of fresh) yield event(stamp, it, parts, roots)
    }
    await host.sleep(TICK_MS, signal)
  }
}

interface Done {
  it: Waiting
  parts: number[]
  version: string
}

/** Takes out of `waiting` what is done, at most so many, and what will never be. */
async function lookAt(host: Host, waiting: Map<string, Waiting>): Promise<{ done: Done[]; endless: number }> {
  const done: Done[] = []
  let endless = 0
  for (const it of [...waiting.values()]) {
    if (done.length >= MAX_AT_ONCE) break
    it.since ??= host.elapsed()
    const lives = it.by !== null && (await isAlive(host, it.by.pid))
    const found = await measure(host, it.path)
    const size = sum(found.parts)
    const isThere = found.parts.length > 0
    const isEndless = host.elapsed() - it.since > LONGEST_MS
    if (isThere && size === it.size && !lives) done.push({ it, ...found })
    else if (isEndless && isThere) endless++
    else if (!isEndless && (isThere || lives || it.size !== 0)) {
      it.size = size
      continue
    }
    waiting.delete(it.path)
  }
  return { done, endless }
}

function event(stamp: Stamp, { path, by }: Waiting, parts: readonly number[], roots: readonly Root[]) {
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

function isAlive(host: Host, pid: number): Promise<boolean> {
  return host.stat(`/proc/${pid}`).then(
    () => true,
    () => false,
  )
}

/** Sizes of the archive's parts, the archive itself first; none: it is not there (yet). */
async function measure(host: Host, path: string): Promise<{ parts: number[]; version: string }> {
  const whole = await host.stat(path).catch(() => null)
  const first = await host.stat(`${path}.001`).catch(() => null)
  if (whole?.kind !== 'file' && first?.kind !== 'file' && !/\.(zip|rar)$/i.test(path)) return { parts: [], version: '' }
  const files = await host.entries(dirname(path)).catch(() => [])
  const parts = files.filter((it) => it.kind === 'file' && wholeOf(it.name) === basename(path))
  return {
    parts: parts.map((it) => it.size),
    version: parts.map((it) => `${it.name} ${it.size} ${it.modifiedMs}`).join('\n'),
  }
}

/** The archive that a part belongs to: x.7z.001 → x.7z, x.z01 → x.zip, x.part1.rar → x.rar. */
export function wholeOf(path: string): string {
  return path
    .replace(/\.\d{3}$/, '')
    .replace(/\.z\d{2}$/i, '.zip')
    .replace(/\.part\d{1,5}\.rar$/i, '.rar')
}

function remember(told: Map<string, string>, path: string, version: string): void {
  told.delete(path)
  told.set(path, version)
  if (told.size > MAX_TOLD) told.delete(told.keys().next().value!)
}
