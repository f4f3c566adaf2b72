/** Every collector, in one list: a new one is one file and one line here. */
import type { Collector } from '../collect.ts'
import { archives } from './linux/archives.ts'
import { autostarts } from './linux/autostarts.ts'
import { clockPlaces } from './linux/clock-places.ts'
import { connections } from './linux/connections.ts'
import { displays } from './linux/displays.ts'
import { interfaces } from './linux/interfaces.ts'
import { logons } from './linux/logons.ts'
import { networkPlaces } from './linux/network-places.ts'
import { power } from './linux/power.ts'
import { processes } from './linux/processes.ts'
import { remoteSessions } from './linux/remote-sessions.ts'
import { repositories } from './linux/repositories.ts'
import { software } from './linux/software.ts'
import { usbDevices } from './linux/usb-devices.ts'
import { volumes } from './linux/volumes.ts'
import { watchedFolders } from './linux/watched-folders.ts'
import { watchFolder } from './shared/folder-wakes.ts'
import type { StartCounters } from './shared/programs.ts'

export type { StartCounters } from './shared/programs.ts'

/** `forks` is counted up while they run, for the agent's summary. */
export function collectorsWith(forks: StartCounters): readonly Collector[] {
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
