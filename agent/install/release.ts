/** Releases: their versions, their files, and the signatures of whoever built them. */
import { createHash } from 'node:crypto'
import { createReadStream, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { Fault } from '../../wire/fault.ts'
import { releaseVersion, signedText } from '../../wire/messages.ts'
import { isSigned } from '../identity.ts'

/** Beside agent.mjs: the public keys whose packages this version trusts, one a line, base64url. */
export const TRUSTED_KEYS = 'release.pub'

/** < 0: `a` is older. */
export function compareVersions(a: string, b: string): number {
  const [x, y] = [a, b].map((it) => it.split('.').map(Number)) as [number[], number[]]
  for (let at = 0; at < 3; at++) if (x[at] !== y[at]) return (x[at] ?? 0) - (y[at] ?? 0)
  return 0
}

/** The version in the name of a folder: `0.1.0`, or `0.1.0.kept`, which a package manager's upgrade leaves. */
export function versionIn(folderName: string): string {
  return folderName.replace(/\.kept$/, '')
}

/** `system` as in `linux-x64`. Null for any other name. */
export function parseFileName(name: string): { version: string; system: string } | null {
  const [, version = '', system = ''] = /^tellwire-agent-([0-9.]+)-([a-z0-9]+-[a-z0-9]+)\.tar\.gz$/.exec(name) ?? []
  return releaseVersion.safeParse(version).success ? { version, system } : null
}

/**
 * Checks the detached signature of a package, `<file>.sig`.
 *
 * Shape   the signature is over the file's name and its SHA-256, so that no package can pass for another version or
 *         system.
 * Errors  Fault 'package.invalid'.
 */
export async function verifyPackage(file: string, trustedKeys: readonly string[]): Promise<void> {
  const refuse = (why: string, todo: string) => new Fault('package.invalid', { where: file, why, todo })
  if (trustedKeys.length === 0)
    throw refuse('The installed agent trusts no key.', 'Install it from a package that was built with --key.')
  let signature: string
  try {
    signature = readFileSync(`${file}.sig`, 'utf8').trim()
  } catch {
    throw refuse('Its signature cannot be read.', `Put ${basename(file)}.sig beside it.`)
  }
  const text = signedText.package(basename(file), await sha256Of(file))
  if (!trustedKeys.some((key) => isSigned(key, text, signature)))
    throw refuse('No key that this agent trusts has signed it under this name.', 'Get it again, with its signature.')
}

export function trustedKeysIn(versionFolder: string): string[] {
  try {
    const lines = readFileSync(`${versionFolder}/${TRUSTED_KEYS}`, 'utf8').split('\n')
    return lines.map((it) => it.trim()).filter((it) => it !== '')
  } catch {
    return []
  }
}

/** Errors  node:fs's. */
export async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer)
  return hash.digest('hex')
}
