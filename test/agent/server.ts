/**
 * A small server on loopback that implements the wire contract, for tests of the agent. Tests can change what it does.
 */
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { zstdDecompressSync } from 'node:zlib'
import { type WebSocket, WebSocketServer } from 'ws'
import { agentPaths, saveConfig, writeFileAtomically } from '../../agent/config.ts'
import { isSigned, keyPem, newKey, publicKeyOf } from '../../agent/identity.ts'
import { savePolicy } from '../../agent/policy.ts'
import type { Category, EventOf } from '../../wire/event.ts'
import {
  Batch,
  type EnrollReply,
  EnrollRequest,
  FromAgent,
  type FromServer,
  type Hello,
  type Policy,
  type SignedPolicy,
  signedText,
} from '../../wire/messages.ts'

export const POLICY: Policy = {
  version: 1,
  salt: 'ab'.repeat(32),
  off: [],
  on: [],
  watchedRoots: [],
  spoolBytes: 64 * 1_048_576,
  spoolDays: 14,
}

/** How the server responds. Tests replace single functions. */
export interface Behaviour {
  onHello(peer: Peer, hello: Hello): void
  onProof(peer: Peer): void
  onBatch(peer: Peer, batch: Received): void
  onPing(peer: Peer, n: number): void
}
export interface Peer {
  socket: WebSocket
  send(message: FromServer | string | Buffer): void
}
export interface Received {
  epoch: number
  events: EventOf<Category>[]
  bytes: number
}

export interface TestServer {
  url: string
  publicKey: string
  secret: string
  behaviour: Behaviour
  policy: SignedPolicy
  hellos: Hello[]
  batches: Received[]
  /** The highest seq acknowledged. */
  acked: number
  peers: Peer[]
  pongs: number[]
  sign(policy: Policy): SignedPolicy
  token(): string
  /** Makes the folder one of an enrolled agent. */
  enroll(folder: string): void
  close(): Promise<void>
}

export const DEVICE = 'd-test'

export async function testServer(): Promise<TestServer> {
  const { privateKey } = generateKeyPairSync('ed25519')
  const publicKey = publicKeyOf(privateKey)
  const signed = (text: string) => sign(null, Buffer.from(text), privateKey).toString('base64url')
  const signPolicy = (policy: Policy) => {
    const text = JSON.stringify(policy)
    return { text, signature: signed(signedText.policy(text)) }
  }
  let deviceKey = ''
  const http = createServer((request, response) => {
    let text = ''
    request.on('data', (chunk) => (text += chunk))
    request.on('end', () => {
      // Empty: an upgrade that came while the server was closing.
      const parsed = EnrollRequest.safeParse(JSON.parse(text || 'null'))
      if (request.url !== '/agent/v1/enroll' || !parsed.success || parsed.data.secret !== self.secret) {
        response.writeHead(403, { 'content-type': 'application/json' })
        response.end(JSON.stringify({ code: 'enroll.token', where: null, todo: 'Ask for another one.' }))
        return
      }
      deviceKey = parsed.data.publicKey
      const signature = signed(signedText.enroll(parsed.data.nonce, parsed.data.publicKey, DEVICE))
      const reply: EnrollReply = { device: DEVICE, serverKey: publicKey, policy: self.policy, signature }
      response.end(JSON.stringify(reply))
    })
  })
  const sockets = new WebSocketServer({ server: http, path: '/agent/v1/stream', perMessageDeflate: false })
  const self: TestServer = {
    url: '',
    publicKey,
    secret: 'c2VjcmV0',
    behaviour: {
      onHello(peer, hello) {
        const nonce = randomBytes(32).toString('hex')
        nonces.set(peer, { hello, nonce })
        peer.send({
          type: 'challenge',
          nonce,
          signature: signed(signedText.challenge(hello.nonce, nonce)),
          time: Date.now(),
        })
      },
      onProof: (peer) =>
        peer.send({ type: 'welcome', policy: self.policy, acked: self.acked, credit: 4_000, time: Date.now() }),
      onBatch(peer, { epoch, events }) {
        self.acked = Math.max(self.acked, events.at(-1)!.seq!)
        peer.send({ type: 'ack', epoch, seq: self.acked, rejected: [], credit: 4_000 })
      },
      onPing: (peer, n) => peer.send({ type: 'pong', n }),
    },
    policy: signPolicy(POLICY),
    hellos: [],
    batches: [],
    acked: 0,
    peers: [],
    pongs: [],
    sign: signPolicy,
    token: () =>
      `tw1.${Buffer.from(JSON.stringify({ url: self.url, serverKey: publicKey, secret: self.secret })).toString('base64url')}`,
    enroll(folder) {
      const key = newKey()
      deviceKey = publicKeyOf(key)
      writeFileAtomically(agentPaths(folder).key, keyPem(key))
      savePolicy(agentPaths(folder).policy, self.policy)
      saveConfig(folder, { url: `${self.url}/`, serverKey: publicKey, device: DEVICE, ca: null })
    },
    async close() {
      for (const socket of sockets.clients) socket.terminate()
      sockets.close()
      await new Promise((resolve) => http.close(resolve))
    },
  }
  const nonces = new Map<Peer, { hello: Hello; nonce: string }>()

  sockets.on('connection', (socket) => {
    const peer: Peer = {
      socket,
      send: (message) =>
        socket.send(typeof message === 'string' || message instanceof Buffer ? message : JSON.stringify(message)),
    }
    self.peers.push(peer)
    socket.on('error', () => {})
    socket.on('message', (data: Buffer, isBinary) => {
      if (isBinary) {
        const batch = Batch.parse(JSON.parse(zstdDecompressSync(data).toString('utf8')))
        const received = { epoch: batch.epoch, events: batch.events as EventOf<Category>[], bytes: data.length }
        self.batches.push(received)
        self.behaviour.onBatch(peer, received)
        return
      }
      const message = FromAgent.parse(JSON.parse(data.toString('utf8')))
      if (message.type === 'hello') {
        self.hellos.push(message)
        self.behaviour.onHello(peer, message)
      } else if (message.type === 'proof') {
        const { hello, nonce } = nonces.get(peer)!
        const text = signedText.proof(hello.nonce, nonce, message.host, hello.device, hello.epoch)
        if (message.host !== new URL(self.url).hostname || !isSigned(deviceKey, text, message.signature))
          peer.send({ type: 'refusal', code: 'device.proof', where: null, todo: null, retryAfterMs: null })
        else self.behaviour.onProof(peer)
      } else if (message.type === 'ping') self.behaviour.onPing(peer, message.n)
      else self.pongs.push(message.n)
    })
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  self.url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
  return self
}
