/**
 * Tools, recognised in what the agent reports.
 *
 * Shape   by executable name, folder, signer, service, package, host name, distinctive port or tunnel interface. What
 *         was removed is not there and is not recognised. A tool is reported once per event, by the first that told.
 * Silent  names that other software has too, without its publisher; a host a browser visited; loopback listeners.
 */
import type { Event, EventOf } from '../../wire/event.ts'
import type { CatalogueFacts } from '../../wire/recording.ts'
import type { System, ToolEntry } from './entry.ts'
import { HASH_START, hashEnd, hashStep, matches, Names } from './names.ts'

export type FoundTool = NonNullable<CatalogueFacts['tools']>[number]
type By = FoundTool['by']

const SYSTEMS: Record<string, number> = { windows: 1, linux: 2, macos: 4 }
const ANY_SYSTEM = 7
const MAX_FOUND = 16
const MAX_LABELS = 8
/** Deeper than this no known folder lies, and options before a script's name are few. */
const MAX_FOLDER = 256
const MAX_OPTIONS = 16
/** A person who reads a vendor's web page runs no tool. */
const BROWSERS = [
  ...[
    'chrome',
    'chrome.exe',
    'google chrome',
    'google-chrome',
    'chromium',
    'chromium-browser',
    'firefox',
    'firefox.exe',
  ],
  ...['firefox-esr', 'firefox-bin', 'msedge', 'msedge.exe', 'microsoft edge', 'safari', 'com.apple.webkit.networking'],
  ...['brave', 'brave.exe', 'brave browser', 'opera', 'opera.exe', 'vivaldi', 'vivaldi-bin', 'vivaldi.exe', 'arc'],
]
/** They run what is named after them. */
const INTERPRETERS = [
  ...['python', 'python2', 'python3', 'python2.7', 'perl', 'ruby', 'node', 'bash', 'sh', 'dash', 'zsh', 'java', 'mono'],
  ...Array.from({ length: 10 }, (_, minor) => `python3.${minor + 6}`),
]

interface Executable {
  tool: ToolEntry
  /** Bits of SYSTEMS. */
  systems: number
}

export interface ToolIndex {
  byId: Map<string, ToolEntry>
  executables: Names<Executable>
  /** Names that tell only together with their tool's publisher. */
  weak: Names<ToolEntry>
  folders: Names<ToolEntry>
  publishers: Names<ToolEntry>
  services: Names<ToolEntry>
  packages: Names<ToolEntry>
  /** Names a person sees: applications and the tools' own logs. */
  titles: Names<ToolEntry>
  domains: Names<{ tool: ToolEntry; pattern: string | null }>
  ports: Map<number, ToolEntry>
  interfaces: { tool: ToolEntry; pattern: string; mtu: number | null }[]
  resolvers: Map<string, ToolEntry>
  browsers: Names<true>
  interpreters: Names<true>
}

export function indexTools(tools: readonly ToolEntry[]): ToolIndex {
  const index: ToolIndex = {
    byId: new Map(tools.map((tool) => [tool.id, tool])),
    executables: new Names(),
    weak: new Names(),
    folders: new Names(),
    publishers: new Names(),
    services: new Names(),
    packages: new Names(),
    titles: new Names(),
    domains: new Names(),
    ports: new Map(),
    interfaces: [],
    resolvers: new Map(),
    browsers: new Names(),
    interpreters: new Names(),
  }
  for (const tool of tools) addTool(index, tool)
  for (const name of BROWSERS) index.browsers.add(name, true)
  for (const name of INTERPRETERS) index.interpreters.add(name, true)
  return index
}

function addTool(index: ToolIndex, tool: ToolEntry): void {
  for (const [system, names] of Object.entries(tool.names ?? {}) as [System, string[]][])
    for (const name of names) {
      // 'anydesk.exe' on Linux is AnyDesk under Wine; a pattern is too loose to leave its own system.
      const anywhere = system === 'windows' && !name.includes('*')
      index.executables.add(name, { tool, systems: anywhere ? ANY_SYSTEM : (SYSTEMS[system] ?? 0) })
    }
  for (const name of tool.weakNames ?? []) index.weak.add(name, tool)
  for (const folders of Object.values(tool.paths ?? {})) for (const folder of folders) index.folders.add(folder, tool)
  for (const publisher of tool.publishers ?? []) index.publishers.add(publisher, tool)
  for (const service of tool.services ?? []) index.services.add(service, tool)
  for (const id of tool.packages ?? []) index.packages.add(id, tool)
  if (titled(tool)) index.titles.add(tool.name, tool)
  for (const domain of tool.domains ?? []) addDomain(index, tool, domain)
  for (const port of tool.distinctivePorts ?? []) index.ports.set(port, tool)
  for (const pattern of tool.interfaces ?? []) index.interfaces.push({ tool, pattern, mtu: null })
  for (const { interface: pattern, mtu } of tool.tunnelMtu ?? []) index.interfaces.push({ tool, pattern, mtu })
  for (const resolver of tool.resolvers ?? []) index.resolvers.set(resolver, tool)
}

/** A title tells where the executable of the same name tells; 'Level' or 'Box' do not. */
function titled({ name, names }: ToolEntry): boolean {
  const own = Object.values(names ?? {}).flat()
  return (
    own.some((it) => it.toLowerCase().replace(/\.exe$/, '') === name.toLowerCase().replaceAll(' ', '-')) ||
    own.some((it) => it.toLowerCase().replace(/\.exe$/, '') === name.toLowerCase())
  )
}

function addDomain(index: ToolIndex, tool: ToolEntry, domain: string): void {
  if (domain.startsWith('*.')) index.domains.add(domain.slice(2), { tool, pattern: null })
  else if (domain.includes('*'))
    index.domains.add(domain.slice(domain.indexOf('.', domain.lastIndexOf('*')) + 1), { tool, pattern: domain })
  else index.domains.add(domain, { tool, pattern: domain })
}

export function recogniseTools(index: ToolIndex, event: Event): FoundTool[] | undefined {
  switch (event.category) {
    case 'process_creation':
      return fromProcess(index, event)
    case 'listening_socket':
      return fromListener(index, event)
    case 'network_connection':
      return fromHost(index, event) ?? fromPort(index, event)
    case 'egress':
      return fromHost(index, event)
    case 'software':
      return event.Action === 'removed' ? undefined : fromSoftware(index, event)
    case 'autostart':
      return fromAutostart(index, event)
    case 'file_event':
      return fromAutostartFile(index, event)
    case 'remote_session':
      return found(index.titles.find(event.Tool), 'name', false, event.Unattended)
    case 'network_place': {
      const tool = interfaceTool(index, event)
      return tool ? [one(tool, 'interface', false, null)] : undefined
    }
    default:
      return undefined
  }
}

function fromProcess(index: ToolIndex, event: EventOf<'process_creation'>): FoundTool[] | undefined {
  const system = SYSTEMS[event.product] ?? 0
  const { Image: image, CommandLine: commandLine } = event
  let list: FoundTool[] | undefined
  let known = false
  if (image !== null) {
    const end = endOf(image)
    const start = baseOf(image, end)
    const named = executable(index, system, image, start, end)
    known = named !== undefined
    list =
      found(named, 'name', false, null) ??
      found(folder(index, image, end), 'path', false, null) ??
      (commandLine !== null && index.interpreters.find(image, start, end)
        ? found(script(index, system, commandLine), 'path', false, null)
        : undefined)
    // Windows Installer is no interpreter, but what it installs stands on its command line.
    if (!list && commandLine !== null && system === 1 && matches('msiexec.exe', image, start, end))
      list = found(installer(index, commandLine), 'name', false, null)
    if (event.Signer !== null) list = merged(list, signed(index, event.Signer, known, image, start, end))
    if (event.Company !== null) list = merged(list, signed(index, event.Company, known, image, start, end))
  }
  if (event.OriginalFileName !== null)
    list = merged(list, found(executable(index, 1, event.OriginalFileName), 'name', !known, null))
  return list && commandLine !== null
    ? list.map((it) => ({ ...it, unattended: unattended(index, it, commandLine) }))
    : list
}

function executable(index: ToolIndex, system: number, text: string, start = 0, end = text.length) {
  const executables = index.executables.find(text, start, end)
  if (!executables) return undefined
  const tools = executables.filter((it) => (it.systems & system) !== 0).map((it) => it.tool)
  return tools.length > 0 ? tools : undefined
}

/** Linux says so when the file was deleted under a running program, which hides nothing here. */
function endOf(image: string): number {
  return image.endsWith(' (deleted)') ? image.length - 10 : image.length
}

function baseOf(path: string, end: number): number {
  for (let at = end - 1; at >= 0; at--) {
    const code = path.charCodeAt(at)
    if (code === 47 || code === 92) return at + 1
  }
  return 0
}

/** The tool that owns a folder above the file, the outermost first. One pass, a look-up at each separator. */
function folder(index: ToolIndex, path: string, end: number): readonly ToolEntry[] | undefined {
  const from = path.charCodeAt(1) === 58 ? 2 : 0
  let hash = HASH_START
  for (let at = from; at < end && at < MAX_FOLDER; at++) {
    const code = path.charCodeAt(at)
    if (at > from && (code === 47 || code === 92)) {
      const tools = index.folders.findHashed(hashEnd(hash), path, from, at)
      if (tools) return tools
    }
    hash = hashStep(hash, code)
  }
  return undefined
}

/** What an interpreter runs: the first word after its own that is no option. */
function script(index: ToolIndex, system: number, commandLine: string): readonly ToolEntry[] | undefined {
  let word = nextWord(commandLine, 0)
  for (let options = 0; word && word.end < commandLine.length && options < MAX_OPTIONS; options++) {
    word = nextWord(commandLine, word.end)
    if (!word || commandLine.charCodeAt(word.start) !== 45) break
  }
  if (!word || word.start === 0) return undefined
  const path = commandLine.slice(word.start, word.end)
  return executable(index, system, path, baseOf(path, path.length)) ?? folder(index, path, path.length)
}

function installer(index: ToolIndex, commandLine: string): readonly ToolEntry[] | undefined {
  for (let word = nextWord(commandLine, 0); word; word = nextWord(commandLine, word.end)) {
    if (!matches('*.msi', commandLine, word.start, word.end)) continue
    const tools = executable(index, 1, commandLine, Math.max(word.start, baseOf(commandLine, word.end)), word.end)
    if (tools) return tools
  }
  return undefined
}

/** Words are parted by blanks; a word in double quotes may hold blanks, and its quotes are not part of it. */
function nextWord(text: string, from: number): { start: number; end: number } | null {
  let start = from
  while (start < text.length && (text.charCodeAt(start) === 32 || text.charCodeAt(start) === 34)) start++
  if (start >= text.length) return null
  const quoted = start > 0 && text.charCodeAt(start - 1) === 34
  const stop = text.indexOf(quoted ? '"' : ' ', start)
  return { start, end: stop === -1 ? text.length : stop }
}

function signed(index: ToolIndex, signer: string, known: boolean, image: string, start: number, end: number) {
  // A distinguished name: 'CN=AnyDesk Software GmbH, O=…'.
  const from = signer.startsWith('CN=') ? 3 : 0
  const comma = from === 0 ? -1 : signer.indexOf(',', from)
  const to = comma === -1 ? signer.length : comma
  const tools = index.publishers.find(signer, from, to)
  if (tools) return found(tools, 'signer', !known, null)
  const weak = index.weak.find(image, start, end)
  const name = weak && signer.slice(from, to).toLowerCase()
  return found(
    weak?.filter((it) => it.weakPublishers?.some((publisher) => publisher.toLowerCase() === name)),
    'signer',
    false,
    null,
  )
}

function unattended(index: ToolIndex, { id, unattended: before }: FoundTool, commandLine: string): boolean | null {
  const tool = index.byId.get(id)
  if (!tool) return before
  const line = commandLine.toLowerCase()
  const said =
    tool.unattended?.some((option) => hasWord(line, option)) ||
    tool.unattendedNames?.some((name) => line.includes(name.toLowerCase()))
  return said ? true : before
}

/** `option` as a word of its own, or followed by '='. */
function hasWord(line: string, option: string): boolean {
  for (let at = line.indexOf(option); at !== -1; at = line.indexOf(option, at + 1)) {
    const after = line[at + option.length]
    if ((at === 0 || line[at - 1] === ' ') && (after === undefined || after === ' ' || after === '=')) return true
  }
  return false
}

function fromListener(index: ToolIndex, event: EventOf<'listening_socket'>): FoundTool[] | undefined {
  const { Image: image, Address: address } = event
  if (image !== null) {
    const end = endOf(image)
    const named =
      executable(index, SYSTEMS[event.product] ?? 0, image, baseOf(image, end), end) ?? folder(index, image, end)
    if (named) return found(named, 'name', false, null)
  }
  const tool = index.ports.get(event.Port)
  return tool && address !== '::1' && !address.startsWith('127.') ? [one(tool, 'port', false, null)] : undefined
}

/** RustDesk's own relay, wherever it stands: both its ends use ports that nothing else does. */
function fromPort(index: ToolIndex, event: EventOf<'network_connection'>): FoundTool[] | undefined {
  const tool = event.Initiated ? index.ports.get(event.DestinationPort) : undefined
  return tool ? [one(tool, 'port', false, null)] : undefined
}

function fromHost(
  index: ToolIndex,
  { DestinationHostname: host, Image: image }: EventOf<'network_connection'> | EventOf<'egress'>,
): FoundTool[] | undefined {
  if (host === null) return undefined
  const end = host.endsWith('.') ? host.length - 1 : host.length
  let labels = 0
  for (let at = end - 1; at >= 0 && labels < MAX_LABELS; at--) {
    if (at > 0 && host.charCodeAt(at - 1) !== 46) continue
    labels++
    const domains = index.domains.find(host, at, end)?.filter((it) => !it.pattern || matches(it.pattern, host, 0, end))
    if (!domains || domains.length === 0) continue
    const browser = image !== null && index.browsers.find(image, baseOf(image, image.length), image.length)
    return browser
      ? undefined
      : found(
          domains.map((it) => it.tool),
          'domain',
          false,
          null,
        )
  }
  return undefined
}

function fromSoftware(index: ToolIndex, event: EventOf<'software'>): FoundTool[] | undefined {
  const { Name: name, Identifier: identifier, Publisher: publisher } = event
  if (event.Kind === 'browser_extension') return undefined
  if (event.Kind === 'service' || event.Kind === 'login_item')
    return found(
      service(index, name) ?? (identifier === null ? undefined : service(index, identifier)),
      'service',
      false,
      null,
    )
  return (
    found(
      index.packages.find(name) ?? (identifier === null ? undefined : index.packages.find(identifier)),
      'package',
      false,
      null,
    ) ??
    (event.Kind === 'application'
      ? found(index.titles.find(name, 0, titleEnd(name)), 'package', false, null)
      : undefined) ??
    (publisher === null ? undefined : found(index.publishers.find(publisher), 'signer', false, null))
  )
}

/** 'TeamViewer 15.50' is TeamViewer. */
function titleEnd(name: string): number {
  for (let at = 1; at < name.length; at++) {
    const code = name.charCodeAt(at)
    if (code >= 48 && code <= 57 && name.charCodeAt(at - 1) === 32) return at - 1
  }
  return name.length
}

/** A unit, a launchd label or a Windows service. */
function service(index: ToolIndex, name: string): readonly ToolEntry[] | undefined {
  const end = name.endsWith('.service') ? name.length - 8 : name.length
  return index.services.find(name, 0, end) ?? index.packages.find(name, 0, end)
}

function fromAutostart(index: ToolIndex, event: EventOf<'autostart'>): FoundTool[] | undefined {
  const named = service(index, withoutEnding(event.Name))
  if (named || event.Command === null) return found(named, 'service', false, null)
  const word = nextWord(event.Command, 0)
  if (!word) return undefined
  const path = event.Command.slice(word.start, word.end)
  const system = SYSTEMS[event.product] ?? 0
  const start = baseOf(path, path.length)
  const tools = executable(index, system, path, start) ?? folder(index, path, path.length)
  return found(
    tools ?? (index.interpreters.find(path, start) && script(index, system, event.Command)),
    'path',
    false,
    null,
  )
}

function fromAutostartFile(index: ToolIndex, event: EventOf<'file_event'>): FoundTool[] | undefined {
  const file = event.TargetFilename
  return found(service(index, withoutEnding(file.slice(baseOf(file, file.length)))), 'service', false, null)
}

function withoutEnding(name: string): string {
  return name.replace(/\.(desktop|plist|lnk)$/i, '')
}

/** The VPN client or mesh that a tunnel's name gives away, or null: 'tun0' and 'wg0' are anybody's. */
export function interfaceTool(index: ToolIndex, event: EventOf<'network_place'>): ToolEntry | null {
  const { TunnelInterface: name, TunnelMtu: mtu, DnsServers: resolvers } = event
  for (const resolver of resolvers ?? []) {
    const tool = index.resolvers.get(resolver)
    if (tool) return tool
  }
  if (name === null) return null
  return index.interfaces.find((it) => matches(it.pattern, name) && (it.mtu === null || it.mtu === mtu))?.tool ?? null
}

function found(
  tools: readonly ToolEntry[] | undefined | false,
  by: By,
  renamed: boolean,
  unattended: boolean | null,
): FoundTool[] | undefined {
  if (!tools || tools.length === 0) return undefined
  return tools.slice(0, MAX_FOUND).map((tool) => one(tool, by, renamed, unattended))
}

function one(tool: ToolEntry, by: By, renamed: boolean, unattended: boolean | null): FoundTool {
  return { id: tool.id, name: tool.name, category: tool.category, by, renamed, unattended }
}

function merged(list: FoundTool[] | undefined, more: FoundTool[] | undefined): FoundTool[] | undefined {
  if (!list || !more) return list ?? more
  return [...list, ...more.filter((it) => !list.some((other) => other.id === it.id))].slice(0, MAX_FOUND)
}
