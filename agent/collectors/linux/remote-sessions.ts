/**
 * Where Linux has the logs of remote-control tools: see shared/remote-sessions.ts.
 *
 * Errors  Systems with only a journal have no text log of sshd and of the tools in `IN_SYSLOG`: sshd is then read from
 *         /var/log/wtmp, and each of the others that is installed gives a gap 'unsupported', as does a tool that leaves
 *         no trace of its sessions on the laptop.
 * Blind   who uses ScreenConnect and MeshCentral, and when: both tell their servers only. ScreenConnect's own log,
 *         /var/log/connectwisecontrol-*, has the errors of the program; MeshCentral's agent writes none at all.
 * Source  see `remote-logs.ts`; utmp(5) for wtmp.
 */
import { type Collector, gap, gapReason } from '../../collect.ts'
import type { Host } from '../../host/host.ts'
import { accountReader, homesOf } from '../shared/accounts.ts'
import { isThere } from '../shared/is-there.ts'
import {
  anydeskConnections,
  anydeskTrace,
  chromeRemoteDesktop,
  gnomeRemoteDesktop,
  nomachine,
  type Reader,
  rustdesk,
  splashtop,
  sshd,
  tailscaleSsh,
  xrdp,
} from '../shared/remote-logs.ts'
import {
  type Feed,
  type Log,
  logFinder,
  type RemoteLogs,
  type Stamp,
  remoteSessions as sessionsOf,
} from '../shared/remote-sessions.ts'
import { parseWtmp, UTMP_ENTRY } from '../shared/utmp.ts'

const WTMP = '/var/log/wtmp'
/** Entries per poll; the rest at the next ones. */
const WTMP_PER_POLL = 512
/** The first poll starts this many entries before the end. */
const WTMP_AT_START = 8_192
const CRD_FOLDER = '/opt/google/chrome-remote-desktop'
/** Tools that leave no trace of their sessions here: where they are installed, by their own packages. */
const WITHOUT_LOG: readonly [tool: string, folder: string][] = [
  ['MeshCentral', '/usr/local/mesh_services/meshagent'],
  ['MeshCentral', '/opt/meshagent'],
]
const NOMACHINE = '/usr/NX'
/** Tools that log into syslog: where they are installed. */
const IN_SYSLOG: readonly { tool: string; reader: () => Reader; folders: (homes: readonly string[]) => string[] }[] = [
  { tool: 'Chrome Remote Desktop', reader: chromeRemoteDesktop, folders: () => [CRD_FOLDER] },
  { tool: 'Tailscale SSH', reader: tailscaleSsh, folders: () => ['/var/lib/tailscale'] },
  {
    tool: 'GNOME Remote Desktop',
    reader: gnomeRemoteDesktop,
    folders: (homes) => [...homes.map((it) => `${it}/${GNOME_WANTS}`), ...GNOME_SYSTEM_WANTS],
  },
]
/** `/opt/connectwisecontrol-0123456789abcdef`, `/opt/screenconnect-…`: one folder for each operator's server. */
const SCREENCONNECT = /^(?:connectwisecontrol|screenconnect)-[0-9a-f]{8,32}$/
/** Most desktops have the program; it runs where somebody switched it on, for a desktop or for logging in. */
const GNOME_WANTS = '.config/systemd/user/gnome-session.target.wants/gnome-remote-desktop.service'
const GNOME_SYSTEM_WANTS = ['multi-user', 'graphical'].map(
  (it) => `/etc/systemd/system/${it}.target.wants/gnome-remote-desktop.service`,
)

const ONLY_JOURNAL = 'its sessions are only in the journal, which is not a text file'

export const remoteSessions: Collector<'remote_session'> = sessionsOf(linuxLogs)

function linuxLogs(host: Host): RemoteLogs {
  const accounts = accountReader(host)
  let installed: ReadonlySet<string> = new Set()
  return {
    find: async (stamp) => {
      const { homes, gaps } = await homesOf(accounts, stamp)
      installed = await installedInSyslog(host, homes)
      return { logs: await findLogs(host, homes, installed), gaps }
    },
    others: async (feed, stamp, logs) => {
      const inText = new Set(logs.flatMap((it) => it.formats.map(({ tool }) => tool)))
      const gaps = inText.has('sshd') ? [] : await readWtmp(host, feed, stamp)
      for (const tool of installed) if (!inText.has(tool)) gaps.push(gap(stamp, tool, 'unsupported', ONLY_JOURNAL))
      if (!inText.has('NoMachine') && (await isThere(host, NOMACHINE)))
        gaps.push(gap(stamp, 'NoMachine', 'unsupported', 'it is installed, and its log was not found'))
      for (const tool of await toolsWithoutLog(host))
        gaps.push(
          gap(stamp, tool, 'unsupported', 'it is installed, and only its server keeps a record of its sessions'),
        )
      return gaps
    },
    kept: [WTMP],
    close: () => {},
  }
}

async function findLogs(host: Host, homes: readonly string[], inSyslog: ReadonlySet<string>): Promise<Log[]> {
  const { found, add, addTeamViewer, within } = logFinder(host)
  for (const path of await within('/var/log', /^anydesk[\w-]*\.trace$/)) await add(path, 'AnyDesk', anydeskTrace)
  await add('/etc/anydesk/connection_trace.txt', 'AnyDesk', anydeskConnections)
  const teamviewer = [...(await within('/var/log', /^teamviewer\d*$/)), '/opt/teamviewer/logfiles']
  for (const home of homes) {
    for (const folder of await within(home, /^\.anydesk(_ad_\w+)?$/)) {
      for (const path of await within(folder, /^[\w-]+\.trace$/)) await add(path, 'AnyDesk', anydeskTrace)
      await add(`${folder}/connection_trace.txt`, 'AnyDesk', anydeskConnections)
    }
    for (const path of await within(`${home}/.local/share/logs/RustDesk/server`, /^rustdesk_rCURRENT\.log$/i))
      await add(path, 'RustDesk', rustdesk)
    teamviewer.push(...(await within(`${home}/.local/share`, /^teamviewer\d*$/)).map((it) => `${it}/logfiles`))
  }
  for (const folder of teamviewer) await addTeamViewer(folder)
  for (const path of ['/var/log/auth.log', '/var/log/secure']) await add(path, 'sshd', sshd)
  await add('/var/log/xrdp-sesman.log', 'xrdp', xrdp)
  for (const path of await within('/opt/splashtop-streamer/log', /^SPLog\.txt$/i))
    await add(path, 'Splashtop', splashtop)
  for (const path of await within(`${NOMACHINE}/var/log`, /^nxserver\.log$/)) await add(path, 'NoMachine', nomachine)
  for (const { tool, reader } of IN_SYSLOG)
    if (inSyslog.has(tool)) for (const path of ['/var/log/syslog', '/var/log/messages']) await add(path, tool, reader)
  return found
}

async function installedInSyslog(host: Host, homes: readonly string[]): Promise<Set<string>> {
  const found = new Set<string>()
  for (const { tool, folders } of IN_SYSLOG)
    for (const folder of folders(homes)) if (!found.has(tool) && (await isThere(host, folder))) found.add(tool)
  return found
}

async function toolsWithoutLog(host: Host): Promise<Set<string>> {
  const found = new Set<string>()
  for (const [tool, folder] of WITHOUT_LOG) if (await isThere(host, folder)) found.add(tool)
  if ((await host.list('/opt').catch(() => [])).some((it) => SCREENCONNECT.test(it))) found.add('ScreenConnect')
  return found
}

/**
 * wtmp has entries of 384 bytes: a logon from an address on a line, and the logoff from the same line. On a system
 * without text logs, every logon from an address counts as one over sshd.
 */
async function readWtmp(host: Host, feed: Feed, stamp: Stamp) {
  const log = { path: WTMP, tool: 'sshd' }
  try {
    const { inode, size } = await host.stat(WTMP)
    const before = feed.positions.get(WTMP)
    const from =
      before?.inode === inode && before.offset <= size ? before.offset : Math.max(0, size - WTMP_AT_START * UTMP_ENTRY)
    const start = from - (from % UTMP_ENTRY)
    const bytes =
      size - start < UTMP_ENTRY ? Buffer.alloc(0) : await host.readPart(WTMP, start, WTMP_PER_POLL * UTMP_ENTRY)
    const whole = bytes.length - (bytes.length % UTMP_ENTRY)
    for (const { line, from: ip, at, isLogoff } of parseWtmp(bytes.subarray(0, whole)))
      if (isLogoff) feed.apply(log, { kind: 'close', key: line, at })
      else if (ip !== null) feed.apply(log, { kind: 'open', key: line, at, ip })
    feed.positions.set(WTMP, { inode, offset: start + whole })
    return []
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT'
    return [
      gap(stamp, 'sshd', missing ? 'unsupported' : gapReason(cause), missing ? 'neither a text log nor wtmp' : cause),
    ]
  }
}
