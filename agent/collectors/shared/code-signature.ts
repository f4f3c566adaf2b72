/**
 * The signer in a code signature of Apple's form.
 *
 * Shape   the signature is a table of blobs (numbers big-endian); one holds a CMS message (RFC 5652) with the certificates.
 *         The signer's is the one that signed no other, and names the organisation. Nothing is verified here: the kernel
 *         checks what it runs.
 * Errors  null for what is cut or has another form.
 * Source  xnu's osfmk/kern/cs_blobs.h: CS_SuperBlob, CSMAGIC_…, CSSLOT_SIGNATURESLOT. Tested with a message that OpenSSL
 *         made.
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
