/** Enrolment: a one-time token makes this laptop known to one server, with a key that never leaves it. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { request as plainRequest } from 'node:http'
import { request as tlsRequest } from 'node:https'
import { join } from 'node:path'
import { FAULTS, Fault, type FaultCode } from '../wire/fault.ts'
import { EnrollReply, type EnrollRequest, signedText, Token } from '../wire/messages.ts'
import { WIRE_VERSION } from '../wire/version.ts'
import { type Config, laptop, layout, saveConfig, writeWhole } from './config.ts'
import { isSigned, keyText, newKey, publicKeyOf, signText } from './identity.ts'
import { takeLock } from './lock.ts'
import { acceptPolicy, savePolicy } from './policy.ts'
import type { Random } from './uuid.ts'

const REPLY_BYTES = 262_144
const TIMEOUT_MS = 30_000

export interface EnrollOptions {
  now: () => number
  random: Random
  version: string
  platform: EnrollRequest['platform']
  fingerprint: string | null
  /** PEM file of the authority that signed the server's certificate; null: the system's. */
  caFile: string | null
  /** Enrol again where a laptop is enrolled already: what was not sent yet is thrown away. */
  replace: boolean
}

/**
 * Errors  Fault 'enroll.token' for what is no token; 'agent.plain' for a server without TLS elsewhere than here;
 *         'agent.unreachable'; 'agent.server' for a reply that the token's server did not sign; else what it refused.
 *         Nothing is written before the reply was verified.
 */
export async function enroll(tokenText: string, folder: string, options: EnrollOptions): Promise<Config> {
  const token = parseToken(tokenText)
  const at = layout(folder)
  if (existsSync(at.config) && !options.replace)
    throw new Fault('usage', { where: at.config, todo: 'This laptop is enrolled already; --replace enrols it anew.' })
  const url = serverUrl(token.url)
  const ca = options.caFile === null ? null : readCa(options.caFile)
  mkdirSync(at.spool, { recursive: true, mode: 0o700 })
  const release = takeLock(at.lock) // a running agent would go on under the old identity
  try {
    return await introduce(token, url, ca, folder, options)
  } finally {
    release()
  }
}

async function introduce(
  token: Token,
  url: URL,
  ca: string | null,
  folder: string,
  options: EnrollOptions,
): Promise<Config> {
  const at = layout(folder)
  const key = newKey()
  const publicKey = publicKeyOf(key)
  const nonce = Buffer.from(options.random(32)).toString('hex')
  const reply = await post(new URL('agent/v1/enroll', url), ca, {
    wire: WIRE_VERSION,
    secret: token.secret,
    publicKey,
    nonce,
    fingerprint: options.fingerprint,
    platform: options.platform,
    version: options.version,
    firstBoot: laptop(folder, options.now(), options.version).firstBoot,
    signature: signText(key, signedText.enrollRequest(nonce, token.secret, publicKey)),
  })
  const parsed = EnrollReply.safeParse(reply)
  if (!parsed.success) throw new Fault('wire.malformed', { where: url.href, todo: 'Is this a Tellwire server?' })
  const { device, serverKey, policy, signature } = parsed.data
  const isOurs = serverKey === token.serverKey
  if (!isOurs || !isSigned(token.serverKey, signedText.enroll(nonce, publicKey, device), signature))
    throw new Fault('agent.server', {
      where: url.href,
      todo: 'Something between may read along (a TLS inspecting proxy?); tell the security team.',
    })
  acceptPolicy(policy, token.serverKey)
  // What was collected for another identity must not go out under this one.
  const held = readdirSync(at.spool).map((name) => join(at.spool, name))
  for (const left of [at.config, ...held.filter((it) => it !== at.lock), at.memory, at.sent, at.status, at.running])
    rmSync(left, { recursive: true, force: true })
  writeWhole(at.key, keyText(key))
  savePolicy(at.policy, policy)
  const config: Config = { url: url.href, serverKey: token.serverKey, device, ca }
  saveConfig(folder, config) // last: with it the laptop is enrolled
  return config
}

export function parseToken(text: string): Token {
  const wrong = (todo: string) => new Fault('enroll.token', { todo })
  if (!text.startsWith('tw1.')) throw wrong("A token starts with 'tw1.'; copy it whole from the console.")
  let value: unknown
  try {
    value = JSON.parse(Buffer.from(text.slice(4).trim(), 'base64url').toString('utf8'))
  } catch {
    throw wrong('It is cut or mistyped; copy it whole from the console.')
  }
  const parsed = Token.safeParse(value)
  if (!parsed.success) throw wrong('It is cut or mistyped; copy it whole from the console.')
  return parsed.data
}

/** With a slash at its end. Errors: Fault 'agent.plain' for http to anywhere but this machine. */
export function serverUrl(text: string): URL {
  let url: URL
  try {
    url = new URL(text.endsWith('/') ? text : `${text}/`)
  } catch {
    throw new Fault('enroll.token', { where: text, todo: 'Its address is no URL; ask for another token.' })
  }
  if (url.protocol === 'https:') return url
  if (url.protocol === 'http:' && isLoopback(url.hostname)) return url
  throw new Fault('agent.plain', { where: url.href, todo: 'Give the server a certificate and use https.' })
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname)
}

function readCa(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    const todo = `The certificate file cannot be read (${(cause as NodeJS.ErrnoException).code}).`
    throw new Fault('usage', { where: path, todo, cause })
  }
}

function post(url: URL, ca: string | null, body: EnrollRequest): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const unreachable = (cause: Error) => {
      const { code } = cause as NodeJS.ErrnoException
      const todo = `${code ?? cause.message}: check the network, and --ca if its certificate is your own authority's.`
      reject(new Fault('agent.unreachable', { where: url.host, todo, cause }))
    }
    const request = url.protocol === 'https:' ? tlsRequest : plainRequest
    const asked = request(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      signal: AbortSignal.timeout(TIMEOUT_MS),
      ...(ca === null ? {} : { ca }),
    })
    asked.on('error', unreachable)
    asked.on('response', (response) => {
      const chunks: Buffer[] = []
      let bytes = 0
      response.on('error', unreachable)
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        if (bytes > REPLY_BYTES) response.destroy(new Error('the reply is too large'))
        else chunks.push(chunk)
      })
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8')
        if (response.statusCode === 200 || response.statusCode === 201) resolve(parseJson(text))
        else reject(refused(url, response.statusCode ?? 0, parseJson(text)))
      })
    })
    asked.end(JSON.stringify(body))
  })
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

function refused(url: URL, status: number, body: unknown): Fault {
  const { code, where, todo } = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>
  const known = typeof code === 'string' && Object.hasOwn(FAULTS, code) ? (code as FaultCode) : 'agent.unreachable'
  return new Fault(known, {
    where: typeof where === 'string' ? where.slice(0, 512) : url.host,
    todo: typeof todo === 'string' ? todo.slice(0, 1_024) : `It answered ${status}. Is this a Tellwire server?`,
  })
}
