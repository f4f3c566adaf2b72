/** All calls together. Nothing is loaded before one is made, so that any system can build this. */
import type { Mac } from './calls.ts'
import { execs, signIns } from './feeds.ts'
import { sysctlByName } from './library.ts'
import { interfaces, neighbours, routes } from './networks.ts'
import { processes, processFacts } from './processes.ts'
import { registry } from './registry.ts'
import { signerOf } from './signing.ts'
import { sockets } from './sockets.ts'
import { mounts } from './volumes.ts'

export const macCalls: Mac = {
  processes,
  process: processFacts,
  signerOf,
  sockets,
  mounts,
  interfaces,
  routes,
  neighbours,
  registry,
  signIns,
  execs,
  sysctl: sysctlByName,
}
