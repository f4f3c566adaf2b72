/**
 * Lists the files below a folder, and compares two such lists.
 *
 * Shape   a view per folder: names, sizes and times of up to 100,000 files; for the folders beyond, only sums, so that
 *         bulk changes are seen in a root of any size. A file that was moved within the root is not new, unless one of
 *         the two folders has sums only.
 * Units   `bytes`: the sizes of new files and the growth of existing ones; what a file takes on the disk if that is
 *         less, so that a file with holes is as large as what was written. Network file systems and FUSE often do not
 *         say: there, the length counts.
 * Errors  folders that cannot be read are in `denied` if they are not ours to read, otherwise in `failed`; one that is
 *         gone is in neither. Folders beyond 20,000 folders, 1,000,000 files or 16 levels are counted in `skipped`, and
 *         not read, or in part. Links are not followed, mounts are.
 */
import { posix } from 'node:path'
import { gapReason } from '../../collect.ts'
import type { Host } from '../../host/host.ts'

export interface SweepLimits {
  namedFiles: number
  files: number
  folders: number
  depth: number
}
export const SWEEP_LIMITS: SweepLimits = { namedFiles: 100_000, files: 1_000_000, folders: 20_000, depth: 16 }

export const IGNORED_FOLDERS: ReadonlySet<string> = new Set(['.git', 'node_modules'])
const ARCHIVES = /\.(zip|z\d{2}|7z|rar|tar|gz|tgz|bz2|tbz2|xz|txz|zst)(\.\d{3})?$/i
const SOURCES =
  /\.(c|h|cc|cpp|cxx|hpp|cs|java|kt|kts|scala|go|rs|py|rb|php|pl|lua|swift|m|mm|js|mjs|cjs|jsx|ts|tsx|vue|svelte|sql|sh|ps1|tf|sol|proto|r|jl|dart|ex|exs|erl|hs|ml|clj|ipynb)$/i

export interface FileFacts {
  size: number
  modifiedMs: number
  inode: number
}
export interface Tally {
  files: number
  bytes: number
  archives: number
  sources: number
}
/**
 * For a folder whose files are not listed by name. `recent`: the files that were written since the last sweep began.
 */
export interface Sums extends Tally {
  recent: Tally
}
/** One folder: its files by name, or only their sums. */
export type FolderView = ReadonlyMap<string, FileFacts> | Sums
export type View = Map<string, FolderView>

export interface Sweep {
  view: View
  folders: number
  denied: ReadonlySet<string>
  failed: ReadonlySet<string>
  /** Of the last one of `failed`. */
  failure: unknown
  skipped: number
  /** Archives written after `since` in folders that have sums only. */
  archives: string[]
  /** Why the root itself cannot be read. */
  rootError: unknown
}

/** `since`: when the last sweep began, by the wall clock, like the times of files. */
export async function sweep(
  host: Host,
  root: string,
  since: number,
  limits = SWEEP_LIMITS,
  countsBlocks = false,
): Promise<Sweep> {
  const view: View = new Map()
  const denied = new Set<string>()
  const failed = new Set<string>()
  const archives: string[] = []
  const waiting = [{ path: root, depth: 0 }]
  const about = { view, denied, failed, archives, failure: null as unknown, rootError: null as unknown }
  const result = { ...about, folders: 0, skipped: 0 }
  let [named, files] = [0, 0]
  for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
    if (files >= limits.files || result.folders >= limits.folders) {
      result.skipped += waiting.length + 1
      break
    }
    result.folders++
    const listed = listing(limits.namedFiles - named, since)
    try {
      for await (const part of host.parts(folder.path)) {
        for (const it of part) {
          if (it.kind === 'file') listed.add(countsBlocks ? { ...it, size: Math.min(it.size, it.allocated) } : it)
          if (it.kind !== 'folder' || IGNORED_FOLDERS.has(it.name)) continue
          const isWithin = folder.depth < limits.depth && waiting.length < limits.folders
          if (isWithin) waiting.push({ path: `${folder.path}/${it.name}`, depth: folder.depth + 1 })
          else result.skipped++
        }
        if (files + listed.count < limits.files) continue
        result.skipped++
        break
      }
    } catch (cause) {
      if (folder.depth === 0) return { ...result, rootError: cause }
      const { code } = cause as NodeJS.ErrnoException
      if (gapReason(cause) === 'denied') denied.add(folder.path)
      else if (code !== 'ENOENT' && code !== 'ENOTDIR') {
        failed.add(folder.path)
        result.failure = cause
      }
      continue
    }
    files += listed.count
    if (listed.names !== null) named += listed.names.size
    view.set(folder.path, listed.names ?? listed.sums)
    for (const name of listed.archives) archives.push(`${folder.path}/${name}`)
  }
  return result
}

/** The files of one folder, of which `room` keep their names: with one more, all of them are sums. */
function listing(room: number, since: number) {
  const sums = { ...emptyTally(), recent: emptyTally() }
  const archives: string[] = []
  let names: Map<string, FileFacts> | null = new Map()
  let count = 0
  return {
    add,
    sums,
    archives,
    get names() {
      return names
    },
    get count() {
      return count
    },
  }

  function add({ name, size, modifiedMs, inode }: FileFacts & { name: string }): void {
    count++
    if (names !== null && names.size < room) {
      names.set(name, { size, modifiedMs, inode })
      return
    }
    for (const [known, facts] of names ?? []) addSum(known, facts)
    names = null
    addSum(name, { size, modifiedMs })
  }

  function addSum(name: string, { size, modifiedMs }: Pick<FileFacts, 'size' | 'modifiedMs'>): void {
    addFile(sums, name, size)
    if (modifiedMs < since) return
    addFile(sums.recent, name, size)
    if (isArchive(name)) archives.push(name)
  }
}

export interface Changes extends Tally {
  /** New and changed files with known names: path → bytes. */
  named: Map<string, number>
}

/**
 * New and changed files, and by how many bytes they grew. `since` not null: the last sweep skipped folders, so in a
 * folder that it did not read, only files written since then count.
 */
export function changes(before: View, now: View, since: number | null = null): Changes {
  const found: Changes = { ...emptyTally(), named: new Map() }
  let inodes: ReadonlyMap<number, FileFacts> | null = null
  for (const [folder, files] of now) {
    const last = before.get(folder)
    if (isSums(files) || isSums(last)) {
      const isUnknown = last === undefined && since !== null
      addGrowth(found, sumsOf(last), isUnknown && isSums(files) ? files.recent : sumsOf(files))
      continue
    }
    for (const [name, facts] of files) {
      if (last === undefined && since !== null && facts.modifiedMs < since) continue
      const old = last?.get(name)
      const bytes = old === undefined ? newBytes(facts, (inodes ??= inodesOf(before))) : grownBytes(facts, old)
      if (bytes === null) continue
      found.named.set(`${folder}/${name}`, bytes)
      addFile(found, name, bytes)
    }
  }
  return found
}

/** Keeps the previous view of unreadable folders, so that their files are not new when they are readable again. */
export function keepDenied(before: View, now: View, denied: ReadonlySet<string>): void {
  if (denied.size === 0) return
  for (const [folder, files] of before)
    for (let it = folder; it !== '/' && it !== '.'; it = posix.dirname(it)) if (denied.has(it)) now.set(folder, files)
}

export function isArchive(name: string): boolean {
  return ARCHIVES.test(name)
}

export function emptyTally(): Tally {
  return { files: 0, bytes: 0, archives: 0, sources: 0 }
}

/** Null: a known file that was moved. */
function newBytes(facts: FileFacts, inodes: ReadonlyMap<number, FileFacts>): number | null {
  const moved = inodes.get(facts.inode)
  const isMoved = moved !== undefined && moved.size === facts.size && moved.modifiedMs === facts.modifiedMs
  return isMoved ? null : facts.size
}

/** Null: unchanged. */
function grownBytes(facts: FileFacts, old: FileFacts): number | null {
  if (old.inode !== facts.inode) return facts.size
  if (old.size === facts.size && old.modifiedMs === facts.modifiedMs) return null
  return Math.max(0, facts.size - old.size)
}

function inodesOf(view: View): Map<number, FileFacts> {
  const inodes = new Map<number, FileFacts>()
  for (const files of view.values())
    if (!isSums(files)) for (const facts of files.values()) inodes.set(facts.inode, facts)
  return inodes
}

function addGrowth(sum: Tally, before: Tally, now: Tally): void {
  for (const field of ['files', 'bytes', 'archives', 'sources'] as const)
    sum[field] += Math.max(0, now[field] - before[field])
}

function sumOf(files: Iterable<{ name: string; size: number }>): Tally {
  const sum = emptyTally()
  for (const { name, size } of files) addFile(sum, name, size)
  return sum
}

function sumsOf(files: FolderView | undefined): Tally {
  if (isSums(files)) return files
  return sumOf([...(files ?? [])].map(([name, { size }]) => ({ name, size })))
}

function addFile(sum: Tally, name: string, bytes: number): void {
  sum.files++
  sum.bytes += bytes
  if (ARCHIVES.test(name)) sum.archives++
  else if (SOURCES.test(name)) sum.sources++
}

function isSums(files: FolderView | undefined): files is Sums {
  return files !== undefined && 'recent' in files
}
