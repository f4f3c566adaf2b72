/** The files of a package, before they take one of its forms. Same tree, same bytes: sorted, with fixed owners and modes. */
import {
  chmodSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'

/** A file; or a link to `link`. Paths are relative, with '/'. */
export type Item = { bytes: Buffer; isProgram?: boolean } | { link: string }
export type Tree = Map<string, Item>

export const textItem = (text: string, isProgram = false): Item => ({ bytes: Buffer.from(text), isProgram })

/** Every file below `folder` that `wanted` accepts by its relative path, put below `at`. */
export function addFolder(
  tree: Tree,
  folder: string,
  at: string,
  wanted: (path: string) => boolean = () => true,
): void {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const file = join(entry.parentPath, entry.name)
    const path = file.slice(folder.length + 1).replaceAll('\\', '/')
    if (wanted(path)) tree.set(`${at}/${path}`, { bytes: readFileSync(file) })
  }
}

/** In an order that does not depend on the language of the system. */
export function sorted(tree: Tree): [string, Item][] {
  return [...tree].sort(([a], [b]) => (a < b ? -1 : 1))
}

/** Every folder that the files are in, sorted. */
export function foldersOf(tree: Tree): string[] {
  const folders = new Set<string>()
  for (const path of tree.keys()) for (let at = dirname(path); at !== '.'; at = dirname(at)) folders.add(at)
  return [...folders].sort((a, b) => (a < b ? -1 : 1))
}

export function modeOf(item: Item): number {
  return 'bytes' in item && item.isProgram ? 0o755 : 0o644
}

/** Writes the tree below `to`, for tools that read folders. `epoch`: seconds; every time is set to it. */
export function writeTree(tree: Tree, to: string, epoch: number): void {
  mkdirSync(to, { recursive: true, mode: 0o755 })
  const folders = foldersOf(tree).map((it) => join(to, it))
  for (const folder of folders) mkdirSync(folder, { mode: 0o755 })
  for (const [path, item] of sorted(tree)) {
    const file = join(to, path)
    if ('link' in item) {
      symlinkSync(item.link, file)
      lutimesSync(file, epoch, epoch)
      continue
    }
    writeFileSync(file, item.bytes)
    chmodSync(file, modeOf(item))
    utimesSync(file, epoch, epoch)
  }
  for (const folder of [to, ...folders]) {
    chmodSync(folder, 0o755) // whatever the umask is
    utimesSync(folder, epoch, epoch)
  }
}
