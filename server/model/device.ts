/** A laptop that proved a key of its own. */
export interface Enrolled {
  device: string
  /** Raw Ed25519 public key, base64url. */
  publicKey: string
  platform: string
  version: string
  fingerprint: string | null
  enrolledAt: number
  revokedAt: number | null
  firstBoot: number
}
