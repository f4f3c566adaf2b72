/** The laptop's key, the signatures it makes and checks, and what its hardware looks like. */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Fault } from '../wire/fault.ts'
import type { Host } from './host/host.ts'

export const newKey = (): KeyObject => generateKeyPairSync('ed25519').privateKey

export function keyText(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString()
}

/** Errors: Fault 'agent.not_enrolled' when the key is not there or not a key: without it nobody can prove who we are. */
export function loadKey(path: string): KeyObject {
  try {
    return createPrivateKey(readFileSync(path, 'utf8'))
  } catch (cause) {
    const todo = `The key cannot be read (${(cause as NodeJS.ErrnoException).code}); enrol again with a new token.`
    throw new Fault('agent.not_enrolled', { where: path, todo, cause })
  }
}

/** The raw public key, 32 bytes, base64url. */
export function publicKeyOf(key: KeyObject): string {
  return createPublicKey(key).export({ format: 'jwk' }).x!
}

export function signText(key: KeyObject, text: string): string {
  return sign(null, Buffer.from(text), key).toString('base64url')
}

/** False for a wrong signature and for anything that is no key or signature. */
export function isSigned(publicKey: string, text: string, signature: string): boolean {
  try {
    const x = Buffer.from(publicKey, 'base64url').toString('base64url')
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
    return verify(null, Buffer.from(text), key, Buffer.from(signature, 'base64url'))
  } catch {
    return false
  }
}

export interface MachineFacts {
  /** SHA-256, lower-case hex; null when nothing could be read. */
  fingerprint: string | null
  /** A virtual machine; null when nothing says. */
  virtual: boolean | null
  bootId: string | null
}

const DMI = '/sys/class/dmi/id'
const HYPERVISORS =
  /kvm|qemu|vmware|virtualbox|innotek|xen|bochs|parallels|hyper-v|virtual machine|amazon ec2|google compute/i

/**
 * What tells this machine from a copy of its disk.
 *
 * Errors  what cannot be read is left out of the fingerprint: serial numbers need root, so root and user differ.
 * Source  /etc/machine-id, /sys/class/dmi/id, /proc/cpuinfo, /proc/sys/kernel/random/boot_id.
 */
export async function machineFacts(host: Host): Promise<MachineFacts> {
  const read = (path: string) =>
    host
      .readText(path, 262_144)
      .then((it) => it.trim() || null)
      .catch(() => null)
  const parts = await Promise.all(
    [
      '/etc/machine-id',
      `${DMI}/product_name`,
      `${DMI}/product_uuid`,
      `${DMI}/product_serial`,
      `${DMI}/board_vendor`,
      `${DMI}/board_name`,
      `${DMI}/board_serial`,
    ].map(read),
  )
  const isKnown = parts.some((it) => it !== null)
  const text = [host.platform, ...parts.map((it) => it ?? '')].join('\n')
  const maker = `${(await read(`${DMI}/sys_vendor`)) ?? ''} ${parts[1] ?? ''}`
  const cpu = await read('/proc/cpuinfo')
  const saysHypervisor = cpu === null ? null : /^flags\s*:.*\bhypervisor\b/m.test(cpu)
  return {
    fingerprint: isKnown ? createHash('sha256').update(text).digest('hex') : null,
    virtual: HYPERVISORS.test(maker) || saysHypervisor,
    bootId: await read('/proc/sys/kernel/random/boot_id'),
  }
}
