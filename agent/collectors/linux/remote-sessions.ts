/**
 * Linux' logs of remote-control tools, for `shared/remote-sessions.ts`.
 *
 * Errors  systems with only a journal have no text log of sshd and Chrome Remote Desktop: sshd is then read from
 *         /var/log/wtmp, and Chrome Remote Desktop, if installed, gives a gap 'unsupported', as does any other known tool
 *         that is installed and whose log nobody reads here.
 * Source  see `remote-logs.ts`; utmp(5) for wtmp.
 */
import { gap, gapReason } from '../../collect.ts'
import type { Host } from '../../host/host.ts'
import { accountReader, homesOf } from '../shared/accounts.ts'
import {
  anydeskConnections,
  anydeskTrace,
  chromeRemoteDesktop,
  rustdesk,
  splashtop,
  sshd,
  teamviewerConnections,
  teamviewerLog,
  xrdp,
} from '../shared/remote-logs.ts'
import { isThere, type Known, type Log, logFinder, remoteSessionsOf, type Stamp } from '../shared/remote-sessions.ts'
import { parseWtmp, UTMP_ENTRY } from '../shared/utmp.ts'

const WTMP = '/var/log/wtmp'
/** Entries per poll; the rest at the next ones. */
const WTMP_PER_POLL = 512
/** The first poll starts this many entries before the end. */
const WTMP_AT_START = 8_192
const CRD_FOLDER = '/opt/google/chrome-remote-desktop'
/** Tools whose sessions are not read: where they are installed, by their own packages. */
const UNREAD: readonly [tool: string, folder: string][] = [
  ['NoMachine', '/usr/NX'],
  ['MeshCentral', '/usr/local/mesh_services/meshagent'],
  ['MeshCentral', '/opt/meshagent'],
  ['Tailscale SSH', '/var/lib/tailscale'],
]
/** `/opt/connectwisecontrol-0123456789abcdef`, `/opt/screenconnect-…`: one folder for each operator's server. */
const SCREENCONNECT = /^(?:connectwisecontrol|screenconnect)-[0-9a-f]{8,32}$/
/** Most desktops have the program; it runs where somebody switched it on. */
const GNOME_WANTS = '.config/systemd/user/gnome-session.target.wants/gnome-remote-desktop.service'

export const remoteSessions = remoteSessionsOf((host) => {
  const accounts = accountReader(host)
  return {
    homes: (stamp) => homesOf(accounts, stamp),
    logs: (homes) => findLogs(host, homes),
    more: (known, logs, homes, stamp) => readMore(host, known, logs, homes, stamp),
    followed: [WTMP],
  }
})

async function findLogs(host: Host, homes: readonly string[]): Promise<Log[]> {
  const { found, add, within } = logFinder(host)
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
  for (const folder of teamviewer) {
    // The log before the list: it has the addresses of the sessions in the list.
    for (const path of await within(folder, /_Logfile\.log$/i)) await add(path, 'TeamViewer', teamviewerLog)
    for (const path of await within(folder, /^connections_incoming\.txt$/i))
      await add(path, 'TeamViewer', () => teamviewerConnections('incoming'))
    for (const path of await within(folder, /^connections\.txt$/i))
      await add(path, 'TeamViewer', () => teamviewerConnections('outgoing'))
  }
  for (const path of ['/var/log/auth.log', '/var/log/secure']) await add(path, 'sshd', sshd)
  await add('/var/log/xrdp-sesman.log', 'xrdp', xrdp)
  for (const path of await within('/opt/splashtop-streamer/log', /^SPLog\.txt$/i))
    await add(path, 'Splashtop', splashtop)
  if (await isThere(host, CRD_FOLDER))
    for (const path of ['/var/log/syslog', '/var/log/messages'])
      await add(path, 'Chrome Remote Desktop', chromeRemoteDesktop)
  return found
}

/** The known tools that are there and have no reader. */
async function unreadTools(host: Host, homes: readonly string[]): Promise<Set<string>> {
  const found = new Set<string>()
  for (const [tool, folder] of UNREAD) if (await isThere(host, folder)) found.add(tool)
  if ((await host.list('/opt').catch(() => [])).some((it) => SCREENCONNECT.test(it))) found.add('ScreenConnect')
  for (const home of homes) if (await isThere(host, `${home}/${GNOME_WANTS}`)) found.add('GNOME Remote Desktop')
  return found
}

async function readMore(host: Host, known: Known, logs: readonly Log[], homes: readonly string[], stamp: Stamp) {
  const inText = new Set(logs.map((it) => it.tool))
  const gaps = inText.has('sshd') ? [] : await readWtmp(host, known, stamp)
  if (!inText.has('Chrome Remote Desktop') && (await isThere(host, CRD_FOLDER))) {
    const why = 'its sessions are only in the journal, which is not a text file'
    gaps.push(gap(stamp, 'Chrome Remote Desktop', 'unsupported', why))
  }
  for (const tool of await unreadTools(host, homes))
    gaps.push(gap(stamp, tool, 'unsupported', 'it is installed, and its own log of sessions is not read'))
  return gaps
}

/**
 * wtmp has entries of 384 bytes: a logon from an address on a line, and the logoff from the same line. On a system
 * without text logs, every logon from an address counts as one over sshd.
 */
async function readWtmp(host: Host, { positions, add }: Known, stamp: Stamp) {
  const log: Log = { path: WTMP, tool: 'sshd', reader: sshd }
  try {
    const { inode, size } = await host.stat(WTMP)
    const before = positions.get(WTMP)
    const from =
      before?.inode === inode && before.offset <= size ? before.offset : Math.max(0, size - WTMP_AT_START * UTMP_ENTRY)
    const start = from - (from % UTMP_ENTRY)
    const bytes =
      size - start < UTMP_ENTRY ? Buffer.alloc(0) : await host.readPart(WTMP, start, WTMP_PER_POLL * UTMP_ENTRY)
    const whole = bytes.length - (bytes.length % UTMP_ENTRY)
    for (const { line, from: ip, at, isLogoff } of parseWtmp(bytes.subarray(0, whole)))
      if (isLogoff) add(log, { kind: 'close', key: line, at })
      else if (ip !== null) add(log, { kind: 'open', key: line, at, ip })
    positions.set(WTMP, { inode, offset: start + whole })
    return []
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT'
    return [
      gap(stamp, 'sshd', missing ? 'unsupported' : gapReason(cause), missing ? 'neither a text log nor wtmp' : cause),
    ]
  }
}
