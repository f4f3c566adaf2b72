/** Who is signed in, power and time zone. Source  wtsapi32.h, winbase.h, timezoneapi.h. */
import type { PowerFacts, SessionRow, ZoneFacts } from './calls.ts'
import { DYNAMIC_TIME_ZONE_INFORMATION, SYSTEM_POWER_STATUS, WTS_CLIENT_ADDRESS, WTS_SESSION_INFOW } from './layouts.ts'
import { kernel32, library, memory, pointerIn, succeeded, wideText } from './library.ts'

const wtsapi32 = library('wtsapi32.dll', {
  WTSEnumerateSessionsW: 'int (intptr_t, uint32_t, uint32_t, void *, void *)',
  WTSFreeMemory: 'void (intptr_t)',
  WTSQuerySessionInformationW: 'int (intptr_t, uint32_t, uint32_t, void *, void *)',
})

const MAX_SESSIONS = 1_024
/** WTS_INFO_CLASS. */
const [USER_NAME, DOMAIN_NAME, CLIENT_ADDRESS, CLIENT_PROTOCOL] = [5, 7, 14, 16]
const CONSOLE_PROTOCOL = 0
const AF_INET = 2

/** Sessions without a user, such as that of services, are omitted. */
export function sessions(): SessionRow[] {
  const [list, count] = [Buffer.alloc(8), Buffer.alloc(4)]
  succeeded('WTSEnumerateSessionsW', wtsapi32.WTSEnumerateSessionsW(0, 0, 1, list, count))
  const { size, at } = WTS_SESSION_INFOW
  const length = Math.min(MAX_SESSIONS, count.readUInt32LE())
  const rows = memory(pointerIn(list, 0), Math.max(1, length * size))
  wtsapi32.WTSFreeMemory(pointerIn(list, 0))
  return Array.from({ length }, (_, n) => n * size)
    .map((row) => session(rows.readUInt32LE(row + at.SessionId), rows.readUInt32LE(row + at.State)))
    .filter(({ user }) => user !== null)
}

function session(id: number, state: number): SessionRow {
  const [name, domain] = [USER_NAME, DOMAIN_NAME].map((it) => wideText(information(id, it) ?? Buffer.alloc(0)))
  const protocol = information(id, CLIENT_PROTOCOL)
  const isRemote = protocol !== null && protocol.length >= 2 && protocol.readUInt16LE() !== CONSOLE_PROTOCOL
  const client = isRemote ? information(id, CLIENT_ADDRESS) : null
  const user = name ? (domain ? `${domain}\\${name}` : name) : null
  return { id, user, state, isRemote, address: client === null ? null : parseClientAddress(client) }
}

function information(id: number, kind: number): Buffer | null {
  const [pointer, bytes] = [Buffer.alloc(8), Buffer.alloc(4)]
  if (!wtsapi32.WTSQuerySessionInformationW(0, id, kind, pointer, bytes)) return null
  const found = memory(pointerIn(pointer, 0), Math.min(1_024, Math.max(1, bytes.readUInt32LE())))
  wtsapi32.WTSFreeMemory(pointerIn(pointer, 0))
  return found
}

/** Microsoft's page: an IPv4 address begins at the third of the 20 bytes. IPv6 has no documented form. */
export function parseClientAddress(bytes: Buffer): string | null {
  const { at, size } = WTS_CLIENT_ADDRESS
  if (bytes.length < size || bytes.readUInt32LE(at.AddressFamily) !== AF_INET) return null
  const address = bytes.subarray(at.Address + 2, at.Address + 6).join('.')
  return address === '0.0.0.0' ? null : address
}

/** ACLineStatus: 0 battery, 1 mains, 255 unknown. */
export function power(): PowerFacts {
  const status = Buffer.alloc(SYSTEM_POWER_STATUS.size)
  succeeded('GetSystemPowerStatus', kernel32.GetSystemPowerStatus(status))
  const line = status[SYSTEM_POWER_STATUS.at.ACLineStatus]
  return { onBattery: line === 0 ? true : line === 1 ? false : null }
}

const INVALID_ZONE = 0xffffffff
const DAYLIGHT = 2
let known: { key: string; zone: string | null } | null = null

/** The runtime knows which IANA zone Windows means, and keeps it until it is told of a change. */
export function zone(): ZoneFacts {
  const info = Buffer.alloc(DYNAMIC_TIME_ZONE_INFORMATION.size)
  const kind = kernel32.GetDynamicTimeZoneInformation(info)
  succeeded('GetDynamicTimeZoneInformation', kind !== INVALID_ZONE)
  const { key, utcOffsetMinutes } = parseZone(info, kind)
  if (known !== null && known.key !== key) delete process.env.TZ
  if (known?.key !== key) known = { key, zone: new Intl.DateTimeFormat().resolvedOptions().timeZone || null }
  return { key, zone: known.zone, utcOffsetMinutes }
}

/** A bias is minutes west. */
export function parseZone(info: Buffer, kind: number): { key: string; utcOffsetMinutes: number } {
  const { at } = DYNAMIC_TIME_ZONE_INFORMATION
  const summer = info.readInt32LE(kind === DAYLIGHT ? at.DaylightBias : at.StandardBias)
  return {
    key: wideText(info, at.TimeZoneKeyName, 128) || wideText(info, at.StandardName, 32),
    utcOffsetMinutes: -(info.readInt32LE(at.Bias) + summer) || 0,
  }
}
