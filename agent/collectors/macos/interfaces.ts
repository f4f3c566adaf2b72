/**
 * Bytes over the physical network interfaces: see shared/traffic.ts.
 *
 * Shape   Ethernet and Wi-Fi ('en0'), and cellular modems. Bridges, tunnels, and the interfaces of AirDrop and of virtual
 *         machines are left out, so that traffic is counted once.
 * Errors  a counter that decreases was reset, so it counts from zero.
 * Blind   the program or peer: nettop shows them, by a private framework.
 * Source  sysctl net.route (agent/host/macos). Written from documentation; it has never run on a Mac.
 */
import type { Collector } from '../../collect.ts'
import type { Mac } from '../../host/macos/calls.ts'
import { type Counted, egress } from '../shared/traffic.ts'

const NAME = 'interfaces'
const PHYSICAL = /^(en|pdp_ip)\d/

export const interfaces = (mac: Mac): Collector<'egress'> => ({
  name: NAME,
  categories: ['egress'],
  run: (host, _policy, signal) =>
    egress(host, { collector: NAME, source: 'interface counters', read: async () => read(mac) }, signal),
})

function read(mac: Mac): Counted {
  const physical = mac.interfaces().filter(({ name }) => PHYSICAL.test(name))
  return { counters: new Map(physical.map((it) => [it.name, it])), unparsed: 0 }
}
