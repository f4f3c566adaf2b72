/**
 * Where macOS has the logs of remote-control tools: see shared/remote-sessions.ts.
 *
 * Shape   AnyDesk, TeamViewer, RustDesk, Chrome Remote Desktop and Splashtop write files; sshd and Screen Sharing are in
 *         macOS' own log, which a child process follows as long as the agent runs.
 * Errors  a gap when that child has ended: sign-ins until it runs again, ten minutes later, are missed. Sessions of Screen Sharing have no end.
 * Blind   sign-ins before the agent began. Which files RustDesk and Splashtop write on macOS was not seen.
 * Source  `remote-logs.ts`; the folders as forensic tools and Homebrew's uninstallers name them; Chromium's
 *         remoting/host/mac: /var/log/org.chromium.chromoting.log. Written from documentation; it has never run on a Mac.
 */
import { type Collector, gap, gapReason, lossGap } from '../../collect.ts'
import type { Host } from '../../host/host.ts'
import type { LineFeed, Mac } from '../../host/macos/calls.ts'
import { anydeskConnections, anydeskTrace, chromeRemoteDesktop, rustdesk, splashtop } from '../shared/remote-logs.ts'
import {
  type Feed,
  type Log,
  logFinder,
  type RemoteLogs,
  remoteSessions as sessionsOf,
  UNREAD_LOG,
} from '../shared/remote-sessions.ts'
import { accountsOf } from './kit/accounts.ts'
import { parseSignIn } from './kit/sign-ins.ts'

const LOG = "macOS' log"
/** Until a child that ended is started again. */
const AGAIN_MS = 600_000
/** Applications whose sessions are not read. */
const UNREAD: readonly [tool: string, path: string][] = [
  ['NoMachine', '/Applications/NoMachine.app'],
  ['MeshCentral', '/usr/local/mesh_services/meshagent'],
]
/** `/Applications/connectwisecontrol-0123456789abcdef.app`, `screenconnect-…`: one for each operator's server. */
const SCREENCONNECT = /^(?:connectwisecontrol|screenconnect)-[0-9a-f]{8,32}\.app$/i

export const remoteSessions = (mac: Mac): Collector<'remote_session'> => sessionsOf((host) => macLogs(host, mac))

function macLogs(host: Host, mac: Mac): RemoteLogs {
  let signIns: LineFeed | null = null
  let failedAt = Number.NEGATIVE_INFINITY
  return {
    find: async (stamp) => {
      const { homes, gaps } = await accountsOf(host, stamp)
      return { logs: await findLogs(host, homes), gaps }
    },
    others: async (feed, stamp) => {
      const gaps = await unreadTools(host, stamp)
      if (host.elapsed() - failedAt < AGAIN_MS) return gaps
      signIns ??= mac.signIns()
      const { lines, lost, failure } = signIns.read()
      for (const line of lines) take(feed, line)
      if (lost > 0) gaps.push(lossGap(stamp, LOG, 'lines that were not read', lost))
      if (failure !== null) {
        failedAt = host.elapsed()
        gaps.push(gap(stamp, LOG, gapReason(failure), failure))
      }
      return gaps
    },
    kept: [],
    close: () => signIns?.close(),
  }
}

function take(feed: Feed, line: string): void {
  const found = parseSignIn(line)
  if (found !== null) feed.apply({ path: `${LOG}: ${found.tool}`, tool: found.tool }, found.step)
}

async function findLogs(host: Host, homes: readonly string[]): Promise<Log[]> {
  const { found, add, addTeamViewer, within } = logFinder(host)
  const anydesk = ['/Library/Application Support/AnyDesk', '/var/log']
  const teamviewer = ['/Library/Logs/TeamViewer']
  const rustdesks = ['/Library/Logs/RustDesk']
  for (const home of homes) {
    anydesk.push(...(await within(home, /^\.anydesk(_ad_\w+)?$/)))
    teamviewer.push(`${home}/Library/Logs/TeamViewer`, `${home}/Library/Application Support/TeamViewer`)
    rustdesks.push(`${home}/Library/Logs/RustDesk`)
  }
  for (const folder of anydesk) {
    for (const path of await within(folder, /^\.?(?:anydesk|ad)[\w-]*\.trace$/))
      await add(path, 'AnyDesk', anydeskTrace)
    await add(`${folder}/connection_trace.txt`, 'AnyDesk', anydeskConnections)
  }
  for (const folder of teamviewer) await addTeamViewer(folder)
  for (const folder of rustdesks.flatMap((it) => [it, `${it}/server`]))
    for (const path of await within(folder, /^rustdesk_rCURRENT\.log$/i)) await add(path, 'RustDesk', rustdesk)
  await add('/var/log/org.chromium.chromoting.log', 'Chrome Remote Desktop', chromeRemoteDesktop)
  for (const path of await within('/Library/Logs/Splashtop Streamer', /^SPLog\.txt$/i))
    await add(path, 'Splashtop', splashtop)
  return found
}

/** The known tools that are there and have no reader. */
async function unreadTools(host: Host, stamp: { time: number; collector: string }) {
  const found = new Set<string>()
  for (const [tool, path] of UNREAD) if ((await host.stat(path).catch(() => null)) !== null) found.add(tool)
  for (const folder of ['/Applications', '/opt'])
    if ((await host.list(folder).catch(() => [])).some((it) => SCREENCONNECT.test(it))) found.add('ScreenConnect')
  return [...found].map((tool) => gap(stamp, tool, 'unsupported', UNREAD_LOG))
}
