/**
 * Mounts, and the kind of device that each is on.
 *
 * Shape   kernel file systems, overlays and squashfs images (snaps) are not volumes: kind null.
 * Errors  null for what is unknown.
 * Source  proc_pid_mountinfo(5); /sys/dev/block, /sys/class/block. A volume on a mapped device (encrypted, LVM) has the
 *         properties of the disk below it.
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
/** File systems that desktops and container tools mount for themselves. */
const INTERNAL_FUSE = /^fuse\.(portal|gvfsd-fuse|lxcfs|snapfuse|fuse-overlayfs)$/

/** Null: not a volume. */
export function kindOf(mount: Mount): VolumeKind | null {
  if (NETWORK.test(mount.type)) return 'network'
  if (mount.type === 'squashfs' || mount.type === 'overlay') return null
  if (/^\/dev\/loop\d/.test(mount.source)) return 'loop'
  if (/^\/dev\/sr\d/.test(mount.source)) return 'optical'
  if (/^fuse(\.|$)/.test(mount.type) && !mount.source.startsWith('/dev/'))
    return INTERNAL_FUSE.test(mount.type) ? null : 'fuse'
  return mount.source.startsWith('/dev/') && !/^(devtmpfs|tmpfs)$/.test(mount.type) ? 'disk' : null
}

/** Whether the file system that a path is on says how much of a file is on the disk. */
export function countsBlocks(path: string, mounts: readonly Mount[]): boolean {
  const at = mounts.filter((it) => isBelow(path, it.at))
  // Of two mounts at one place, the later one is on top.
  const mount = at.reduce<Mount | null>(
    (best, it) => (best === null || it.at.length >= best.at.length ? it : best),
    null,
  )
  return mount !== null && /^(ext[234]|xfs|btrfs|f2fs|bcachefs|zfs|tmpfs|overlay|vfat|exfat|ntfs3)$/.test(mount.type)
}

/** Whether the path is the place itself, or in it. */
export function isBelow(path: string, place: string): boolean {
  return path === place || path.startsWith(place.endsWith('/') ? place : `${place}/`)
}

/** Whether it is known to be on a disk inside the laptop. */
export async function isBuiltIn(host: Host, mount: Mount): Promise<boolean> {
  const name = kindOf(mount) === 'disk' ? await blockName(host, mount) : null
  return name !== null && (await diskBelow(host, name))?.removable === false
}

/** The kernel's name of the block device: by its number, or by its path for btrfs, whose numbers are not real. */
export async function blockName(host: Host, mount: Mount): Promise<string | null> {
  if (!mount.source.startsWith('/dev/')) return null
  const byNumber = await host.link(`/sys/dev/block/${mount.device}`).catch(() => '')
  const name = lastName(byNumber) || lastName(await host.link(mount.source).catch(() => '')) || lastName(mount.source)
  return /^[\w!.:-]{1,128}$/.test(name) ? name : null
}

/** The disk below a partition or mapped device. Null if the kernel shows none (a container). */
export async function diskBelow(
  host: Host,
  name: string,
  depth = 0,
): Promise<{ usb: boolean; removable: boolean | null; model: string } | null> {
  const below = depth > 4 ? [] : await host.list(`/sys/class/block/${name}/slaves`).catch(() => [])
  if (below[0] !== undefined) return diskBelow(host, below[0], depth + 1)
  const place = await host.link(`/sys/class/block/${name}`).catch(() => null)
  if (place === null) return null
  const disk = /\/block\/([^/]+)/.exec(place)?.[1] ?? name
  const usb = /\/usb\d+\//.test(place)
  const removable = await shortText(host, `/sys/block/${disk}/removable`)
  const text = async (name: string) => (await shortText(host, `/sys/block/${disk}/device/${name}`)) ?? ''
  const model = `${await text('vendor')} ${await text('model')}`
  return { usb, removable: usb || removable === '1' ? true : removable === '0' ? false : null, model }
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
    else found.push({ device, root: unescaped(root), at: unescaped(at), type, source: unescaped(source) })
  }
  return { found, unparsed }
}

/** The kernel escapes blank, tab, newline and backslash as three octal digits. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 8)))
}

function lastName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}
