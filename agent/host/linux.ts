/** Linux: what the kernel and systemd show, read as files. */
import { createHash } from 'node:crypto'
import { closeSync, lstatSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs'
import { factsOf, fileHost, MAX_BYTES, unixAgentFolder } from './files.ts'
import type { Host, HostOptions, MachineFacts, System } from './host.ts'

const DMI = '/sys/class/dmi/id'
const HYPERVISORS =
  /kvm|qemu|vmware|virtualbox|innotek|xen|bochs|parallels|hyper-v|virtual machine|amazon ec2|google compute/i

const BOOT_ID = '/proc/sys/kernel/random/boot_id'

export const linux: System = {
  product: 'linux',
  platform: 'linux',
  host,
  machine,
  agentFolder: unixAgentFolder,
  processStart,
}

/** Files the kernel makes up are read at once, not on the thread pool: they wait for no disk, and cost 35 us of CPU
 * instead of 500 us.
 */
function host(options: HostOptions): Host {
  const disk = fileHost(options)
  return {
    ...disk,
    readText: async (path, maxBytes = MAX_BYTES) =>
      isKernels(path) ? readKernels(path, maxBytes).toString('utf8') : disk.readText(path, maxBytes),
    readBytes: async (path, maxBytes = MAX_BYTES) =>
      isKernels(path) ? readKernels(path, maxBytes) : disk.readBytes(path, maxBytes),
    list: async (path) => (isKernels(path) ? readdirSync(path) : disk.list(path)),
    link: async (path) => (isKernels(path) ? readlinkSync(path) : disk.link(path)),
    stat: async (path) => (isKernels(path) ? factsOf(lstatSync(path)) : disk.stat(path)),
  }
}

function isKernels(path: string): boolean {
  return path.startsWith('/proc/') || path.startsWith('/sys/') || path === '/proc' || path === '/sys'
}

/** /proc and /sys say size 0, so the bound is on what is read, not on what stat promises. */
function readKernels(path: string, maxBytes: number): Buffer {
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
 * What tells this machine from a copy of its disk.
 *
 * Errors  what cannot be read is left out of the fingerprint: serial numbers need root, so root and user differ.
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
  const maker = `${(await read(`${DMI}/sys_vendor`)) ?? ''} ${parts[1] ?? ''}`
  const cpu = await read('/proc/cpuinfo')
  const saysHypervisor = cpu === null ? null : /^flags\s*:.*\bhypervisor\b/m.test(cpu)
  return {
    fingerprint: isKnown ? createHash('sha256').update(text).digest('hex') : null,
    virtual: HYPERVISORS.test(maker) || saysHypervisor,
    bootId: await read(BOOT_ID),
  }
}

/** Start time in ticks after boot, and the boot. */
function processStart(pid: number): string | null {
  const stat = readNow(`/proc/${pid}/stat`)
  if (stat === null) return null
  // The second field is the program's name and may hold blanks and brackets; the 22nd is the start time in ticks.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  if (fields[0] === 'Z' || fields[0] === 'X') return null // dead, not yet buried
  return `${fields[19]} ${(readNow(BOOT_ID) ?? '').trim()}`
}

function readNow(path: string): string | null {
  try {
    return readKernels(path, MAX_BYTES).toString('utf8')
  } catch {
    return null
  }
}
