/**
 * Files that appear or grow in folders where that matters: sync folders, removable volumes, staging areas, autostart.
 *
 * Shape   per root: a file_event with the name where the root's kind is autostart; elsewhere one file_burst of counts
 *         and sizes, no names. What lies in a root at the first sweep is its baseline and not reported, also on a
 *         volume that is mounted later; in a folder that is made later everything is new. See `folder-sweep.ts`.
 * Units   a sweep (names, sizes, times) 3 s after something stirred, and every 60 s anyway; a root whose sweeps are
 *         slow is swept less often, so that they take at most half a percent of the time. A burst is reported at once
 *         from 20 files or 50 MB on, else at most one a root and minute; its window began with the sweep before. At
 *         most 100 names a look, the rest at the next ones.
 * Errors  gap 'overflow' for folders beyond what one sweep looks at, with their number, for names beyond 10,000 that
 *         wait, and where there are more folders than we may watch (the sweep alone remains); 'denied' for folders we
 *         may not read; 'stopped' for a root that changed after the last sweep before the collector ended.
 * Source  Watchers lose events in a burst, so they only wake; the sweep is the truth.
 */
import { posix } from 'node:path'
import type { ObservationOf } from '../../../wire/event.ts'
import type { Policy } from '../../../wire/messages.ts'
import { type Collector, gap, gapReason, lossGap } from '../../collect.ts'
import type { Host } from '../../host/host.ts'
import { accountReader, homesOf } from '../shared/accounts.ts'
import { bounded } from '../shared/bounded.ts'
import {
  changes,
  IGNORED_FOLDERS,
  isArchive,
  keepDenied,
  noTally,
  SWEEP_LIMITS,
  type SweepLimits,
  sweep,
  type Tally,
  type View,
} from '../shared/folder-sweep.ts'
import type { WatchFolder } from '../shared/folder-wakes.ts'
import { findRoots, parentsOf, type Root } from '../shared/watched-roots.ts'

const NAME = 'watched-folders'
/** How often the list of roots, and who stirred, is looked at. */
const TICK_MS = 3_000
const SWEEP_MS = 60_000
const MAX_SWEEP_MS = 15 * 60_000
/** The pause after a sweep is this many times what it took; 50 times when something stirs. */
const PAUSE_FACTOR = 200
const STIRRED_PAUSE_FACTOR = 50
const MAX_ROOTS = 64
const WATCH_DEPTH = 6
const AT_ONCE_FILES = 20
const AT_ONCE_BYTES = 50 * 1_048_576
const MERGE_MS = 60_000
const NAMES_A_LOOK = 100
const MAX_NAMES = 10_000

/** Times by `Host.elapsed`, except `sweptAt`. */
interface Watched extends Root {
  /** Null: not swept yet, and what is there is the baseline. */
  view: View | null
  /** Null: not asked for yet. */
  wakes: { close(): Promise<void> } | null
  stirredAt: number | null
  restUntil: number
  dueAt: number
  /** When the last sweep began: by the wall clock, as files are stamped, and by the other. */
  sweptAt: number
  sweptSince: number
  /** The last sweep skipped folders. */
  skipped: boolean
  pending: Tally
  pendingSince: number
  reportedAt: number
  /** Files whose names are still to be reported. */
  names: { path: string; size: number | null }[]
  failure: unknown
}
type Found = ObservationOf<'file_event' | 'file_burst' | 'collection_gap'>
type Stamp = { time: number; collector: string }

interface Watching {
  host: Host
  policy: Policy
  watch: WatchFolder
  onArchive: (path: string) => void
  limits: SweepLimits
  /** Folders that may still be watched. */
  budget: number
  roots: Map<string, Watched>
  mounts: string
  parents: Map<string, number>
  listedAt: number
}

/** `onArchive` is called for each archive that is new or grew, so that one sweep serves all. */
export const watchedFolders = (
  watch: WatchFolder,
  onArchive: (path: string) => void = () => {},
  limits = SWEEP_LIMITS,
): Collector => ({
  name: NAME,
  // The last is made from the archives it hands on: it runs for it, too, and is missed by it.
  categories: ['file_event', 'file_burst', 'archive_created'],
  run: async function* (host, policy, signal) {
    const budget = await watchBudget(host)
    const fresh = { roots: new Map(), mounts: '', parents: new Map(), listedAt: Number.NEGATIVE_INFINITY }
    yield* run({ host, policy, watch, onArchive, limits, budget, ...fresh }, signal)
  },
})

async function* run(it: Watching, signal: AbortSignal): AsyncIterable<Found> {
  const { host, roots } = it
  const accounts = accountReader(host)
  try {
    while (!signal.aborted) {
      const stamp = { time: host.now(), collector: NAME }
      const now = host.elapsed()
      const table = await host.readText('/proc/self/mountinfo').catch(() => '')
      if (table !== it.mounts || now - it.listedAt >= SWEEP_MS) {
        const { homes, gaps } = await homesOf(accounts, stamp)
        yield* gaps
        it.mounts = table
        it.listedAt = now
        yield* await listRoots(it, homes, stamp, now)
      }
      for (const root of roots.values()) {
        const isStirred = root.stirredAt !== null && now - root.stirredAt >= TICK_MS && now >= root.restUntil
        if (isStirred || now >= root.dueAt) yield* await look(it, root, stamp)
        yield* report(root, stamp, now)
      }
      await host.sleep(TICK_MS, signal)
    }
    yield* leave(it)
  } finally {
    await Promise.all([...roots.values()].map((root) => root.wakes?.close()))
  }
}

/** What is still to be said at the end; the next run takes what lies there then for its baseline. */
function* leave({ host, roots }: Watching): Iterable<Found> {
  const stamp = { time: host.now(), collector: NAME }
  for (const root of roots.values()) {
    yield* report(root, stamp, host.elapsed(), true)
    if (root.stirredAt !== null) yield gap(stamp, root.path, 'stopped', 'it changed after the last look at it')
  }
}

/** A quarter of what the user may have, so that editors and file managers keep theirs. */
async function watchBudget(host: Host): Promise<number> {
  const limit = await host.readText('/proc/sys/fs/inotify/max_user_watches', 64).then(Number, () => 8_192)
  return Math.min(4_096, Math.floor((Number.isFinite(limit) ? limit : 8_192) / 4))
}

/** Takes up new roots, and leaves those that are there no more with what they still have to say. */
async function listRoots(it: Watching, homes: readonly string[], stamp: Stamp, now: number): Promise<Found[]> {
  const { host, policy, roots } = it
  const found: Found[] = []
  const all = await findRoots(host, policy, homes, it.mounts)
  const wanted = all.slice(0, MAX_ROOTS)
  if (all.length > MAX_ROOTS) found.push(gap(stamp, 'watched roots', 'overflow', null, all.length - MAX_ROOTS))
  const parents = await parentsOf(host, policy, homes)
  for (const root of [...roots.values()].filter((known) => !wanted.some(({ path }) => path === known.path))) {
    await root.wakes?.close()
    roots.delete(root.path)
    found.push(...report(root, stamp, now, true))
  }
  for (const root of wanted) {
    if (roots.has(root.path)) continue
    const parent = posix.dirname(root.path)
    const wasMade = it.parents.has(parent) && it.parents.get(parent) === parents.get(parent)
    roots.set(root.path, watched(root, !root.mounted && wasMade, stamp.time, now))
  }
  it.parents = parents
  return found
}

/** `isMade`: it was made just now, so that everything in it is news. */
function watched(root: Root, isMade: boolean, wall: number, now: number): Watched {
  return {
    ...root,
    view: isMade ? new Map() : null,
    wakes: null,
    stirredAt: null,
    restUntil: now,
    dueAt: now,
    sweptAt: wall,
    sweptSince: now,
    skipped: false,
    pending: noTally(),
    pendingSince: now,
    reportedAt: Number.NEGATIVE_INFINITY,
    names: [],
    failure: null,
  }
}

async function look(it: Watching, root: Watched, stamp: Stamp): Promise<Found[]> {
  const { host, limits } = it
  const found: Found[] = []
  const [wall, began] = [host.now(), host.elapsed()]
  root.stirredAt = null
  const { view, folders, denied, skipped, archives, gone } = await sweep(host, root.path, root.sweptAt, limits)
  if (gone !== null) found.push(gap(stamp, root.path, gapReason(gone), gone))
  else {
    if (root.wakes === null) found.push(...beginWatching(it, root, folders, stamp))
    if (root.view !== null) {
      keepDenied(root.view, view, denied)
      for (const path of archives) it.onArchive(path)
      found.push(...take(it, root, view, stamp))
    }
    Object.assign(root, { view, skipped: skipped > 0, sweptAt: wall, sweptSince: began })
    if (denied.size > 0) found.push(gap(stamp, root.path, 'denied', 'folders below it', denied.size))
    if (skipped > 0) {
      const why = `folders beyond ${limits.folders} folders, ${limits.files} files or ${limits.depth} levels, at least`
      found.push(gap(stamp, root.path, 'overflow', why, skipped))
    }
  }
  if (root.failure !== null) {
    found.push(gap(stamp, `wakes of ${root.path}`, 'overflow', root.failure))
    root.failure = null
  }
  const ended = host.elapsed()
  root.restUntil = ended + (ended - began) * STIRRED_PAUSE_FACTOR
  root.dueAt = ended + Math.min(MAX_SWEEP_MS, Math.max(SWEEP_MS, (ended - began) * PAUSE_FACTOR))
  return found
}

/** Adds what is new to what is to be reported. */
function take(it: Watching, root: Watched, view: View, stamp: Stamp): Found[] {
  const { named, files, bytes, archives, sources } = changes(root.view!, view, root.skipped ? root.sweptAt : null)
  for (const path of named.keys()) if (isArchive(path)) it.onArchive(path)
  if (root.kind !== 'autostart') {
    if (isNothing(root.pending)) root.pendingSince = root.sweptSince
    root.pending.files += files
    root.pending.bytes += bytes
    root.pending.archives += archives
    root.pending.sources += sources
    return []
  }
  const room = MAX_NAMES - root.names.length
  for (const path of [...named.keys()].slice(0, room)) root.names.push({ path, size: sizeIn(view, path) })
  const left = files - Math.min(room, named.size)
  return left > 0 ? [lossGap(stamp, 'file_event', 'more files than wait to be reported', left)] : []
}

function beginWatching(it: Watching, root: Watched, folders: number, stamp: Stamp): Found[] {
  if (folders > it.budget) {
    root.wakes = { close: async () => {} }
    const why = 'more folders than we may watch: seen once a minute'
    return [gap(stamp, `wakes of ${root.path}`, 'overflow', why, folders)]
  }
  // Room for the folders that will be made.
  const maxFolders = Math.min(it.budget, folders * 2 + 64)
  it.budget -= maxFolders
  const wakes = it.watch(
    root.path,
    { depth: WATCH_DEPTH, maxFolders, ignore: IGNORED_FOLDERS },
    // The first stir counts: in a long copy the later ones must not put the sweep off for ever.
    () => void (root.stirredAt ??= it.host.elapsed()),
    (cause) => void (root.failure ??= cause),
  )
  root.wakes = {
    close: async () => {
      it.budget += maxFolders
      await wakes.close()
    },
  }
  return []
}

function* report(root: Watched, stamp: Stamp, now: number, isLast = false): Iterable<Found> {
  for (const { path, size } of root.names.splice(0, isLast ? MAX_NAMES : NAMES_A_LOOK))
    yield { category: 'file_event', ...stamp, TargetFilename: bounded(path, 4_096), Image: null, Size: size }
  const { files, bytes, archives, sources } = root.pending
  if (isNothing(root.pending)) return
  const isLarge = files >= AT_ONCE_FILES || bytes >= AT_ONCE_BYTES
  if (!isLarge && !isLast && now - root.reportedAt < MERGE_MS) return
  yield {
    category: 'file_burst',
    ...stamp,
    Root: bounded(root.path, 4_096),
    RootKind: root.kind,
    Files: files,
    Bytes: bytes,
    Archives: archives,
    SourceFiles: sources,
    WindowSeconds: Math.max(1, Math.round((now - root.pendingSince) / 1_000)),
  }
  root.pending = noTally()
  root.reportedAt = now
}

function isNothing({ files, bytes }: Tally): boolean {
  return files === 0 && bytes === 0
}

function sizeIn(view: View, path: string): number | null {
  const files = view.get(posix.dirname(path))
  return files instanceof Map ? (files.get(posix.basename(path))?.size ?? null) : null
}
