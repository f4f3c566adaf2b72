/**
 * What is mounted, and what kind of device it is on.
 *
 * Shape   kernel file systems, overlays and squashfs images (snaps) are no volumes: kind null.
 * Errors  null for what cannot be told of a device.
 * Source  proc_pid_mountinfo(5); /sys/dev/block, /sys/class/block. A volume on a mapped device (encrypted, LVM) is what
 *         the disk below it is.
 */
import type { Host } from '../../host/host.ts'
import { shortText } from './short-text.ts'

export interface Mount {
  device: string
  root: string
  at: string
  type: string
  source: string
}
export type VolumeKind = 'loop' | 'optical' | 'usb' | 'disk' | 'network' | 'fuse'

const NETWORK =
  /^(nfs4?|cifs|smb3|smbfs|9p|ceph|glusterfs|afs|davfs|fuse\.(sshfs|rclone|s3fs|gcsfuse|davfs2?|glusterfs|cephfs|gdfs))$/
/** The desktop's and the container tools' own plumbing. */
const OWN_FUSE = /^fuse\.(portal|gvfsd-fuse|lxcfs|snapfuse|fuse-overlayfs)$/

/** Null: not a volume. */
export function kindOf(mount: Mount): VolumeKind | null {
  if (NETWORK.test(mount.type)) return 'network'
  if (mount.type === 'squashfs' || mount.type === 'overlay') return null
  if (/^\/dev\/loop\d/.test(mount.source)) return 'loop'
  if (/^\/dev\/sr\d/.test(mount.source)) return 'optical'
  if (mount.type.startsWith('fuse.') && !mount.source.startsWith('/dev/'))
    return OWN_FUSE.test(mount.type) ? null : 'fuse'
  return mount.source.startsWith('/dev/') && !/^(devtmpfs|tmpfs)$/.test(mount.type) ? 'disk' : null
}

/** A disk inside the laptop, as far as the kernel tells: not one of which it is unknown. */
export async function isBuiltIn(host: Host, mount: Mount): Promise<boolean> {
  const name = kindOf(mount) === 'disk' ? await blockName(host, mount) : null
  return name !== null && (await diskBelow(host, name))?.removable === false
}

/** The kernel's name of the block device: by number, or, for btrfs, whose numbers are made up, by its path. */
export async function blockName(host: Host, mount: Mount): Promise<string | null> {
  if (!mount.source.startsWith('/dev/')) return null
  const byNumber = await host.link(`/sys/dev/block/${mount.device}`).catch(() => '')
  const name = lastName(byNumber) || lastName(await host.link(mount.source).catch(() => '')) || lastName(mount.source)
  return /^[\w!.:-]{1,128}$/.test(name) ? name : null
}

/** The disk a partition, or a mapped device, lies on. Null when the kernel shows none (a container). */
export async function diskBelow(
  host: Host,
  name: string,
  depth = 0,
): Promise<{ usb: boolean; removable: boolean | null; says: string } | null> {
  const below = depth > 4 ? [] : await host.list(`/sys/class/block/${name}/slaves`).catch(() => [])
  if (below[0] !== undefined) return diskBelow(host, below[0], depth + 1)
  const place = await host.link(`/sys/class/block/${name}`).catch(() => null)
  if (place === null) return null
  const disk = /\/block\/([^/]+)/.exec(place)?.[1] ?? name
  const usb = /\/usb\d+\//.test(place)
  const removable = await shortText(host, `/sys/block/${disk}/removable`)
  const says = `${(await shortText(host, `/sys/block/${disk}/device/vendor`)) ?? ''} ${(await shortText(host, `/sys/block/${disk}/device/model`)) ?? ''}`
  return { usb, removable: usb || removable === '1' ? true : removable === '0' ? false : null, says }
}

/** `36 35 98:0 /root /at opts shared:1 - type source options`: the fields before ' - ' vary in number. */
export function parseMounts(text: string): { found: Mount[]; unparsed: number } {
  const found: Mount[] = []
  let unparsed = 0
  for (const line of text.split('\n')) {
    if (line === '') continue
    const dash = line.indexOf(' - ')
    const [, , device, root, at] = line.slice(0, Math.max(0, dash)).split(' ')
    const [type, source] = line.slice(dash + 3).split(' ')
    if (dash === -1 || !device || !root || !at || !type || source === undefined) unparsed++
    else found.push({ device, root: plain(root), at: plain(at), type, source: plain(source) })
  }
  return { found, unparsed }
}

/** The kernel writes blank, tab, newline and backslash as three octal digits. */
function plain(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 8)))
}

function lastName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}
