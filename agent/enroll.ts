/** Enrollment: registers this laptop with one server, by a one-time token and a key that never leaves the laptop. */
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { request as plainRequest } from 'node:http'
import { request as tlsRequest } from 'node:https'
import { join } from 'node:path'
import { FAULTS, Fault, type FaultCode } from '../wire/fault.ts'
import { EnrollReply, type EnrollRequest, signedText, Token } from '../wire/messages.ts'
import { WIRE_VERSION } from '../wire/version.ts'
import { agentPaths, type Config, recordRun, saveConfig, writeFileAtomically } from './config.ts'
import { isSigned, keyPem, newKey, publicKeyOf, signText } from './identity.ts'
import { acquireLock } from './lock.ts'
import { acceptPolicy, savePolicy } from './policy.ts'
import type { Random } from './uuid.ts'

const REPLY_BYTES = 262_144
const TIMEOUT_MS = 30_000
const CHECK_SERVER = 'Check that this is the address of a Tellwire server.'

export interface EnrollOptions {
  now: () => number
  random: Random
  version: string
  platform: EnrollRequest['platform']
  fingerprint: string | null
  /** PEM file of the authority that signed the server's certificate; null: the system's. */
  caFile: string | null
  /** Enroll again although the laptop is already enrolled. Unsent events are deleted. */
  replace: boolean
}

/**
 * Errors  Fault 'enroll.token' for an invalid token; 'agent.plain' for a server without TLS that is not on this
 *         machine; 'agent.unreachable'; 'agent.server' for a reply that the token's server did not sign; otherwise the
 *         server's refusal. Nothing is written before the reply is verified.
 */
export async function enroll(tokenText: string, folder: string, options: EnrollOptions): Promise<Config> {
  const token = parseToken(tokenText)
  const paths = agentPaths(folder)
  if (existsSync(paths.config) && !options.replace)
    throw new Fault('usage', {
      where: paths.config,
      why: 'This laptop is already enrolled.',
      todo: 'Use --replace to enroll it again.',
    })
  const url = serverUrl(token.url)
  const ca = options.caFile === null ? null : readCa(options.caFile)
  const release = acquireLock(paths.lock) // a running agent would keep using the old identity
  try {
    return await enrollWith(token, url, ca, folder, options)
  } finally {
    release()
  }
}

async function enrollWith(
  token: Token,
  url: URL,
  ca: string | null,
  folder: string,
  options: EnrollOptions,
): Promise<Config> {
  const paths = agentPaths(folder)
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
    firstBoot: recordRun(folder, options.now(), options.version).firstBoot,
    signature: signText(key, signedText.enrollRequest(nonce, token.secret, publicKey)),
  })
  const parsed = EnrollReply.safeParse(reply)
  if (!parsed.success) throw new Fault('wire.malformed', { where: url.href, todo: CHECK_SERVER })
  const { device, serverKey, policy, signature } = parsed.data
  const isTokensServer = serverKey === token.serverKey
  if (!isTokensServer || !isSigned(token.serverKey, signedText.enroll(nonce, publicKey, device), signature))
    throw new Fault('agent.server', {
      where: url.href,
      why: 'Something between this laptop and the server, such as a TLS-inspecting proxy, may be reading the traffic.',
      todo: 'Report this to the security team.',
    })
  acceptPolicy(policy, token.serverKey)
  // Events collected under another identity must not be sent under this one.
  const spooled = readdirSync(paths.spool)
    .map((name) => join(paths.spool, name))
    .filter((it) => it !== paths.lock)
  for (const stale of [
    paths.config,
    ...spooled,
    paths.state,
    paths.sent,
    paths.status,
    paths.running,
    paths.policyTrial,
    paths.policyFailed,
  ])
    rmSync(stale, { recursive: true, force: true })
  writeFileAtomically(paths.key, keyPem(key))
  savePolicy(paths.policy, policy)
  const config: Config = { url: url.href, serverKey: token.serverKey, device, ca }
  saveConfig(folder, config) // last, because its existence means that the laptop is enrolled
  return config
}

export function parseToken(text: string): Token {
  const invalid = (why: string) => new Fault('enroll.token', { why, todo: 'Copy the whole token from the console.' })
  if (!text.startsWith('tw1.')) throw invalid("A token starts with 'tw1.'.")
  let value: unknown
  try {
    value = JSON.parse(Buffer.from(text.slice(4).trim(), 'base64url').toString('utf8'))
  } catch {
    throw invalid('It is incomplete or mistyped.')
  }
  const parsed = Token.safeParse(value)
  if (!parsed.success) throw invalid('It is incomplete or mistyped.')
  return parsed.data
}

/** With a trailing slash. Errors  Fault 'agent.plain' for http to any other machine. */
export function serverUrl(text: string): URL {
  let url: URL
  try {
    url = new URL(text.endsWith('/') ? text : `${text}/`)
  } catch {
    throw new Fault('enroll.token', { where: text, why: 'Its address is not a URL.', todo: 'Ask for another token.' })
  }
  if (url.protocol === 'https:') return url
  if (url.protocol === 'http:' && isLoopback(url.hostname)) return url
  throw new Fault('agent.plain', { where: url.href, todo: 'Install a certificate on the server and use https.' })
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname)
}

function readCa(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    const why = `The certificate file cannot be read (${(cause as NodeJS.ErrnoException).code}).`
    throw new Fault('usage', { where: path, why, todo: 'Name a readable PEM file with --ca.', cause })
  }
}

/** By OpenSSL's and Node's names for what is wrong with a certificate. */
function whatToCheck(code: string, hasCa: boolean): string {
  if (/^(DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_(GET|VERIFY)|CERT_UNTRUSTED)/.test(code))
    return hasCa
      ? "Check that --ca names the authority's certificate, not the server's, and that it is the right one."
      : "Use --ca if your own authority signed the server's certificate."
  if (/CERT/.test(code)) return "Check the server's certificate: its names and its dates."
  return 'Check the network, and that the server runs.'
}

function post(url: URL, ca: string | null, body: EnrollRequest): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const unreachable = (cause: Error) => {
      const { code } = cause as NodeJS.ErrnoException
      const why = code ?? cause.message
      reject(
        new Fault('agent.unreachable', { where: url.host, why, todo: whatToCheck(code ?? '', ca !== null), cause }),
      )
    }
    const request = url.protocol === 'https:' ? tlsRequest : plainRequest
    const sent = request(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      signal: AbortSignal.timeout(TIMEOUT_MS),
      ...(ca === null ? {} : { ca }),
    })
    sent.on('error', unreachable)
    sent.on('response', (response) => {
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
        else reject(refusalFault(url, response.statusCode ?? 0, parseJson(text)))
      })
    })
    sent.end(JSON.stringify(body))
  })
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

function refusalFault(url: URL, status: number, body: unknown): Fault {
  const { code, where, todo } = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>
  const known = typeof code === 'string' && Object.hasOwn(FAULTS, code) ? (code as FaultCode) : 'agent.unreachable'
  const about = { where: typeof where === 'string' ? where.slice(0, 512) : url.host }
  return typeof todo === 'string'
    ? new Fault(known, { ...about, todo: todo.slice(0, 1_024) })
    : new Fault(known, { ...about, why: `The reply has status ${status}.`, todo: CHECK_SERVER })
}
