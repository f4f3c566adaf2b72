/**
 * Recognises programs by name and by folder.
 *
 * Shape   names are compared after `normalized`, so that case, full-width letters, look-alikes, invisible characters,
 *         trailing blanks and dots, '.exe' twice and a browser's ' (1)' make no difference.
 */
import type { ToolEntry } from './entry.ts'
import { folded, HASH_START, hashEnd, hashOf, hashStep, MAX_NAME, NON_ASCII } from './names.ts'
import { isDisguised, normalized } from './spelling.ts'
import { type ProgramName, type ProgramPath, SYSTEM_BITS, type ToolIndex } from './tool-index.ts'

/** No known folder is deeper than this. */
const MAX_FOLDER = 256
const HOMES = ['/home/', '/Users/', '\\Users\\', '/users/', '\\users\\']

/** Laptops run the same few thousand programs all day, so results are remembered: the number and length of paths. */
const MAX_REMEMBERED = 4_096
const MAX_REMEMBERED_CHARS = 256

export function programPathOf(index: ToolIndex, image: string): ProgramPath {
  const known = index.places.get(image)
  if (known) return known
  const seen = programNameOf(index, image)
  const it: ProgramPath = { ...seen, owner: folderOwner(index, seen.path, seen.end) }
  if (image.length > MAX_REMEMBERED_CHARS) return it
  if (index.places.size >= MAX_REMEMBERED) index.places.clear()
  index.places.set(image, it)
  return it
}

export function programNameOf(index: ToolIndex, image: string): ProgramName {
  const end = endOf(image)
  const start = baseOf(image, end)
  const hash = hashOf(image, start, Math.min(end, start + MAX_NAME))
  if (hash === NON_ASCII) return nonAsciiProgramNameOf(index, image)
  const programs = index.programs.findAscii(hash, image, start, end)
  const single = programs ? null : withoutDoubles(image, start, end)
  if (single === null) return { path: image, start, end, programs, disguised: false }
  return { path: image, start, end, programs: index.programs.find(single.name), disguised: single.disguised }
}

function nonAsciiProgramNameOf(index: ToolIndex, image: string): ProgramName {
  const path = normalized(image)
  const end = endOf(path)
  const start = baseOf(path, end)
  const name = withoutDoubles(path, start, end)?.name ?? path.slice(start, end)
  return { path, start, end, programs: index.programs.find(name), disguised: isDisguised(baseName(image)) }
}

/** The tools that a name identifies by itself on this system. */
export function toolsNamed({ programs }: ProgramName, product: string): ToolEntry[] | undefined {
  if (!programs) return undefined
  const system = SYSTEM_BITS[product] ?? 0
  const tools: ToolEntry[] = []
  for (const it of programs)
    if (it.kind === 'tool' && (it.systems & system) !== 0 && !tools.includes(it.tool)) tools.push(it.tool)
  return tools.length > 0 ? tools : undefined
}

/** By name, or by folder. */
export function toolsAt(index: ToolIndex, seen: ProgramName, product: string): readonly ToolEntry[] | undefined {
  return toolsNamed(seen, product) ?? folderOwner(index, seen.path, seen.end)
}

/** The tool that owns a folder above the file, the outermost first. One pass, a look-up at each separator. */
export function folderOwner(index: ToolIndex, path: string, end: number): readonly ToolEntry[] | undefined {
  // '\\?\C:\…' is how Windows writes long paths.
  const long = path.charCodeAt(0) === 92 && path.startsWith('\\\\?\\') ? 4 : 0
  const from = path.charCodeAt(long + 1) === 58 ? long + 2 : long
  const home = homeEnd(path, from)
  return above(index.folders, path, from, end) ?? (home === -1 ? undefined : above(index.homeFolders, path, home, end))
}

/** The tool whose source folder a script is in. */
export function projectOwner(index: ToolIndex, path: string): readonly ToolEntry[] | undefined {
  let start = 0
  for (let at = 0; at <= path.length && at < MAX_FOLDER; at++) {
    const code = path.charCodeAt(at)
    if (at < path.length && code !== 47 && code !== 92) continue
    const tools = at > start ? index.projects.find(path, start, at) : undefined
    if (tools) return tools
    start = at + 1
  }
  return undefined
}

export function baseName(path: string): string {
  return path.slice(baseOf(path, path.length))
}

export function baseOf(path: string, end: number): number {
  for (let at = end - 1; at >= 0; at--) {
    const code = path.charCodeAt(at)
    if (code === 47 || code === 92) return at + 1
  }
  return 0
}

/** Linux adds ' (deleted)' when the file of a running program was deleted; Windows drops trailing blanks and dots. */
function endOf(path: string): number {
  let end = path.endsWith(' (deleted)') ? path.length - 10 : path.length
  while (end > 0 && (path.charCodeAt(end - 1) === 32 || path.charCodeAt(end - 1) === 46)) end--
  return end
}

/** 'anydesk.exe.exe', 'anydesk .exe', 'AnyDesk (1).exe', 'anydesk - Copy.exe'. Null: nothing of the kind. */
function withoutDoubles(path: string, start: number, end: number): { name: string; disguised: boolean } | null {
  const dot = end - 4
  const isExe = dot > start && path.charCodeAt(dot) === 46 && isLike(path, dot + 1, 'exe')
  const last = path.charCodeAt((isExe ? dot : end) - 1) | 32
  // ')', 'y', 'e', ' ' or '.', in either case: nothing else ends so, and most names need no second look.
  if (last !== 41 && last !== 121 && last !== 101 && last !== 32 && last !== 46) return null
  const stem = path.slice(start, isExe ? dot : end)
  const single = stem.replace(/(?:\.exe|[ .])+$/i, '')
  const original = single.replace(/(?: ?\(\d{1,3}\)| - copy)$/i, '')
  if (original === stem || original === '') return null
  return { name: isExe ? `${original}.exe` : original, disguised: single !== stem }
}

/** `text` is lower-case letters. */
function isLike(path: string, at: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) if ((path.charCodeAt(at + i) | 32) !== text.charCodeAt(i)) return false
  return true
}

function homeEnd(path: string, from: number): number {
  // The third letter of home, Users and root; most paths begin with '/usr' and end here.
  const third = path.charCodeAt(from + 3) | 32
  if (third !== 109 && third !== 101 && third !== 111) return -1
  if (path.startsWith('/root/', from)) return from + 5
  for (const home of HOMES)
    if (path.startsWith(home, from)) return path.indexOf(home.charAt(home.length - 1), from + home.length)
  return -1
}

function above(
  folders: ToolIndex['folders'],
  path: string,
  from: number,
  end: number,
  isPlain = false,
): readonly ToolEntry[] | undefined {
  let hash = HASH_START
  for (let at = from; at < end && at < MAX_FOLDER; at++) {
    const code = path.charCodeAt(at)
    if (at > from && (code === 47 || code === 92)) {
      const tools = folders.findHashed(hashEnd(hash), path, from, at)
      if (tools) return tools
    }
    const own = folded(code)
    if (own === 0 && !isPlain) {
      const rest = normalized(path.slice(from, end))
      return above(folders, rest, 0, rest.length, true)
    }
    hash = hashStep(hash, own || code)
  }
  return undefined
}
