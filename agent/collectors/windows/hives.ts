/**
 * The users' hives that are loaded, and all users' home folders.
 *
 * Shape   a hive is loaded while its user is signed in; those of services' accounts and of classes are left out.
 * Source  HKEY_USERS; HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList.
 */
import type { ObservationOf } from '../../../wire/event.ts'
import { gap, gapReason } from '../../collect.ts'
import type { Registry, Windows } from '../../host/windows/calls.ts'

const PROFILES = 'SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\ProfileList'
const USER_SID = /^S-1-(?:5-21|12-1)-[\d-]{1,80}$/
const MAX_HOMES = 256

export function userHives(registry: Registry): string[] {
  return registry.subkeys({ hive: 'users', path: '' }).filter((it) => USER_SID.test(it))
}

/** With `/`: 'C:/Users/ann'. A profile may name a variable of Windows' own. */
export function homesOf({ registry }: Windows, stamp: { time: number; collector: string }) {
  const gaps: ObservationOf<'collection_gap'>[] = []
  try {
    const homes = registry
      .subkeys({ hive: 'machine', path: PROFILES })
      .filter((it) => USER_SID.test(it))
      .flatMap((sid) => {
        const path = registry.values({ hive: 'machine', path: `${PROFILES}\\${sid}` }).get('ProfileImagePath')?.text
        return path ? [slashes(path.replace(/^%SystemDrive%/i, 'C:'))] : []
      })
      .filter((it) => /^[A-Za-z]:\/./.test(it))
    if (homes.length > MAX_HOMES)
      gaps.push(gap(stamp, 'homes', 'overflow', `more than ${MAX_HOMES}`, homes.length - MAX_HOMES))
    return { homes: homes.slice(0, MAX_HOMES), gaps }
  } catch (cause) {
    gaps.push(gap(stamp, 'list of profiles', gapReason(cause), cause))
    return { homes: [], gaps }
  }
}

export function slashes(path: string): string {
  return path.replaceAll('\\', '/').replace(/(.)\/+$/, '$1')
}
