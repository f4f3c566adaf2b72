/** How a laptop becomes known: a one-time token, a key that never leaves it, and an id made from the key. */
import { createHash } from 'node:crypto'
import { identifier } from '../../wire/common.ts'
import { Fault } from '../../wire/fault.ts'
import { type EnrollReply, EnrollRequest, type Policy, signedText, type Token } from '../../wire/messages.ts'
import type { RecordedOf } from '../../wire/recording.ts'
import { WIRE_VERSIONS_SPOKEN } from '../../wire/version.ts'
import type { State } from '../store/state.ts'
import type { Bucket } from './bucket.ts'
import { whereOf } from './judge.ts'
import { deviceOf, rawKey, type ServerKeys, signedBy, signPolicy } from './keys.ts'

export interface EnrollDeps {
  state: State
  keys: ServerKeys
  policy: Policy
  now(): number
  /** Where the request came from, and what each address may still try: `bucketPerKey(now, 10 / 60, 10)`. */
  address: string
  tries(address: string): Bucket
}

export interface Enrolment {
  reply: EnrollReply
  /** To be made durable before the reply is sent: who holds this laptop from now on. */
  records: RecordedOf<'device'>[]
}

/**
 * Errors  rate.exceeded · enroll.malformed with the field · wire.version · device.proof · device.revoked · enroll.token. Only a
 *         request that is otherwise in order uses the token up.
 */
export function enroll(request: unknown, deps: EnrollDeps): Enrolment {
  const { state, keys, now } = deps
  if (!deps.tries(deps.address).take(1))
    throw new Fault('rate.exceeded', { todo: 'Try again in a minute.', facts: { retryAfterMs: 60_000 } })
  const parsed = EnrollRequest.safeParse(request)
  if (!parsed.success) throw new Fault('enroll.malformed', { where: whereOf(parsed.error.issues[0]!) })
  const { wire, secret, publicKey, nonce, fingerprint, platform, version, firstBoot, signature } = parsed.data
  if (!WIRE_VERSIONS_SPOKEN.includes(wire))
    throw new Fault('wire.version', { where: `wire ${wire}`, todo: `Spoken here: ${WIRE_VERSIONS_SPOKEN.join(', ')}.` })
  const raw = rawKey(publicKey)
  if (!raw) throw new Fault('enroll.malformed', { where: 'publicKey', todo: 'Send 32 bytes as base64url.' })
  if (!signedBy(publicKey, signedText.enrollRequest(nonce, secret, publicKey), signature))
    throw new Fault('device.proof', { where: 'signature', todo: 'Sign the request with the key it names.' })

  const device = deviceOf(raw)
  const before = state.enrolled(device)
  if (before && before.revokedAt !== null)
    throw new Fault('device.revoked', { where: device, todo: 'Remove the agent folder, so that a new key is made.' })
  const time = now()
  const token = state.takeToken(hashOf(secret), time)
  if (!token) throw new Fault('enroll.token', { todo: 'Ask the security team for a new one.' })

  // The laptop's word for its age, but never in the future, and never younger than it said before.
  const born = Math.min(firstBoot, time, before?.firstBoot ?? time)
  const binding = { device, worker: token.worker, from: time, to: null, firstBoot: born }
  state.saveEnrolled({
    device,
    publicKey: raw.toString('base64url'),
    platform,
    version,
    fingerprint,
    enrolledAt: time,
    revokedAt: null,
    firstBoot: born,
  })
  state.audit({ at: time, user: null, action: 'device.enrolled', about: device, detail: token.worker })
  return {
    reply: {
      device,
      serverKey: keys.publicKey,
      policy: signPolicy(deps.policy, keys),
      signature: keys.sign(signedText.enroll(nonce, publicKey, device)),
    },
    records: [{ type: 'device', ...binding, receivedAt: time }],
  }
}

export interface TokenDeps {
  state: Pick<State, 'addToken' | 'audit'>
  keys: ServerKeys
  /** How agents reach this server: https://tellwire.example. */
  publicUrl: string
  hours: number
  now(): number
  randomBytes(size: number): Buffer
}

/**
 * Makes a one-time token. The secret is in the text and nowhere else: the state keeps its SHA-256, so that comparing
 * it tells nothing about it.
 *
 * Errors  api.invalid when `worker` cannot be a worker's id.
 */
export function makeToken(
  { worker, by }: { worker: string | null; by: string | null },
  deps: TokenDeps,
): { token: string; expiresAt: number } {
  if (worker !== null && !identifier.safeParse(worker).success)
    throw new Fault('api.invalid', { where: 'worker', todo: 'Use letters, digits and ._@- only, at most 128.' })
  const createdAt = deps.now()
  const expiresAt = createdAt + deps.hours * 3_600_000
  const secret = deps.randomBytes(32).toString('base64url')
  const content: Token = { url: deps.publicUrl, serverKey: deps.keys.publicKey, secret }
  deps.state.addToken({ hash: hashOf(secret), worker, createdAt, expiresAt })
  deps.state.audit({ at: createdAt, user: by, action: 'enrolment.token', about: worker, detail: null })
  return { token: `tw1.${Buffer.from(JSON.stringify(content)).toString('base64url')}`, expiresAt }
}

function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}
