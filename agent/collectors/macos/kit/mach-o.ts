/**
 * The code signature at the end of a program's file.
 *
 * Shape   a file for several processors begins with a table of its parts (numbers big-endian); the first is read. A part
 *         has a header and load commands, one of which says where the signature lies.
 * Errors  null for what has another form; node:fs's for what cannot be read.
 * Source  mach-o/loader.h (MH_MAGIC_64, LC_CODE_SIGNATURE), mach-o/fat.h.
 */
import type { Host } from '../../../host/host.ts'
import { cmsIn, organisationIn } from '../../shared/code-signature.ts'

const FAT = 0xcafebabe
const FAT_64 = 0xcafebabf
const MACH_O_64 = 0xfeedfacf
const CODE_SIGNATURE = 0x1d
const HEADER = 32
const MAX_COMMANDS = 65_536
const MAX_SIGNATURE = 1_048_576

/** The organisation that signed the program. Null: nobody, or nobody who says so. */
export async function signerOf(host: Host, path: string): Promise<string | null> {
  const start = await host.readPart(path, 0, 64)
  const base = partIn(start)
  if (base === null) return null
  const place = signatureIn(await host.readPart(path, base, HEADER + MAX_COMMANDS))
  if (place === null) return null
  const cms = cmsIn(await host.readPart(path, base + place.at, Math.min(place.bytes, MAX_SIGNATURE)))
  return cms === null ? null : organisationIn(cms)
}

/** Where the first part begins. */
function partIn(start: Buffer): number | null {
  if (start.length < 40) return null
  const magic = start.readUInt32BE(0)
  if (magic === FAT) return start.readUInt32BE(8 + 8)
  if (magic === FAT_64) return Number(start.readBigUInt64BE(8 + 8))
  return start.readUInt32LE(0) === MACH_O_64 ? 0 : null
}

export function signatureIn(part: Buffer): { at: number; bytes: number } | null {
  if (part.length < HEADER || part.readUInt32LE(0) !== MACH_O_64) return null
  const count = part.readUInt32LE(16)
  for (let n = 0, at = HEADER; n < count && at + 16 <= part.length; n++) {
    const [command, size] = [part.readUInt32LE(at), part.readUInt32LE(at + 4)]
    if (command === CODE_SIGNATURE) return { at: part.readUInt32LE(at + 8), bytes: part.readUInt32LE(at + 12) }
    if (size < 8) return null
    at += size
  }
  return null
}
