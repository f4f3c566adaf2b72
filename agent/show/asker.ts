/**
 * Who opens the page: the account of the program at the other end of a connection within this machine, and which
 * accounts of people there are.
 *
 * Errors  nothing is thrown: null for what is not known, and then `visibleTo` hides what names anybody.
 * Source  Linux: the owner of the socket in /proc/net/tcp and tcp6, proc(5); passwd(5). macOS and Windows: only the home
 *         folders are read, so nobody is known there; written from documentation alone.
 */
import { readdir, readFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { type Account, parsePasswd } from '../collectors/shared/accounts.ts'
import type { People } from './visible.ts'

export async function peopleOf(platform: NodeJS.Platform, askerPort: number, ownPort: number): Promise<People> {
  if (platform !== 'linux') return { asker: { name: null, isRoot: false }, people: await homesIn(platform) }
  const [accounts, uid] = await Promise.all([passwd(), uidOf(askerPort, ownPort)])
  const people = accounts.filter((it) => it.uid >= 1_000 && it.uid < 60_000 && it.home !== '/')
  const name = uid === null ? null : (accounts.find((it) => it.uid === uid)?.name ?? String(uid))
  // Whoever runs the agent can read its folder.
  return { asker: { name, isRoot: uid === 0 || (uid !== null && uid === process.getuid?.()) }, people }
}

async function passwd(): Promise<Account[]> {
  return parsePasswd(await readFile('/etc/passwd', 'utf8').catch(() => ''))
}

async function uidOf(askerPort: number, ownPort: number): Promise<number | null> {
  for (const file of ['/proc/net/tcp', '/proc/net/tcp6']) {
    const uid = socketOwner(await readFile(file, 'latin1').catch(() => ''), askerPort, ownPort)
    if (uid !== null) return uid
  }
  return null
}

/** The owner of the socket on the loopback with these two ports; null: it is not in this table. */
export function socketOwner(table: string, port: number, peer: number): number | null {
  const end = (it: number) => `0100007F:${it.toString(16).toUpperCase().padStart(4, '0')}`
  for (const line of table.split('\n').slice(1)) {
    const [, local = '', remote = '', , , , , uid = ''] = line.trim().split(/\s+/)
    // A table of IPv6 has the same at the end of a mapped address.
    if (local.endsWith(end(port)) && remote.endsWith(end(peer)) && /^\d{1,10}$/.test(uid)) return Number(uid)
  }
  return null
}

async function homesIn(platform: NodeJS.Platform): Promise<People['people']> {
  const [parent, separator] = platform === 'win32' ? ['C:\\Users', '\\'] : ['/Users', '/']
  const names = await readdir(parent).catch(() => [userInfo().username])
  return names
    .filter((name) => !/^(Public|Shared|Default|Default User|All Users|desktop\.ini|\..*)$/i.test(name))
    .map((name) => ({ name, home: `${parent}${separator}${name}` }))
}
