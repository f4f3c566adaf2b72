/** What the collectors read on a laptop: logs of remote-control programs, and any file of /proc, /sys and /var. */
import assert from 'node:assert/strict'
import { autostarts } from '../../../agent/collectors/linux/autostarts.ts'
import { clockPlaces } from '../../../agent/collectors/linux/clock-places.ts'
import { connections } from '../../../agent/collectors/linux/connections.ts'
import { displays } from '../../../agent/collectors/linux/displays.ts'
import { interfaces } from '../../../agent/collectors/linux/interfaces.ts'
import { logons } from '../../../agent/collectors/linux/logons.ts'
import { networkPlaces } from '../../../agent/collectors/linux/network-places.ts'
import { power } from '../../../agent/collectors/linux/power.ts'
import { processes } from '../../../agent/collectors/linux/processes.ts'
import { remoteSessions } from '../../../agent/collectors/linux/remote-sessions.ts'
import { repositories } from '../../../agent/collectors/linux/repositories.ts'
import { software } from '../../../agent/collectors/linux/software.ts'
import { usbDevices } from '../../../agent/collectors/linux/usb-devices.ts'
import { volumes } from '../../../agent/collectors/linux/volumes.ts'
import { archives } from '../../../agent/collectors/shared/archives.ts'
import {
  anydeskConnections,
  anydeskTrace,
  chromeRemoteDesktop,
  rustdesk,
  sshd,
  teamviewerConnections,
  teamviewerLog,
  xrdp,
} from '../../../agent/collectors/shared/remote-logs.ts'
import { fakeHost, link, type Node, policy, START, watchPolls } from '../../agent/fake-host.ts'
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
]

export const remoteLogs: Target = {
  name: 'remote-logs',
  shape: 'text',
  dictionary: [
    'Incoming session request: ',
    'Logged in from ',
    'Accepted password for ',
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

function collectors() {
  const repositoryParts = repositories()
  const archiveParts = archives()
  return [
    processes({ seen: 0, total: 0 }, [repositoryParts.onProgram, archiveParts.onProgram]),
    ...[connections, interfaces, software, autostarts, usbDevices, displays, volumes],
    ...[networkPlaces, power, logons, remoteSessions, clockPlaces],
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
