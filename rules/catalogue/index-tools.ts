/** Indexes the catalogue's tools for look-up. */
import type { CommandMark, System, ToolEntry } from './entry.ts'
import { Names } from './names.ts'
import { type Domain, type Mark, type Program, SYSTEM_BITS, type ToolIndex } from './tool-index.ts'

/** Visiting a vendor's web page is not using the tool. */
const BROWSERS = [
  ...['chrome', 'google chrome', 'google-chrome', 'chromium', 'chromium-browser', 'firefox', 'firefox-esr'],
  ...['firefox-bin', 'msedge', 'microsoft edge', 'microsoft-edge', 'safari', 'com.apple.webkit.networking', 'brave'],
  ...['brave browser', 'brave-browser', 'opera', 'vivaldi', 'vivaldi-bin', 'arc', 'zen', 'librewolf', 'waterfox'],
]
/** They run the script that is named after them. */
const INTERPRETERS = [
  ...['perl', 'ruby', 'node', 'bun', 'deno', 'bash', 'sh', 'dash', 'zsh', 'java', 'mono', 'wine', 'wine64', 'env'],
  ...['osascript', 'php', 'pythonw', 'python', 'python2', 'python3', 'python2.7'],
  ...Array.from({ length: 12 }, (_, minor) => `python3.${minor + 6}`),
]

const ANY_SYSTEM = 7

export function indexTools(tools: readonly ToolEntry[]): ToolIndex {
  const index: ToolIndex = {
    byId: new Map(tools.map((tool) => [tool.id, tool])),
    programs: new Names(),
    folders: new Names(),
    homeFolders: new Names(),
    files: new Names(),
    projects: new Names(),
    publishers: new Names(),
    services: new Names(),
    packages: new Names(),
    extensions: new Map(),
    titles: new Names(),
    known: new Names(),
    domains: new Names(),
    addresses: new Map(),
    ports: new Map(),
    interfaces: [],
    resolvers: new Map(),
    places: new Map(),
  }
  for (const name of INTERPRETERS) addProgram(index, name, { kind: 'interpreter', python: name.startsWith('python') })
  addProgram(index, 'msiexec', { kind: 'installer' })
  for (const name of BROWSERS) addProgram(index, name, { kind: 'browser' })
  for (const tool of tools) addTool(index, tool)
  return index
}

function addProgram(index: ToolIndex, name: string, program: Program): void {
  index.programs.add(name, program)
  index.programs.add(`${name}.exe`, program)
}

function addTool(index: ToolIndex, tool: ToolEntry): void {
  for (const [system, names] of Object.entries(tool.names ?? {}) as [System, string[]][])
    for (const name of names) {
      // 'anydesk.exe' on Linux is AnyDesk under Wine; a pattern is too loose for other systems.
      const anywhere = system === 'windows' && !name.includes('*')
      index.programs.add(name, { kind: 'tool', tool, systems: anywhere ? ANY_SYSTEM : (SYSTEM_BITS[system] ?? 0) })
    }
  for (const name of tool.weakNames ?? []) index.programs.add(name, { kind: 'weak', tool })
  for (const mark of tool.commands ?? [])
    for (const name of mark.programs) addProgram(index, name, { kind: 'command', tool, mark: markOf(mark) })
  for (const folder of Object.values(tool.paths ?? {}).flat())
    if (folder.startsWith('~')) index.homeFolders.add(folder.slice(1), tool)
    else index.folders.add(folder, tool)
  for (const file of tool.files ?? []) index.files.add(file, tool)
  for (const project of tool.projects ?? []) index.projects.add(project, tool)
  for (const publisher of tool.publishers ?? []) index.publishers.add(publisher, tool)
  for (const service of tool.services ?? []) index.services.add(service, tool)
  for (const id of tool.packages ?? []) index.packages.add(id, tool)
  for (const id of tool.extensions ?? []) index.extensions.set(id, tool)
  if (isTitle(tool)) index.titles.add(tool.name, tool)
  for (const name of new Set([tool.name.toLowerCase(), tool.id])) index.known.add(name, tool)
  const callers = tool.callers ? new Names<true>() : null
  for (const name of tool.callers ?? []) for (const it of [name, `${name}.exe`]) callers?.add(it, true)
  for (const domain of tool.domains ?? []) addDomain(index, tool, domain, callers)
  for (const address of tool.addresses ?? []) index.addresses.set(address, tool)
  for (const port of tool.distinctivePorts ?? []) index.ports.set(port, tool)
  for (const pattern of tool.interfaces ?? [])
    index.interfaces.push({ tool, pattern: pattern.toLowerCase(), mtu: null })
  for (const { interface: pattern, mtu } of tool.tunnelMtu ?? []) index.interfaces.push({ tool, pattern, mtu })
  for (const resolver of tool.resolvers ?? []) index.resolvers.set(resolver, tool)
}

function markOf({ words = [], parts = [], scriptEnds = [] }: CommandMark): Mark {
  return {
    words: words.map((word) =>
      word
        .toLowerCase()
        .split('|')
        .map((it) => ({ text: it.replace(/\*$/, ''), prefix: it.endsWith('*') })),
    ),
    parts: parts.map((it) => it.toLowerCase()),
    scriptEnds: scriptEnds.map((it) => it.toLowerCase()),
  }
}

/** A title identifies a tool where the executable of the same name does; 'Level' or 'Box' do not. */
function isTitle({ name, names }: ToolEntry): boolean {
  const title = name.toLowerCase()
  const own = Object.values(names ?? {})
    .flat()
    .map((it) => it.toLowerCase().replace(/\.exe$/, ''))
  return own.includes(title) || own.includes(title.replaceAll(' ', '-'))
}

function addDomain(index: ToolIndex, tool: ToolEntry, domain: string, callers: Domain['callers']): void {
  if (domain.startsWith('*.')) index.domains.add(domain.slice(2), { tool, pattern: null, callers })
  else if (domain.includes('*')) {
    const under = domain.slice(domain.indexOf('.', domain.lastIndexOf('*')) + 1)
    index.domains.add(under, { tool, pattern: domain, callers })
  } else index.domains.add(domain, { tool, pattern: domain, callers })
}
