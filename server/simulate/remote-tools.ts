/**
 * The traces of installing and starting a remote-control tool, a VPN client or the like.
 *
 * Shape   in the order it happens: package, service, process, connection; each the fields of an event.
 * Source  names, folders, services, signers and hosts as the shipped catalogue has them, by its id. A scene that tests
 *         what the catalogue does not know places such events with `saw` and `runs`.
 */
import { loadCatalogue, type ToolEntry } from '../../rules/catalogue/index.ts'
import { type FieldsOf, homeOf, type LaptopCategory, type System } from './observations.ts'
import type { ToolUse } from './scene.ts'

export type Trace = {
  [C in LaptopCategory]: { category: C; fields: Partial<FieldsOf<C>> }
}[LaptopCategory]

let entries: Map<string, ToolEntry> | null = null

function entry(id: string): ToolEntry {
  entries ??= new Map(loadCatalogue().tools.map((it) => [it.id, it]))
  const found = entries.get(id)
  if (!found) throw new RangeError(`there is no tool "${id}" in the catalogue`)
  return found
}

export function toolTraces(id: string, system: System, how: ToolUse): Trace[] {
  const tool = entry(id)
  const image = executable(tool, system, how)
  const option = how.unattended ? tool.unattended?.[0] : undefined
  const signer = system === 'linux' ? null : (tool.publishers?.[0] ?? tool.weakPublishers?.[0] ?? null)
  const service = tool.services?.find((it) => !it.includes('*'))
  const traces: Trace[] = []
  const runs = (CommandLine: string, by: Partial<FieldsOf<'process_creation'>>) => {
    const OriginalFileName = strong(tool, system)[0] ?? null
    const resource = system === 'windows' && { Company: signer, Product: tool.name, OriginalFileName }
    traces.push({
      category: 'process_creation',
      fields: { Image: image, CommandLine, Signer: signer, ...resource, ...by },
    })
  }
  if (how.managed && !how.installed) runs(`${quoted(image)} --install --silent`, MANAGEMENT[system])
  if (!how.portable && !how.installed) {
    const Name = system === 'linux' ? (tool.packages?.[0] ?? tool.id) : tool.name
    const Kind = system === 'linux' ? 'package' : 'application'
    traces.push({ category: 'software', fields: { Name, Kind, Publisher: signer, Version: how.version ?? '7.1.0' } })
    if (service) {
      traces.push({ category: 'software', fields: { Name: service, Kind: 'service' } })
      traces.push({ category: 'autostart', fields: { Name: service, Command: quoted(image) } })
    }
  }
  runs(`${quoted(image)}${option ? ` ${option}` : ''}`, how.managed ? SERVICES[system] : {})
  const host = how.relay ?? tool.domains?.[0]?.replace(/^\*\./, 'relay-1.') ?? null
  const port = tool.distinctivePorts?.[0] ?? 443
  traces.push({
    category: 'network_connection',
    fields: { Image: image, DestinationHostname: host, DestinationIp: '203.0.113.77', DestinationPort: port },
  })
  return traces
}

/** What the fleet's management starts: the installation, … */
const MANAGEMENT: Readonly<Record<System, Partial<FieldsOf<'process_creation'>>>> = {
  windows: {
    User: 'NT AUTHORITY\\SYSTEM',
    ParentImage: 'C:\\Program Files (x86)\\Microsoft Intune Management Extension\\IntuneManagementExtension.exe',
  },
  macos: { User: 'root', ParentImage: '/usr/local/jamf/bin/jamf' },
  linux: { User: 'root', ParentImage: '/usr/bin/landscape-client' },
}
/** … and the installed service. */
const SERVICES: typeof MANAGEMENT = {
  windows: { User: 'NT AUTHORITY\\SYSTEM', ParentImage: 'C:\\Windows\\System32\\services.exe' },
  macos: { User: 'root', ParentImage: '/sbin/launchd' },
  linux: { User: 'root', ParentImage: '/usr/lib/systemd/systemd' },
}

const strong = (tool: ToolEntry, system: System): string[] =>
  tool.names?.[system]?.filter((it) => !it.includes('*')) ?? []

function executable(tool: ToolEntry, system: System, how: ToolUse): string {
  const suffix = system === 'windows' ? '.exe' : ''
  const given = how.renamed ? `${how.renamed}${suffix}` : null
  const name = given ?? strong(tool, system)[0] ?? `${tool.id}${suffix}`
  if (how.portable) return placed(`${homeOf(system)}/Downloads`, name, system)
  return placed(tool.paths?.[system]?.[0] ?? usualFolder(tool.name, system), name, system)
}

/** The usual folder of such a program; `runs` uses it too. */
export function usualFolder(program: string, system: System): string {
  if (system === 'linux') return '/usr/bin'
  if (system === 'macos') return `/Applications/${program}.app`
  return `C:/Program Files/${program.replace(/\.exe$/i, '')}`
}

/** The catalogue writes folders with '/' and without a drive. */
export function placed(folder: string, name: string, system: System): string {
  if (system === 'macos' && folder.endsWith('.app')) return `${folder}/Contents/MacOS/${name}`
  if (system !== 'windows') return `${folder}/${name}`
  const drive = /^[A-Za-z]:/.test(folder) ? '' : 'C:'
  return `${drive}${folder}/${name}`.replaceAll('/', '\\')
}

const quoted = (path: string): string => (path.includes(' ') ? `"${path}"` : path)
