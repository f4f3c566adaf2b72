/**
 * The agents' WebSocket on a real gateway: what a stranger or an enrolled laptop sends, before and after its proof.
 *
 * Shape   an input is a JSON list of steps: {"hello":{…}}, {"proof":{…}} (fields replace the right ones), {"batch":[…]},
 *         {"text":"…"}, {"hex":"…"} (a binary frame), {"ping":"…"}, {"tcp":"…"} (bytes under the WebSocket), {"end":true}.
 *         Of a step, all keys are sent. Anything else is sent as text.
 */
import assert from 'node:assert/strict'
import { randomBytes, sign } from 'node:crypto'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { WebSocket } from 'ws'
import { memoryTelemetry } from '../../../server/store/memory/telemetry.ts'
import { FAULTS } from '../../../wire/fault.ts'
import { FromServer, signedText } from '../../../wire/messages.ts'
import {
  connected,
  events,
  type Laptop,
  openServer,
  packed,
  QUIET,
  type TestServer,
} from '../../server/ingest/raw-agent.ts'
import type { Opened, Target } from '../target.ts'

/** A new server after this many inputs, because the memory store grows. */
const INPUTS_PER_SERVER = 150
const MANY = 1_000_000

export const wire: Target = {
  name: 'wire',
  shape: 'json',
  dictionary: [
    'hello',
    'proof',
    'ping',
    'pong',
    '"type":',
    '"n":',
    '28b52ffd',
    'ff'.repeat(40),
    '"wire":2',
    '\x81\x00',
  ],
  async open(): Promise<Opened> {
    let served = await serve()
    return {
      async run(input) {
        if (served.inputs++ >= INPUTS_PER_SERVER) {
          await served.server.close()
          served = await serve()
        }
        await attack(served.server, served.laptop, stepsIn(input))
        const ack = await served.neighbour.batch(events(served.sent + 1, served.sent + 2))
        served.sent += 2
        assert.deepEqual([ack.seq, ack.rejected], [served.sent, []], 'the neighbour is served')
        assert.deepEqual(served.errors, [], "the server's log has no error")
      },
      close: () => served.server.close(),
    }
  },
}

async function serve() {
  const errors: string[] = []
  const log = {
    ...{ debug: () => {}, info: () => {}, warn: () => {} },
    error: (facts: Record<string, unknown>, message: string) => void errors.push(`${message}: ${stackOf(facts.err)}`),
  }
  const server = await openServer({
    log: Object.assign(Object.create(QUIET), log),
    telemetry: memoryTelemetry(),
    limits: { evidencePerHour: MANY },
  })
  const neighbour = await connected(server, await server.enroll())
  return { server, neighbour, laptop: await server.enroll(), errors, sent: 0, inputs: 0 }
}

function stackOf(cause: unknown): string {
  return cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)
}

function stepsIn(input: Buffer): unknown[] {
  try {
    const value: unknown = JSON.parse(input.toString('utf8'))
    return Array.isArray(value) ? value.slice(0, 60) : [value]
  } catch {
    return [
      { hello: {} },
      { tcp: input.toString('hex') },
      { hex: input.toString('hex') },
      { text: input.toString('utf8') },
    ]
  }
}

async function attack(server: TestServer, laptop: Laptop, steps: readonly unknown[]): Promise<void> {
  const agent = new Attacker(server.url, laptop)
  await once(agent.socket, 'open')
  for (const step of steps) {
    if (agent.isOver) break
    const fields = typeof step === 'object' && step !== null ? step : { text: String(step) }
    for (const [key, value] of Object.entries(fields)) await agent.take(key, value)
  }
  await agent.leave()
}

class Attacker {
  readonly socket: WebSocket
  readonly #laptop: Laptop
  readonly #closed: Promise<unknown>
  #nonce = randomBytes(32).toString('hex')
  #epoch = 7
  #challenge = ''
  #answered = () => {}

  constructor(url: string, laptop: Laptop) {
    this.#laptop = laptop
    this.socket = new WebSocket(url, { perMessageDeflate: false })
    this.#closed = new Promise((resolve) => this.socket.once('close', resolve))
    this.socket.on('error', () => {})
    this.socket.on('close', () => this.#answered())
    this.socket.on('message', (data) => {
      const message = FromServer.parse(JSON.parse(data.toString()))
      if (message.type === 'challenge') this.#challenge = message.nonce
      if (message.type === 'refusal') assert.ok(message.code in FAULTS)
      this.#answered()
    })
  }

  get isOver(): boolean {
    return this.socket.readyState !== WebSocket.OPEN
  }

  async take(key: string, value: unknown): Promise<void> {
    if (this.isOver) return
    if (key === 'hello') {
      const { device, fingerprint } = this.#laptop
      const hello = {
        ...{ type: 'hello', wire: 1, device, version: '0.0.1', epoch: this.#epoch, nonce: this.#nonce },
        ...{ fingerprint, time: Date.now() },
        ...objectOf(value),
      }
      await this.#ask(() => this.socket.send(JSON.stringify(hello)))
    } else if (key === 'proof') {
      const proof = proofOf(this.#laptop, this.#nonce, this.#challenge, this.#epoch)
      await this.#ask(() => this.socket.send(JSON.stringify({ ...proof, ...objectOf(value) })))
    } else if (key === 'batch') {
      await this.#ask(() => this.socket.send(packed({ type: 'batch', epoch: this.#epoch, events: value })))
    } else if (key === 'hex') this.socket.send(Buffer.from(String(value), 'hex'))
    else if (key === 'ping') this.socket.ping(String(value).slice(0, 120))
    else if (key === 'tcp') rawSocket(this.socket).write(Buffer.from(String(value), 'hex'))
    else if (key === 'end') rawSocket(this.socket).end()
    else this.socket.send(typeof value === 'string' ? value : JSON.stringify({ [key]: value }))
  }

  /** Leaves in any state: closes, and if the server does not answer at once, breaks the connection. */
  async leave(): Promise<void> {
    this.socket.close()
    await Promise.race([this.#closed, new Promise((resolve) => setTimeout(resolve, 20))])
    this.socket.terminate()
    await this.#closed
  }

  /** Waits for an answer, which may never come. */
  async #ask(send: () => void): Promise<void> {
    const answer = new Promise<void>((resolve) => {
      this.#answered = resolve
    })
    send()
    await Promise.race([answer, new Promise((resolve) => setTimeout(resolve, 20))])
  }
}

function proofOf({ device, privateKey }: Laptop, nonce: string, challenge: string, epoch: number) {
  const host = '127.0.0.1'
  const text = signedText.proof(nonce, challenge, host, device, epoch)
  return { type: 'proof', host, signature: sign(null, Buffer.from(text), privateKey).toString('base64url') }
}

function rawSocket(socket: WebSocket): Socket {
  return Reflect.get(socket, '_socket') as Socket
}

function objectOf(value: unknown): object {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {}
}
