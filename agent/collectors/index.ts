/** All collectors, by operating system. A new one is one file, and one line here. */
import type { AgentProduct } from '../../wire/common.ts'
import type { CollectedOn } from '../../wire/event.ts'
import type { Collector, StartCounters } from '../collect.ts'
import type { StartSourceKind } from '../host/host.ts'
import { linuxCalls } from '../host/linux/open.ts'
import { macCalls } from '../host/macos/open.ts'
import { windowsCalls } from '../host/windows/open.ts'
import { autostarts } from './linux/autostarts.ts'
import { clockPlaces } from './linux/clock-places.ts'
import { connections } from './linux/connections.ts'
import { displays } from './linux/displays.ts'
import { flows } from './linux/flows.ts'
import { interfaces } from './linux/interfaces.ts'
import { logons } from './linux/logons.ts'
import { networkPlaces } from './linux/network-places.ts'
import { power } from './linux/power.ts'
import { processes } from './linux/processes.ts'
import { remoteSessions } from './linux/remote-sessions.ts'
import { software } from './linux/software.ts'
import { usbDevices } from './linux/usb-devices.ts'
import { volumes } from './linux/volumes.ts'
import { autostarts as macAutostarts } from './macos/autostarts.ts'
import { clockPlaces as macClockPlaces } from './macos/clock-places.ts'
import { connections as macConnections } from './macos/connections.ts'
import { displays as macDisplays } from './macos/displays.ts'
import { interfaces as macInterfaces } from './macos/interfaces.ts'
import { logons as macLogons } from './macos/logons.ts'
import { networkPlaces as macNetworkPlaces } from './macos/network-places.ts'
import { power as macPower } from './macos/power.ts'
import { processes as macProcesses } from './macos/processes.ts'
import { remoteSessions as macRemoteSessions } from './macos/remote-sessions.ts'
import { software as macSoftware } from './macos/software.ts'
import { usbDevices as macUsbDevices } from './macos/usb-devices.ts'
import { volumes as macVolumes } from './macos/volumes.ts'
import { macPlaces } from './macos/watched-places.ts'
import { notCollected } from './not-collected.ts'
import { archives } from './shared/archives.ts'
import { SWEEP_LIMITS } from './shared/folder-sweep.ts'
import { type WatchFolder, watchFolder } from './shared/folder-watcher.ts'
import type { IsRunning } from './shared/programs.ts'
import { repositories } from './shared/repositories.ts'
import { watchedFolders } from './shared/watched-folders.ts'
import { windowsArchives } from './windows/archives.ts'
import { autostarts as windowsAutostarts } from './windows/autostarts.ts'
import { clockPlaces as windowsClockPlaces } from './windows/clock-places.ts'
import { connections as windowsConnections } from './windows/connections.ts'
import { displays as windowsDisplays } from './windows/displays.ts'
import { interfaces as windowsInterfaces } from './windows/interfaces.ts'
import { changeHints } from './windows/kit/change-hints.ts'
import { logons as windowsLogons } from './windows/logons.ts'
import { networkPlaces as windowsNetworkPlaces } from './windows/network-places.ts'
import { power as windowsPower } from './windows/power.ts'
import { processes as windowsProcesses } from './windows/processes.ts'
import { remoteSessions as windowsRemoteSessions } from './windows/remote-sessions.ts'
import { windowsRepositories } from './windows/repositories.ts'
import { software as windowsSoftware } from './windows/software.ts'
import { usbDevices as windowsUsbDevices } from './windows/usb-devices.ts'
import { volumes as windowsVolumes } from './windows/volumes.ts'
import { windowsPlaces } from './windows/watched-places.ts'

/** The running collectors update `starts`, for the agent's summary. `sources`: the system's ways to be told of starts. */
export function collectorsOf(
  product: AgentProduct,
  starts: StartCounters,
  sources: readonly StartSourceKind[] = [],
  watch: WatchFolder = watchFolder,
): readonly Collector[] {
  return [...COLLECTORS[product](starts, sources, watch), notCollected(product)]
}

type Make<P extends AgentProduct> = (
  starts: StartCounters,
  sources: readonly StartSourceKind[],
  watch: WatchFolder,
) => readonly Collector<CollectedOn<P>>[]

/** The compiler rejects a category that COLLECTED in wire/event.ts lacks: the server reads there what agents collect. */
const COLLECTORS: { [P in AgentProduct]: Make<P> } = {
  linux: (starts, sources, watch) => {
    const repositoryParts = repositories()
    const archiveParts = archives()
    return [
      processes(starts, [repositoryParts.onProgram, archiveParts.onProgram], sources),
      connections,
      interfaces,
      flows(linuxCalls),
      software,
      autostarts,
      usbDevices,
      displays,
      volumes,
      watchedFolders(watch, archiveParts.onArchive),
      repositoryParts.collector,
      archiveParts.collector,
      networkPlaces(linuxCalls),
      power,
      logons,
      remoteSessions,
      clockPlaces,
    ]
  },
  macos: (starts, _sources, watch) => {
    const isRunning: IsRunning = async (_host, pid) => macCalls.process(pid).startedAt !== null
    const repositoryParts = repositories(macPlaces(macCalls), isRunning)
    const archiveParts = archives(macPlaces(macCalls), isRunning)
    return [
      macProcesses(macCalls, starts, [repositoryParts.onProgram, archiveParts.onProgram]),
      macConnections(macCalls),
      macSoftware,
      macAutostarts,
      macUsbDevices(macCalls),
      macDisplays(macCalls),
      macVolumes(macCalls),
      macInterfaces(macCalls),
      macNetworkPlaces(macCalls),
      macClockPlaces,
      macPower(macCalls),
      macLogons,
      macRemoteSessions(macCalls),
      watchedFolders(watch, archiveParts.onArchive, SWEEP_LIMITS, macPlaces(macCalls)),
      repositoryParts.collector,
      archiveParts.collector,
    ]
  },
  windows: () => {
    const archiveParts = windowsArchives(windowsCalls, windowsPlaces(windowsCalls))
    const repositoryParts = windowsRepositories(windowsCalls, windowsPlaces(windowsCalls))
    return [
      windowsProcesses(windowsCalls, [repositoryParts.onProgram, archiveParts.onProgram]),
      windowsConnections(windowsCalls),
      windowsSoftware(windowsCalls),
      windowsAutostarts(windowsCalls),
      windowsVolumes(windowsCalls),
      windowsInterfaces(windowsCalls),
      windowsNetworkPlaces(windowsCalls),
      windowsClockPlaces(windowsCalls),
      windowsPower(windowsCalls),
      windowsLogons(windowsCalls),
      windowsDisplays(windowsCalls),
      windowsUsbDevices(windowsCalls),
      windowsRemoteSessions(windowsCalls),
      watchedFolders(changeHints(windowsCalls), archiveParts.onArchive, SWEEP_LIMITS, windowsPlaces(windowsCalls)),
      repositoryParts.collector,
      archiveParts.collector,
    ]
  },
}
