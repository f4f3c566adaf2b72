/** People and laptops at loopback addresses of their own, which the server takes for other networks. */
import { randomBytes, sign } from 'node:crypto'
import { request } from 'node:http'
import { type EnrollRequest, signedText, Token } from '../../wire/messages.ts'
import { WIRE_VERSION } from '../../wire/version.ts'
import { signIn } from './children.ts'
import { connect, newLaptopKey } from './simulated-agent.ts'

export const USER = 'ana'
const PASSWORD = 'the right password'

/** A server, and the cookie of an administrator's session. */
export interface Server {
  url: string
  cookie: string
}

export interface Answer {
  status: number
  body: unknown
  /** 'name=value' of the first cookie that it sets. */
  cookie: string | null
}

/** Sends JSON as the console's page would. Errors  rejects when the connection ends before an answer. */
export function post(
  url: string,
  { body, from, cookie = '' }: { body: object; from: string; cookie?: string },
): Promise<Answer> {
  const text = JSON.stringify(body)
  const headers = {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(text),
    Origin: new URL(url).origin,
    Cookie: cookie,
    Connection: 'close',
  }
  return new Promise((resolve, reject) => {
    const asked = request(url, { method: 'POST', headers, localAddress: from, agent: false }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const answer = Buffer.concat(chunks).toString('utf8')
        resolve({
          status: response.statusCode ?? 0,
          body: answer === '' ? null : JSON.parse(answer),
          cookie: response.headers['set-cookie']?.[0]?.split(';')[0] ?? null,
        })
      })
    })
    asked.on('error', reject)
    asked.end(text)
  })
}

/** Adds the user, with a password. */
export async function addUser({ url, cookie }: Server): Promise<void> {
  const from = '127.0.0.1'
  const added = await post(`${url}/api/v1/users`, { body: { name: USER, role: 'analyst' }, from, cookie })
  const { link } = added.body as { link: string }
  const session = await signIn(url, link.split('#/welcome/')[1]!)
  const body = { current: null, password: PASSWORD, name: null }
  const set = await post(`${url}/api/v1/users/me/password`, { body, from, cookie: session })
  if (set.status !== 200) throw new Error(`the password was not set: ${set.status}`)
}

/** The user signs in. Errors  rejects when the server refuses, or does not answer. */
export async function signInFrom({ url }: Server, from: string): Promise<void> {
  const { status } = await post(`${url}/api/v1/session`, { body: { name: USER, password: PASSWORD }, from })
  if (status !== 200) throw new Error(`signing in: ${status}`)
}

/** A new laptop enrolls, and opens its first session. Errors  as `signInFrom`. */
export async function enrollFrom({ url, cookie }: Server, from: string): Promise<void> {
  const made = await post(`${url}/api/v1/enrollment-tokens`, { body: { worker: 'w-new' }, from, cookie })
  const { token } = made.body as { token: string }
  const { secret } = Token.parse(JSON.parse(Buffer.from(token.slice(4), 'base64url').toString()))
  const key = newLaptopKey()
  const nonce = randomBytes(32).toString('hex')
  const text = signedText.enrollRequest(nonce, secret, key.publicKey)
  const body: EnrollRequest = {
    ...{ wire: WIRE_VERSION, secret, publicKey: key.publicKey, nonce, fingerprint: null },
    ...{ platform: 'linux', version: 'bench', firstBoot: Date.now() },
    signature: sign(null, Buffer.from(text), key.privateKey).toString('base64url'),
  }
  const enrolled = await post(`${url}/agent/v1/enroll`, { body, from })
  if (enrolled.status !== 200) throw new Error(`enrolling: ${enrolled.status}`)
  const { device } = enrolled.body as { device: string }
  const agent = await connect({ url, device, epoch: 1, key, localAddress: from })
  agent.close()
}
