/** Linux: the kernel's and systemd's information, read from files. */
import { createHash } from 'node:crypto'
import { closeSync, lstatSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs'
import { nameOf } from './file-names.ts'
import { factsOf, fileHost, MAX_BYTES, unixAgentFolder } from './files.ts'
import { type Host, type HostOptions, HYPERVISORS, type MachineFacts, type System } from './host.ts'
import { linuxPlaces } from './linux-places.ts'
import { audit } from './starts/audit.ts'
import { connector } from './starts/connector.ts'
import { tracefs } from './starts/tracefs.ts'
import { withCommandLines } from './starts/with-command-lines.ts'

const DMI = '/sys/class/dmi/id'
const BOOT_ID = '/proc/sys/kernel/random/boot_id'

export const linux: System = {
  product: 'linux',
  platform: 'linux',
  host,
  machine,
  places: linuxPlaces(),
  agentFolder: unixAgentFolder,
  processStart,
  startSources: [withCommandLines(tracefs(), connector()), connector(), audit()],
}

/** Reads /proc and /sys synchronously: they need no disk, and that costs 35 us of CPU instead of 500 us. */
function host(options: HostOptions): Host {
  const disk = fileHost(options)
  return {
    ...disk,
    readText: async (path, maxBytes = MAX_BYTES) =>
      isVirtualFile(path) ? readVirtualFile(path, maxBytes).toString('utf8') : disk.readText(path, maxBytes),
    readBytes: async (path, maxBytes = MAX_BYTES) =>
      isVirtualFile(path) ? readVirtualFile(path, maxBytes) : disk.readBytes(path, maxBytes),
    list: async (path) => (isVirtualFile(path) ? readdirSync(path) : disk.list(path)),
    link: async (path) => (isVirtualFile(path) ? nameOf(readlinkSync(path, 'latin1')) : disk.link(path)),
    stat: async (path) => (isVirtualFile(path) ? factsOf(lstatSync(path)) : disk.stat(path)),
  }
}

function isVirtualFile(path: string): boolean {
  return path.startsWith('/proc/') || path.startsWith('/sys/') || path === '/proc' || path === '/sys'
}

/** In /proc and /sys the size is 0, so the limit applies to what is read, not to what stat reports. */
function readVirtualFile(path: string, maxBytes: number): Buffer {
  const file = openSync(path, 'r')
  try {
    const chunks: Buffer[] = []
    for (let total = 0; total < maxBytes; ) {
      const chunk = Buffer.allocUnsafe(Math.min(total === 0 ? 4_096 : 65_536, maxBytes - total))
      const read = readSync(file, chunk)
      if (read === 0) break
      chunks.push(chunk.subarray(0, read))
      total += read
    }
    return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
  } finally {
    closeSync(file)
  }
}

/**
 * What distinguishes this machine from a copy of its disk.
 *
 * Errors  what cannot be read is omitted from the fingerprint. Serial numbers need root, so the fingerprints that root
 *         and a user get differ.
 * Source  /etc/machine-id, /sys/class/dmi/id, /proc/cpuinfo, /proc/sys/kernel/random/boot_id.
 */
async function machine(host: Host): Promise<MachineFacts> {
  const read = (path: string) =>
    host
      .readText(path, 262_144)
      .then((it) => it.trim() || null)
      .catch(() => null)
  const parts = await Promise.all(
    [
      '/etc/machine-id',
      `${DMI}/product_name`,
      `${DMI}/product_uuid`,
      `${DMI}/product_serial`,
      `${DMI}/board_vendor`,
      `${DMI}/board_name`,
      `${DMI}/board_serial`,
    ].map(read),
  )
  const isKnown = parts.some((it) => it !== null)
  const text = ['linux', ...parts.map((it) => it ?? '')].join('\n')
  const vendor = `${(await read(`${DMI}/sys_vendor`)) ?? ''} ${parts[1] ?? ''}`
  const cpu = await read('/proc/cpuinfo')
  const hasHypervisorFlag = cpu === null ? null : /^flags\s*:.*\bhypervisor\b/m.test(cpu)
  return {
    fingerprint: isKnown ? createHash('sha256').update(text).digest('hex') : null,
    virtual: HYPERVISORS.test(vendor) || hasHypervisorFlag,
    bootId: await read(BOOT_ID),
  }
}

/** Start time in ticks after boot, and the boot id. */
function processStart(pid: number): string | null {
  const stat = readNow(`/proc/${pid}/stat`)
  if (stat === null) return null
  // The second field is the program's name and may contain blanks and brackets; the 22nd is the start time in ticks.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  if (fields[0] === 'Z' || fields[0] === 'X') return null // a zombie
  return `${fields[19]} ${(readNow(BOOT_ID) ?? '').trim()}`
}

function readNow(path: string): string | null {
  try {
    return readVirtualFile(path, MAX_BYTES).toString('utf8')
  } catch {
    return null
  }
}
