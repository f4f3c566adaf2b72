/**
 * The folders to watch: those of the policy, the folders of sync clients, autostart folders, and mounted volumes.
 *
 * Source  the policy, the default folder names of sync clients, /proc/self/mountinfo.
 */
import { posix } from 'node:path'
import type { ObservationOf } from '../../../wire/event.ts'
import type { Policy } from '../../../wire/messages.ts'
import type { Host } from '../../host/host.ts'
import { accountReader, homesOf } from './accounts.ts'
import { countsBlocks, isBuiltIn, kindOf, parseMounts } from './mounts.ts'

/** The folders that clients of file-sharing services make in a user's home. */
export const SYNC_FOLDERS =
  /^(Dropbox( \(.+\))?|OneDrive.*|MEGA(sync)?|pCloudDrive|pCloud Drive|Google ?Drive|GoogleDrive|Nextcloud\d?|ownCloud|Sync|Seafile|Tresorit|Yandex\.Disk|Box( Sync)?|iCloudDrive)$/
const REMOVABLE_PLACES = /^\/(media|run\/media|mnt)\//

export type RootKind = ObservationOf<'file_burst'>['RootKind']
export interface Root {
  path: string
  kind: RootKind
  /** A mounted volume, whose existing files are not new. */
  mounted: boolean
}

/** Where a system has folders to watch. */
export interface Places {
  /** Another text when a volume came or went. */
  mounts(): Promise<string>
  homes(stamp: {
    time: number
    collector: string
  }): Promise<{ homes: readonly string[]; gaps: ObservationOf<'collection_gap'>[] }>
  /** `mounts`: what that call returned. */
  roots(policy: Policy, homes: readonly string[], mounts: string): Promise<Root[]>
  parents(policy: Policy, homes: readonly string[]): Promise<Map<string, number>>
  /** Whether the file system there says how much of a file is on the disk. */
  countsBlocks(path: string, mounts: string): boolean
  /** How many folders may be watched. */
  watchBudget(): Promise<number>
}
export type OpenPlaces = (host: Host) => Places

export const linuxPlaces: OpenPlaces = (host) => {
  const accounts = accountReader(host)
  return {
    mounts: () => host.readText('/proc/self/mountinfo').catch(() => ''),
    homes: (stamp) => homesOf(accounts, stamp),
    roots: (policy, homes, mounts) => findRoots(host, policy, homes, mounts),
    parents: (policy, homes) => parentsOf(host, policy, homes),
    countsBlocks: (path, mounts) => countsBlocks(path, parseMounts(mounts).found),
    watchBudget: () => watchBudget(host),
  }
}

/** A quarter of the user's inotify watches, so that enough are left for editors and file managers. */
async function watchBudget(host: Host): Promise<number> {
  const limit = await host.readText('/proc/sys/fs/inotify/max_user_watches', 64).then(Number, () => 8_192)
  return Math.min(4_096, Math.floor((Number.isFinite(limit) ? limit : 8_192) / 4))
}

export async function findRoots(
  host: Host,
  policy: Policy,
  homes: readonly string[],
  mountinfo: string,
): Promise<Root[]> {
  const found = new Map<string, Root>()
  const add = async (path: string, kind: RootKind, mounted = false) => {
    const plain = await target(host, posix.normalize(path).replace(/(.)\/$/, '$1'))
    if (plain !== null && plain !== '/' && !found.has(plain)) found.set(plain, { path: plain, kind, mounted })
  }
  for (const { path, kind } of policy.watchedRoots)
    if (path === '~' || path.startsWith('~/')) for (const home of homes) await add(`${home}${path.slice(1)}`, kind)
    else await add(path, kind)
  for (const home of homes) {
    await add(`${home}/.config/autostart`, 'autostart')
    for (const name of await syncFoldersIn(host, home)) await add(`${home}/${name}`, 'sync')
  }
  for (const mount of parseMounts(mountinfo).found) {
    if (!REMOVABLE_PLACES.test(mount.at) || kindOf(mount) === null) continue
    // Desktops mount removable disks in /media; in /mnt, users also mount built-in disks.
    if (mount.at.startsWith('/mnt/') && (await isBuiltIn(host, mount))) continue
    await add(mount.at, kindOf(mount) === 'network' ? 'share' : 'removable', true)
  }
  return [...found.values()]
}

async function syncFoldersIn(host: Host, home: string): Promise<string[]> {
  const isSync = (name: string) => SYNC_FOLDERS.test(name)
  try {
    return (await host.list(home)).filter(isSync)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'E2BIG') return []
  }
  const found: string[] = []
  try {
    for await (const part of host.parts(home)) for (const { name } of part) if (isSync(name)) found.push(name)
  } catch {
    // It changed meanwhile: the next look tries again.
  }
  return found
}

/** The folder, or the target if it is a link: users move their sync folder to a larger disk. */
async function target(host: Host, path: string): Promise<string | null> {
  if (!path.startsWith('/')) return null
  const facts = await host.stat(path).catch((cause: NodeJS.ErrnoException) => (cause.code === 'EHUNG' ? 'hung' : null))
  // It does not answer now, so that its sweep fails; it is not gone.
  if (facts === 'hung') return path
  if (facts?.kind !== 'link') return facts?.kind === 'folder' ? path : null
  const place = posix.resolve(posix.dirname(path), await host.link(path).catch(() => '/'))
  return (await host.stat(place).catch(() => null))?.kind === 'folder' ? place : null
}

/**
 * The parent folders of possible roots, with their inodes. A new root whose parent existed before was just created; if
 * its parent is new, too, both came with a mount, such as an encrypted home.
 */
export async function parentsOf(host: Host, policy: Policy, homes: readonly string[]): Promise<Map<string, number>> {
  const requested = policy.watchedRoots.flatMap(({ path }) =>
    path.startsWith('~/') ? homes.map((home) => `${home}${path.slice(1)}`) : [path],
  )
  const folders = [
    ...homes,
    ...homes.map((home) => `${home}/.config`),
    ...requested.map((it) => posix.dirname(posix.normalize(it))),
  ]
  const found = new Map<string, number>()
  for (const folder of folders) {
    const facts = await host.stat(folder).catch(() => null)
    if (facts !== null) found.set(folder, facts.inode)
  }
  return found
}
