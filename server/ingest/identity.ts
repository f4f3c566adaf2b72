/** The server's keys, the ids of devices, and the signatures of both. */
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto'
import type { Values } from '../store/store.ts'

/**
 * Shape   keys are raw Ed25519 public keys, base64url; signatures base64url; `salt` 64 hex digits, the HMAC key with
 *         which every laptop of this tenant hashes network places.
 */
export interface ServerKeys {
  publicKey: string
  salt: string
  sign(text: string): string
}

type KeyValues = Pick<Values, 'get' | 'compareAndSet'>

/**
 * The server's identity, made once and kept in the store. If it is lost, every laptop must be enrolled again.
 *
 * Source  `randomBytes` makes the salt; the key's own randomness is OpenSSL's.
 */
export async function serverKeys(values: KeyValues, randomBytes: (size: number) => Buffer): Promise<ServerKeys> {
  const pem = await kept(values, 'server.key', () =>
    generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  )
  const salt = await kept(values, 'tenant.salt', () => randomBytes(32).toString('hex'))
  const privateKey = createPrivateKey(pem)
  const { x } = createPublicKey(privateKey).export({ format: 'jwk' })
  return { publicKey: x!, salt, sign: (text) => sign(null, Buffer.from(text), privateKey).toString('base64url') }
}

/** When several processes start at once, one makes the value and all of them use it. */
async function kept(values: KeyValues, key: string, make: () => string): Promise<string> {
  const found = await values.get(key)
  if (found !== null) return found
  const made = make()
  if (await values.compareAndSet(key, null, made)) return made
  return (await values.get(key))!
}

/** 32 bytes; null for any other text. */
export function rawKey(publicKey: string): Buffer | null {
  const raw = Buffer.from(publicKey, 'base64url')
  return raw.length === 32 ? raw : null
}

/** The id of a device follows from its key: the same key has the same id on any server. */
export function deviceOf(rawPublicKey: Buffer): string {
  return `d-${createHash('sha256').update(rawPublicKey).digest('hex').slice(0, 20)}`
}

/** False for a wrong signature, and for text that is not a key or signature. */
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
