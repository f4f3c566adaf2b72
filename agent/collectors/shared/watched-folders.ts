/**
 * Files that appear or grow in watched folders: sync folders, removable volumes, staging areas, autostart.
 *
 * Shape   per root: a file_event with the name if the root's kind is autostart; otherwise one file_burst of counts and
 *         sizes, without names. The content of a root at its first sweep is its baseline and not reported, also on a
 *         volume that is mounted later; in a folder that is created later, everything is new. See `folder-sweep.ts`.
 * Units   a sweep (names, sizes, times) 3 s after a change, and every 60 s anyway; a root whose sweeps are slow is
 *         swept less often, so that sweeps take at most half a percent of the time. A burst of at least 20 files or 50
 *         MB is reported at once, others at most once per root and minute; its window starts at the previous sweep. At
 *         most 100 names per poll, the rest at the next ones.
 * Errors  gap 'overflow' with the number of folders beyond the limits of a sweep, for more than 10,000 names that wait,
 *         and if there are more folders than the agent may watch (they are swept only); 'denied' for folders that
 *         cannot be read; 'stopped' for a root that changed after its last sweep before the collector ended.
 * Source  file system watchers lose events in a burst, so they only trigger the sweep, which is authoritative.
 */
import { posix } from 'node:path'
import type { ObservationOf } from '../../../wire/event.ts'
import type { Policy } from '../../../wire/messages.ts'
import { type Collector, gap, gapReason, lossGap } from '../../collect.ts'
import type { Host } from '../../host/host.ts'
import { bounded } from './bounded.ts'
import {
  changes,
  emptyTally,
  IGNORED_FOLDERS,
  isArchive,
  keepDenied,
  SWEEP_LIMITS,
  type SweepLimits,
  sweep,
  type Tally,
  type View,
} from './folder-sweep.ts'
import type { WatchFolder } from './folder-watcher.ts'
import { linuxPlaces, type OpenPlaces, type Places, type Root } from './watched-roots.ts'

const NAME = 'watched-folders'
/** How often changes and the list of roots are checked. */
const TICK_MS = 3_000
const SWEEP_MS = 60_000
const MAX_SWEEP_MS = 15 * 60_000
/** The minimum pause after a sweep, in multiples of its duration: without a change, and after a change. */
const PAUSE_FACTOR = 200
const CHANGED_PAUSE_FACTOR = 50
const MAX_ROOTS = 64
const WATCH_DEPTH = 6
const AT_ONCE_FILES = 20
const AT_ONCE_BYTES = 50 * 1_048_576
const MERGE_MS = 60_000
const NAMES_PER_POLL = 100
const MAX_NAMES = 10_000

/** Times by `Host.elapsed`, except `sweptAt`. */
interface Watched extends Root {
  /** Null: not swept yet; the first sweep is the baseline. */
  view: View | null
  /** Null: not started yet. */
  watcher: { close(): Promise<void> } | null
  /** The first change since the last sweep. */
  changedAt: number | null
  /** When a change may trigger the next sweep. */
  earliestSweepAt: number
  /** When the next sweep is due without a change. */
  nextSweepAt: number
  /** When the last sweep began: by the wall clock, like the times of files, and by `Host.elapsed`. */
  sweptAt: number
  sweptSince: number
  /** The last sweep skipped folders. */
  skipped: boolean
  pending: Tally
  pendingSince: number
  reportedAt: number
  /** Files whose names are still to be reported. */
  names: { path: string; size: number | null }[]
  watchError: unknown
}
type Found = ObservationOf<'file_event' | 'file_burst' | 'collection_gap'>
type Stamp = { time: number; collector: string }

interface State {
  host: Host
  policy: Policy
  places: Places
  watch: WatchFolder
  onArchive: (path: string) => void
  limits: SweepLimits
  /** How many more folders may be watched. */
  budget: number
  roots: Map<string, Watched>
  mounts: string
  parents: Map<string, number>
  listedAt: number
}

/**
 * `onArchive` is called for each archive that is new or grew, so that another collector need not sweep again. `open`: where
 * this system has folders to watch.
 */
export const watchedFolders = (
  watch: WatchFolder,
  onArchive: (path: string) => void = () => {},
  limits = SWEEP_LIMITS,
  open: OpenPlaces = linuxPlaces,
): Collector<'file_event' | 'file_burst' | 'archive_created'> => ({
  name: NAME,
  // The collector of the last one depends on `onArchive`, so this one must also run for it.
  categories: ['file_event', 'file_burst', 'archive_created'],
  pacesItself: true,
  run: async function* (host, policy, signal) {
    const places = open(host)
    const budget = await places.watchBudget()
    const fresh = { roots: new Map(), mounts: '', parents: new Map(), listedAt: Number.NEGATIVE_INFINITY }
    yield* run({ host, policy, places, watch, onArchive, limits, budget, ...fresh }, signal)
  },
})

async function* run(it: State, signal: AbortSignal): AsyncIterable<Found> {
  const { host, roots } = it
  try {
    while (!signal.aborted) {
      const stamp = { time: host.now(), collector: NAME }
      const now = host.elapsed()
      const table = await it.places.mounts()
      if (table !== it.mounts || now - it.listedAt >= SWEEP_MS) {
        const { homes, gaps } = await it.places.homes(stamp)
        yield* gaps
        it.mounts = table
        it.listedAt = now
        yield* await updateRoots(it, homes, stamp, now)
      }
      for (const root of roots.values()) {
        const isChanged = root.changedAt !== null && now - root.changedAt >= TICK_MS && now >= root.earliestSweepAt
        if (isChanged || now >= root.nextSweepAt) yield* await sweepRoot(it, root, stamp)
        yield* report(root, stamp, now)
      }
      await host.sleep(TICK_MS, signal)
    }
    yield* reportRest(it)
  } finally {
    await Promise.all([...roots.values()].map((root) => root.watcher?.close()))
  }
}

/** Reports at the end what is not reported yet; for the next run it belongs to the baseline. */
function* reportRest({ host, roots }: State): Iterable<Found> {
  const stamp = { time: host.now(), collector: NAME }
  for (const root of roots.values()) {
    yield* report(root, stamp, host.elapsed(), true)
    if (root.changedAt !== null) yield gap(stamp, root.path, 'stopped', 'it changed after its last sweep')
  }
}

/** Adds new roots, and removes those that no longer exist after reporting their pending changes. */
async function updateRoots(it: State, homes: readonly string[], stamp: Stamp, now: number): Promise<Found[]> {
  const { policy, roots } = it
  const found: Found[] = []
  const all = await it.places.roots(policy, homes, it.mounts)
  const wanted = all.slice(0, MAX_ROOTS)
  if (all.length > MAX_ROOTS) found.push(gap(stamp, 'watched roots', 'overflow', null, all.length - MAX_ROOTS))
  const parents = await it.places.parents(policy, homes)
  for (const root of [...roots.values()].filter((known) => !wanted.some(({ path }) => path === known.path))) {
    await root.watcher?.close()
    roots.delete(root.path)
    found.push(...report(root, stamp, now, true))
  }
  for (const root of wanted) {
    if (roots.has(root.path)) continue
    const parent = posix.dirname(root.path)
    const isCreated = it.parents.has(parent) && it.parents.get(parent) === parents.get(parent)
    roots.set(root.path, watched(root, !root.mounted && isCreated, stamp.time, now))
  }
  it.parents = parents
  return found
}

/** `isCreated`: the root was just created, so everything in it is new. */
function watched(root: Root, isCreated: boolean, wall: number, now: number): Watched {
  return {
    ...root,
    view: isCreated ? new Map() : null,
    watcher: null,
    changedAt: null,
    earliestSweepAt: now,
    nextSweepAt: now,
    sweptAt: wall,
    sweptSince: now,
    skipped: false,
    pending: emptyTally(),
    pendingSince: now,
    reportedAt: Number.NEGATIVE_INFINITY,
    names: [],
    watchError: null,
  }
}

async function sweepRoot(it: State, root: Watched, stamp: Stamp): Promise<Found[]> {
  const { host, limits } = it
  const found: Found[] = []
  const [wall, began] = [host.now(), host.elapsed()]
  root.changedAt = null
  const { view, folders, denied, failed, failure, skipped, archives, rootError } = await sweep(
    host,
    root.path,
    root.sweptAt,
    limits,
    it.places.countsBlocks(root.path, it.mounts),
  )
  if (rootError !== null) found.push(gap(stamp, root.path, gapReason(rootError), rootError))
  else {
    if (root.watcher === null) found.push(...startWatcher(it, root, folders, stamp))
    if (root.view !== null) {
      keepDenied(root.view, view, new Set([...denied, ...failed]))
      for (const path of archives) it.onArchive(path)
      found.push(...addChanges(it, root, view, stamp))
    }
    Object.assign(root, { view, skipped: skipped > 0, sweptAt: wall, sweptSince: began })
    if (failed.size > 0)
      found.push(gap(stamp, root.path, gapReason(failure), `folders below it: ${failure}`, failed.size))
    if (denied.size > 0) found.push(gap(stamp, root.path, 'denied', 'folders below it', denied.size))
    if (skipped > 0) {
      const why = `folders beyond ${limits.folders} folders, ${limits.files} files or ${limits.depth} levels, at least`
      found.push(gap(stamp, root.path, 'overflow', why, skipped))
    }
  }
  if (root.watchError !== null) {
    found.push(gap(stamp, `watcher of ${root.path}`, 'overflow', root.watchError))
    root.watchError = null
  }
  const ended = host.elapsed()
  root.earliestSweepAt = ended + (ended - began) * CHANGED_PAUSE_FACTOR
  root.nextSweepAt = ended + Math.min(MAX_SWEEP_MS, Math.max(SWEEP_MS, (ended - began) * PAUSE_FACTOR))
  return found
}

/** Adds the changes since the previous sweep to what will be reported. */
function addChanges(it: State, root: Watched, view: View, stamp: Stamp): Found[] {
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
  const omitted = files - Math.min(room, named.size)
  return omitted > 0
    ? [lossGap(stamp, 'file_event', `more than ${MAX_NAMES} names waited to be reported`, omitted)]
    : []
}

function startWatcher(it: State, root: Watched, folders: number, stamp: Stamp): Found[] {
  if (folders > it.budget) {
    root.watcher = { close: async () => {} }
    const why = 'more folders than the agent may watch: swept once a minute'
    return [gap(stamp, `watcher of ${root.path}`, 'overflow', why, folders)]
  }
  // Leaves room for folders that are created later.
  const maxFolders = Math.min(it.budget, folders * 2 + 64)
  it.budget -= maxFolders
  const watcher = it.watch(
    root.path,
    { depth: WATCH_DEPTH, maxFolders, ignore: IGNORED_FOLDERS },
    // Keep the time of the first change: during a long copy, later ones must not postpone the sweep again and again.
    () => void (root.changedAt ??= it.host.elapsed()),
    (cause) => void (root.watchError ??= cause),
  )
  root.watcher = {
    close: async () => {
      it.budget += maxFolders
      await watcher.close()
    },
  }
  return []
}

function* report(root: Watched, stamp: Stamp, now: number, isLast = false): Iterable<Found> {
  for (const { path, size } of root.names.splice(0, isLast ? MAX_NAMES : NAMES_PER_POLL))
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
  root.pending = emptyTally()
  root.reportedAt = now
}

function isNothing({ files, bytes }: Tally): boolean {
  return files === 0 && bytes === 0
}

function sizeIn(view: View, path: string): number | null {
  const files = view.get(posix.dirname(path))
  return files instanceof Map ? (files.get(posix.basename(path))?.size ?? null) : null
}
