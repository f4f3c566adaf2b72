/**
 * Users who are signed in.
 *
 * Shape   'present' for all at the first poll, then 'logon' and 'logoff'. `LogonType` is console (the display), remote
 *         (from an address), or terminal (a window).
 * Units   polled every 30 s.
 * Errors  SourceIp is null if the table has a host's name instead of an address. No table: gap 'unsupported'.
 * Source  /var/run/utmpx: entries of 628 bytes as in utmpx.h's utmpx32 of Apple's Libc: user 0 (256), id 256 (4), line 260
 *         (32), pid 292, type 296, seconds 300, host 308 (256). Written from documentation; it has never run on a Mac.
 */
import { type Collector, gap, gapReason } from '../../collect.ts'
import type { Host } from '../../host/host.ts'
import { bounded } from '../shared/bounded.ts'
import { hostAddress } from '../shared/utmp.ts'

const NAME = 'logons'
const EVERY_MS = 30_000
const UTMPX = '/var/run/utmpx'
const ENTRY = 628
const USER_PROCESS = 7
const MAX_ENTRIES = 1_024

interface Logon {
  user: string
  line: string
  host: string
  pid: number
  seconds: number
}

export const logons: Collector<'logon'> = {
  name: NAME,
  categories: ['logon'],
  run: (host, _policy, signal) => run(host, signal),
}

async function* run(host: Host, signal: AbortSignal) {
  let known: Map<string, Logon> | null = null
  while (!signal.aborted) {
    const stamp = { time: host.now(), collector: NAME }
    try {
      const all = parseUtmpx(await host.readBytes(UTMPX, ENTRY * MAX_ENTRIES))
      const now = new Map(all.map((it) => [`${it.line} ${it.pid} ${it.user} ${it.seconds}`, it]))
      for (const [key, it] of now) if (!known?.has(key)) yield event(stamp, it, known === null ? 'present' : 'logon')
      for (const [key, it] of known ?? []) if (!now.has(key)) yield event(stamp, it, 'logoff')
      known = now
    } catch (cause) {
      yield gap(stamp, UTMPX, gapReason(cause), cause)
    }
    await host.sleep(EVERY_MS, signal)
  }
}

/** Who is signed in. The first entry of the file is its mark; a part of an entry at the end is left out. */
export function parseUtmpx(bytes: Buffer): Logon[] {
  const found: Logon[] = []
  for (let at = 0; at + ENTRY <= bytes.length; at += ENTRY) {
    if (bytes.readInt16LE(at + 296) !== USER_PROCESS) continue
    const text = (from: number, length: number) => {
      const field = bytes.subarray(at + from, at + from + length)
      const end = field.indexOf(0)
      return field.toString('utf8', 0, end === -1 ? length : end)
    }
    found.push({
      user: text(0, 256),
      line: text(260, 32),
      host: text(308, 256),
      pid: bytes.readInt32LE(at + 292),
      seconds: bytes.readUInt32LE(at + 300),
    })
  }
  return found
}

function event(stamp: { time: number; collector: string }, it: Logon, Action: 'present' | 'logon' | 'logoff') {
  const LogonType = it.line === 'console' ? 'console' : it.host === '' ? 'terminal' : 'remote'
  const User = it.user === '' ? null : bounded(it.user, 256)
  return { category: 'logon' as const, ...stamp, User, LogonType, SourceIp: hostAddress(it.host), Action }
}
