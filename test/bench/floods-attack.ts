/**
 * The attack of the bench `floods`, in a process of its own at a low priority, so that it takes no time from the server
 * that an attack from outside would leave it.
 *
 * Shape   silent connections and sockets without a proof, each opened again a moment after it ends; wrong passwords for
 *         one user; four enrolled laptops that send without a pause: batches of the largest size, numbers that were used
 *         before, events that are refused, and frames that are no valid batches. Every stranger's connection comes from one of
 *         250 networks. `report` answers what was done, and how the server refused it, by name.
 */
import { createPrivateKey, randomBytes, randomUUID } from 'node:crypto'
import { createConnection } from 'node:net'
import { constants, setPriority } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { zstdCompressSync } from 'node:zlib'
import { WebSocket } from 'ws'
import { LIMITS } from '../../wire/messages.ts'
import { WIRE_VERSION } from '../../wire/version.ts'
import { post } from './from-address.ts'
import { batch, connect, ordinary } from './simulated-agent.ts'

const NETWORKS = 250
const GUESSES_A_MINUTE = 100
const AGAIN_MS = 250
/** Batches that are not acknowledged yet: what the credit allows. */
const ON_THE_WAY = LIMITS.creditEvents / LIMITS.batchEvents

export interface Attack {
  url: string
  /** How many of each are held open. */
  silent: number
  unproven: number
  /** Whose password is guessed. */
  user: string
  /** Enrolled; `privateKey` as PEM. */
  laptops: readonly { device: string; publicKey: string; privateKey: string }[]
}

export type Counts = Record<string, number>

interface Frame {
  bytes: Buffer
  /** Its highest number; null: it will be refused. */
  seq: number | null
}

const counts: Counts = {}

process.on('message', (message: Attack | 'report') => {
  if (message === 'report') process.send?.(counts)
  else attack(message)
})
process.on('disconnect', () => process.exit())
setPriority(constants.priority.PRIORITY_BELOW_NORMAL)

function attack({ url, silent: silents, unproven: unprovens, user, laptops }: Attack): void {
  const { hostname, port, origin } = new URL(url)
  for (let n = 0; n < silents; n++) silent({ host: hostname, port: Number(port), localAddress: stranger(1, n) })
  const stream = `${origin.replace('http', 'ws')}/agent/v1/stream`
  for (let n = 0; n < unprovens; n++) unproven(stream, stranger(2, n), n % 2 === 0)
  let guess = 0
  setInterval(() => void guessed(url, user, stranger(3, guess++)), 60_000 / GUESSES_A_MINUTE)
  const kinds = [largest(), usedBefore(), refused(), noBatches()]
  for (const [index, { device, publicKey, privateKey }] of laptops.entries()) {
    const key = { publicKey, privateKey: createPrivateKey(privateKey) }
    const from = { url, device, epoch: 1, key, localAddress: stranger(4, index) }
    void flood(from, kinds[index % kinds.length]!)
  }
}

function stranger(kind: number, n: number): string {
  return `127.${kind}.${n % NETWORKS}.1`
}

function count(name: string): void {
  counts[name] = (counts[name] ?? 0) + 1
}

function silent(to: { host: string; port: number; localAddress: string }): void {
  count('silent connections, opened')
  const socket = createConnection(to)
  socket.resume()
  socket.on('error', () => {})
  socket.on('close', () => setTimeout(() => silent(to), AGAIN_MS))
}

/** Half of them ask for a challenge, which costs the server a signature. */
function unproven(url: string, localAddress: string, saysHello: boolean): void {
  count('sockets without a proof, opened')
  const socket = new WebSocket(url, { perMessageDeflate: false, localAddress })
  socket.on('error', () => {})
  socket.on('open', () => {
    if (saysHello) socket.send(JSON.stringify(hello()))
  })
  socket.on('message', (data) => {
    const message = JSON.parse(String(data)) as { type: string; code?: string }
    if (message.type === 'refusal') count(`sockets without a proof, ${message.code}`)
  })
  socket.on('unexpected-response', (_, { statusCode }) => {
    count(`sockets without a proof, ${statusCode}`)
    socket.terminate()
  })
  socket.on('close', () => setTimeout(() => unproven(url, localAddress, saysHello), AGAIN_MS))
}

function hello(): object {
  const nonce = randomBytes(32).toString('hex')
  const about = { device: 'd-stranger', version: 'bench', epoch: 1, nonce, fingerprint: null, time: Date.now() }
  return { type: 'hello', wire: WIRE_VERSION, ...about }
}

async function guessed(url: string, name: string, from: string): Promise<void> {
  const status = await post(`${url}/api/v1/session`, { body: { name, password: 'not the password' }, from }).then(
    (it) => it.status,
    () => 'no answer',
  )
  count(`wrong passwords, ${status}`)
}

async function flood(from: Parameters<typeof connect>[0], frames: Generator<Frame, never>): Promise<void> {
  for (;;) {
    try {
      const agent = await connect(from)
      for (;;) {
        const { bytes, seq } = frames.next().value
        agent.send(bytes)
        count('frames of hostile laptops')
        await agent.acked(seq === null ? Number.POSITIVE_INFINITY : seq - ON_THE_WAY * LIMITS.batchEvents)
      }
    } catch (cause) {
      const [, code] = (cause as Error).message.split(' ')
      count(`hostile laptops, ${code?.includes('.') ? code : 'closed'}`)
      await delay(AGAIN_MS)
    }
  }
}

/** Valid events, as many and as large as a batch may contain. */
function* largest(): Generator<Frame, never> {
  const bytesEach = LIMITS.batchBytes / LIMITS.batchEvents - 700
  for (let first = 1; ; first += LIMITS.batchEvents) yield frame(first, (seq) => filled(seq, bytesEach))
}

/** New numbers, and each of them again for another event. */
function* usedBefore(): Generator<Frame, never> {
  for (let first = 1; ; first += LIMITS.batchEvents)
    for (let time = 0; time < 2; time++) yield frame(first, (seq) => ordinary(seq, Date.now()))
}

/** Events that are refused: large ones for their last field, and nested ones. */
function* refused(): Generator<Frame, never> {
  const bytesEach = LIMITS.batchBytes / LIMITS.batchEvents - 700
  const nested = JSON.parse(`${'['.repeat(400)}${']'.repeat(400)}`)
  for (let first = 1; ; first += 2 * LIMITS.batchEvents) {
    yield frame(first, (seq) => ({ ...filled(seq, bytesEach), Surplus: true }))
    yield frame(first + LIMITS.batchEvents, (seq) => ({ category: 'process_creation', seq, Surplus: nested }))
  }
}

function* noBatches(): Generator<Frame, never> {
  const packed = (text: string) => zstdCompressSync(text)
  const array = (entry: string) => `[${entry}${`,${entry}`.repeat(LIMITS.batchBytes / (entry.length + 1) - 64)}]`
  const all = [
    randomBytes(LIMITS.frameBytes),
    randomBytes(LIMITS.frameBytes + 1),
    // A bomb: 64 MiB of zeros.
    zstdCompressSync(Buffer.alloc(67_108_864)),
    packed('['.repeat(LIMITS.batchBytes - 1)),
    packed(`{"type":"batch","epoch":1,"events":[],${Array.from({ length: 600_000 }, (_, n) => `"k${n}":0`).join()}}`),
    packed(`{"type":"batch","epoch":1,"events":${array('0')}}`),
    packed(`{"type":"batch","epoch":1,"events":${array('{}')}}`),
    packed(`{"type":"batch","epoch":2,"events":${array('"x"')}}`),
  ]
  for (let n = 0; ; n++) yield { bytes: all[n % all.length]!, seq: null }
}

function frame(first: number, made: (seq: number) => object): Frame {
  const seq = first + LIMITS.batchEvents - 1
  return {
    bytes: batch(
      1,
      Array.from({ length: LIMITS.batchEvents }, (_, index) => made(first + index)),
    ),
    seq,
  }
}

function filled(seq: number, bytes: number): object {
  return { ...ordinary(2 * seq, Date.now()), id: randomUUID(), seq, CommandLine: `x ${seq} `.padEnd(bytes, 'y') }
}
