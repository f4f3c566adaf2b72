/** All calls together. Nothing is loaded before one is made, so that any system can build this. */
import type { Mac } from './calls.ts'
import { interfaces, neighbours, routes } from './networks.ts'
import { processes, processFacts } from './processes.ts'
import { registry } from './registry.ts'
import { signature } from './signing.ts'
import { sockets } from './sockets.ts'
import { mounts } from './volumes.ts'

export const macCalls: Mac = {
  processes,
  process: processFacts,
  signature,
  sockets,
  mounts,
  interfaces,
  routes,
  neighbours,
  registry,
}
