/**
 * People who are signed in.
 *
 * Shape   'present' for all at the first look, then 'logon' and 'logoff'. `LogonType` is console (a seat, a virtual
 *         terminal, an X display), remote (it came from an address or another host), or terminal (a window, a tmux).
 * Units   polled every 30 s.
 * Errors  a host name instead of an address gives SourceIp null. Neither table: gap 'unsupported'.
 * Source  utmp(5), 384 bytes an entry on x86-64 and arm64; where there is none (Debian 13 dropped it), logind's
 *         /run/systemd/sessions.
 */
import { isIP } from 'node:net'
import { type Collector, gap, gapReason } from '../../collect.ts'
import type { Host } from '../../host/host.ts'
import { bounded } from '../shared/bounded.ts'
import { addressOf } from './connections.ts'

const NAME = 'logons'
const EVERY_MS = 30_000
const ENTRY = 384
const USER_PROCESS = 7
const DEAD_PROCESS = 8
const MAX_LOGONS = 256
const UTMP = ['/run/utmp', '/var/run/utmp']
const SESSIONS = '/run/systemd/sessions'

export interface LogonEntry {
  key: string
  User: string | null
  LogonType: 'console' | 'remote' | 'terminal'
  SourceIp: string | null
}

export const logons: Collector = {
  name: NAME,
  platform: 'linux',
  categories: ['logon'],
  run: (host, _policy, signal) => run(host, signal),
}

async function* run(host: Host, signal: AbortSignal) {
  let known: Map<string, LogonEntry> | null = null
  while (!signal.aborted) {
    const stamp = { time: host.now(), collector: NAME }
    try {
      const found = await read(host)
      if (found === null) yield gap(stamp, 'logon', 'unsupported', 'no utmp and no systemd sessions')
      else {
        if (found.length > MAX_LOGONS) yield gap(stamp, 'logon', 'overflow', null, found.length - MAX_LOGONS)
        const now = new Map(found.slice(0, MAX_LOGONS).map((it) => [it.key, it]))
        const Action = known === null ? ('present' as const) : ('logon' as const)
        for (const [key, it] of now) if (!known?.has(key)) yield event(stamp, it, Action)
        for (const [key, it] of known ?? []) if (!now.has(key)) yield event(stamp, it, 'logoff')
        known = now
      }
    } catch (cause) {
      yield gap(stamp, 'logon', gapReason(cause), cause)
    }
    await host.sleep(EVERY_MS, signal)
  }
}

function event(stamp: { time: number; collector: string }, it: LogonEntry, Action: 'present' | 'logon' | 'logoff') {
  const { User, LogonType, SourceIp } = it
  return { category: 'logon' as const, ...stamp, User, LogonType, SourceIp, Action }
}

async function read(host: Host): Promise<LogonEntry[] | null> {
  for (const path of UTMP) {
    const bytes = await host.readBytes(path).catch(absent)
    if (bytes !== null) return parseUtmp(bytes)
  }
  const names = await host.list(SESSIONS).catch(absent)
  if (names === null) return null
  const found: LogonEntry[] = []
  for (const name of names) {
    // Beside each session lies <name>.ref, a pipe.
    if (!/^[A-Za-z0-9_-]+$/.test(name)) continue
    const session = parseSession(name, await host.readText(`${SESSIONS}/${name}`, 16_384).catch(() => ''))
    if (session) found.push(session)
  }
  return found
}

function absent(cause: NodeJS.ErrnoException): null {
  if (cause.code === 'ENOENT') return null
  throw cause
}

/** struct utmp: type 0, pid 4, line 8 (32), id 40, user 44 (32), host 76 (256), time 340, address 348 (16). */
export function parseUtmp(bytes: Buffer): LogonEntry[] {
  const found: LogonEntry[] = []
  for (let at = 0; at + ENTRY <= bytes.length; at += ENTRY) {
    const entry = bytes.subarray(at, at + ENTRY)
    if (entry.readInt16LE(0) !== USER_PROCESS) continue
    const [line, user, from] = [textIn(entry, 8, 32), textIn(entry, 44, 32), textIn(entry, 76, 256)]
    const address = entry.subarray(348, 364)
    const SourceIp = addressIn(from) ?? sourceOf(address)
    found.push({
      key: `${line} ${user} ${entry.readInt32LE(4)} ${entry.readInt32LE(340)}`,
      User: user === '' ? null : bounded(user, 256),
      LogonType: typeOf(line, from !== '' && !from.startsWith(':') && !/^(tmux|screen)\b/.test(from), SourceIp),
      SourceIp,
    })
  }
  return found
}

/** wtmp keeps what utmp forgets: who came over the network, on which line, and when the line was free again. */
export function parseWtmp(bytes: Buffer): { line: string; from: string | null; at: number; left: boolean }[] {
  const found = []
  for (let at = 0; at + ENTRY <= bytes.length; at += ENTRY) {
    const entry = bytes.subarray(at, at + ENTRY)
    const type = entry.readInt16LE(0)
    if (type !== USER_PROCESS && type !== DEAD_PROCESS) continue
    const from = addressIn(textIn(entry, 76, 256)) ?? sourceOf(entry.subarray(348, 364))
    const time = entry.readUInt32LE(340) * 1_000
    found.push({ line: textIn(entry, 8, 32), from, at: time, left: type === DEAD_PROCESS })
  }
  return found
}

/** A link-local address carries its zone: 'fe80::1%eth0'. */
function addressIn(host: string): string | null {
  const plain = host.split('%')[0]!
  return isIP(plain) === 0 ? null : plain
}

/** An IPv4 address stands in the first four bytes alone. */
function sourceOf(address: Buffer): string | null {
  if (address.every((it) => it === 0)) return null
  return addressOf([...(address.subarray(4).every((it) => it === 0) ? address.subarray(0, 4) : address)])
}

function typeOf(line: string, fromHost: boolean, source: string | null): LogonEntry['LogonType'] {
  if (source !== null) return 'remote'
  // The display manager writes 'login screen' where a host's name would stand.
  if (line.startsWith(':') || line.startsWith('seat') || /^tty\d/.test(line)) return 'console'
  return fromHost ? 'remote' : 'terminal'
}

function textIn(entry: Buffer, at: number, length: number): string {
  const field = entry.subarray(at, at + length)
  const end = field.indexOf(0)
  return field.subarray(0, end === -1 ? length : end).toString('utf8')
}

/** logind's own format: KEY=value lines. A manager or a greeter is nobody who signed in. */
export function parseSession(name: string, text: string): LogonEntry | null {
  const fields = new Map<string, string>()
  for (const line of text.split('\n')) {
    const sign = line.indexOf('=')
    if (sign > 0) fields.set(line.slice(0, sign), line.slice(sign + 1))
  }
  const of = fields.get('CLASS') ?? 'user'
  if (!of.startsWith('user') || fields.get('STATE') === 'closing' || !fields.has('UID')) return null
  const from = fields.get('REMOTE_HOST') ?? ''
  const user = fields.get('USER') ?? fields.get('UID')!
  const line = fields.get('SEAT') ?? fields.get('TTY') ?? fields.get('DISPLAY') ?? ''
  const SourceIp = addressIn(from)
  return {
    key: `${name} ${user} ${fields.get('LEADER') ?? ''}`,
    User: bounded(user, 256),
    LogonType: typeOf(line, fields.get('REMOTE') === '1', SourceIp),
    SourceIp,
  }
}
