/**
 * A malicious server, as an agent sees it.
 *
 * Shape   an input is a JSON list of what the server says, one after another: {"challenge":{…}}, {"welcome":{…}},
 *         {"ack":{…}}, {"policy":{…}}, {"refusal":{…}} (fields replace the right ones), {"text":"…"}, {"hex":"…"}. The
 *         signed policy in `welcome` and `policy` is whatever "signed" contains.
 */
import assert from 'node:assert/strict'
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { zstdDecompressSync } from 'node:zlib'
import { type WebSocket, WebSocketServer } from 'ws'
import { newKey, publicKeyOf } from '../../../agent/identity.ts'
import { policyHolder } from '../../../agent/policy.ts'
import type { Spool } from '../../../agent/spool/spool.ts'
import { Session, type UplinkStatus } from '../../../agent/uplink/session.ts'
import { Fault } from '../../../wire/fault.ts'
import { Policy, type SignedPolicy, signedText } from '../../../wire/messages.ts'
import { connectionTo, openSpool, removeFolder, temporaryFolder } from '../../agent/laptop.ts'
import { POLICY } from '../../agent/server.ts'
import type { Opened, Target } from '../target.ts'

const EVENTS = 3
const INPUTS_PER_SPOOL = 500

export const uplinkMessages: Target = {
  name: 'uplink',
  shape: 'json',
  dictionary: [
    '"acked":',
    '"credit":',
    '"seq":',
    '"rejected":',
    '"retryAfterMs":',
    '"code":',
    '"text":',
    '1e308',
    '"type":',
  ],
  open,
}

async function open(): Promise<Opened> {
  const { privateKey } = generateKeyPairSync('ed25519')
  const signature = (text: string) => sign(null, Buffer.from(text), privateKey).toString('base64url')
  const serverKey = publicKeyOf(privateKey)
  const key = newKey()
  const sockets = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false })
  await once(sockets, 'listening')
  const url = `http://127.0.0.1:${(sockets.address() as AddressInfo).port}/`
  let folder = temporaryFolder()
  let spool = openSpool(join(folder, 'spool'))
  let inputs = 0
  return { run, close }

  async function run(input: Buffer): Promise<void> {
    if (inputs++ % INPUTS_PER_SPOOL === 0) await newSpool()
    for (let n = 1; n <= EVENTS; n++) spool.append(connectionTo(n))
    await spool.flush()
    const holder = policyHolder(join(folder, 'policy'), serverKey)
    const connection = once(sockets, 'connection') as Promise<[WebSocket]>
    const status: UplinkStatus = {
      ...{ connected: false, connectedAt: null, lastAckAt: null, trouble: null, nextTryAt: null, wireBytes: 0 },
      ...{ throttled: false, failure: null },
    }
    const session = new Session(
      {
        ...{ url, serverKey, ca: null, device: 'd-test', key, version: 'test', fingerprint: null, spool },
        ...{ now: Date.now, random: randomBytes, log: { info: () => {}, warn: () => {} } },
        onPolicy: (signed: SignedPolicy) => {
          const policy = holder.update(signed)
          assert.ok(policy === null || Policy.safeParse(policy).success)
        },
        onRejected: () => {},
        onRestored: () => {},
        onSent: () => {},
      },
      { handshakeMs: 5_000, pingMs: 60_000, ackMs: 60_000 },
      status,
    )
    const [socket] = await connection
    await talk(socket, stepsIn(input), signature)
    session.end(null)
    const why = await session.ended
    assert.ok(why === null || why instanceof Fault)
    if (why) assert.ok(why.message.length < 8_000)
    socket.terminate()
    assert.equal(status.trouble === null || typeof status.trouble === 'string', true)
    spool.rollback()
    assert.ok(spool.acked <= spool.synced, `acknowledged ${spool.acked} of ${spool.synced}`)
    assert.equal(spool.unsynced, 0)
    assert.ok(Number.isSafeInteger(spool.acked) && spool.acked >= 0)
  }

  async function newSpool(): Promise<void> {
    const before: Spool = spool
    await before.close()
    removeFolder(folder)
    folder = temporaryFolder()
    spool = openSpool(join(folder, 'spool'))
  }

  async function close(): Promise<void> {
    await spool.close()
    removeFolder(folder)
    for (const socket of sockets.clients) socket.terminate()
    await new Promise((resolve) => sockets.close(resolve))
  }
}

/** Says one step after the other; fails when an agent sends an event to a server that has not proved its key. */
async function talk(socket: WebSocket, steps: readonly unknown[], signature: (text: string) => string): Promise<void> {
  const hello = { nonce: '', epoch: 0 }
  let sent = 0
  let isProven = false
  let early = false
  let heard = () => {}
  socket.on('error', () => {})
  socket.on('close', () => heard())
  socket.on('message', (data: Buffer, isBinary) => {
    if (isBinary) {
      early ||= !isProven
      sent = JSON.parse(zstdDecompressSync(data).toString('utf8')).events.at(-1).seq
    } else {
      const message = JSON.parse(data.toString('utf8'))
      if (message.type === 'hello') Object.assign(hello, { nonce: message.nonce, epoch: message.epoch })
    }
    heard()
  })
  const next = () =>
    Promise.race([new Promise<void>((resolve) => (heard = resolve)), new Promise((resolve) => setTimeout(resolve, 5))])
  if (hello.nonce === '') await next()
  for (const step of steps) {
    const fields = typeof step === 'object' && step !== null ? step : { text: String(step) }
    for (const [key, value] of Object.entries(fields)) {
      if (socket.readyState !== socket.OPEN) break
      if (key === 'hex') socket.send(Buffer.from(String(value), 'hex'))
      else {
        const said = message(key, value, { ...hello, sent }, signature)
        isProven ||= said.includes('"challenge"')
        socket.send(said)
      }
    }
    await next()
  }
  assert.ok(!early, 'no event is sent to a server that has not proved its key')
}

function message(
  key: string,
  value: unknown,
  agent: { nonce: string; epoch: number; sent: number },
  signature: (text: string) => string,
): string {
  const { signed, ...more } = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>
  const own = 'ab'.repeat(32)
  const text =
    signed === undefined ? JSON.stringify(POLICY) : typeof signed === 'string' ? signed : JSON.stringify(signed)
  const policy = { text, signature: signature(signedText.policy(text)) }
  const right: Record<string, object> = {
    challenge: { nonce: own, signature: signature(signedText.challenge(agent.nonce, own)), time: Date.now() },
    welcome: { policy, acked: 0, credit: 4_000, time: Date.now() },
    ack: { epoch: agent.epoch, seq: agent.sent, rejected: [], credit: 4_000 },
    policy: { policy },
    refusal: { code: 'server.busy', where: null, todo: null, retryAfterMs: null },
    ping: { n: 1 },
    pong: { n: 1 },
  }
  if (!Object.hasOwn(right, key)) return typeof value === 'string' ? value : (JSON.stringify({ [key]: value }) ?? '')
  return JSON.stringify({ type: key, ...right[key], ...more })
}

function stepsIn(input: Buffer): unknown[] {
  try {
    const value: unknown = JSON.parse(input.toString('utf8'))
    return Array.isArray(value) ? value.slice(0, 40) : [value]
  } catch {
    return [{ text: input.toString('utf8') }, { challenge: {} }, { hex: input.toString('hex') }]
  }
}
