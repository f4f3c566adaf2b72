/** Which tools of the catalogue nothing can give away on an operating system, because nothing fills what they show. */
import type { ToolEntry, ToolFile } from '../catalogue/entry.ts'
import toolFile from '../catalogue/tools.json' with { type: 'json' }
import { type FieldName, isFilled, type System } from './makers.ts'

/** Facts about an entry, and marks that count only together with another. */
type Besides =
  | ('id' | 'name' | 'category' | 'sources' | 'date' | 'confidence' | 'reports')
  | ('weakNames' | 'weakPublishers' | 'ports' | 'callers' | 'browsers' | 'unattended' | 'unattendedNames')

/** The fields in which each mark of a tool is found: any one of them suffices. */
const MARKS: Readonly<Record<Exclude<keyof ToolEntry, Besides>, readonly FieldName[]>> = {
  names: ['process_creation.Image'],
  paths: ['process_creation.Image', 'file_event.TargetFilename'],
  files: ['file_event.TargetFilename', 'process_creation.CommandLine'],
  projects: ['process_creation.CommandLine'],
  commands: ['process_creation.CommandLine'],
  services: ['software.Name', 'autostart.Name'],
  packages: ['software.Identifier', 'software.Name'],
  extensions: ['software.Identifier'],
  publishers: ['process_creation.Signer', 'process_creation.Company', 'software.Publisher'],
  domains: ['network_connection.DestinationHostname', 'egress.DestinationHostname'],
  addresses: ['network_connection.DestinationIp', 'egress.DestinationIp'],
  distinctivePorts: ['listening_socket.Port', 'network_connection.DestinationPort'],
  interfaces: ['network_place.TunnelInterface'],
  tunnelMtu: ['network_place.TunnelMtu'],
  resolvers: ['network_place.DnsServers'],
}

/** Of the catalogue; a test checks the file against the type. */
export const TOOLS: readonly ToolEntry[] = (toolFile as unknown as ToolFile).tools

/** By a field, the tools that are recognised by it and by nothing that is filled on this system. */
export function toolsMissed(field: string, system: System): ToolEntry[] {
  return unrecognised(system).filter((tool) => (fieldsShowing(tool) as readonly string[]).includes(field))
}

export function unrecognised(system: System): ToolEntry[] {
  return TOOLS.filter((tool) => !fieldsShowing(tool).some((it) => isFilled(it, system)))
}

/** The fields in which a mark of the tool may be found. */
export function fieldsShowing(tool: ToolEntry): readonly FieldName[] {
  return Object.entries(MARKS).flatMap(([mark, fields]) => (tool[mark as keyof typeof MARKS] ? fields : []))
}
