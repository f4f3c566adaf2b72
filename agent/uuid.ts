/** Returns that many random bytes. */
export type Random = (bytes: number) => Uint8Array

/** UUID version 7 (RFC 9562): 48 bits of epoch ms, then random bits. */
export function uuid7(now: number, random: Random): string {
  const bytes = Buffer.allocUnsafe(16)
  bytes.writeUIntBE(Math.max(0, Math.floor(now)), 0, 6)
  bytes.set(random(10), 6)
  bytes[6] = (bytes[6]! & 0x0f) | 0x70
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  const hex = bytes.toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
