/**
 * Recognises tools in the events that the agent reports.
 *
 * Shape   by executable name, folder, command, signer, service, package, host name, address, port or tunnel interface.
 *         Tools in removal events are recognised as well (#30). A tool is reported once
 *         per event, by the first fact that matched; the order is the catalogue's, so results are stable.
 */
import type { Event } from '../../wire/event.ts'
import { type FoundTool, found, one } from './found.ts'
import { fromAutostart, fromFile, fromSoftware } from './installed.ts'
import { fromConnection, fromListener, fromPeer, interfaceTool } from './network.ts'
import { fromProcess } from './process.ts'
import type { ToolIndex } from './tool-index.ts'

export function recogniseTools(index: ToolIndex, event: Event): FoundTool[] | undefined {
  switch (event.category) {
    case 'process_creation':
      return fromProcess(index, event)
    case 'listening_socket':
      return fromListener(index, event)
    case 'network_connection':
      return fromConnection(index, event)
    case 'egress':
      return fromPeer(index, event)
    case 'software':
      return fromSoftware(index, event)
    case 'autostart':
      return fromAutostart(index, event)
    case 'file_event':
      return fromFile(index, event)
    case 'remote_session':
      return found(index.known.find(event.Tool), 'name', false, event.Unattended)
    case 'network_place': {
      const tool = interfaceTool(index, event)
      return tool ? [one(tool, 'interface')] : undefined
    }
    default:
      return undefined
  }
}
