/**
 * Drives.
 *
 * Shape   one volume_mounted per drive; the first poll reports all. A drive whose disk was changed is told again.
 *         `VolumeKind` is usb, disk, optical, network or virtual.
 * Units   polled every 5 s; bytes of the whole volume.
 * Errors  null for what is unknown; of a share nothing is asked, because a server that does not answer would block.
 * Source  GetLogicalDrives and its kin; the bus by IOCTL_STORAGE_QUERY_PROPERTY, of which Wine answers little: 'usb' has
 *         been seen on recorded answers only.
 */
import { type Collector, gap, gapReason } from '../../collect.ts'
import type { Host } from '../../host/host.ts'
import type { VolumeRow, Windows } from '../../host/windows/calls.ts'
import { bounded } from '../shared/bounded.ts'
import { isVirtualMedia } from '../shared/virtual-media.ts'

const NAME = 'volumes'
const EVERY_MS = 5_000
/** STORAGE_BUS_TYPE. */
const USB = 7
const VIRTUAL = new Set([14, 15])

export const volumes = (windows: Windows): Collector<'volume_mounted'> => ({
  name: NAME,
  categories: ['volume_mounted'],
  run: (host, _policy, signal) => run(host, windows, signal),
})

async function* run(host: Host, windows: Windows, signal: AbortSignal) {
  let known = new Set<string>()
  while (!signal.aborted) {
    const stamp = { time: host.now(), collector: NAME }
    try {
      // An optical drive without a disk is not mounted.
      const now = windows.volumes().filter((it) => it.kind !== 'cdrom' || it.serial !== null)
      const keyed = now.map((it) => [`${it.drive} ${it.kind} ${it.serial}`, it] as const)
      for (const [key, row] of keyed)
        if (!known.has(key)) yield { category: 'volume_mounted' as const, ...stamp, ...described(host, row) }
      known = new Set(keyed.map(([key]) => key))
    } catch (cause) {
      yield gap(stamp, 'list of drives', gapReason(cause), cause)
    }
    await host.sleep(EVERY_MS, signal)
  }
}

function described(host: Host, row: VolumeRow) {
  const { kind, label, serial, bytes, vendor, product } = row
  const VolumeKind = kindOf(row)
  const model = [vendor, product].filter((it) => it !== null).join(' ')
  return {
    VolumeKind,
    Label: label ? bounded(label, 256) : null,
    SerialHash: serial === null || serial === 0 ? null : host.hmac(serial.toString(16)),
    SizeBytes: bytes,
    Removable: kind === 'remote' || kind === 'unknown' ? null : isRemovable(row),
    VirtualMedia: isVirtualMedia(model, VolumeKind === 'usb' || kind === 'cdrom'),
  }
}

export function kindOf({ kind, bus }: VolumeRow): 'network' | 'optical' | 'usb' | 'virtual' | 'disk' {
  if (kind === 'remote') return 'network'
  if (kind === 'cdrom') return 'optical'
  if (bus === USB) return 'usb'
  return kind === 'ramdisk' || (bus !== null && VIRTUAL.has(bus)) ? 'virtual' : 'disk'
}

/** Windows calls an external disk on USB fixed. */
export function isRemovable({ kind, bus }: VolumeRow): boolean {
  return kind === 'removable' || kind === 'cdrom' || bus === USB
}
