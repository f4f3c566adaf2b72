/**
 * Mounted volumes.
 *
 * Shape   one volume_mounted per volume or share; the first poll reports all. The system's own hidden volumes are left
 *         out. `VolumeKind` is usb, disk, optical, virtual (a disk image), network or fuse. `Label` is the folder's name
 *         below /Volumes.
 * Units   polled every 5 s; bytes of the whole volume.
 * Errors  null for what is unknown; of a share nothing is asked, because a server that does not answer would block.
 * Source  getfsstat; the I/O registry: IOMedia, and what it is attached to (agent/host/macos). Written from
 *         documentation; it has never run on a Mac.
 */
import { type Collector, gap, gapReason } from '../../collect.ts'
import type { Host } from '../../host/host.ts'
import type { Mac, MountRow } from '../../host/macos/calls.ts'
import { bounded } from '../shared/bounded.ts'
import { isVirtualMedia } from '../shared/virtual-media.ts'
import { type Disk, disksOf, isRemovable } from './kit/disks.ts'

const NAME = 'volumes'
const EVERY_MS = 5_000
const NETWORK = /^(smbfs|nfs|afpfs|webdav|ftp|cifs)$/
const KERNEL = /^(devfs|autofs|nullfs|mtmfs|lifs)$/
const FUSE = /fuse/i

export const volumes = (mac: Mac): Collector<'volume_mounted'> => ({
  name: NAME,
  categories: ['volume_mounted'],
  run: (host, _policy, signal) => run(host, mac, signal),
})

async function* run(host: Host, mac: Mac, signal: AbortSignal) {
  let known = new Set<string>()
  while (!signal.aborted) {
    const stamp = { time: host.now(), collector: NAME }
    try {
      const now = mac.mounts().filter((it) => !it.isHidden && !KERNEL.test(it.type))
      const fresh = now.filter((it) => !known.has(`${it.from} ${it.at}`))
      const disks = fresh.length === 0 ? new Map<string, Disk>() : disksOf(mac)
      for (const it of fresh) yield { category: 'volume_mounted' as const, ...stamp, ...described(host, it, disks) }
      known = new Set(now.map((it) => `${it.from} ${it.at}`))
    } catch (cause) {
      yield gap(stamp, 'mounted volumes', gapReason(cause), cause)
    }
    await host.sleep(EVERY_MS, signal)
  }
}

function described(host: Host, mount: MountRow, disks: ReadonlyMap<string, Disk>) {
  const { from, at, bytes } = mount
  const disk = disks.get(from.replace(/^\/dev\//, '')) ?? null
  const VolumeKind = kindOf(mount, disk)
  const label = at === '/' ? null : at.slice(at.lastIndexOf('/') + 1)
  return {
    VolumeKind,
    Label: label ? bounded(label, 256) : null,
    SerialHash: disk?.uuid ? host.hmac(disk.uuid) : null,
    SizeBytes: Number.isSafeInteger(bytes) ? bytes : null,
    Removable: disk === null ? null : isRemovable(disk),
    VirtualMedia: isVirtualMedia(disk?.model ?? '', VolumeKind === 'usb' || VolumeKind === 'optical'),
  }
}

export function kindOf({ type, isLocal }: MountRow, disk: Disk | null) {
  if (FUSE.test(type)) return 'fuse'
  if (NETWORK.test(type) || !isLocal) return 'network'
  if (/^(cd9660|cddafs|udf)$/.test(type) && disk?.isImage !== true) return 'optical'
  if (disk?.isImage === true) return 'virtual'
  return disk?.bus === 'USB' ? 'usb' : 'disk'
}
