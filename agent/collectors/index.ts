/** All collectors, by operating system. A new one is one file, and one line here. */
import type { AgentProduct } from '../../wire/common.ts'
import type { CollectedOn } from '../../wire/event.ts'
import type { Collector, StartCounters } from '../collect.ts'
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
import { type WatchFolder, watchFolder } from './shared/folder-watcher.ts'

/** The running collectors update `starts`, for the agent's summary. */
export function collectorsOf(
  product: AgentProduct,
  starts: StartCounters,
  watch: WatchFolder = watchFolder,
): readonly Collector[] {
  return COLLECTORS[product](starts, watch)
}

/** The compiler rejects a category that COLLECTED in wire/event.ts lacks: the server reads there what agents collect. */
const COLLECTORS: {
  [P in AgentProduct]: (starts: StartCounters, watch: WatchFolder) => readonly Collector<CollectedOn<P>>[]
} = {
  linux: (starts, watch) => {
    const repositoryParts = repositories()
    const archiveParts = archives()
    return [
      processes(starts, [repositoryParts.onProgram, archiveParts.onProgram]),
      connections,
      interfaces,
      software,
      autostarts,
      usbDevices,
      displays,
      volumes,
      watchedFolders(watch, archiveParts.onArchive),
      repositoryParts.collector,
      archiveParts.collector,
      networkPlaces,
      power,
      logons,
      remoteSessions,
      clockPlaces,
    ]
  },
  macos: () => [],
  windows: () => [],
}
