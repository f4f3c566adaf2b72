/**
 * Who signed a program, by the signature that the kernel loaded with it. The calls have not run on a Mac; the parser has,
 * on a signature that OpenSSL made in this form.
 *
 * Shape   the signature is a table of blobs (numbers big-endian); one holds a CMS message (RFC 5652) with the certificates.
 *         The signer's is the one that signed no other, and names the organisation.
 * Source  sys/codesign.h: CS_OPS_…; osfmk/kern/cs_blobs.h: CS_SuperBlob, CSMAGIC_…, CSSLOT_SIGNATURESLOT; the kernel
 *         answers for identity and blob with eight bytes of header, of which the last four are the length.
 */
import { X509Certificate } from 'node:crypto'
import type { Signature } from './calls.ts'
import { lastError, system, textAt } from './library.ts'

const CS_OPS_BLOB = 10
const CS_OPS_IDENTITY = 11
const ERANGE = 34
const HEADER = 8
const MAX_BLOB = 8 * 1_048_576
const EMBEDDED_SIGNATURE = 0xfade0cc0
const BLOB_WRAPPER = 0xfade0b01
const SIGNATURE_SLOT = 0x10000
const MAX_CERTIFICATES = 16

export function signature(pid: number): Signature {
  const identity = Buffer.alloc(HEADER + 1_024)
  const hasIdentity = Number(system.csops(pid, CS_OPS_IDENTITY, identity, identity.length)) === 0
  const cms = cmsIn(blobOf(pid))
  return {
    identifier: (hasIdentity && textAt(identity, HEADER)) || null,
    organisation: cms === null ? null : organisationIn(cms),
  }
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

/** The CMS message in a code signature. Null: it has none, as an ad-hoc signature, or is damaged. */
export function cmsIn(blob: Buffer): Buffer | null {
  if (blob.length < 12 || blob.readUInt32BE(0) !== EMBEDDED_SIGNATURE) return null
  const count = blob.readUInt32BE(8)
  for (let n = 0; n < count && 12 + n * 8 + 8 <= blob.length; n++) {
    if (blob.readUInt32BE(12 + n * 8) !== SIGNATURE_SLOT) continue
    const at = blob.readUInt32BE(16 + n * 8)
    if (at + HEADER > blob.length || blob.readUInt32BE(at) !== BLOB_WRAPPER) return null
    const cms = blob.subarray(at + HEADER, Math.min(blob.length, at + blob.readUInt32BE(at + 4)))
    return cms.length === 0 ? null : cms
  }
  return null
}

/** ContentInfo { OID, [0] { SignedData { version, digests, content, [0] certificates … } } } */
export function organisationIn(cms: Buffer): string | null {
  try {
    const [, wrapped] = derParts(derContent(cms))
    const [signedData] = derParts(derContent(wrapped!))
    const set = derParts(derContent(signedData!)).find((it) => it[0] === 0xa0)
    const all = (set ? derParts(derContent(set)) : []).slice(0, MAX_CERTIFICATES).map((it) => new X509Certificate(it))
    const signer = all.find((one) => !all.some((it) => it !== one && it.issuer === one.subject))
    return /^O=(.+)$/m.exec(signer?.subject ?? '')?.[1]?.trim() ?? null
  } catch {
    return null
  }
}

/** Where the content of a DER element begins and ends. Indefinite lengths are BER, and refused. */
function derSpan(bytes: Buffer, at: number): { from: number; to: number } {
  const first = bytes.readUInt8(at + 1)
  const extra = first < 0x80 ? 0 : first & 0x7f
  if (first === 0x80 || extra > 4) throw new RangeError('no DER')
  const length = extra === 0 ? first : bytes.readUIntBE(at + 2, extra)
  const from = at + 2 + extra
  if (from + length > bytes.length) throw new RangeError('cut')
  return { from, to: from + length }
}

function derContent(bytes: Buffer): Buffer {
  const { from, to } = derSpan(bytes, 0)
  return bytes.subarray(from, to)
}

function derParts(content: Buffer): Buffer[] {
  const parts: Buffer[] = []
  for (let at = 0; at < content.length; ) {
    const { to } = derSpan(content, at)
    parts.push(content.subarray(at, to))
    at = to
  }
  return parts
}
