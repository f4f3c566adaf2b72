/**
 * Readers for the logs of remote-control tools: one per log format, which gets the log line by line.
 *
 * Shape   a reader keeps state between lines, so there is one per file. It extracts only who connected (hashed later),
 *         from where, when and how they were accepted; the rest of the line is not kept.
 * Units   epoch ms. AnyDesk's traces and TeamViewer's connection lists are in UTC, the others in local time, or in the
 *         zone that the log names.
 * Errors  any other line gives null.
 * Source  written from published samples and sources, not tested with the tools themselves:
 *         AnyDesk ad.trace and connection_trace.txt: incident reports and forensic write-ups (Windows, macOS);
 *         TeamViewer Connections_incoming.txt and *_Logfile.log: the same; RustDesk: src/server/connection.rs;
 *         Chrome Remote Desktop: chromium remoting/host/host_event_logger_posix.cc; sshd: OpenSSH auth.c;
 *         xrdp: sesman/scp_v0.c and its successors up to 0.10 (sesman/sesexec/session.c);
 *         Splashtop SPLog.txt: forensic write-ups (Windows); NoMachine nxserver.log: pieces in public problem reports
 *         (6, 7); Tailscale SSH: ssh/tailssh/tailssh.go; GNOME Remote Desktop: src/grd-session-rdp.c and
 *         src/grd-rdp-dvc-graphics-pipeline.c, 42 to 50.
 */
import { isIP } from 'node:net'
import { DAY } from '../../../wire/time.ts'

export interface Step {
  /** 'open' begins a session, 'update' adds to it, 'close' ends it, 'complete' contains a whole session. */
  kind: 'open' | 'update' | 'close' | 'complete'
  /** Identifies the session within its log. */
  key: string
  at: number
  endedAt?: number
  direction?: 'incoming' | 'outgoing'
  ip?: string | null
  /** The controlling party, not hashed yet: it leaves the laptop only as a hash. */
  peer?: string | null
  unattended?: boolean | null
}
export type Reader = (line: string, now: number) => Step | null

/** An address in one line belongs to a session that begins within this time. */
const NEAR_MS = 60_000
/** Sessions that asked for the right to begin and have not got it. */
const MAX_ASKED = 64
const SYSLOG_TIME =
  /^(?:([A-Z][a-z]{2}) +(\d{1,2}) (\d\d):(\d\d):(\d\d)|(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d))) /
const MONTHS = 'JanFebMarAprMayJunJulAugSepOctNovDec'

const ANYDESK_END =
  /^(?:\d+: )?(?:Session (?:closed|stopped|ended)\b|The socket was closed remotely|The user has requested a connection quit)/

/** ad.trace, ad_svc.trace, anydesk.trace: `info 2026-03-23 12:00:00.123 back 1 2 app.backend_session - Incoming …`. */
export function anydeskTrace(): Reader {
  let from: { ip: string; at: number } | null = null
  let request: { peer: string; at: number } | null = null
  return (line) => {
    const [, date, time, module, text] =
      /^\s*\w+ (\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d{1,6})?)\s.*?\s((?:anynet|app)\.\w+)\s+- (.*)$/.exec(line) ?? []
    if (!date || !time || !text) return null
    const at = Date.parse(`${date}T${time}Z`)
    if (Number.isNaN(at)) return null
    if (module === 'anynet.any_socket' || module === 'anynet.relay_conn') {
      const ip = addressOf(/^Logged in from (\S+)/.exec(text)?.[1])
      if (ip !== null) from = { ip, at }
      return null
    }
    const peer =
      /^Incoming session request: .*\(([^\s()]{1,128})\)$/.exec(text)?.[1] ??
      /^Accept request from (\d{5,20})\b/.exec(text)?.[1]
    if (peer) {
      request = { peer, at }
      return null
    }
    // Any other way opens a session, too: a later version may have one that is not known here.
    const how = /^(?:\d+: )?Authenticated (.*)$/.exec(text)?.[1]
    if (how !== undefined && request !== null) {
      const began = request
      request = null
      const near = from !== null && Math.abs(from.at - began.at) <= NEAR_MS ? from.ip : null
      return {
        kind: 'open',
        key: '',
        at: began.at,
        direction: 'incoming',
        ip: near,
        peer: began.peer,
        unattended: how.startsWith('by local user') ? false : /^(?:with |by password)/.test(how) || null,
      }
    }
    return ANYDESK_END.test(text) ? { kind: 'close', key: '', at } : null
  }
}

/**
 * connection_trace.txt: `Incoming  2026-02-22, 14:34  User  123456789  123456789`, one line per session, without its
 * end. One of the last two may be an alias, `ann@ad`: the number is preferred, which the traces have.
 */
export function anydeskConnections(): Reader {
  return (line) => {
    const [, way, day, time, how, ids = ''] =
      /^(Incoming|Outgoing)\s+(\d{4}-\d\d-\d\d), (\d\d:\d\d)\s+(\w+)\s+(\S.*)$/.exec(line) ?? []
    const names = ids.trim().split(/\s+/)
    const peer = names.find((it) => /^\d{5,20}$/.test(it)) ?? names.find((it) => /^[^\s@]{1,64}@[^\s@]{1,64}$/.test(it))
    if (!way || !day || !time || !peer || how === 'REJECTED') return null
    const at = localTime(...numbers(day, time))
    const direction = way === 'Incoming' ? 'incoming' : 'outgoing'
    const unattended = how === 'User' ? false : how === 'Passwd' || how === 'Token' ? true : null
    return { kind: 'complete', key: '', at, direction, peer, unattended }
  }
}

/**
 * Connections_incoming.txt: id, name, start, end, local user, kind, separated by tabs; written when the session ends.
 */
export function teamviewerConnections(direction: 'incoming' | 'outgoing'): Reader {
  return (line) => {
    const columns = line.split('\t')
    const peer = /^\d{5,20}$/.exec(columns[0]?.trim() ?? '')?.[0]
    const [at, endedAt] = columns.map(european).filter((it) => it !== null)
    if (!peer || at === undefined) return null
    // Without an end when the program ended first.
    if (endedAt === undefined) return { kind: 'complete', key: '', at, direction, peer }
    return endedAt < at ? null : { kind: 'complete', key: '', at, endedAt, direction, peer }
  }
}

/** TeamViewer15_Logfile.log: the address of the latest UDP hole punch, for the session that the list contains later. */
export function teamviewerLog(): Reader {
  let zone: string | null = null
  return (line) => {
    // In the head of the log: `Start: 2026/05/01 12:00:00.123 (UTC+2:00)`. The laptop's zone may be another by now.
    const [, sign, hours, minutes] = /\(UTC([+-])(\d{1,2}):(\d\d)\)/.exec(line) ?? []
    if (sign && hours && minutes) zone = `${sign}${hours.padStart(2, '0')}:${minutes}`
    const [, day, time, from] = /^(\d{4}\/\d\d\/\d\d) (\d\d:\d\d:\d\d)\S*\s.*\bpunch received a=(\S+)/.exec(line) ?? []
    const ip = addressOf(from?.replace(/:$/, ''))
    if (!day || !time || ip === null) return null
    const at =
      zone === null ? localTime(...numbers(day, time)) : Date.parse(`${day.replaceAll('/', '-')}T${time}${zone}`)
    return Number.isNaN(at) ? null : { kind: 'update', key: 'punch', at, ip }
  }
}

/** `[2026-05-01 12:00:00.123456 +02:00] DEBUG [src/server/connection.rs:9] #1 Connection opened from 1.2.3.4:5.` */
export function rustdesk(): Reader {
  return (line) => {
    const [, day, time, zone, key, text] =
      /^\[(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d{1,9})?) ([+-]\d\d:\d\d)\] \w+ \[[^\]]*\] #(\d+) (.*)$/.exec(line) ??
      []
    if (!day || !time || !key || !text) return null
    const at = Date.parse(`${day}T${time.slice(0, 12)}${zone}`)
    if (Number.isNaN(at)) return null
    const from = /^Connection opened from (\S+?)\.?$/.exec(text)?.[1]
    if (from) return { kind: 'open', key, at, direction: 'incoming', ip: addressOf(from) }
    return /^(?:connection loop exited|Connection closed)/.test(text) ? { kind: 'close', key, at } : null
  }
}

/** syslog: `… chromoting[7]: Client connected: ann@example.com/chromoting_ftl_…`. */
export function chromeRemoteDesktop(): Reader {
  return (line, now) => {
    const at = syslogTime(line, now)
    const text = /\s(?:chromoting|chrome-remote-desktop(?:-host)?|remoting_me2me_host)(?:\[\d+\])?: (.*)$/.exec(
      line,
    )?.[1]
    if (at === null || !text) return null
    const [, what, key] =
      /^(Client connected|Client disconnected|Channel IP for client): (\S+?)\.?(?:\s|$)/.exec(text) ?? []
    if (!key) return null
    if (what === 'Client disconnected') return { kind: 'close', key, at }
    if (what === 'Client connected')
      return { kind: 'open', key, at, direction: 'incoming', peer: key.split('/')[0]!.toLowerCase() }
    const ip = addressOf(/ ip='([^']*)'/.exec(text)?.[1])
    return ip === null ? null : { kind: 'update', key, at, ip }
  }
}

/** auth.log, secure: `… sshd[7]: Accepted publickey for ann from 203.0.113.9 port 5 ssh2`. */
export function sshd(): Reader {
  return (line, now) => {
    const at = syslogTime(line, now)
    const [, key, text] = /\ssshd(?:-session|-auth)?\[(\d+)\]: (.*)$/.exec(line) ?? []
    if (at === null || !key || !text) return null
    const ip = addressOf(/^Accepted \S+ for .* from (\S+) port \d+/.exec(text)?.[1])
    if (ip !== null) return { kind: 'open', key, at, direction: 'incoming', ip }
    return /^pam_unix\(sshd:session\): session closed\b/.test(text) ? { kind: 'close', key, at } : null
  }
}

/**
 * xrdp-sesman.log. Until 0.9: `[20261103-11:13:22] [INFO ] ++ created session (access granted): username ann, ip
 * ::ffff:192.0.2.1:279 - socket: 12`. Since then, with times in ISO form from 0.10 on: `Session started successfully for
 * user ann on display 10`, and the end of the window manager on that display; between the two, some versions have both.
 */
export function xrdp(): Reader {
  let from: { ip: string; at: number } | null = null
  let createdAt = Number.NEGATIVE_INFINITY
  return (line) => {
    const [, stamp, rest] = /^\[([^\]]{15,40})\] \[\w+ *\] (?:\[[^\]]*\] )?(.*)$/.exec(line) ?? []
    const at = stamp ? xrdpTime(stamp) : null
    if (at === null || !rest) return null
    const connected = addressOf(/\bconnection received from (\S+)/.exec(rest)?.[1])
    if (connected !== null) {
      from = { ip: connected, at }
      return null
    }
    const display = /^Session started successfully for user .* on display :?(\d+)$/.exec(rest)?.[1]
    if (display !== undefined) {
      if (Math.abs(at - createdAt) <= NEAR_MS) return null
      const ip = from !== null && Math.abs(at - from.at) <= NEAR_MS ? from.ip : null
      return { kind: 'open', key: `display ${display}`, at, direction: 'incoming', ip }
    }
    const ended = /^Window manager \(pid \d+, display :?(\d+)\)/.exec(rest)?.[1]
    if (ended !== undefined) return { kind: 'close', key: `display ${ended}`, at }
    const text = /^\+\+ (.*)$/.exec(rest)?.[1]
    if (!text) return null
    const user = /\busername (\S+?)(?:,|$)/.exec(text)?.[1] ?? ''
    const ip = addressOf(/\bip (\S+)/.exec(text)?.[1])
    const key = `${user} ${ip}`
    if (/^(?:created|reconnected) session/.test(text)) {
      createdAt = at
      return { kind: 'open', key, at, direction: 'incoming', ip }
    }
    return /^terminated session/.test(text) ? { kind: 'close', key, at } : null
  }
}

/** '20261103-11:13:22' in local time, or '2026-11-03T11:13:22.123+0100'. */
function xrdpTime(text: string): number | null {
  const [, y, mo, d, time] = /^(\d{4})(\d\d)(\d\d)-(\d\d:\d\d:\d\d)$/.exec(text) ?? []
  if (y && time) return finite(localTime(...numbers(`${y}-${mo}-${d}`, time)))
  const [, iso, zone] = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?)(Z|[+-]\d\d:?\d\d)$/.exec(text) ?? []
  return iso && zone ? finite(Date.parse(iso.slice(0, 23) + zone.replace(/^([+-]\d\d)(\d\d)$/, '$1:$2'))) : null
}

/**
 * SPLog.txt: `<I> Nov29 15:15:38.194 SM_03280[Network] [LAN-S][Server] client connected from 198.51.100.134 (2), 288`.
 * It has local time without a year. How it writes the end was not found: only a line with the same words is taken.
 */
export function splashtop(): Reader {
  return (line, now) => {
    const [, month, day, time, text] = /^<\w> ([A-Z][a-z]{2})(\d\d) (\d\d:\d\d:\d\d)(?:\.\d+)? (.*)$/.exec(line) ?? []
    if (!month || !day || !time || !text) return null
    const at = syslogTime(`${month} ${day} ${time} `, now)
    if (at === null) return null
    const from = / client connected from (\S+)/.exec(text)?.[1]
    if (from !== undefined) return { kind: 'open', key: '', at, direction: 'incoming', ip: addressOf(from) }
    return / client disconnected\b/.test(text) ? { kind: 'close', key: '', at } : null
  }
}

/**
 * nxserver.log: `57 57 2026-11-02 10:00:00 115.378 NXSERVER User 'ann' logged in from '198.51.100.7' using
 * authentication method NX-password.`, in local time, the process twice before it; in version 6 once, behind it. The
 * user is an account of this laptop, so who it was is not known.
 */
export function nomachine(): Reader {
  return (line) => {
    const [, before, day, time, after, text] =
      /^\s*(?:(\d{1,10}) \d{1,10} )?(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) [\d.]{1,12} +(?:(\d{1,10}) )?NXSERVER (User '.*)$/.exec(
        line,
      ) ?? []
    const key = before ?? after
    if (!day || !time || !key || !text) return null
    const at = localTime(...numbers(day, time))
    // Before the rest of the line, which a user's name may imitate.
    const from = /' logged in from '([^']{1,64})' using [\w -]{1,64}\.?$/.exec(text)?.[1]
    if (from !== undefined) return { kind: 'open', key, at, direction: 'incoming', ip: addressOf(from) }
    return /' (?:from '[^']{1,64}' )?logged out\.?$/.test(text) ? { kind: 'close', key, at } : null
  }
}

/**
 * syslog: `… tailscaled[7]: ssh-session(sess-…): handling new SSH connection from ann@example.com (100.64.1.2) to
 * ssh-user "root"`, then `access granted to …`; early versions asked for the right between the two.
 */
export function tailscaleSsh(): Reader {
  const asked = new Map<string, { ip: string | null; peer: string }>()
  return (line, now) => {
    const at = syslogTime(line, now)
    const [, key, text] = /\stailscaled(?:\[\d+\])?: ssh-session\((sess-[\w-]{1,64})\): (.*)$/.exec(line) ?? []
    if (at === null || !key || !text) return null
    const [, peer, from] = /^handling new SSH connection from (\S{1,256}) \((\S{1,64})\) to ssh-user /.exec(text) ?? []
    if (peer && from) {
      asked.set(key, { ip: addressOf(from), peer: peer.toLowerCase() })
      if (asked.size > MAX_ASKED) asked.delete(asked.keys().next().value!)
      return null
    }
    const who = /^access granted to (\S{1,256}) as ssh-user /.exec(text)?.[1]
    if (who !== undefined) {
      const { ip, peer: named } = asked.get(key) ?? { ip: null, peer: who.toLowerCase() }
      asked.delete(key)
      return { kind: 'open', key, at, direction: 'incoming', ip, peer: named }
    }
    return /^(?:Session complete\b|terminating SSH session\b)/.test(text) ? { kind: 'close', key, at } : null
  }
}

/**
 * syslog: what `gnome-remote-desktop-daemon` says without being asked for more. A session begins when a client's
 * abilities are accepted, which is after it has authenticated, and ends with its connection; not all versions say so.
 * From where, and by whom, it never says.
 */
export function gnomeRemoteDesktop(): Reader {
  let latest = { key: '', at: Number.NEGATIVE_INFINITY }
  return (line, now) => {
    const at = syslogTime(line, now)
    // Some systems cut a program's name after 15 letters.
    const [, pid, text] = /\sgnome-remote-de(?:sktop-daemon)?\[(\d{1,10})\]: (.*)$/.exec(line) ?? []
    if (at === null || !pid || !text) return null
    const key = `gnome ${pid}`
    if (/^\[RDP\] Network or intentional disconnect\b/.test(text)) {
      latest = { key: '', at }
      return { kind: 'close', key, at }
    }
    if (!/^\[RDP\.RDPGFX\] CapsAdvertise: Accepting capability set\b/.test(text)) return null
    // A client may repeat it.
    if (latest.key === key && Math.abs(at - latest.at) <= NEAR_MS) return null
    latest = { key, at }
    return { kind: 'open', key, at, direction: 'incoming' }
  }
}

/** '203.0.113.9:5000', '[2001:db8::1]:5000', '::ffff:192.0.2.1:279', or an address alone. */
export function addressOf(text: string | undefined): string | null {
  if (!text || text.length > 128) return null
  const bracketed = /^\[([^\]]+)\]/.exec(text)?.[1]
  for (const it of [bracketed ?? text, text.replace(/:\d{1,5}$/, '')]) {
    const plain = it.replace(/^::ffff:(?=\d+\.)/i, '').split('%')[0]!
    if (isIP(plain) !== 0) return plain
  }
  return null
}

/** BSD syslog omits the year: use the latest one that is not in the future. RFC 3339 times are complete. */
export function syslogTime(line: string, now: number): number | null {
  const [, month, day, h, m, s, iso] = SYSLOG_TIME.exec(line) ?? []
  if (iso) return finite(Date.parse(iso))
  const at = month ? MONTHS.indexOf(month) / 3 : -1
  if (!Number.isInteger(at) || at < 0) return null
  const of = (year: number) => localTime(year, at + 1, Number(day), Number(h), Number(m), Number(s))
  const year = new Date(now).getFullYear()
  return of(year) > now + DAY ? of(year - 1) : of(year)
}

/** Null for a time that no clock shows, such as 49:00. */
function finite(at: number): number | null {
  return Number.isNaN(at) ? null : at
}

/** '20-08-2026 09:58:25' */
function european(text: string): number | null {
  const [, d, mo, y, h, m, s] = /^(\d\d)-(\d\d)-(\d{4}) (\d\d):(\d\d):(\d\d)$/.exec(text.trim()) ?? []
  return y ? Date.UTC(Number(y), Number(mo) - 1, Number(d), Number(h), Number(m), Number(s)) : null
}

type Moment = [year: number, month: number, day: number, hour: number, minute: number, second: number]
function numbers(day: string, time: string): Moment {
  const [y = 0, mo = 1, d = 1] = day.split(/[-/]/).map(Number)
  const [h = 0, m = 0, s = 0] = time.split(':').map(Number)
  return [y, mo, d, h, m, s]
}
function localTime(...[year, month, day, hour, minute, second]: Moment): number {
  return new Date(year, month - 1, day, hour, minute, second).getTime()
}
