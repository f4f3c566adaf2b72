/** A kernel that has no sockets, no wireless interface and no connection, unless a test says otherwise. */
import type { LinuxCalls } from '../../agent/host/linux/calls.ts'

export function fakeLinux(calls: Partial<LinuxCalls> = {}): LinuxCalls {
  return {
    tcpSockets: () => ({ found: [], omitted: 0 }),
    tcpEnds: () => ({ read: () => ({ ended: [], lost: 0 }), close: () => {} }),
    wirelessLinks: () => [],
    pathMtu: () => null,
    ...calls,
  }
}
