/** Every collector, in one list: a new one is one file and one line here. */
import type { Collector } from '../collect.ts'
import { archives } from './archives.linux.ts'
import { autostarts } from './autostarts.linux.ts'
import { clockPlaces } from './clock-places.linux.ts'
import { connections } from './connections.linux.ts'
import { displays } from './displays.linux.ts'
import { watchFolder } from './folder-wakes.ts'
import { interfaces } from './interfaces.linux.ts'
import { logons } from './logons.linux.ts'
import { networkPlaces } from './network-places.linux.ts'
import { power } from './power.linux.ts'
import { type ForkCounters, processes } from './processes.linux.ts'
import { remoteSessions } from './remote-sessions.linux.ts'
import { repositories } from './repositories.linux.ts'
import { software } from './software.linux.ts'
import { usbDevices } from './usb-devices.linux.ts'
import { volumes } from './volumes.linux.ts'
import { watchedFolders } from './watched-folders.linux.ts'

export type { ForkCounters } from './processes.linux.ts'

/** `forks` is counted up while they run, for the agent's summary. */
export function collectorsWith(forks: ForkCounters): readonly Collector[] {
  const code = repositories()
  const packed = archives()
  return [
    processes(forks, [code.onProgram, packed.onProgram]),
    connections,
    interfaces,
    software,
    autostarts,
    usbDevices,
    displays,
    volumes,
    watchedFolders(watchFolder, packed.onArchive),
    code.collector,
    packed.collector,
    networkPlaces,
    power,
    logons,
    remoteSessions,
    clockPlaces,
  ]
}
