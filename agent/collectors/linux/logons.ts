/**
 * Users who are signed in.
 *
 * Shape   'present' for all at the first poll, then 'logon' and 'logoff'. `LogonType` is console (a seat, a virtual
 *         terminal, an X display), remote (from an address or another host), or terminal (a window, a tmux).
 * Units   polled every 30 s.
 * Errors  SourceIp is null if the table has a host name instead of an address. Neither table: gap 'unsupported'.
 * Source  utmp(5), 384 bytes per entry on x86-64 and arm64; if there is none (Debian 13 dropped it), logind's
 *         /run/systemd/sessions.
 */
import { type Collector, gap, gapReason } from '../../collect.ts'
import type { Host } from '../../host/host.ts'
import { bounded } from '../shared/bounded.ts'
import { hostAddress, SIGNED_IN, utmpEntries } from '../shared/utmp.ts'

const NAME = 'logons'
const EVERY_MS = 30_000
/** Per poll; the rest at the next ones. */
const MAX_NEW = 256
const UTMP = ['/run/utmp', '/var/run/utmp']
const SESSIONS = '/run/systemd/sessions'

export interface LogonEntry {
  key: string
  User: string | null
  LogonType: 'console' | 'remote' | 'terminal'
  SourceIp: string | null
}

export const logons: Collector<'logon'> = {
  name: NAME,
  categories: ['logon'],
  run: (host, _policy, signal) => run(host, signal),
}

async function* run(host: Host, signal: AbortSignal) {
  const known = new Map<string, LogonEntry>()
  let isFirst = true
  while (!signal.aborted) {
    const stamp = { time: host.now(), collector: NAME }
    try {
      const found = await read(host)
      if (found === null) yield gap(stamp, 'logon', 'unsupported', 'no utmp and no systemd sessions')
      else {
        const now = new Map(found.map((it) => [it.key, it]))
        const fresh = [...now].filter(([key]) => !known.has(key))
        for (const [key, it] of fresh.slice(0, MAX_NEW)) {
          yield event(stamp, it, isFirst ? 'present' : 'logon')
          known.set(key, it)
        }
        for (const [key, it] of known) {
          if (now.has(key)) continue
          yield event(stamp, it, 'logoff')
          known.delete(key)
        }
        isFirst &&= fresh.length > MAX_NEW
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
    // Each session also has a pipe, <name>.ref.
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

export function parseUtmp(bytes: Buffer): LogonEntry[] {
  return utmpEntries(bytes)
    .filter((it) => it.type === SIGNED_IN)
    .map(({ line, user, host, address, pid, seconds }) => ({
      key: `${line} ${user} ${pid} ${seconds}`,
      User: user === '' ? null : bounded(user, 256),
      LogonType: typeOf(line, host !== '' && !host.startsWith(':') && !/^(tmux|screen)\b/.test(host), address),
      SourceIp: address,
    }))
}

function typeOf(line: string, fromHost: boolean, source: string | null): LogonEntry['LogonType'] {
  if (source !== null) return 'remote'
  // Display managers write 'login screen' instead of a host name, so check the line first.
  if (line.startsWith(':') || line.startsWith('seat') || /^tty\d/.test(line)) return 'console'
  return fromHost ? 'remote' : 'terminal'
}

/** logind's format: KEY=value lines. Sessions of managers and greeters are not logons. */
export function parseSession(name: string, text: string): LogonEntry | null {
  const fields = new Map<string, string>()
  for (const line of text.split('\n')) {
    const sign = line.indexOf('=')
    if (sign > 0) fields.set(line.slice(0, sign), line.slice(sign + 1))
  }
  const sessionClass = fields.get('CLASS') ?? 'user'
  if (!sessionClass.startsWith('user') || fields.get('STATE') === 'closing' || !fields.has('UID')) return null
  const from = fields.get('REMOTE_HOST') ?? ''
  const user = fields.get('USER') ?? fields.get('UID')!
  const line = fields.get('SEAT') ?? fields.get('TTY') ?? fields.get('DISPLAY') ?? ''
  const SourceIp = hostAddress(from)
  return {
    key: `${name} ${user} ${fields.get('LEADER') ?? ''}`,
    User: bounded(user, 256),
    LogonType: typeOf(line, fields.get('REMOTE') === '1', SourceIp),
    SourceIp,
  }
}
