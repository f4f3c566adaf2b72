/**
 * Entries of utmp (who is signed in on which line) and wtmp (its history).
 *
 * Shape   struct utmp: type 0, pid 4, line 8 (32), id 40, user 44 (32), host 76 (256), time 340, address 348 (16).
 * Source  utmp(5), 384 bytes per entry on x86-64 and arm64.
 */
import { isIP } from 'node:net'
import { addressText } from './address-text.ts'

export const UTMP_ENTRY = 384
export const SIGNED_IN = 7
const SIGNED_OUT = 8

export interface UtmpEntry {
  type: number
  pid: number
  line: string
  user: string
  host: string
  /** The remote address. Null: none, or only a host name. */
  address: string | null
  seconds: number
}

export function utmpEntries(bytes: Buffer): UtmpEntry[] {
  const found: UtmpEntry[] = []
  for (let at = 0; at + UTMP_ENTRY <= bytes.length; at += UTMP_ENTRY) {
    const entry = bytes.subarray(at, at + UTMP_ENTRY)
    const host = textIn(entry, 76, 256)
    found.push({
      type: entry.readInt16LE(0),
      pid: entry.readInt32LE(4),
      line: textIn(entry, 8, 32),
      user: textIn(entry, 44, 32),
      host,
      address: hostAddress(host) ?? addressIn(entry.subarray(348, 364)),
      seconds: entry.readUInt32LE(340),
    })
  }
  return found
}

/** The logons and logoffs in wtmp. `from`: the remote address; `isLogoff`: a logoff from the line. */
export function parseWtmp(bytes: Buffer): { line: string; from: string | null; at: number; isLogoff: boolean }[] {
  return utmpEntries(bytes)
    .filter(({ type }) => type === SIGNED_IN || type === SIGNED_OUT)
    .map(({ type, line, address, seconds }) => ({
      line,
      from: address,
      at: seconds * 1_000,
      isLogoff: type === SIGNED_OUT,
    }))
}

/** Without the zone of a link-local address ('fe80::1%eth0'). Null: not an address. */
export function hostAddress(host: string): string | null {
  const plain = host.split('%')[0]!
  return isIP(plain) === 0 ? null : plain
}

/** An IPv4 address is in the first four bytes, and the others are zero. */
function addressIn(bytes: Buffer): string | null {
  if (bytes.every((it) => it === 0)) return null
  return addressText([...(bytes.subarray(4).every((it) => it === 0) ? bytes.subarray(0, 4) : bytes)])
}

function textIn(entry: Buffer, at: number, length: number): string {
  const field = entry.subarray(at, at + length)
  const end = field.indexOf(0)
  return field.subarray(0, end === -1 ? length : end).toString('utf8')
}
