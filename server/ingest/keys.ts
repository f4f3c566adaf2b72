/** Who this server is to its agents, and the signatures both sides make. */
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto'
import { Policy, type SignedPolicy, signedText } from '../../wire/messages.ts'
import type { State } from '../store/state.ts'

/** A week offline and more, at what a busy laptop writes. */
const SPOOL_BYTES = 64 * 1_048_576
const SPOOL_DAYS = 14

/**
 * Shape   keys are raw Ed25519 public keys, base64url; signatures base64url; `salt` 64 hex digits, the HMAC key that
 *         every laptop of this tenant hashes places with.
 */
export interface ServerKeys {
  publicKey: string
  salt: string
  sign(text: string): string
}

/**
 * The server's identity, made once and kept in the state: losing it means enrolling every laptop again.
 *
 * Source  `randomBytes` makes the salt; the key's own randomness is OpenSSL's.
 */
export function serverKeys(state: Pick<State, 'get' | 'set'>, randomBytes: (size: number) => Buffer): ServerKeys {
  const pem = kept(state, 'server.key', () =>
    generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  )
  const salt = kept(state, 'tenant.salt', () => randomBytes(32).toString('hex'))
  const privateKey = createPrivateKey(pem)
  const { x } = createPublicKey(privateKey).export({ format: 'jwk' })
  return { publicKey: x!, salt, sign: (text) => sign(null, Buffer.from(text), privateKey).toString('base64url') }
}

function kept(state: Pick<State, 'get' | 'set'>, key: string, make: () => string): string {
  const found = state.get(key)
  if (found !== null) return found
  const made = make()
  state.set(key, made)
  return made
}

export function signPolicy(policy: Policy, keys: ServerKeys): SignedPolicy {
  const text = JSON.stringify(policy)
  return { text, signature: keys.sign(signedText.policy(text)) }
}

/**
 * The policy in force: what the configuration asks of the laptops, one version up whenever it asks for something else.
 * Agents refuse an older version than they obey, so versions must outlive restarts.
 */
export function policyInForce(
  state: Pick<State, 'get' | 'set'>,
  keys: ServerKeys,
  asked: Pick<Policy, 'off' | 'on' | 'watchedRoots'>,
): Policy {
  const next = { salt: keys.salt, ...asked, spoolBytes: SPOOL_BYTES, spoolDays: SPOOL_DAYS }
  const before = Policy.safeParse(JSON.parse(state.get('policy') ?? 'null')).data
  const { version = 0, ...held } = before ?? {}
  if (before && JSON.stringify(sorted(held)) === JSON.stringify(sorted(next))) return before
  const policy = { version: version + 1, ...next }
  state.set('policy', JSON.stringify(policy))
  return policy
}

function sorted(fields: Record<string, unknown>): [string, unknown][] {
  return Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1))
}

/** 32 bytes, or null when the text is something else. */
export function rawKey(publicKey: string): Buffer | null {
  const raw = Buffer.from(publicKey, 'base64url')
  return raw.length === 32 ? raw : null
}

/** A device is its key: the same key always has the same id, on any server. */
export function deviceOf(rawPublicKey: Buffer): string {
  return `d-${createHash('sha256').update(rawPublicKey).digest('hex').slice(0, 20)}`
}

/** False for a wrong signature and for anything that is not a key or a signature. */
export function signedBy(publicKey: string, text: string, signature: string): boolean {
  try {
    const raw = rawKey(publicKey)
    if (!raw) return false
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: raw.toString('base64url') }, format: 'jwk' })
    return verify(null, Buffer.from(text), key, Buffer.from(signature, 'base64url'))
  } catch {
    return false
  }
}
