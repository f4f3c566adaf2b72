/** All calls together. Nothing is loaded before one is made, so that any system can build this. */
import type { Windows } from './calls.ts'
import { devices } from './devices.ts'
import { adapters, counters, neighbours, routes } from './networks.ts'
import { accountOf, isElevated, processes, processFacts, versionOf, workingFolder } from './processes.ts'
import { registry } from './registry.ts'
import { power, sessions, zone } from './sessions.ts'
import { sockets } from './sockets.ts'
import { freeBytes, volumes } from './volumes.ts'

export const windowsCalls: Windows = {
  processes,
  process: processFacts,
  workingFolder,
  accountOf,
  versionOf,
  sockets,
  registry,
  volumes,
  freeBytes,
  adapters,
  routes,
  neighbours,
  counters,
  sessions,
  power,
  zone,
  devices,
  isElevated,
}
