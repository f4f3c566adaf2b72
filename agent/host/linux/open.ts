/** All calls together. Nothing is loaded before one is made, so that any system can build this. */
import type { LinuxCalls } from './calls.ts'
import { pathMtu } from './path-mtu.ts'
import { tcpEnds, tcpSockets } from './tcp.ts'
import { wirelessLinks } from './wireless.ts'

export const linuxCalls: LinuxCalls = { tcpSockets, tcpEnds, wirelessLinks, pathMtu }
