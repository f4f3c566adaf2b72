/**
 * The signer in a code signature of Apple's form.
 *
 * Shape   the signature is a table of blobs (numbers big-endian); one holds a CMS message (RFC 5652) with the certificates.
 *         The signer's is the one that signed no other, and names the organisation. Nothing is verified here: the kernel
 *         checks what it runs.
 * Errors  null for what is cut or has another form.
 * Source  xnu's osfmk/kern/cs_blobs.h: CS_SuperBlob, CSMAGIC_…, CSSLOT_SIGNATURESLOT; X.690 for the lengths. Tested with
 *         messages that OpenSSL made, and with Node's own programs for macOS, whose signer is 'Node.js Foundation'.
 */
import { X509Certificate } from 'node:crypto'

const HEADER = 8
const EMBEDDED_SIGNATURE = 0xfade0cc0
const BLOB_WRAPPER = 0xfade0b01
const SIGNATURE_SLOT = 0x10000
const MAX_CERTIFICATES = 16

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
    const [, wrapped] = partsOf(contentOf(cms))
    const [signedData] = partsOf(contentOf(wrapped!))
    const set = partsOf(contentOf(signedData!)).find((it) => it[0] === 0xa0)
    const all = (set ? partsOf(contentOf(set)) : []).slice(0, MAX_CERTIFICATES).map((it) => new X509Certificate(it))
    const signer = all.find((one) => !all.some((it) => it !== one && it.issuer === one.subject))
    return /^O=(.+)$/m.exec(signer?.subject ?? '')?.[1]?.trim() ?? null
  } catch {
    return null
  }
}

/** Where the content of an element begins and ends, and where the next element begins. */
interface Span {
  from: number
  to: number
  next: number
}

const INDEFINITE = 0x80
const MAX_DEPTH = 32

/** Apple writes the outer elements without a length (BER): two zeros end them. Errors  RangeError. */
function spanOf(bytes: Buffer, at: number, depth = 0): Span {
  const first = bytes.readUInt8(at + 1)
  if (depth > MAX_DEPTH) throw new RangeError('too deep')
  if (first === INDEFINITE) {
    let to = at + 2
    while (bytes.readUInt16BE(to) !== 0) to = spanOf(bytes, to, depth + 1).next
    return { from: at + 2, to, next: to + 2 }
  }
  const extra = first < INDEFINITE ? 0 : first & 0x7f
  if (extra > 4) throw new RangeError('no length')
  const length = extra === 0 ? first : bytes.readUIntBE(at + 2, extra)
  const from = at + 2 + extra
  if (from + length > bytes.length) throw new RangeError('cut')
  return { from, to: from + length, next: from + length }
}

function contentOf(bytes: Buffer): Buffer {
  const { from, to } = spanOf(bytes, 0)
  return bytes.subarray(from, to)
}

function partsOf(content: Buffer): Buffer[] {
  const parts: Buffer[] = []
  for (let at = 0; at < content.length; ) {
    const { next } = spanOf(content, at)
    parts.push(content.subarray(at, next))
    at = next
  }
  return parts
}
