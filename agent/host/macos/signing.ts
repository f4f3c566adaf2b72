/**
 * Who signed a program, by the signature that the kernel loaded with it. The calls have not run on a Mac.
 *
 * Source  sys/codesign.h: CS_OPS_…; a blob begins with eight bytes of header, of which the last four are its length.
 */
import { cmsIn, organisationIn } from '../../collectors/shared/code-signature.ts'
import { lastError, system } from './library.ts'

const CS_OPS_BLOB = 10
const ERANGE = 34
const HEADER = 8
const MAX_BLOB = 8 * 1_048_576

export function signerOf(pid: number): string | null {
  const cms = cmsIn(blobOf(pid))
  return cms === null ? null : organisationIn(cms)
}

/** Empty: there is none. The first question only asks how long it is. */
function blobOf(pid: number): Buffer {
  const header = Buffer.alloc(HEADER)
  if (Number(system.csops(pid, CS_OPS_BLOB, header, header.length)) !== 0 && lastError() !== ERANGE)
    return Buffer.alloc(0)
  const length = header.readUInt32BE(4)
  if (length <= HEADER || length > MAX_BLOB) return Buffer.alloc(0)
  const blob = Buffer.alloc(length)
  return Number(system.csops(pid, CS_OPS_BLOB, blob, blob.length)) === 0 ? blob : Buffer.alloc(0)
}
