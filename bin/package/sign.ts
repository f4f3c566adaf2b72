/** Detached signatures of packages, and the packager's key. */
import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { basename } from 'node:path'
import { sha256Of } from '../../agent/install/release.ts'
import { signedText } from '../../wire/messages.ts'

/** Errors  throws if the file has no Ed25519 key: `openssl genpkey -algorithm ed25519 -out release.pem` makes one. */
export function packagerKey(file: string): { key: KeyObject; publicKey: string } {
  const key = createPrivateKey(readFileSync(file, 'utf8'))
  if (key.asymmetricKeyType !== 'ed25519') throw new Error(`${file} has a key that is not Ed25519`)
  return { key, publicKey: createPublicKey(key).export({ format: 'jwk' }).x! }
}

export async function signFile(file: string, key: KeyObject): Promise<void> {
  const text = signedText.package(basename(file), await sha256Of(file))
  writeFileSync(`${file}.sig`, `${sign(null, Buffer.from(text), key).toString('base64url')}\n`)
}
