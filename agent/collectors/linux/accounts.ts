/**
 * Who has an account here, and where they are at home.
 *
 * Shape   people (uid 1000-59,999), root, and whoever the agent runs as; system accounts own no home worth a look.
 * Errors  an unreadable /etc/passwd rejects; accounts from LDAP or a domain are not in it, so their uid stays a number.
 * Source  passwd(5), read again when its size or time changes.
 */
import type { Host } from '../../host/host.ts'

export interface Account {
  name: string
  uid: number
  home: string
}
export interface Accounts {
  all: readonly Account[]
  /** Home folders of people. */
  homes: readonly Account[]
  nameOf(uid: number): string
}

export function accountReader(host: Host): () => Promise<Accounts> {
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
    const homes = new Map<string, Account>()
    for (const it of all)
      if ((it.uid >= 1_000 && it.uid < 60_000) || it.uid === 0 || it.uid === own)
        if (it.home.startsWith('/') && it.home !== '/' && !homes.has(it.home)) homes.set(it.home, it)
    stamp = now
    last = { all, homes: [...homes.values()].slice(0, 256), nameOf: (uid) => names.get(uid) ?? String(uid) }
    return last
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
