/** A gateway on loopback, and an agent that speaks the raw protocol, correctly or not. */
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { zstdCompressSync } from 'node:zlib'
import { WebSocket } from 'ws'
import { Config } from '../../../server/config.ts'
import { Gateway, type GatewayDeps } from '../../../server/ingest/gateway.ts'
import { deviceOf, type ServerKeys, serverKeys } from '../../../server/ingest/identity.ts'
import { type AskedPolicies, policyInForce } from '../../../server/ingest/policy.ts'
import { revoke } from '../../../server/ingest/revocation.ts'
import { logger } from '../../../server/log.ts'
import { type Metrics, metrics } from '../../../server/metrics.ts'
import type { History } from '../../../server/store/history.ts'
import { memoryStore } from '../../../server/store/memory/store.ts'
import { memoryTelemetry } from '../../../server/store/memory/telemetry.ts'
import type { Store } from '../../../server/store/store.ts'
import type { Stored, Stream } from '../../../server/store/stream.ts'
import type { Event } from '../../../wire/event.ts'
import { type Ack, FromServer, type Hello, type Refusal, signedText } from '../../../wire/messages.ts'
import type { Recorded, RecordedOf } from '../../../wire/recording.ts'

export const NOWHERE = {
  country: null,
  region: null,
  city: null,
  lat: null,
  lon: null,
  asn: null,
  class: 'unknown',
} as const
export const QUIET = logger('silent')

export interface Telemetry {
  stream: Stream
  history: History
}

export interface TestServer extends Telemetry {
  url: string
  store: Store
  keys: ServerKeys
  metrics: Metrics
  gateway: Gateway
  /** What was delivered, in order. */
  delivered: Stored[]
  stored(device: string): Promise<RecordedOf<'event'>[]>
  connections(device: string): Promise<RecordedOf<'connection'>[]>
  enroll(): Promise<Laptop>
  revoke(device: string): Promise<void>
  close(): Promise<void>
}

type Options = Partial<Omit<GatewayDeps, 'limits' | 'stream' | 'history' | 'store' | 'keys' | 'policies'>> & {
  /** What the company and its groups ask of laptops. */
  askedPolicies?: AskedPolicies
  telemetry?: Telemetry
  store?: Store
  limits?: Partial<GatewayDeps['limits']>
}

const NOTHING: AskedPolicies = { company: { off: [], on: [], watchedRoots: [] }, groups: {} }

export async function openServer(options: Options = {}): Promise<TestServer> {
  const { telemetry = memoryTelemetry(), store = memoryStore(), limits, askedPolicies = NOTHING, ...rest } = options
  const { stream, history } = telemetry
  const keys = await serverKeys(store.values, randomBytes)
  const counted = metrics()
  const delivered: Stored[] = []
  const gateway = new Gateway({
    stream,
    history,
    store,
    keys,
    policies: await policyInForce(store.values, keys, askedPolicies, 1_000),
    hostNames: ['localhost', '127.0.0.1'],
    trustedProxies: [],
    lookupAddress: () => NOWHERE,
    recognise: () => undefined,
    isFull: () => false,
    delivered: (stored) => void delivered.push(...stored),
    limits: { ...Config.parse({ dataFolder: 'x' }).limits, ...limits },
    metrics: counted,
    log: QUIET,
    now: Date.now,
    random: Math.random,
    ...rest,
  })
  const http = createServer((_request, response) => void response.writeHead(404).end())
  http.on('upgrade', gateway.upgrade)
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  const url = `ws://127.0.0.1:${(http.address() as AddressInfo).port}/agent/v1/stream`
  const of = async <T extends Recorded['type']>(type: T, device: string) =>
    (await recordsOf(stream)).filter((it) => it.type === type && 'device' in it && it.device === device)
  return {
    url,
    stream,
    history,
    store,
    keys,
    metrics: counted,
    gateway,
    delivered,
    stored: async (device) => (await of('event', device)) as RecordedOf<'event'>[],
    connections: async (device) => (await of('connection', device)) as RecordedOf<'connection'>[],
    async enroll() {
      const made = laptop()
      await store.devices.save({
        device: made.device,
        publicKey: made.publicKey,
        platform: 'linux',
        version: '0.0.1',
        fingerprint: made.fingerprint,
        enrolledAt: 0,
        revokedAt: null,
        firstBoot: 0,
      })
      return made
    },
    async revoke(device) {
      const isKnown = await revoke(store, device, { by: 'ada', why: 'stolen', at: Date.UTC(2026, 10, 22) })
      if (!isKnown) throw new Error(`no such laptop: ${device}`)
    },
    async close() {
      await gateway.close()
      http.closeAllConnections()
      http.close()
    },
  }
}

export async function storedIn(stream: Stream): Promise<Stored[]> {
  const stored: Stored[] = []
  for await (const block of stream.read(0)) stored.push(...block)
  return stored
}

async function recordsOf(stream: Stream): Promise<Recorded[]> {
  return (await storedIn(stream)).map((it) => it.record)
}

export interface Laptop {
  device: string
  publicKey: string
  privateKey: KeyObject
  fingerprint: string
}

export function laptop(): Laptop {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x!, 'base64url')
  const device = deviceOf(raw)
  const fingerprint = createHash('sha256').update(device).digest('hex')
  return { device, publicKey: raw.toString('base64url'), privateKey, fingerprint }
}

type Message = FromServer
type MessageOf<T extends Message['type']> = Extract<Message, { type: T }>

/** One socket. It answers pings unless told not to, and keeps all other messages until the test asks for them. */
export class RawAgent {
  readonly socket: WebSocket
  readonly closed: Promise<number>
  /** The types of all received messages, in order. */
  readonly received: Message['type'][] = []
  readonly #of: Laptop
  readonly #hello: Hello
  readonly #inbox: Message[] = []
  #wake: () => void = () => {}

  constructor(
    url: string,
    of: Laptop,
    options: { hello?: Partial<Hello>; pongs?: boolean; headers?: Record<string, string> } = {},
  ) {
    this.#of = of
    this.#hello = {
      type: 'hello',
      wire: 1,
      device: of.device,
      version: '0.0.1',
      epoch: 7,
      nonce: randomBytes(32).toString('hex'),
      fingerprint: of.fingerprint,
      time: Date.now(),
      ...options.hello,
    }
    this.socket = new WebSocket(url, { perMessageDeflate: false, headers: options.headers ?? {} })
    this.closed = new Promise((resolve) => this.socket.once('close', resolve))
    this.socket.on('error', () => {})
    this.socket.on('close', () => this.#wake())
    this.socket.on('message', (data) => {
      const message = FromServer.parse(JSON.parse(data.toString()))
      this.received.push(message.type)
      if (message.type === 'ping' && options.pongs !== false) this.say({ type: 'pong', n: message.n })
      this.#inbox.push(message)
      this.#wake()
    })
  }

  /** The next message of this type; earlier ones are dropped. Fails on an unexpected refusal. */
  async next<T extends Message['type']>(type: T): Promise<MessageOf<T>> {
    for (;;) {
      for (let it = this.#inbox.shift(); it; it = this.#inbox.shift()) {
        if (it.type === type) return it as MessageOf<T>
        if (it.type === 'refusal') throw new Error(`refused: ${it.code} ${it.where} ${it.todo}`)
      }
      if (this.socket.readyState === WebSocket.CLOSED) throw new Error(`closed while waiting for ${type}`)
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  async refusal(): Promise<Refusal> {
    const refusal = await this.next('refusal')
    await this.closed
    return refusal
  }

  say(message: unknown): void {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message))
  }

  async sayHello(): Promise<MessageOf<'challenge'>> {
    if (this.socket.readyState === WebSocket.CONNECTING) await once(this.socket, 'open')
    this.say(this.#hello)
    return await this.next('challenge')
  }

  proof(challengeNonce: string, host = '127.0.0.1') {
    const { nonce, device, epoch } = this.#hello
    const text = signedText.proof(nonce, challengeNonce, host, device, epoch)
    return { type: 'proof', host, signature: sign(null, Buffer.from(text), this.#of.privateKey).toString('base64url') }
  }

  async open(host?: string): Promise<MessageOf<'welcome'>> {
    this.say(this.proof((await this.sayHello()).nonce, host))
    return await this.next('welcome')
  }

  sendBatch(events: readonly unknown[], epoch = this.#hello.epoch): void {
    this.socket.send(packed({ type: 'batch', epoch, events }))
  }

  async batch(events: readonly unknown[]): Promise<Ack> {
    this.sendBatch(events)
    return await this.next('ack')
  }

  async leave(): Promise<void> {
    this.socket.close()
    await this.closed
  }
}

export function packed(value: unknown): Buffer {
  return zstdCompressSync(typeof value === 'string' ? value : JSON.stringify(value))
}

export async function connected(server: TestServer, of: Laptop, hello: Partial<Hello> = {}): Promise<RawAgent> {
  const agent = new RawAgent(server.url, of, { hello })
  await agent.open()
  return agent
}

/** `id` follows from `seq` and `edition`: the same pair is a retry, another edition of the number is a conflict. */
export function event(seq: number, edition = 0, more: Record<string, unknown> = {}): Event {
  const hex = (value: number, digits: number) => value.toString(16).padStart(digits, '0')
  return {
    category: 'listening_socket',
    id: `0195b2c0-0000-7000-8000-${hex(edition, 4)}${hex(seq, 8)}`,
    seq,
    time: 1_763_800_000_000 + seq,
    product: 'linux',
    collector: 'test',
    Image: '/usr/bin/node',
    Protocol: 'tcp',
    Address: '127.0.0.1',
    Port: 8_740,
    ...more,
  } as Event
}

export const events = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => event(from + index))

/** Resolves when `condition` holds; checked once per turn of the event loop. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 2))
}

export async function counter(of: Metrics, line: string): Promise<number> {
  const found = (await of.text()).split('\n').find((it) => it.startsWith(`${line} `))
  return Number(found?.split(' ')[1] ?? 0)
}

/** Callers of `wait` wait for `go`; `asked` resolves with the first of them. */
export function gate() {
  const asked = Promise.withResolvers<void>()
  const gate = Promise.withResolvers<void>()
  const wait = () => {
    asked.resolve()
    return gate.promise
  }
  return { wait, asked: asked.promise, go: () => gate.resolve() }
}
