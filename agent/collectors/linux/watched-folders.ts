/**
 * Files that appear or grow in folders where that matters: sync folders, removable volumes, staging areas, autostart.
 *
 * Shape   per root: a file_event with the name where the root's kind is autostart; elsewhere one file_burst of counts
 *         and sizes, no names. What lies in a root at the first sweep is its baseline and not reported, also on a
 *         volume that is mounted later; in a folder that is made later everything is new. Bytes are the sizes of new files and the growth of old ones.
 * Units   a sweep (names, sizes, times) 2 s after something stirred, and every 60 s anyway; a root whose sweeps are
 *         slow is swept less often, so that they take at most half a percent of the time. A burst is reported at once
 *         from 20 files or 50 MB on, else at most one a root and minute.
 * Errors  gap 'overflow' for a root with more than 100,000 files (those beyond are not seen), and where there are more
 *         folders than we may watch (the sweep alone remains); 'denied' for folders we may not read.
 * Source  the roots of the policy, known sync clients' folders, /proc/self/mountinfo. Watchers lose events in a burst,
 *         so they only wake; the sweep is the truth.
 */
import { posix } from 'node:path'
import type { ObservationOf } from '../../../wire/event.ts'
import type { Policy } from '../../../wire/messages.ts'
import { type Collector, gap, gapReason } from '../../collect.ts'
import type { Host } from '../../host/host.ts'
import { bounded } from '../shared/bounded.ts'
import type { WatchFolder } from '../shared/folder-wakes.ts'
import { accountReader } from './accounts.ts'
import { isBuiltIn, kindOf, parseMounts } from './volumes.ts'

const NAME = 'watched-folders'
/** How often the list of roots, and who stirred, is looked at. */
const TICK_MS = 3_000
const SWEEP_MS = 60_000
const MAX_SWEEP_MS = 15 * 60_000
/** The pause after a sweep is this many times what it took; 50 times when something stirs. */
const PAUSE_FACTOR = 200
const STIRRED_PAUSE_FACTOR = 50
const MAX_FILES = 100_000
const MAX_FOLDERS = 20_000
const MAX_DEPTH = 16
const MAX_ROOTS = 64
const WATCH_DEPTH = 6
const AT_ONCE_FILES = 20
const AT_ONCE_BYTES = 50 * 1_048_576
const MERGE_MS = 60_000
const MAX_NAMED = 100
const IGNORED = new Set(['.git', 'node_modules'])
const ARCHIVES = /\.(zip|z\d{2}|7z|rar|tar|gz|tgz|bz2|tbz2|xz|txz|zst)(\.\d{3})?$/i
const SOURCES =
  /\.(c|h|cc|cpp|cxx|hpp|cs|java|kt|kts|scala|go|rs|py|rb|php|pl|lua|swift|m|mm|js|mjs|cjs|jsx|ts|tsx|vue|svelte|sql|sh|ps1|tf|sol|proto|r|jl|dart|ex|exs|erl|hs|ml|clj|ipynb)$/i
const SYNC_FOLDERS =
  /^(Dropbox( \(.+\))?|OneDrive.*|MEGA(sync)?|pCloudDrive|pCloud Drive|Google ?Drive|GoogleDrive|Nextcloud\d?|ownCloud|Sync|Seafile|Tresorit|Yandex\.Disk|Box( Sync)?|iCloudDrive)$/
const REMOVABLE_PLACES = /^\/(media|run\/media|mnt)\//

type RootKind = ObservationOf<'file_burst'>['RootKind']
export interface Root {
  path: string
  kind: RootKind
  /** A volume: what it brings along is not news. */
  mounted: boolean
}
export interface FileFacts {
  size: number
  modifiedMs: number
  inode: number
}
type View = Map<string, FileFacts>
interface Burst {
  files: number
  bytes: number
  archives: number
  sources: number
}
interface Watched extends Root {
  /** Null: not swept yet, and what is there is the baseline. */
  view: View | null
  /** Null: not asked for yet. */
  wakes: { close(): Promise<void> } | null
  stirredAt: number | null
  restUntil: number
  dueAt: number
  pending: Burst
  pendingSince: number
  reportedAt: number
  failure: unknown
  /** The last sweep began then, and saw only a part. */
  sweptAt: number
  over: boolean
}
type Found = ObservationOf<'file_event' | 'file_burst' | 'collection_gap'>

/** `onArchive` is called for each archive that is new or grew, so that one sweep serves all. */
export const watchedFolders = (watch: WatchFolder, onArchive: (path: string) => void = () => {}): Collector => ({
  name: NAME,
  platform: 'linux',
  // The last is made from the archives it hands on: it runs for it, too, and is missed by it.
  categories: ['file_event', 'file_burst', 'archive_created'],
  run: (host, policy, signal) => run(host, policy, signal, watch, onArchive),
})

async function* run(
  host: Host,
  policy: Policy,
  signal: AbortSignal,
  watch: WatchFolder,
  onArchive: (path: string) => void,
) {
  const accounts = accountReader(host)
  const roots = new Map<string, Watched>()
  const budget = { left: await watchBudget(host) }
  let mounts = ''
  let parents = new Map<string, number>()
  let listedAt = Number.NEGATIVE_INFINITY
  try {
    while (!signal.aborted) {
      const stamp = { time: host.now(), collector: NAME }
      const time = host.elapsed()
      const table = await host.readText('/proc/self/mountinfo').catch(() => '')
      if (table !== mounts || time - listedAt >= SWEEP_MS) {
        const homes = await accounts().then(
          (it) => it.homes.map((one) => one.home),
          () => [],
        )
        const wanted = await findRoots(host, policy, homes, table)
        if (wanted.length > MAX_ROOTS) yield gap(stamp, 'watched roots', 'overflow', null, wanted.length - MAX_ROOTS)
        const now = await parentsOf(host, policy, homes)
        const ended = await follow(roots, wanted.slice(0, MAX_ROOTS), time, (path) => {
          const parent = posix.dirname(path)
          return parents.has(parent) && parents.get(parent) === now.get(parent)
        })
        for (const root of ended) yield* report(root, stamp, time, true)
        parents = now
        mounts = table
        listedAt = time
      }
      for (const root of roots.values()) {
        const stirred = root.stirredAt !== null && time - root.stirredAt >= TICK_MS && time >= root.restUntil
        if (stirred || time >= root.dueAt) yield* await sweepRoot(host, root, stamp, budget, watch, onArchive)
        yield* report(root, stamp, time)
      }
      await host.sleep(TICK_MS, signal)
    }
  } finally {
    await Promise.all([...roots.values()].map((it) => it.wakes?.close()))
  }
}

/** A quarter of what the user may have, so that editors and file managers keep theirs. */
async function watchBudget(host: Host): Promise<number> {
  const limit = await host.readText('/proc/sys/fs/inotify/max_user_watches', 64).then(Number, () => 8_192)
  return Math.min(4_096, Math.floor((Number.isFinite(limit) ? limit : 8_192) / 4))
}

export async function findRoots(
  host: Host,
  policy: Policy,
  homes: readonly string[],
  mountinfo: string,
): Promise<Root[]> {
  const found = new Map<string, Root>()
  const add = async (path: string, kind: RootKind, mounted = false) => {
    const plain = await target(host, posix.normalize(path).replace(/(.)\/$/, '$1'))
    if (plain !== null && plain !== '/' && !found.has(plain)) found.set(plain, { path: plain, kind, mounted })
  }
  for (const { path, kind } of policy.watchedRoots)
    if (path === '~' || path.startsWith('~/')) for (const home of homes) await add(`${home}${path.slice(1)}`, kind)
    else await add(path, kind)
  for (const home of homes) {
    await add(`${home}/.config/autostart`, 'autostart')
    for (const name of await host.list(home).catch(() => []))
      if (SYNC_FOLDERS.test(name)) await add(`${home}/${name}`, 'sync')
  }
  for (const mount of parseMounts(mountinfo).found) {
    if (!REMOVABLE_PLACES.test(mount.at) || kindOf(mount) === null) continue
    // A desktop mounts what is plugged in under /media; under /mnt people keep disks of their own, too.
    if (mount.at.startsWith('/mnt/') && (await isBuiltIn(host, mount))) continue
    await add(mount.at, kindOf(mount) === 'network' ? 'share' : 'removable', true)
  }
  return [...found.values()]
}

/** The folder itself, or the one a link in its place points to: people move their sync folder to a larger disk. */
async function target(host: Host, path: string): Promise<string | null> {
  if (!path.startsWith('/')) return null
  const facts = await host.stat(path).catch(() => null)
  if (facts?.kind !== 'link') return facts?.kind === 'folder' ? path : null
  const place = posix.resolve(posix.dirname(path), await host.link(path).catch(() => '/'))
  return (await host.stat(place).catch(() => null))?.kind === 'folder' ? place : null
}

/**
 * Folders in which roots may be made, with their inodes. A root that appears in a folder that was there before was
 * made just now; one that appears together with its parent came with a mount, such as an encrypted home.
 */
async function parentsOf(host: Host, policy: Policy, homes: readonly string[]): Promise<Map<string, number>> {
  const asked = policy.watchedRoots.flatMap(({ path }) =>
    path.startsWith('~/') ? homes.map((home) => `${home}${path.slice(1)}`) : [path],
  )
  const folders = [
    ...homes,
    ...homes.map((home) => `${home}/.config`),
    ...asked.map((it) => posix.dirname(posix.normalize(it))),
  ]
  const found = new Map<string, number>()
  for (const folder of folders) {
    const facts = await host.stat(folder).catch(() => null)
    if (facts !== null) found.set(folder, facts.inode)
  }
  return found
}

/** Takes up new roots; returns those that are there no more, with what they still have to say. */
async function follow(
  roots: Map<string, Watched>,
  wanted: readonly Root[],
  now: number,
  wasMade: (path: string) => boolean,
): Promise<Watched[]> {
  const ended = [...roots.values()].filter((root) => !wanted.some((it) => it.path === root.path))
  for (const root of ended) {
    await root.wakes?.close()
    roots.delete(root.path)
  }
  for (const root of wanted)
    if (!roots.has(root.path))
      roots.set(root.path, {
        ...root,
        view: !root.mounted && wasMade(root.path) ? new Map() : null,
        wakes: null,
        stirredAt: null,
        restUntil: now,
        dueAt: now,
        pending: none(),
        pendingSince: now,
        reportedAt: Number.NEGATIVE_INFINITY,
        failure: null,
        sweptAt: now,
        over: false,
      })
  return ended
}

async function sweepRoot(
  host: Host,
  root: Watched,
  stamp: Stamp,
  budget: { left: number },
  watch: WatchFolder,
  onArchive: (path: string) => void,
): Promise<Found[]> {
  const said: Found[] = []
  const began = host.elapsed()
  const beganAt = host.now()
  root.stirredAt = null
  const { view, folders, denied, over, gone } = await sweep(host, root.path)
  if (gone !== null) {
    said.push(gap(stamp, root.path, gapReason(gone), gone))
  } else {
    const before = root.view
    if (root.wakes === null) said.push(...beginWatching(root, folders, budget, watch, host, stamp))
    if (before !== null) {
      // What a folder that cannot be read now held before is not gone, and not new when it can be read again.
      if (denied.size > 0) for (const [path, facts] of before) if (liesIn(denied, path)) view.set(path, facts)
      const fresh = newer(before, view)
      // Of more than we keep, which ones we see can change from sweep to sweep: then only what changed since counts.
      if (over || root.over)
        for (const path of fresh.keys()) if (view.get(path)!.modifiedMs < root.sweptAt) fresh.delete(path)
      for (const path of fresh.keys()) if (ARCHIVES.test(path)) onArchive(path)
      if (root.kind === 'autostart') said.push(...fileEvents(fresh, view, stamp))
      else if (fresh.size > 0) {
        if (root.pending.files === 0) root.pendingSince = began
        add(root.pending, fresh)
      }
    }
    root.view = view
    root.over = over
    root.sweptAt = beganAt
    if (denied.size > 0) said.push(gap(stamp, root.path, 'denied', 'folders below it', denied.size))
    if (over) said.push(gap(stamp, root.path, 'overflow', `more than ${MAX_FILES} files or ${MAX_FOLDERS} folders`))
  }
  if (root.failure !== null) {
    said.push(gap(stamp, `wakes of ${root.path}`, 'overflow', root.failure))
    root.failure = null
  }
  const ended = host.elapsed()
  root.restUntil = ended + (ended - began) * STIRRED_PAUSE_FACTOR
  root.dueAt = ended + Math.min(MAX_SWEEP_MS, Math.max(SWEEP_MS, (ended - began) * PAUSE_FACTOR))
  return said
}

function beginWatching(
  root: Watched,
  folders: number,
  budget: { left: number },
  watch: WatchFolder,
  host: Host,
  stamp: Stamp,
): Found[] {
  if (folders > budget.left) {
    root.wakes = { close: async () => {} }
    return [
      gap(stamp, `wakes of ${root.path}`, 'overflow', 'more folders than we may watch: seen once a minute', folders),
    ]
  }
  // Room for the folders that will be made.
  const maxFolders = Math.min(budget.left, folders * 2 + 64)
  budget.left -= maxFolders
  const wakes = watch(
    root.path,
    { depth: WATCH_DEPTH, maxFolders, ignore: IGNORED },
    // The first stir counts: in a long copy the later ones must not put the sweep off for ever.
    () => void (root.stirredAt ??= host.elapsed()),
    (cause) => void (root.failure ??= cause),
  )
  root.wakes = {
    close: async () => {
      budget.left += maxFolders
      await wakes.close()
    },
  }
  return []
}

type Stamp = { time: number; collector: string }

/** Every file below the root: where it is, how large, when it changed. Links are not followed, mounts are. */
async function sweep(host: Host, root: string) {
  const view: View = new Map()
  const denied = new Set<string>()
  const waiting: { path: string; depth: number }[] = [{ path: root, depth: 0 }]
  let folders = 0
  let over = false
  for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
    if (view.size >= MAX_FILES || ++folders > MAX_FOLDERS) {
      over = true
      break
    }
    let entries: Awaited<ReturnType<Host['entries']>>
    try {
      entries = await host.entries(folder.path)
    } catch (cause) {
      if (folder.depth === 0) return { view, folders, denied, over, gone: cause }
      if (gapReason(cause) === 'denied') denied.add(folder.path)
      continue
    }
    for (const { name, kind, size, modifiedMs, inode } of entries) {
      if (kind === 'folder' && folder.depth < MAX_DEPTH && !IGNORED.has(name))
        waiting.push({ path: `${folder.path}/${name}`, depth: folder.depth + 1 })
      else if (kind === 'file') {
        if (view.size >= MAX_FILES) over = true
        else view.set(`${folder.path}/${name}`, { size, modifiedMs, inode })
      }
    }
  }
  return { view, folders, denied, over, gone: null }
}

function liesIn(folders: ReadonlySet<string>, path: string): boolean {
  for (let folder = posix.dirname(path); folder !== '/'; folder = posix.dirname(folder))
    if (folders.has(folder)) return true
  return false
}

/** What is new, or changed, and by how many bytes it grew. A file that was moved within the root is neither. */
export function newer(
  before: ReadonlyMap<string, FileFacts>,
  now: ReadonlyMap<string, FileFacts>,
): Map<string, number> {
  const fresh = new Map<string, number>()
  let inodes: Map<number, FileFacts> | null = null
  for (const [path, facts] of now) {
    const last = before.get(path)
    if (last === undefined) {
      inodes ??= new Map([...before.values()].map((it) => [it.inode, it]))
      const moved = inodes.get(facts.inode)
      if (moved === undefined || moved.size !== facts.size || moved.modifiedMs !== facts.modifiedMs)
        fresh.set(path, facts.size)
    } else if (last.size !== facts.size || last.modifiedMs !== facts.modifiedMs || last.inode !== facts.inode)
      fresh.set(path, last.inode === facts.inode ? Math.max(0, facts.size - last.size) : facts.size)
  }
  return fresh
}

function fileEvents(fresh: Map<string, number>, view: View, stamp: Stamp): Found[] {
  const said: Found[] = [...fresh.keys()].slice(0, MAX_NAMED).map((path) => ({
    category: 'file_event',
    ...stamp,
    TargetFilename: bounded(path, 4_096),
    Image: null,
    Size: view.get(path)?.size ?? null,
  }))
  if (fresh.size > MAX_NAMED) said.push(gap(stamp, 'file_event', 'overflow', null, fresh.size - MAX_NAMED))
  return said
}

function add(burst: Burst, fresh: ReadonlyMap<string, number>): void {
  for (const [path, bytes] of fresh) {
    burst.files++
    burst.bytes += bytes
    if (ARCHIVES.test(path)) burst.archives++
    else if (SOURCES.test(path)) burst.sources++
  }
}

function* report(root: Watched, stamp: Stamp, time: number, last = false): Iterable<Found> {
  const { files, bytes, archives, sources } = root.pending
  if (files === 0) return
  const large = files >= AT_ONCE_FILES || bytes >= AT_ONCE_BYTES
  if (!large && !last && time - root.reportedAt < MERGE_MS) return
  yield {
    category: 'file_burst',
    ...stamp,
    Root: bounded(root.path, 4_096),
    RootKind: root.kind,
    Files: files,
    Bytes: bytes,
    Archives: archives,
    SourceFiles: sources,
    WindowSeconds: Math.max(1, Math.round((time - root.pendingSince) / 1_000)),
  }
  root.pending = none()
  root.reportedAt = time
}

function none(): Burst {
  return { files: 0, bytes: 0, archives: 0, sources: 0 }
}
