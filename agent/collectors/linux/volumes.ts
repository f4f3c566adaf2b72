/**
 * Mounted file systems: on disks, over the network and in user space.
 *
 * Shape   one volume_mounted per device or share; the first poll reports all. `VolumeKind` is loop, optical, usb, disk,
 *         network or fuse. Kernel file systems, overlays and squashfs images (snaps) are omitted. A device that is
 *         mounted twice is one volume.
 * Units   polled every 5 s; bytes of the whole partition.
 * Errors  null for what is unknown. Label and serial need udev's links in /dev/disk.
 * Source  proc_pid_mountinfo(5); /sys/dev/block, /sys/class/block, /dev/disk/by-{label,uuid}. A volume on a mapped
 *         device (encrypted, LVM) has the properties of the disk below it.
 */
import { type Collector, gap, gapReason } from '../../collect.ts'
import type { Host } from '../../host/host.ts'
import { bounded } from '../shared/bounded.ts'
import { blockName, diskBelow, kindOf, type Mount, parseMounts } from '../shared/mounts.ts'
import { shortText } from '../shared/short-text.ts'
import { isVirtualMedia } from '../shared/virtual-media.ts'

const NAME = 'volumes'
const EVERY_MS = 5_000
/** Per poll; the rest at the next ones. */
const MAX_NEW = 512

export const volumes: Collector<'volume_mounted'> = {
  name: NAME,
  categories: ['volume_mounted'],
  run: (host, _policy, signal) => run(host, signal),
}

async function* run(host: Host, signal: AbortSignal) {
  let known = new Set<string>()
  let last = ''
  while (!signal.aborted) {
    const stamp = { time: host.now(), collector: NAME }
    try {
      const text = await host.readText('/proc/self/mountinfo')
      if (text !== last) {
        const { found, unparsed } = parseMounts(text)
        if (unparsed > 0) yield gap(stamp, '/proc/self/mountinfo', 'unparsed', null, unparsed)
        const now = new Map(found.filter((it) => kindOf(it) !== null).map((it) => [`${it.device} ${it.source}`, it]))
        const fresh = [...now].filter(([key]) => !known.has(key))
        known = new Set([...known].filter((key) => now.has(key)))
        for (const [key, mount] of fresh.slice(0, MAX_NEW)) {
          yield { category: 'volume_mounted' as const, ...stamp, ...(await describe(host, mount)) }
          known.add(key)
        }
        if (fresh.length <= MAX_NEW) last = text
      }
    } catch (cause) {
      yield gap(stamp, '/proc/self/mountinfo', gapReason(cause), cause)
    }
    await host.sleep(EVERY_MS, signal)
  }
}

async function describe(host: Host, mount: Mount) {
  const kind = kindOf(mount)!
  const name = await blockName(host, mount)
  const disk = name === null ? null : await diskBelow(host, name)
  const sectors = name === null ? '' : ((await shortText(host, `/sys/class/block/${name}/size`)) ?? '')
  const uuid = name === null ? null : await linkedName(host, '/dev/disk/by-uuid', name)
  const label = name === null ? null : await linkedName(host, '/dev/disk/by-label', name)
  return {
    VolumeKind: kind === 'disk' && disk?.usb ? 'usb' : kind,
    Label: label === null ? null : bounded(label, 256),
    SerialHash: uuid === null ? null : host.hmac(uuid.toLowerCase()),
    SizeBytes: /^\d{1,12}$/.test(sectors) ? Number(sectors) * 512 : null,
    Removable: disk === null ? null : disk.removable,
    VirtualMedia: disk !== null && isVirtualMedia(disk.model, disk.usb || kind === 'optical'),
  }
}

async function linkedName(host: Host, folder: string, device: string): Promise<string | null> {
  for (const name of await host.list(folder).catch(() => []))
    if (lastName(await host.link(`${folder}/${name}`).catch(() => '')) === device) return unescaped(name)
  return null
}

/** udev escapes characters that are not allowed in file names, such as \x20. */
function unescaped(name: string): string {
  return name.replace(/\\x([0-9a-f]{2})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
}
function lastName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}
