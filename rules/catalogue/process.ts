/**
 * Recognises tools in process starts.
 *
 * Shape   by its name, its folder, its arguments, its signer, and the names inside the binary, in this order.
 *         `renamed`: recognised by something other than the file's name, and that name does not contain the tool's, as
 *         'AnyDesk (1).exe' does; or the name was disguised.
 * Silent  names that other software has too, unless publisher, product, folder or parent is the same tool's.
 */
import type { EventOf } from '../../wire/event.ts'
import { firstWord, holds, isUnattended, toolsOfInstaller, toolsOfScript } from './command-line.ts'
import type { ToolEntry } from './entry.ts'
import { type FoundTool, found, merged, one } from './found.ts'
import { programNameOf, programPathOf, projectOwner, toolsAt, toolsNamed } from './programs.ts'
import { normalized } from './spelling.ts'
import type { ProgramName, ToolIndex } from './tool-index.ts'

type Process = EventOf<'process_creation'>

export function fromProcess(index: ToolIndex, event: Process): FoundTool[] | undefined {
  // An agent that may not read another user's executable still sees its command line.
  const image = event.Image ?? (event.CommandLine === null ? null : firstWord(event.CommandLine))
  let list: FoundTool[] | undefined
  if (image !== null) {
    const seen = programPathOf(index, image)
    list =
      found(toolsNamed(seen, event.product), 'name', seen.disguised) ??
      found(seen.owner, 'path') ??
      (seen.programs && fromEveryday(index, seen, event))
    list = fromInside(index, seen, event, list)
  }
  return list && event.CommandLine !== null ? withAccess(index, list, event.CommandLine.toLowerCase()) : list
}

/** A name that identifies no tool by itself. */
function fromEveryday(index: ToolIndex, seen: ProgramName, event: Process): FoundTool[] | undefined {
  let list: FoundTool[] | undefined
  let lower: string | null = null
  for (const program of seen.programs ?? []) {
    const line = event.CommandLine
    if (program.kind === 'weak') list = merged(list, fromWeak(index, program.tool, seen, event))
    if (line === null) continue
    if (program.kind === 'command' && holds(program.mark, (lower ??= line.toLowerCase())))
      list = merged(list, [one(program.tool, 'command')])
    if (program.kind === 'installer') list = merged(list, found(toolsOfInstaller(index, line), 'name'))
    if (program.kind !== 'interpreter') continue
    list = merged(list, found(toolsOfScript(index, event.product, line, program.python), 'path'))
    if (!list && program.python && event.CurrentDirectory !== null)
      list = found(projectOwner(index, event.CurrentDirectory), 'path')
  }
  return list
}

function fromWeak(index: ToolIndex, tool: ToolEntry, seen: ProgramName, event: Process): FoundTool[] | undefined {
  const makers = [...(tool.publishers ?? []), ...(tool.weakPublishers ?? [])].map((it) => normalized(it).toLowerCase())
  const isMaker = (signer: string | null) =>
    signer !== null && makers.includes(normalized(nameOf(signer)).toLowerCase())
  if (isMaker(event.Signer) || isMaker(event.Company)) return [one(tool, 'signer')]
  const title = tool.name.toLowerCase()
  if (event.Product !== null && normalized(event.Product).toLowerCase() === title) return [one(tool, 'name')]
  if (seen.path.slice(0, seen.start).toLowerCase().split(/[\\/]/).includes(title)) return [one(tool, 'path')]
  const parent = event.ParentImage === null ? undefined : programNameOf(index, event.ParentImage)
  return parent && toolsAt(index, parent, event.product)?.includes(tool) ? [one(tool, 'path')] : undefined
}

/** The facts in the binary: signer, product and original name. */
function fromInside(index: ToolIndex, seen: ProgramName, event: Process, list: FoundTool[] | undefined) {
  const { Signer, Company, Product, OriginalFileName } = event
  if (Signer === null && Company === null && Product === null && OriginalFileName === null) return list
  // An unlisted part of a tool is not renamed while it has its original name.
  const built = OriginalFileName === null || isSameName(OriginalFileName, seen) ? null : OriginalFileName
  const renamed = OriginalFileName === null || built !== null
  let all = list
  for (const maker of [Signer, Company]) {
    const tools = maker === null ? undefined : index.publishers.find(nameOf(maker))
    // A maker of several tools: the name has already identified one.
    if (tools && !all?.some((it) => tools.some((tool) => tool.id === it.id)))
      all = merged(all, foundUnder(seen, tools, 'signer', renamed))
  }
  if (Product !== null) all = merged(all, foundUnder(seen, index.titles.find(Product), 'name', renamed))
  if (built !== null)
    all = merged(all, foundUnder(seen, toolsNamed(programNameOf(index, built), 'windows'), 'name', true))
  return all
}

function foundUnder(
  { path, start, end }: ProgramName,
  tools: readonly ToolEntry[] | undefined,
  by: FoundTool['by'],
  renamed: boolean,
): FoundTool[] | undefined {
  const list = found(tools, by, renamed)
  if (!list || !renamed) return list
  const base = letters(path.slice(start, end))
  return list.map((it) => {
    const tool = tools!.find(({ id }) => id === it.id)
    return tool && namesOf(tool).some((name) => base.includes(name)) ? { ...it, renamed: false } : it
  })
}

/** By which a file may be called and still bear the tool's name: of four letters at least, or it would be in any word. */
function namesOf({ id, name, names }: ToolEntry): string[] {
  const files = Object.values(names ?? {}).flat()
  return [id, name, ...files].map((it) => letters(it.replace(/\.(exe|appimage)$/i, ''))).filter((it) => it.length >= 4)
}

function letters(name: string): string {
  return normalized(name)
    .toLowerCase()
    .replace(/[^a-z0-9]/g, '')
}

function isSameName(name: string, { path, start, end }: ProgramName): boolean {
  return name.length === end - start && name.toLowerCase() === path.slice(start, end).toLowerCase()
}

/** A distinguished name is written 'CN=AnyDesk Software GmbH, O=…'. */
function nameOf(signer: string): string {
  return signer.startsWith('CN=') ? (signer.slice(3).split(',', 1)[0] ?? '') : signer
}

function withAccess(index: ToolIndex, list: FoundTool[], lower: string): FoundTool[] {
  return list.map((it) => {
    const tool = index.byId.get(it.id)
    return { ...it, unattended: tool ? isUnattended(tool, lower) : null }
  })
}
