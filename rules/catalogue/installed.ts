/** Recognises tools among installed software, autostart entries and files in watched folders. */
import type { EventOf } from '../../wire/event.ts'
import { firstWord, toolsOfScript } from './command-line.ts'
import type { ToolEntry } from './entry.ts'
import { type FoundTool, found } from './found.ts'
import { baseName, folderOwner, programNameOf, toolsAt } from './programs.ts'
import { normalized } from './spelling.ts'
import type { ToolIndex } from './tool-index.ts'

/** Endings that a package manager or desktop adds to a name: 'code:amd64', 'firefox:snap', 'anydesk.desktop'. */
const ADDED = /^(?::[a-z0-9]+|\.(?:desktop|plist|lnk|service))$/i

export function fromSoftware(index: ToolIndex, event: EventOf<'software'>): FoundTool[] | undefined {
  const { Name: name, Identifier: id } = event
  if (event.Kind === 'browser_extension') {
    const tool = index.extensions.get(id ?? name) ?? index.extensions.get(name)
    return tool && found([tool], 'package')
  }
  if (event.Kind === 'service' || event.Kind === 'login_item')
    return found(service(index, name) ?? (id === null ? undefined : service(index, id)), 'service')
  return (
    found(index.packages.find(name) ?? (id === null ? undefined : packageOf(index, name, id)), 'package') ??
    (event.Kind === 'application' ? found(index.titles.find(name, 0, titleEnd(name)), 'package') : undefined) ??
    (event.Publisher === null ? undefined : found(index.publishers.find(event.Publisher), 'signer'))
  )
}

export function fromAutostart(index: ToolIndex, event: EventOf<'autostart'>): FoundTool[] | undefined {
  const named = service(index, event.Name)
  if (named || event.Command === null) return found(named, 'service')
  const first = firstWord(event.Command)
  if (first === null) return undefined
  const seen = programNameOf(index, first)
  const runs = seen.programs?.find((it) => it.kind === 'interpreter')
  return found(
    toolsAt(index, seen, event.product) ?? (runs && toolsOfScript(index, event.product, event.Command, runs.python)),
    'path',
  )
}

export function fromFile(index: ToolIndex, event: EventOf<'file_event'>): FoundTool[] | undefined {
  const path = normalized(event.TargetFilename)
  const name = baseName(path)
  const starter = withoutAdded(name)
  return (
    found(service(index, name) ?? (starter === name ? undefined : index.titles.find(starter)), 'service') ??
    found(index.files.find(name) ?? folderOwner(index, path, path.length), 'path')
  )
}

/** A unit, a launchd label or a Windows service. */
function service(index: ToolIndex, name: string): readonly ToolEntry[] | undefined {
  const own = withoutAdded(name)
  return index.services.find(own) ?? index.packages.find(own)
}

function packageOf(index: ToolIndex, name: string, id: string): readonly ToolEntry[] | undefined {
  // The id is the name with an ending, which was not found.
  if (id.startsWith(name) && (id.length === name.length || id.charCodeAt(name.length) === 58)) return undefined
  return index.packages.find(id) ?? index.packages.find(withoutAdded(id))
}

function withoutAdded(name: string): string {
  const at = Math.max(name.lastIndexOf('.'), name.lastIndexOf(':'))
  return at > 0 && ADDED.test(name.slice(at)) ? name.slice(0, at) : name
}

/** 'TeamViewer 15.50' is TeamViewer. */
function titleEnd(name: string): number {
  for (let at = 1; at < name.length; at++) {
    const code = name.charCodeAt(at)
    if (code >= 48 && code <= 57 && name.charCodeAt(at - 1) === 32) return at - 1
  }
  return name.length
}
