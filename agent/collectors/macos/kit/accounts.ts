/**
 * The people who have a home on this Mac, and the names of accounts.
 *
 * Shape   a folder below /Users belongs to the account of its name; root's is /var/root. /etc/passwd has the system's own
 *         accounts only. At most 256 homes; a gap for the others.
 * Blind   homes elsewhere, and accounts of a directory before they have signed in once.
 * Source  the file system layout of macOS, hier(7).
 */
import type { ObservationOf } from '../../../../wire/event.ts'
import { gap, gapReason } from '../../../collect.ts'
import type { Host } from '../../../host/host.ts'

const USERS = '/Users'
const NOBODY = /^(Shared|Guest|\..*)$/
const MAX_HOMES = 256

export interface Accounts {
  homes: readonly string[]
  nameOf(uid: number): string
  gaps: ObservationOf<'collection_gap'>[]
}

export async function accountsOf(host: Host, stamp: { time: number; collector: string }): Promise<Accounts> {
  const gaps: Accounts['gaps'] = []
  const names = new Map([[0, 'root']])
  const homes = ['/var/root']
  try {
    const all = (await host.entries(USERS)).filter((it) => it.kind === 'folder' && !NOBODY.test(it.name))
    for (const { name, uid } of all.slice(0, MAX_HOMES)) {
      if (uid !== 0) names.set(uid, name)
      homes.push(`${USERS}/${name}`)
    }
    if (all.length > MAX_HOMES) gaps.push(gap(stamp, 'homes', 'overflow', null, all.length - MAX_HOMES))
  } catch (cause) {
    if (gapReason(cause) !== 'unsupported') gaps.push(gap(stamp, USERS, gapReason(cause), cause))
  }
  return { homes, nameOf: (uid) => names.get(uid) ?? String(uid), gaps }
}
