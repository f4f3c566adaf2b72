/**
 * The tool that people mean by a name: `NinjaOne`, `ninjarmm`, `TeamViewer Host`, `Nextcloud` or the catalogue's own id.
 *
 * Shape   `toolIdOf` returns the catalogue's id, or the name in lower case when the catalogue does not know it, so that
 *         two spellings of one tool are equal, and an unknown name equals itself in any case.
 *         Compared are letters and digits only. A name is the tool's own name, each part of it around '/', ',' or
 *         brackets, with or without its maker's, and the executables, services and packages that identify it alone; what
 *         several tools have in common names none of them. Words such as 'Host' or 'for Windows' at the end make no other tool.
 */
import type { ToolEntry, ToolFile } from './entry.ts'
import { normalized } from './spelling.ts'
import toolFile from './tools.json' with { type: 'json' }

/** Of a pattern such as 'ConnectWiseControl*.exe', the beginning is a name when it is as long as this. */
const MIN_PATTERN = 6
const QUALIFIED = /\((personal|web|desktop|browser extension)/
const MAX_REMEMBERED = 4_096
/** Words after a tool's name that say which part of it is meant. */
const PARTS = new Set([
  ...['host', 'client', 'agent', 'service', 'server', 'desktop', 'portable', 'viewer', 'app', 'application', 'setup'],
  ...['quicksupport', 'quick', 'support', 'remote', 'for', 'windows', 'macos', 'mac', 'linux', 'inc', 'ltd', 'llc'],
  ...['pro', 'business', 'free', 'msi', 'x64', 'x86', 'exe', 'the', 'by'],
])

export function toolIdOf(name: string): string {
  index ??= indexNames((toolFile as unknown as ToolFile).tools)
  const known = remembered.get(name)
  if (known !== undefined) return known
  if (remembered.size >= MAX_REMEMBERED) remembered.clear()
  const id = resolve(name, index)
  remembered.set(name, id)
  return id
}

/** Whether two names mean one tool. */
export function isSameTool(a: string, b: string): boolean {
  return toolIdOf(a) === toolIdOf(b)
}

/** The catalogue's name for the tool; null when it does not know it. */
export function toolNameOf(name: string): string | null {
  const id = toolIdOf(name)
  return names.get(id) ?? null
}

/** The catalogue's category of the tool; null when it does not know it. */
export function toolCategoryOf(name: string): string | null {
  const id = toolIdOf(name)
  return categories.get(id) ?? null
}

/** Null: several tools have this name. */
type NameIndex = ReadonlyMap<string, string | null>

let index: NameIndex | undefined
const names = new Map<string, string>()
const categories = new Map<string, string>()
const remembered = new Map<string, string>()

function resolve(name: string, known: NameIndex): string {
  const words = normalized(name)
    .toLowerCase()
    .replace(/\.exe$/, '')
    .split(/[^\p{L}\p{N}]+/u)
    .filter((it) => it !== '')
  for (let length = words.length; length > 0; length--) {
    const id = known.get(words.slice(0, length).join(''))
    if (id != null) return id
    // Only what says nothing about which tool it is may be left away.
    const last = words[length - 1]!
    if (!PARTS.has(last) && !/^v?\d+$/.test(last)) break
  }
  return normalized(name).toLowerCase().trim().replace(/\s+/g, ' ')
}

function indexNames(tools: readonly ToolEntry[]): NameIndex {
  const found = new Map<string, string | null>()
  const add = (name: string, id: string) => {
    const key = keyOf(name)
    if (key === '') return
    const other = found.get(key)
    found.set(key, other === undefined || other === id ? id : null)
  }
  for (const tool of tools) {
    names.set(tool.id, tool.name)
    categories.set(tool.id, tool.category)
    for (const name of aliasesOf(tool)) add(name, tool.id)
  }
  // A tool's own name and id mean that tool, whatever others call a part of theirs. Of equal names, none.
  const own = Map.groupBy(tools, (it) => keyOf(it.name))
  for (const [key, same] of own) found.set(key, same.length === 1 ? same[0]!.id : null)
  for (const tool of tools) found.set(keyOf(tool.id), tool.id)
  return found
}

function aliasesOf(tool: ToolEntry): string[] {
  // 'OneDrive (personal)' is not what people mean by OneDrive: such a tool has its full name only.
  if (QUALIFIED.test(tool.name)) return []
  const parts = tool.name.split(/[()/,]| and /).map((it) => it.trim())
  const makers = [...(tool.publishers ?? []), ...(tool.weakPublishers ?? [])].map((it) => it.split(/[ ,]/)[0]!)
  const programs = Object.values(tool.names ?? {})
    .flat()
    .map((it) => it.replace(/\.exe$/i, ''))
  const withMaker = makers.flatMap((maker) => parts.map((it) => `${maker} ${it}`))
  return [...parts, ...withMaker, ...programs, ...(tool.services ?? []), ...(tool.packages ?? [])].flatMap((it) => {
    const star = it.search(/[*?]/)
    if (star === -1) return [it]
    return star >= MIN_PATTERN ? [it.slice(0, star)] : []
  })
}

function keyOf(name: string): string {
  return normalized(name)
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '')
}
