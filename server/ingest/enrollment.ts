/** Enrollment of a laptop: by a one-time token, with a key that never leaves the laptop and gives it its id. */
import { createHash } from 'node:crypto'
import { foldName, identifier } from '../../wire/common.ts'
import { Fault } from '../../wire/fault.ts'
import {
  type EnrollReply,
  EnrollRequest,
  type Policy,
  signedText,
  type Token,
  type UninstallToken,
} from '../../wire/messages.ts'
import type { RecordedOf } from '../../wire/recording.ts'
import { HOUR } from '../../wire/time.ts'
import { WIRE_VERSIONS_SUPPORTED } from '../../wire/version.ts'
import type { Store } from '../store/store.ts'
import { networkOf } from './address.ts'
import type { Bucket } from './bucket.ts'
import { deviceOf, rawKey, type ServerKeys, signedBy } from './identity.ts'
import { signPolicy } from './policy.ts'
import { whereOf } from './validation.ts'

export interface EnrollmentDeps {
  store: { devices: Pick<Store['devices'], 'enroll'>; audit: Pick<Store['audit'], 'add'> }
  keys: ServerKeys
  /** The policy in force for a group when the laptop enrolls. */
  policy(group: string | null): Policy
  now(): number
  /** Attempts left to a network: `bucketPerKey(now, 10 / 60, 10)`. */
  tries(network: string): Bucket
}

export interface Enrollment {
  reply: EnrollReply
  /** To be made durable before the reply is sent: the worker this laptop is assigned to from now on. */
  records: RecordedOf<'device'>[]
}

export type Enroll = (request: unknown, address: string) => Promise<Enrollment>

/**
 * Errors  rate.exceeded · enroll.malformed with the field · wire.version · device.proof · enroll.token · device.revoked.
 *         Only a successful request uses up the token.
 */
export function enrollment(deps: EnrollmentDeps): Enroll {
  return async (request, address) => {
    if (!deps.tries(networkOf(address)).take(1))
      throw new Fault('rate.exceeded', { todo: 'Try again in a minute.', facts: { retryAfterMs: 60_000 } })
    return await enroll(check(request), deps)
  }
}

interface Checked {
  request: EnrollRequest
  rawKey: Buffer
}

/** The checks that do not need the store. */
function check(request: unknown): Checked {
  const parsed = EnrollRequest.safeParse(request)
  if (!parsed.success) throw new Fault('enroll.malformed', { where: whereOf(parsed.error.issues[0]!) })
  const { wire, secret, publicKey, nonce, signature } = parsed.data
  if (!WIRE_VERSIONS_SUPPORTED.includes(wire))
    throw new Fault('wire.version', {
      where: `wire ${wire}`,
      todo: `Use version ${WIRE_VERSIONS_SUPPORTED.join(' or ')}.`,
    })
  const raw = rawKey(publicKey)
  if (!raw) throw new Fault('enroll.malformed', { where: 'publicKey', todo: 'Send 32 bytes as base64url.' })
  if (!signedBy(publicKey, signedText.enrollRequest(nonce, secret, publicKey), signature))
    throw new Fault('device.proof', { where: 'signature', todo: 'Sign the request with the key it names.' })
  return { request: parsed.data, rawKey: raw }
}

async function enroll({ request, rawKey }: Checked, deps: EnrollmentDeps): Promise<Enrollment> {
  const { store, keys, now } = deps
  const { secret, publicKey, nonce, fingerprint, platform, version, firstBoot } = request
  const device = deviceOf(rawKey)
  const time = now()
  const group = groupIn(secret)
  const { worker, laptop } = await store.devices.enroll(
    hashOf(secret),
    {
      device,
      publicKey: rawKey.toString('base64url'),
      platform,
      version,
      fingerprint,
      enrolledAt: time,
      revokedAt: null,
      // As the laptop reports it, but never in the future.
      firstBoot: Math.min(firstBoot, time),
      ...(group !== null && { group }),
    },
    time,
  )
  const binding = { device, worker, from: time, to: null, firstBoot: laptop.firstBoot }
  await store.audit.add({ at: time, user: null, action: 'device.enrolled', about: device, detail: worker })
  return {
    reply: {
      device,
      serverKey: keys.publicKey,
      policy: signPolicy(deps.policy(laptop.group ?? null), keys),
      signature: keys.sign(signedText.enroll(nonce, publicKey, device)),
    },
    records: [{ type: 'device', ...binding, receivedAt: time }],
  }
}

export interface TokenDeps {
  store: { devices: Pick<Store['devices'], 'addToken'>; audit: Pick<Store['audit'], 'add'> }
  keys: ServerKeys
  /** Where agents reach this server, such as https://tellwire.example. */
  publicUrl: string
  hours: number
  now(): number
  randomBytes(size: number): Buffer
}

/**
 * Makes a one-time token. `group`: the group of laptops whose policy it gets; it is part of the secret, so that whoever
 * holds the token cannot choose another one. The secret is only in the token: the store keeps its SHA-256 hash, so that neither the store
 * nor the time of a comparison reveals it.
 *
 * Errors  api.invalid when `worker` cannot be a worker's id.
 */
export async function makeToken(
  { worker, group = null, by }: { worker: string | null; group?: string | null; by: string | null },
  deps: TokenDeps,
): Promise<{ token: string; expiresAt: number }> {
  if (worker !== null && !identifier.safeParse(worker).success)
    throw new Fault('api.invalid', { where: 'worker', todo: 'Use letters, digits and ._@- only, at most 128.' })
  const holder = worker === null ? null : foldName(worker)
  const { store, keys, publicUrl, hours, now, randomBytes } = deps
  const createdAt = now()
  const expiresAt = createdAt + hours * HOUR
  const random = randomBytes(32).toString('base64url')
  const secret = group === null ? random : `${random}${GROUP_MARK}${group}`
  const content: Token = { url: publicUrl, serverKey: keys.publicKey, secret }
  await store.devices.addToken({ hash: hashOf(secret), worker: holder, createdAt, expiresAt })
  await store.audit.add({ at: createdAt, user: by, action: 'enrollment.token', about: holder, detail: group })
  return { token: `tw1.${Buffer.from(JSON.stringify(content)).toString('base64url')}`, expiresAt }
}

/** `until`: epoch ms. Whoever has it can remove the agent from this one laptop. */
export function makeUninstallToken(device: string, until: number, keys: Pick<ServerKeys, 'sign'>): string {
  const content: UninstallToken = { device, until, signature: keys.sign(signedText.uninstall(device, until)) }
  return `twu1.${Buffer.from(JSON.stringify(content)).toString('base64url')}`
}

/** Not in base64url. */
const GROUP_MARK = '='

function groupIn(secret: string): string | null {
  const at = secret.indexOf(GROUP_MARK)
  return at < 0 ? null : secret.slice(at + 1)
}

function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}
