/**
 * File systems on disks, over the network and from user space, when they are mounted.
 *
 * Shape   one volume_mounted per device or share; the first look reports all. `VolumeKind` is loop, optical, usb,
 *         disk, network or fuse. Kernel file systems, overlays and squashfs images (snaps) are left out. What one
 *         device is mounted at twice is one volume.
 * Units   polled every 5 s; bytes of the whole partition.
 * Errors  null for what cannot be told of this device. Label and serial need udev's links in /dev/disk.
 * Source  proc_pid_mountinfo(5); /sys/dev/block, /sys/class/block, /dev/disk/by-{label,uuid}. A volume on a mapped
 *         device (encrypted, LVM) is what the disk below it is.
 */
import { type Collector, gap, gapReason } from '../../collect.ts'
import type { Host } from '../../host/host.ts'
import { bounded } from '../shared/bounded.ts'

const NAME = 'volumes'
const EVERY_MS = 5_000
const MAX_VOLUMES = 512

export interface Mount {
  device: string
  root: string
  at: string
  type: string
  source: string
}
type Kind = 'loop' | 'optical' | 'usb' | 'disk' | 'network' | 'fuse'

const NETWORK =
  /^(nfs4?|cifs|smb3|smbfs|9p|ceph|glusterfs|afs|davfs|fuse\.(sshfs|rclone|s3fs|gcsfuse|davfs2?|glusterfs|cephfs|gdfs))$/
/** The desktop's and the container tools' own plumbing. */
const OWN_FUSE = /^fuse\.(portal|gvfsd-fuse|lxcfs|snapfuse|fuse-overlayfs)$/
const KVM_MAKERS = /jetkvm|pikvm|nanokvm|sipeed|glinet|tinypilot/i
/** Said by servers' management boards and by KVMs; a virtual machine's own disks are not on USB. */
const KVM_DISKS = /virtual *(media|cd|dvd|floppy)|optical drive/i

export const volumes: Collector = {
  name: NAME,
  platform: 'linux',
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
        if (now.size > MAX_VOLUMES) yield gap(stamp, 'volume_mounted', 'overflow', null, now.size - MAX_VOLUMES)
        for (const [key, mount] of [...now].slice(0, MAX_VOLUMES))
          if (!known.has(key)) yield { category: 'volume_mounted' as const, ...stamp, ...(await describe(host, mount)) }
        known = new Set(now.keys())
        last = text
      }
    } catch (cause) {
      yield gap(stamp, '/proc/self/mountinfo', gapReason(cause), cause)
    }
    await host.sleep(EVERY_MS, signal)
  }
}

/** Null: not a volume. */
export function kindOf(mount: Mount): Kind | null {
  if (NETWORK.test(mount.type)) return 'network'
  if (mount.type === 'squashfs' || mount.type === 'overlay') return null
  if (/^\/dev\/loop\d/.test(mount.source)) return 'loop'
  if (/^\/dev\/sr\d/.test(mount.source)) return 'optical'
  if (mount.type.startsWith('fuse.') && !mount.source.startsWith('/dev/'))
    return OWN_FUSE.test(mount.type) ? null : 'fuse'
  return mount.source.startsWith('/dev/') && !/^(devtmpfs|tmpfs)$/.test(mount.type) ? 'disk' : null
}

async function describe(host: Host, mount: Mount) {
  const kind = kindOf(mount)!
  const name = await blockName(host, mount)
  const disk = name === null ? null : await diskBelow(host, name)
  const sectors = name === null ? '' : await read(host, `/sys/class/block/${name}/size`)
  const uuid = name === null ? null : await linkedName(host, '/dev/disk/by-uuid', name)
  const label = name === null ? null : await linkedName(host, '/dev/disk/by-label', name)
  return {
    VolumeKind: kind === 'disk' && disk?.usb ? 'usb' : kind,
    Label: label === null ? null : bounded(label, 256),
    SerialHash: uuid === null ? null : host.hmac(uuid.toLowerCase()),
    SizeBytes: /^\d{1,12}$/.test(sectors) ? Number(sectors) * 512 : null,
    Removable: disk === null ? null : disk.removable,
    VirtualMedia: disk !== null && isVirtualMedia(disk.says, disk.usb || kind === 'optical'),
  }
}

export function isVirtualMedia(says: string, external: boolean): boolean {
  return KVM_MAKERS.test(says) || (external && KVM_DISKS.test(says))
}

/** A disk inside the laptop, as far as the kernel tells: not one of which it is unknown. */
export async function isBuiltIn(host: Host, mount: Mount): Promise<boolean> {
  const name = kindOf(mount) === 'disk' ? await blockName(host, mount) : null
  return name !== null && (await diskBelow(host, name))?.removable === false
}

/** The kernel's name of the block device: by number, or, for btrfs, whose numbers are made up, by its path. */
async function blockName(host: Host, mount: Mount): Promise<string | null> {
  if (!mount.source.startsWith('/dev/')) return null
  const byNumber = await host.link(`/sys/dev/block/${mount.device}`).catch(() => '')
  const name = lastName(byNumber) || lastName(await host.link(mount.source).catch(() => '')) || lastName(mount.source)
  return /^[\w!.:-]{1,128}$/.test(name) ? name : null
}

/** The disk a partition, or a mapped device, lies on. Null when the kernel shows none (a container). */
async function diskBelow(
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
  const removable = await read(host, `/sys/block/${disk}/removable`)
  const says = `${await read(host, `/sys/block/${disk}/device/vendor`)} ${await read(host, `/sys/block/${disk}/device/model`)}`
  return { usb, removable: usb || removable === '1' ? true : removable === '0' ? false : null, says }
}

async function linkedName(host: Host, folder: string, device: string): Promise<string | null> {
  for (const name of await host.list(folder).catch(() => []))
    if (lastName(await host.link(`${folder}/${name}`).catch(() => '')) === device) return unescaped(name)
  return null
}

/** udev writes what a file name must not hold as \x20. */
function unescaped(name: string): string {
  return name.replace(/\\x([0-9a-f]{2})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
}
function lastName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}
async function read(host: Host, path: string): Promise<string> {
  return host.readText(path, 4_096).then(
    (it) => it.trim(),
    () => '',
  )
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
