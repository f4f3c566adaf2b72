/**
 * Recognises tools in sockets, connections and tunnels.
 *
 * Silent  a host that a browser visited, except sites that are used by visiting; loopback listeners; a port whose
 *         program is known to be something else.
 */
import type { EventOf } from '../../wire/event.ts'
import type { ToolEntry } from './entry.ts'
import { type FoundTool, found, one } from './found.ts'
import { matches } from './names.ts'
import { programPathOf, toolsNamed } from './programs.ts'
import type { ProgramName, ToolIndex } from './tool-index.ts'

const MAX_LABELS = 8

export function fromListener(index: ToolIndex, event: EventOf<'listening_socket'>): FoundTool[] | undefined {
  const seen = event.Image === null ? null : programPathOf(index, event.Image)
  return (
    (seen && (found(toolsNamed(seen, event.product), 'name', seen.disguised) ?? found(seen.owner, 'path'))) ||
    (isLoopback(event.Address) ? undefined : fromPort(index, event.Port, seen))
  )
}

export function fromConnection(index: ToolIndex, event: EventOf<'network_connection'>): FoundTool[] | undefined {
  const byPeer = fromPeer(index, event)
  if (byPeer || !event.Initiated || !index.ports.has(event.DestinationPort)) return byPeer
  return fromPort(index, event.DestinationPort, event.Image === null ? null : programPathOf(index, event.Image))
}

/** By the address or name of the remote end. */
export function fromPeer(
  index: ToolIndex,
  event: EventOf<'network_connection'> | EventOf<'egress'>,
): FoundTool[] | undefined {
  const owner = event.DestinationIp === null ? undefined : index.addresses.get(event.DestinationIp)
  return owner ? [one(owner, 'address')] : fromHost(index, event.DestinationHostname, event.Image)
}

/** The VPN client or mesh that a tunnel's name identifies, or null: 'tun0' and 'wg0' are used by many. */
export function interfaceTool(index: ToolIndex, event: EventOf<'network_place'>): ToolEntry | null {
  const { TunnelInterface: name, TunnelMtu: mtu, DnsServers: resolvers } = event
  for (const resolver of resolvers ?? []) {
    const tool = index.resolvers.get(resolver)
    if (tool) return tool
  }
  if (name === null) return null
  return index.interfaces.find((it) => matches(it.pattern, name) && (it.mtu === null || it.mtu === mtu))?.tool ?? null
}

/** A distinctive port, held by no known program; or any port of a tool, held by one of its weak names. */
function fromPort(index: ToolIndex, port: number, seen: ProgramName | null): FoundTool[] | undefined {
  if (!seen?.programs) {
    const tool = index.ports.get(port)
    return tool && [one(tool, 'port', seen !== null)]
  }
  return found(
    seen.programs.flatMap((it) => (it.kind === 'weak' && it.tool.ports?.includes(port) ? [it.tool] : [])),
    'port',
  )
}

function fromHost(index: ToolIndex, host: string | null, image: string | null): FoundTool[] | undefined {
  if (host === null) return undefined
  const end = host.endsWith('.') ? host.length - 1 : host.length
  let labels = 0
  for (let at = end - 1; at >= 0 && labels < MAX_LABELS; at--) {
    if (at > 0 && host.charCodeAt(at - 1) !== 46) continue
    labels++
    const domains = index.domains.find(host, at, end)?.filter((it) => !it.pattern || matches(it.pattern, host, 0, end))
    if (!domains || domains.length === 0) continue
    const caller = image === null ? null : programPathOf(index, image)
    const isBrowser = caller?.programs?.some((it) => it.kind === 'browser') ?? false
    const identifying = domains.filter(({ tool, callers }) => {
      if (callers) return caller !== null && callers.find(caller.path, caller.start, caller.end) !== undefined
      return tool.browsers || !isBrowser
    })
    return found(
      identifying.map((it) => it.tool),
      'domain',
    )
  }
  return undefined
}

function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.') || address.startsWith('::ffff:127.')
}
