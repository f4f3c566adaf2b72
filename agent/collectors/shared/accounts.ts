/**
 * The user accounts and their home folders.
 *
 * Shape   homes of users (uid 1000-59,999), of root, and of the user that the agent runs as, but not of system
 *         accounts. At most 256 homes; `homesOf` gives a gap for the others.
 * Errors  an unreadable /etc/passwd rejects; accounts from LDAP or a domain are not in it, so their uid is used as
 *         name.
 * Source  passwd(5), read again when its size or time changes.
 */
import type { ObservationOf } from '../../../wire/event.ts'
import { gap, gapReason } from '../../collect.ts'
import type { Host } from '../../host/host.ts'

const MAX_HOMES = 256

export interface Account {
  name: string
  uid: number
  home: string
}
export interface Accounts {
  all: readonly Account[]
  /** Home folders to check. */
  homes: readonly string[]
  /** Number of homes beyond the limit. */
  omittedHomes: number
  nameOf(uid: number): string
}
export type AccountReader = () => Promise<Accounts>

export function accountReader(host: Host): AccountReader {
  let stamp = ''
  let last: Accounts | null = null
  return async () => {
    const { size, modifiedMs, inode } = await host.stat('/etc/passwd')
    const now = `${size} ${modifiedMs} ${inode}`
    if (last !== null && now === stamp) return last
    const all = parsePasswd(await host.readText('/etc/passwd'))
    const own = await host.stat('/proc/self').then(
      (it) => it.uid,
      () => 0,
    )
    const names = new Map(all.map((it) => [it.uid, it.name]))
    const homes = new Set<string>()
    for (const it of all)
      if ((it.uid >= 1_000 && it.uid < 60_000) || it.uid === 0 || it.uid === own)
        if (it.home.startsWith('/') && it.home !== '/') homes.add(it.home)
    stamp = now
    last = {
      all,
      homes: [...homes].slice(0, MAX_HOMES),
      omittedHomes: Math.max(0, homes.size - MAX_HOMES),
      nameOf: (uid) => names.get(uid) ?? String(uid),
    }
    return last
  }
}

/** The homes, and gaps for those that are not known. A system without /etc/passwd has no homes. */
export async function homesOf(accounts: AccountReader, stamp: { time: number; collector: string }) {
  const gaps: ObservationOf<'collection_gap'>[] = []
  try {
    const { homes, omittedHomes } = await accounts()
    if (omittedHomes > 0) gaps.push(gap(stamp, 'homes', 'overflow', `more than ${MAX_HOMES}`, omittedHomes))
    return { homes, gaps }
  } catch (cause) {
    if (gapReason(cause) !== 'unsupported') gaps.push(gap(stamp, '/etc/passwd', gapReason(cause), cause))
    return { homes: [], gaps }
  }
}

export function parsePasswd(text: string): Account[] {
  const found: Account[] = []
  for (const line of text.split('\n')) {
    const [name, , uid, , , home] = line.split(':')
    if (name && uid && home && /^\d{1,10}$/.test(uid)) found.push({ name, uid: Number(uid), home })
  }
  return found
}
