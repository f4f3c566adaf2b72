/**
 * The folders to watch on Windows: those of the policy, of sync clients, Startup folders, and removable drives.
 *
 * Shape   with `/`; a drive's root is `E:`.
 * Blind   shares: a server that does not answer would stop every sweep. A Startup folder or sync folder elsewhere.
 * Source  GetLogicalDrives, ProfileList; the default folder names of sync clients. Seen on Wine 10.
 */
import type { Policy } from '../../../wire/messages.ts'
import type { Host } from '../../host/host.ts'
import type { Windows } from '../../host/windows/calls.ts'
import { type OpenPlaces, type Root, SYNC_FOLDERS } from '../shared/watched-roots.ts'
import { isRemovable } from './kit/drives.ts'
import { homesOf, slashes, USER_STARTUP } from './kit/hives.ts'

export const windowsPlaces =
  (windows: Windows): OpenPlaces =>
  (host) => ({
    mounts: async () => removableDrives(windows).join(' '),
    homes: async (stamp) => homesOf(windows, stamp),
    roots: (policy, homes, mounts) => findRoots(host, policy, homes, mounts === '' ? [] : mounts.split(' ')),
    parents: (policy, homes) => parentsOf(host, policy, homes),
    // Windows says it with each entry of a folder.
    countsBlocks: () => true,
    // A root needs one handle, however many folders it has.
    watchBudget: async () => Number.POSITIVE_INFINITY,
  })

/** None if Windows does not say: the collector of volumes reports that. */
function removableDrives(windows: Windows): string[] {
  try {
    return windows
      .volumes()
      .filter((it) => isRemovable(it) && it.kind !== 'cdrom' && it.bytes !== null)
      .map((it) => it.drive)
  } catch {
    return []
  }
}

async function findRoots(host: Host, policy: Policy, homes: readonly string[], drives: readonly string[]) {
  const found = new Map<string, Root>()
  const add = async (path: string, kind: Root['kind'], mounted = false) => {
    const facts = found.has(path) ? null : await host.stat(path).catch(() => null)
    if (facts?.kind === 'folder') found.set(path, { path, kind, mounted })
  }
  for (const { path, kind } of requested(policy, homes)) await add(path, kind)
  for (const home of homes) {
    await add(`${home}/${USER_STARTUP}`, 'autostart')
    for (const name of await host.list(home).catch(() => []))
      if (SYNC_FOLDERS.test(name)) await add(`${home}/${name}`, 'sync')
  }
  for (const drive of drives) await add(drive, 'removable', true)
  return [...found.values()]
}

/** The policy's roots are written for all systems: those of others (`/srv`) are no paths here. */
function requested(policy: Policy, homes: readonly string[]): Pick<Root, 'path' | 'kind'>[] {
  return policy.watchedRoots.flatMap(({ path, kind }) => {
    const plain = slashes(path)
    if (plain === '~' || plain.startsWith('~/'))
      return homes.map((home) => ({ path: `${home}${plain.slice(1)}`, kind }))
    return /^[A-Za-z]:\/./.test(plain) ? [{ path: plain, kind }] : []
  })
}

async function parentsOf(host: Host, policy: Policy, homes: readonly string[]): Promise<Map<string, number>> {
  const folders = [...homes, ...requested(policy, homes).map(({ path }) => path.slice(0, path.lastIndexOf('/')))]
  const found = new Map<string, number>()
  for (const folder of folders) {
    const facts = await host.stat(folder).catch(() => null)
    if (facts !== null) found.set(folder, facts.inode)
  }
  return found
}
