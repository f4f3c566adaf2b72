/** A laptop that proved a key of its own. */
export interface Enrolled {
  device: string
  /** Raw Ed25519 public key, base64url. */
  publicKey: string
  platform: string
  version: string
  fingerprint: string | null
  enrolledAt: number
  /** From then on its agent is refused; null: it is not revoked. */
  revokedAt: number | null
  /** Only while it is revoked. By: null for the command line. */
  revokedBy?: string | null
  revokedWhy?: string
  firstBoot: number
  /** The group whose policy it gets; null or absent: none. */
  group?: string | null
}

export interface Revocation {
  at: number
  /** Null: the command line. */
  by: string | null
  why: string
}
