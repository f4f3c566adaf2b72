/**
 * The folders to watch on macOS: those of the policy, of sync clients, launchd's, and removable volumes.
 *
 * Shape   a home of the policy ('~/…') is one of each person's.
 * Blind   shares: a server that does not answer would stop every sweep. Folders that macOS keeps from programs without Full
 *         Disk Access (Desktop, Documents, Downloads, removable volumes) are a gap 'denied', told when they are swept.
 * Source  getfsstat, the I/O registry (agent/host/macos); the default folder names of sync clients; file providers have
 *         theirs in ~/Library/CloudStorage since macOS 12.3. Written from documentation; it has never run on a Mac.
 */
import { posix } from 'node:path'
import type { Policy } from '../../../wire/messages.ts'
import type { Host } from '../../host/host.ts'
import type { Mac } from '../../host/macos/calls.ts'
import { type OpenPlaces, type Root, SYNC_FOLDERS } from '../shared/watched-roots.ts'
import { accountsOf } from './kit/accounts.ts'
import { disksOf, isRemovable } from './kit/disks.ts'
import { JOB_FOLDERS, USER_JOBS } from './kit/launchd.ts'

/** FSEvents watches trees, but Node asks for each folder. */
const WATCH_BUDGET = 2_048
const CLOUD = 'Library/CloudStorage'
/** APFS and HFS+ say how much of a file is on the disk; FAT has no holes. */
const VOLUMES = '/Volumes/'

export const macPlaces =
  (mac: Mac): OpenPlaces =>
  (host) => ({
    mounts: async () => removableVolumes(mac).join('\n'),
    homes: async (stamp) => accountsOf(host, stamp),
    roots: (policy, homes, mounts) => findRoots(host, policy, homes, mounts === '' ? [] : mounts.split('\n')),
    parents: (policy, homes) => parentsOf(host, policy, homes),
    countsBlocks: () => true,
    watchBudget: async () => WATCH_BUDGET,
  })

/** None if macOS does not say: the collector of volumes reports that. */
function removableVolumes(mac: Mac): string[] {
  try {
    const below = mac.mounts().filter((it) => it.isLocal && it.at.startsWith(VOLUMES) && !it.isHidden)
    if (below.length === 0) return []
    const disks = disksOf(mac)
    return below
      .filter((it) => {
        const disk = disks.get(it.from.replace(/^\/dev\//, ''))
        return disk !== undefined && isRemovable(disk)
      })
      .map((it) => it.at)
  } catch {
    return []
  }
}

async function findRoots(host: Host, policy: Policy, homes: readonly string[], volumes: readonly string[]) {
  const found = new Map<string, Root>()
  const add = async (path: string, kind: Root['kind'], mounted = false) => {
    const facts = found.has(path) ? null : await host.stat(path).catch(() => null)
    if (facts?.kind === 'folder') found.set(path, { path, kind, mounted })
  }
  for (const { path, kind } of requested(policy, homes)) await add(path, kind)
  for (const { path } of JOB_FOLDERS) await add(path, 'autostart')
  for (const home of homes) {
    await add(`${home}/${USER_JOBS}`, 'autostart')
    for (const name of await host.list(home).catch(() => []))
      if (SYNC_FOLDERS.test(name)) await add(`${home}/${name}`, 'sync')
    for (const name of await host.list(`${home}/${CLOUD}`).catch(() => []))
      await add(`${home}/${CLOUD}/${name}`, 'sync')
  }
  for (const volume of volumes) await add(volume, 'removable', true)
  return [...found.values()]
}

function requested(policy: Policy, homes: readonly string[]): Pick<Root, 'path' | 'kind'>[] {
  return policy.watchedRoots.flatMap(({ path, kind }) => {
    const plain = posix.normalize(path).replace(/(.)\/$/, '$1')
    if (plain === '~' || plain.startsWith('~/'))
      return homes.map((home) => ({ path: `${home}${plain.slice(1)}`, kind }))
    return plain.startsWith('/') && plain !== '/' ? [{ path: plain, kind }] : []
  })
}

async function parentsOf(host: Host, policy: Policy, homes: readonly string[]): Promise<Map<string, number>> {
  const folders = [
    ...homes,
    ...homes.flatMap((home) => [`${home}/Library`, `${home}/${CLOUD}`]),
    ...requested(policy, homes).map(({ path }) => posix.dirname(path)),
  ]
  const found = new Map<string, number>()
  for (const folder of folders) {
    const facts = await host.stat(folder).catch(() => null)
    if (facts !== null) found.set(folder, facts.inode)
  }
  return found
}
