/** A laptop as the server sees it: proves its key over a real socket, sends batches, and waits for acknowledgements. */
import { createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes, randomUUID, sign } from 'node:crypto'
import { zstdCompressSync } from 'node:zlib'
import { WebSocket } from 'ws'
import { FromServer, signedText } from '../../wire/messages.ts'
import { WIRE_VERSION } from '../../wire/version.ts'

export interface LaptopKey {
  privateKey: KeyObject
  /** 32 bytes, base64url. */
  publicKey: string
}

export function newLaptopKey(): LaptopKey {
  const { privateKey } = generateKeyPairSync('ed25519')
  const { x } = privateKey.export({ format: 'jwk' })
  return { privateKey: createPrivateKey(privateKey.export({ type: 'pkcs8', format: 'pem' })), publicKey: x! }
}

export interface SimulatedAgent {
  /** Sends one compressed batch. */
  send(frame: Buffer): void
  /** Resolves when everything up to `seq` is acknowledged; rejects when the server refuses or the socket ends. */
  acked(seq: number): Promise<void>
  rejected(): number
  close(): void
}

export async function connect(options: {
  url: string
  device: string
  epoch: number
  key: LaptopKey
  /** The address it connects from; absent: any. */
  localAddress?: string
}): Promise<SimulatedAgent> {
  const { device, epoch, key, localAddress } = options
  const url = new URL(options.url)
  const nonce = randomBytes(32).toString('hex')
  const socket = new WebSocket(`${url.origin.replace('http', 'ws')}/agent/v1/stream`, {
    perMessageDeflate: false,
    ...(localAddress !== undefined && { localAddress }),
  })
  const say = (message: object) => socket.send(JSON.stringify(message))
  let durable = 0
  let rejected = 0
  let ended: Error | null = null
  let waiting: { seq: number; resolve: () => void; reject: (why: Error) => void }[] = []
  const end = (why: Error) => {
    ended ??= why
    for (const it of waiting) it.reject(ended)
    waiting = []
  }
  await new Promise<void>((resolve, reject) => {
    const fail = (why: Error) => {
      end(why)
      reject(why)
    }
    socket.once('error', fail)
    socket.once('close', () => fail(new Error(`${device}: the server closed the connection`)))
    socket.once('open', () =>
      say({
        type: 'hello',
        wire: WIRE_VERSION,
        device,
        version: 'bench',
        epoch,
        nonce,
        fingerprint: null,
        time: Date.now(),
      }),
    )
    socket.on('message', (data) => {
      const message = FromServer.parse(JSON.parse(String(data)))
      switch (message.type) {
        case 'challenge': {
          const text = signedText.proof(nonce, message.nonce, url.hostname, device, epoch)
          const signature = sign(null, Buffer.from(text), key.privateKey).toString('base64url')
          return say({ type: 'proof', host: url.hostname, signature })
        }
        case 'welcome':
          return resolve()
        case 'ping':
          return say({ type: 'pong', n: message.n })
        case 'ack':
          durable = message.seq
          rejected += message.rejected.length
          for (const it of waiting) if (it.seq <= durable) it.resolve()
          waiting = waiting.filter((it) => it.seq > durable)
          return
        case 'refusal':
          return fail(new Error(`${device}: ${message.code} ${message.where ?? ''} ${message.todo ?? ''}`))
      }
    })
  })
  return {
    send: (frame) => socket.send(frame),
    acked: (seq) =>
      new Promise((resolve, reject) => {
        if (ended) reject(ended)
        else if (durable >= seq) resolve()
        else waiting.push({ seq, resolve, reject })
      }),
    rejected: () => rejected,
    close: () => {
      socket.removeAllListeners('close')
      socket.close()
    },
  }
}

export function batch(epoch: number, events: readonly object[]): Buffer {
  return zstdCompressSync(JSON.stringify({ type: 'batch', epoch, events }))
}

const PROGRAMS = ['/usr/bin/git', '/usr/bin/node', '/usr/bin/bash', '/usr/lib/firefox/firefox', '/usr/bin/python3.13']
const ARGUMENTS = ['status --porcelain', 'run build', '-c ls', '--type=renderer', 'install', 'fetch origin', 'test -w']

/** Typical events of a developer's laptop: half process starts, half connections. Ids and numbers never repeat. */
export function ordinary(seq: number, time: number): object {
  const envelope = {
    id: randomUUID(),
    seq,
    time,
    product: 'linux',
    collector: seq % 2 === 0 ? 'processes' : 'connections',
  }
  const image = PROGRAMS[seq % PROGRAMS.length]!
  if (seq % 2 === 0) {
    const began = `${image} ${ARGUMENTS[seq % ARGUMENTS.length]} --job ${seq} /home/ana/src/${seq % 977}.ts`
    return program(envelope, image, began)
  }
  return {
    category: 'network_connection',
    ...envelope,
    Image: image,
    Protocol: 'tcp',
    Initiated: true,
    SourceIp: '192.0.2.17',
    SourcePort: 32_768 + (seq % 28_000),
    DestinationIp: `198.51.${seq % 100}.${seq % 250}`,
    DestinationPort: 443,
    DestinationHostname: `edge-${seq % 251}.cdn.example`,
  }
}

/** An unapproved remote-control tool. */
export function remoteControl(seq: number, time: number, tool = 'anydesk'): object {
  const envelope = { id: randomUUID(), seq, time, product: 'linux', collector: 'processes' }
  return program(envelope, `/usr/bin/${tool}`, `/usr/bin/${tool} --service`)
}

function program(envelope: object, Image: string, CommandLine: string): object {
  return {
    category: 'process_creation',
    ...envelope,
    Image,
    CommandLine,
    ParentImage: '/usr/bin/bash',
    ParentCommandLine: '-bash',
    User: 'ana',
    ProcessId: 4_242,
    ParentProcessId: 4_000,
    CurrentDirectory: '/home/ana/src',
    OriginalFileName: null,
    Product: null,
    Company: null,
    Signer: null,
    StartedBeforeAgent: false,
  }
}
