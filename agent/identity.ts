/** The laptop's key, and the signatures it makes and checks. */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Fault } from '../wire/fault.ts'

export const newKey = (): KeyObject => generateKeyPairSync('ed25519').privateKey

export function keyPem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString()
}

/**
 * Errors  Fault 'agent.not_enrolled' if the key is missing or invalid, because the agent cannot authenticate without
 * it.
 */
export function loadKey(path: string): KeyObject {
  try {
    return createPrivateKey(readFileSync(path, 'utf8'))
  } catch (cause) {
    const why = `The key cannot be read (${(cause as NodeJS.ErrnoException).code}).`
    throw new Fault('agent.not_enrolled', { where: path, why, todo: 'Enroll again with a new token.', cause })
  }
}

/** The raw public key, 32 bytes, base64url. */
export function publicKeyOf(key: KeyObject): string {
  return createPublicKey(key).export({ format: 'jwk' }).x!
}

export function signText(key: KeyObject, text: string): string {
  return sign(null, Buffer.from(text), key).toString('base64url')
}

/** False for a wrong signature, and for malformed keys and signatures. */
export function isSigned(publicKey: string, text: string, signature: string): boolean {
  try {
    const x = Buffer.from(publicKey, 'base64url').toString('base64url')
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
    return verify(null, Buffer.from(text), key, Buffer.from(signature, 'base64url'))
  } catch {
    return false
  }
}
