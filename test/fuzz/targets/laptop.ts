/** What the collectors read on a laptop: logs of remote-control programs, and any file of /proc, /sys and /var. */
import assert from 'node:assert/strict'
import { autostarts } from '../../../agent/collectors/linux/autostarts.ts'
import { clockPlaces } from '../../../agent/collectors/linux/clock-places.ts'
import { connections } from '../../../agent/collectors/linux/connections.ts'
import { displays } from '../../../agent/collectors/linux/displays.ts'
import { flows } from '../../../agent/collectors/linux/flows.ts'
import { interfaces } from '../../../agent/collectors/linux/interfaces.ts'
import { logons } from '../../../agent/collectors/linux/logons.ts'
import { networkPlaces } from '../../../agent/collectors/linux/network-places.ts'
import { power } from '../../../agent/collectors/linux/power.ts'
import { processes } from '../../../agent/collectors/linux/processes.ts'
import { remoteSessions } from '../../../agent/collectors/linux/remote-sessions.ts'
import { software } from '../../../agent/collectors/linux/software.ts'
import { usbDevices } from '../../../agent/collectors/linux/usb-devices.ts'
import { volumes } from '../../../agent/collectors/linux/volumes.ts'
import { archives } from '../../../agent/collectors/shared/archives.ts'
import {
  anydeskConnections,
  anydeskTrace,
  chromeRemoteDesktop,
  gnomeRemoteDesktop,
  nomachine,
  rustdesk,
  splashtop,
  sshd,
  tailscaleSsh,
  teamviewerConnections,
  teamviewerLog,
  xrdp,
} from '../../../agent/collectors/shared/remote-logs.ts'
import { repositories } from '../../../agent/collectors/shared/repositories.ts'
import { fakeHost, link, type Node, policy, START, watchPolls } from '../../agent/fake-host.ts'
import { fakeLinux } from '../../agent/fake-linux.ts'
import type { Target } from '../target.ts'

const READERS = [
  anydeskTrace,
  anydeskConnections,
  () => teamviewerConnections('incoming'),
  () => teamviewerConnections('outgoing'),
  teamviewerLog,
  rustdesk,
  chromeRemoteDesktop,
  sshd,
  xrdp,
  splashtop,
  nomachine,
  tailscaleSsh,
  gnomeRemoteDesktop,
]

export const remoteLogs: Target = {
  name: 'remote-logs',
  shape: 'text',
  dictionary: [
    'Incoming session request: ',
    'Logged in from ',
    'Accepted password for ',
    "NXSERVER User '",
    'tailscaled[1]: ssh-session(sess-1): access granted to ',
    'gnome-remote-de[1]: [RDP',
    'Passwd',
    '::ffff:',
    '2026-',
    '\t',
  ],
  open: async () => ({
    run(input) {
      for (const encoding of ['utf8', 'utf16le'] as const)
        for (const reader of READERS.map((it) => it()))
          for (const line of input.toString(encoding).split('\n', 2_000)) {
            const step = reader(line.slice(0, 4_096), START)
            if (step !== null) assert.ok(step.at === null || Number.isFinite(step.at), `at ${step.at}: ${line}`)
          }
    },
  }),
}

/**
 * Shape   a JSON object of files: path → text, {"link":"…"} or {"hex":"…"}. Every collector looks at the laptop twice.
 *         `watchPolls` checks each observation with the wire's schema.
 */
export const laptopFiles: Target = {
  name: 'laptop-files',
  shape: 'json',
  dictionary: ['/proc/', '/sys/', '\\0', '0A', '00000000:0000', 'rw,relatime', '18446744073709551616', '\t', ') S ('],
  open: async () => ({
    async run(input) {
      const paths = filesIn(input)
      for (const collector of collectors())
        await watchPolls(collector, fakeHost(paths), [() => {}], policy).catch((cause: Error) => {
          throw new Error(`${collector.name}: ${cause.stack}`)
        })
    },
  }),
}

const ENDS = { localAddress: '192.0.2.9', localPort: 50_000, remoteAddress: '198.51.100.7', remotePort: 443 }
const linuxCalls = fakeLinux({
  tcpSockets: () => ({
    found: [{ cookie: '1', isListener: false, inode: 1, uid: 0, ...ENDS, bytes: { sent: 9e6, received: 0 } }],
    omitted: 0,
  }),
})

function collectors() {
  const repositoryParts = repositories()
  const archiveParts = archives()
  return [
    processes({ seen: 0, total: 0 }, [repositoryParts.onProgram, archiveParts.onProgram]),
    ...[connections, interfaces, flows(linuxCalls), software, autostarts, usbDevices, displays, volumes],
    ...[networkPlaces(linuxCalls), power, logons, remoteSessions, clockPlaces],
    ...[repositoryParts.collector, archiveParts.collector],
  ]
}

function filesIn(input: Buffer): Record<string, Node> {
  let value: unknown
  try {
    value = JSON.parse(input.toString('utf8'))
  } catch {
    value = { '/proc/net/tcp': input.toString('utf8'), '/proc/mounts': input.toString('latin1') }
  }
  const files = new Map<string, Node>()
  for (const [path, node] of Object.entries(typeof value === 'object' && value !== null ? value : {})) {
    if (!path.startsWith('/') || path.includes('__proto__')) continue
    const fields = (typeof node === 'object' && node !== null ? node : {}) as { link?: unknown; hex?: unknown }
    if (typeof fields.link === 'string') files.set(path, link(fields.link))
    else if (typeof fields.hex === 'string') files.set(path, Buffer.from(fields.hex, 'hex'))
    else files.set(path, typeof node === 'string' ? node : JSON.stringify(node))
  }
  // A file cannot be a folder as well.
  const names = [...files.keys()]
  return Object.fromEntries([...files].filter(([path]) => !names.some((it) => it.startsWith(`${path}/`))))
}
