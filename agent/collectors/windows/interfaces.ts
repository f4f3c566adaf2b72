/**
 * Bytes over the physical network interfaces: see shared/traffic.ts.
 *
 * Errors  a counter that decreases was reset, so it counts from zero.
 * Blind   the program or peer.
 * Source  GetIfTable2; seen on Wine 10.
 */
import type { Collector } from '../../collect.ts'
import type { Windows } from '../../host/windows/calls.ts'
import { type Counted, egress } from '../shared/traffic.ts'

const NAME = 'interfaces'

export const interfaces = (windows: Windows): Collector<'egress'> => ({
  name: NAME,
  categories: ['egress'],
  run: (host, _policy, signal) =>
    egress(host, { collector: NAME, source: 'interface counters', read: async () => read(windows) }, signal),
})

function read(windows: Windows): Counted {
  const hardware = windows.counters().filter((it) => it.isHardware)
  return { counters: new Map(hardware.map((it) => [it.name, it])), unparsed: 0 }
}
