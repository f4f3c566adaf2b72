/**
 * Mounted file systems. Nothing here has run on a Mac; the parser has, on bytes built as the header says.
 *
 * Source  sys/mount.h: getfsstat with MNT_NOWAIT answers from what the kernel knows, so a server that does not answer
 *         does not hold it.
 */
import type { MountRow } from './calls.ts'
import { statfs64 } from './layouts.ts'
import { succeeded, system, textAt } from './library.ts'

const MNT_NOWAIT = 2
const MNT_LOCAL = 0x1000
const MNT_DONTBROWSE = 0x100000
const MAX_MOUNTS = 1_024

/** Errors  CallError. */
export function mounts(): MountRow[] {
  const bytes = Buffer.alloc(statfs64.size * MAX_MOUNTS)
  const count = Number(system.getfsstat(bytes, bytes.length, MNT_NOWAIT))
  succeeded('getfsstat', count)
  return parseMounts(bytes.subarray(0, count * statfs64.size))
}

export function parseMounts(bytes: Buffer): MountRow[] {
  const { size, at } = statfs64
  const found: MountRow[] = []
  for (let row = 0; row + size <= bytes.length; row += size) {
    const flags = bytes.readUInt32LE(row + at.f_flags)
    found.push({
      from: textAt(bytes, row + at.f_mntfromname, 1_024),
      at: textAt(bytes, row + at.f_mntonname, 1_024),
      type: textAt(bytes, row + at.f_fstypename, 16),
      isLocal: (flags & MNT_LOCAL) !== 0,
      isHidden: (flags & MNT_DONTBROWSE) !== 0,
      bytes: Number(bytes.readBigUInt64LE(row + at.f_blocks)) * bytes.readUInt32LE(row + at.f_bsize),
    })
  }
  return found
}
