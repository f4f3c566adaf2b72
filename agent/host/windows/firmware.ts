/**
 * What the firmware says about this machine. Source  GetSystemFirmwareTable('RSMB'); DMTF DSP0134 (SMBIOS), types 1 and 2.
 */
import { kernel32 } from './library.ts'

const RSMB = 0x52534d42
/** The table's length is in the last four of these. */
const HEADER = 8
const SYSTEM = 1
const BOARD = 2
const END = 127

/** UUID, serial number of the system, serial number of its board; null: not there. Errors  CallError. */
export function firmwareIds(): (string | null)[] {
  const size = kernel32.GetSystemFirmwareTable(RSMB, 0, null, 0)
  if (size <= HEADER || size > 1_048_576) return []
  const bytes = Buffer.alloc(size)
  return kernel32.GetSystemFirmwareTable(RSMB, 0, bytes, size) === size ? parseSmbios(bytes.subarray(HEADER)) : []
}

/** Each structure has a formatted part, then its texts, which end in an empty one. */
export function parseSmbios(bytes: Buffer): (string | null)[] {
  let uuid: string | null = null
  let system: string | null = null
  let board: string | null = null
  for (let at = 0; at + 4 <= bytes.length; ) {
    const [type, length] = [bytes[at]!, bytes[at + 1]!]
    if (type === END || length < 4) break
    let end = at + length
    while (end + 1 < bytes.length && (bytes[end] !== 0 || bytes[end + 1] !== 0)) end++
    const texts = bytes.toString('latin1', at + length, end).split('\0')
    const textAt = (place: number) => (place < length ? texts[bytes[at + place]! - 1]?.trim() || null : null)
    if (type === SYSTEM && length >= 24) {
      uuid ??= bytes.toString('hex', at + 8, at + 24)
      system ??= textAt(7)
    }
    if (type === BOARD) board ??= textAt(7)
    at = end + 2
  }
  return [uuid, system, board]
}
