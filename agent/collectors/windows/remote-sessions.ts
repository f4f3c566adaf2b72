/**
 * Windows' logs of remote-control tools, for `shared/remote-sessions.ts`.
 *
 * Errors  a gap 'unsupported' for a known tool that is installed and keeps no text log that is read here: ScreenConnect
 *         and Chrome Remote Desktop write to event channels. Another folder than its maker's is not found.
 * Blind   Remote Desktop, whose sessions the collector of logons sees.
 * Source  incident reports and forensic write-ups for AnyDesk, TeamViewer and Splashtop; RustDesk's own documentation.
 *         Read under Wine on logs of the test's own, never on those of a tool.
 */
import { type Collector, gap } from '../../collect.ts'
import type { Host } from '../../host/host.ts'
import type { Windows } from '../../host/windows/calls.ts'
import { isThere } from '../shared/is-there.ts'
import { anydeskConnections, anydeskTrace, rustdesk, splashtop } from '../shared/remote-logs.ts'
import { type Log, logFinder, type Stamp, remoteSessions as sessionsOf, UNREAD_LOG } from '../shared/remote-sessions.ts'
import { homesOf } from './kit/hives.ts'

const DATA = 'C:/ProgramData'
const PROGRAMS = ['C:/Program Files', 'C:/Program Files (x86)']
/** RustDesk's service runs as this account. */
const SERVICE_HOME = 'C:/Windows/ServiceProfiles/LocalService'
const ROAMING = 'AppData/Roaming'
/** Customised clients have a folder of their own: `AnyDesk-ad_0123`, `ad_0123`. */
const ANYDESK = /^(?:AnyDesk|ad_)[\w-]*$/i
/** Tools without a text log that is read: folders below `Program Files`. */
const UNREAD: readonly [tool: string, folder: RegExp][] = [
  ['ScreenConnect', /^ScreenConnect Client \([0-9a-f]{8,32}\)$/i],
  ['NoMachine', /^NoMachine$/i],
  ['MeshCentral', /^Mesh Agent$/i],
  ['RealVNC', /^RealVNC$/i],
  ['TightVNC', /^TightVNC$/i],
  ['UltraVNC', /^uvnc bvba$/i],
]
const CHROME = 'Google/Chrome Remote Desktop'

export const remoteSessions = (windows: Windows): Collector<'remote_session'> =>
  sessionsOf((host) => ({
    find: async (stamp) => {
      const { homes, gaps } = homesOf(windows, stamp)
      return { logs: await findLogs(host, homes), gaps }
    },
    others: (_feed, stamp) => unreadTools(host, stamp),
    kept: [],
    close: () => {},
  }))

async function findLogs(host: Host, homes: readonly string[]): Promise<Log[]> {
  const { found, add, addTeamViewer, within } = logFinder(host)
  const roaming = homes.map((home) => `${home}/${ROAMING}`)
  for (const folder of [DATA, ...roaming])
    for (const anydesk of await within(folder, ANYDESK)) {
      const nested = await within(anydesk, ANYDESK)
      for (const at of [anydesk, ...nested]) {
        for (const path of await within(at, /^ad(?:_svc)?\.trace$/i)) await add(path, 'AnyDesk', anydeskTrace)
        await add(`${at}/connection_trace.txt`, 'AnyDesk', anydeskConnections)
      }
    }
  for (const folder of [...PROGRAMS, ...roaming].map((it) => `${it}/TeamViewer`)) await addTeamViewer(folder)
  for (const folder of [`${SERVICE_HOME}/${ROAMING}`, ...roaming])
    for (const path of await within(`${folder}/RustDesk/log/server`, /^rustdesk_rCURRENT\.log$/i))
      await add(path, 'RustDesk', rustdesk)
  for (const folder of PROGRAMS)
    for (const path of await within(`${folder}/Splashtop/Splashtop Remote/Server/log`, /^SPLog\.txt$/i))
      await add(path, 'Splashtop', splashtop)
  return found
}

async function unreadTools(host: Host, stamp: Stamp) {
  const tools = new Set<string>()
  for (const folder of PROGRAMS) {
    for (const name of await host.list(folder).catch(() => []))
      for (const [tool, names] of UNREAD) if (names.test(name)) tools.add(tool)
    if (await isThere(host, `${folder}/${CHROME}`)) tools.add('Chrome Remote Desktop')
  }
  return [...tools].map((it) => gap(stamp, it, 'unsupported', UNREAD_LOG))
}
