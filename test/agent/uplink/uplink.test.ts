import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { agentPaths, loadConfig } from '../../../agent/config.ts'
import { loadKey, newKey, publicKeyOf } from '../../../agent/identity.ts'
import type { Spool } from '../../../agent/spool/spool.ts'
import { TIMING, type Timing, type Uplink, uplink } from '../../../agent/uplink/uplink.ts'
import type { Ack, SignedPolicy } from '../../../wire/messages.ts'
import { HOUR } from '../../../wire/time.ts'
import { connectionTo, openSpool, removeFolder, temporaryFolder, until } from '../laptop.ts'
import { type TestServer, testServer } from '../server.ts'

const QUICK: Timing = { ...TIMING, backoff: { baseMs: 5, capMs: 20 }, handshakeMs: 400, pingMs: 5_000 }

describe('agent/uplink/uplink', () => {
  let folder = ''
  let server: TestServer
  let spool: Spool
  let link: Uplink
  let stop: AbortController
  let policies: SignedPolicy[]
  let rejected: Ack['rejected']
  let restored: number[]
  let warnings: Record<string, unknown>[]

  beforeEach(async () => {
    folder = temporaryFolder()
    server = await testServer()
    server.enroll(folder)
    spool = openSpool(agentPaths(folder).spool)
    stop = new AbortController()
    policies = []
    rejected = []
    restored = []
    warnings = []
  })
  afterEach(async () => {
    stop.abort()
    await link?.done
    await spool.close()
    await server.close()
    removeFolder(folder)
  })

  function start(timing: Partial<Timing> = {}, serverKey = server.publicKey): void {
    link = uplink(
      {
        ...loadConfig(folder),
        serverKey,
        key: loadKey(agentPaths(folder).key),
        version: 'test',
        fingerprint: null,
        spool,
        now: Date.now,
        random: randomBytes,
        log: { info: () => {}, warn: (facts) => warnings.push(facts) },
        onPolicy: (signed) => policies.push(signed),
        onRejected: (list) => rejected.push(...list),
        onRestored: (stored) => restored.push(stored),
        onSent: () => {},
        timing: { ...QUICK, ...timing },
      },
      stop.signal,
    )
  }
  async function append(events: number): Promise<void> {
    for (let n = 1; n <= events; n++) spool.append(connectionTo(n))
    await spool.flush()
    link?.wake()
  }
  const received = () => server.batches.flatMap((batch) => batch.events)
  const seqs = () => received().map((it) => it.seq)
  const oneTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1)

  it('authenticates, applies the policy, sends the backlog and new events, and commits what is acknowledged', async () => {
    await append(1_200)
    start()
    await until(() => spool.acked === 1_200, 'the backlog is acknowledged')
    await append(3)
    await until(() => spool.acked === 1_203, 'the new ones are acknowledged')
    assert.deepEqual(seqs(), oneTo(1_203))
    assert.deepEqual(policies, [server.policy])
    assert.ok(server.batches.every(({ events, bytes }) => events.length <= 500 && bytes <= 262_144))
    assert.deepEqual([server.hellos[0]!.epoch, link.status.connected, link.status.trouble], [spool.epoch, true, null])
  })

  it('resends, with the same ids and numbers, what was not acknowledged when the connection broke', async () => {
    const { onBatch } = server.behaviour
    server.behaviour.onBatch = (peer) => peer.socket.terminate()
    await append(10)
    start()
    await until(() => server.batches.length > 0, 'a first batch')
    server.behaviour.onBatch = onBatch
    await until(() => spool.acked === 10, 'acknowledged')
    const [first, ...later] = server.batches
    assert.deepEqual(later.at(-1)!.events, first!.events)
  })

  it('does not send what the server already has according to the welcome', async () => {
    await append(10)
    server.acked = 7
    start()
    await until(() => spool.acked === 10, 'acknowledged')
    assert.deepEqual(seqs(), [8, 9, 10])
  })

  it('resends what a server lost when it was restored from a backup, then new events', async () => {
    await append(20)
    start()
    await until(() => spool.acked === 20, 'acknowledged')
    const lost = received().slice(8)
    server.batches.length = 0
    const { onBatch } = server.behaviour
    server.behaviour.onBatch = (peer) => {
      Object.assign(server, { acked: 8, behaviour: { ...server.behaviour, onBatch } })
      peer.socket.terminate()
    }
    await append(5)
    await until(() => spool.acked === 25, 'all is acknowledged')
    assert.deepEqual(seqs().slice(5), oneTo(25).slice(8))
    assert.deepEqual(received().slice(5, 17), lost)
    assert.deepEqual(warnings, [{ server: '127.0.0.1', acknowledged: 20, stored: 8, resendable: 12, lost: 0 }])
  })

  it('resends everything that is kept to a server that no longer knows the spool', async () => {
    await append(1_200)
    start()
    await until(() => spool.acked === 1_200, 'acknowledged')
    server.batches.length = 0
    server.acked = 0
    server.peers.at(-1)!.socket.terminate()
    await until(() => received().length >= 1_200 && spool.acked === 1_200, 'acknowledged again')
    assert.deepEqual(seqs(), oneTo(1_200))
  })

  it('after a restored disk image, sends new events under numbers that were never used, and says so once', async () => {
    await append(3)
    server.acked = 99
    server.behaviour.onBatch = (peer, { epoch }) => peer.send({ type: 'ack', epoch, seq: 3, rejected: [], credit: 10 })
    start()
    await until(() => spool.acked === 3, 'acknowledged')
    assert.deepEqual(seqs(), [1, 2, 3])
    assert.match(link.status.trouble ?? '', /up to 99.*only up to 3/)
    server.behaviour.onBatch = (peer, { epoch }) =>
      peer.send({ type: 'ack', epoch, seq: 100, rejected: [], credit: 10 })
    await append(1)
    await until(() => spool.acked === 100, 'acknowledged, too')
    assert.deepEqual(seqs(), [1, 2, 3, 100])
    server.acked = 100
    const hellos = server.hellos.length
    server.peers.at(-1)!.socket.terminate()
    await until(() => server.hellos.length > hellos && link.status.connected, 'connected again')
    assert.deepEqual(restored, [99])
  })

  it('a welcome with a number that no agent reaches changes no number', async () => {
    await append(3)
    server.acked = Number.MAX_SAFE_INTEGER
    start()
    await until(() => link.status.connected, 'connected')
    await append(1)
    assert.deepEqual([spool.last, restored], [4, []])
  })

  it('disconnects from a peer that never replies, and reconnects', async () => {
    const { onHello } = server.behaviour
    server.behaviour.onHello = () => {}
    start({ handshakeMs: 50 })
    await until(() => server.hellos.length >= 3, 'three tries')
    assert.match(link.status.trouble ?? '', /no welcome/)
    server.behaviour.onHello = onHello
    await until(() => link.status.connected, 'connected')
  })

  it('disconnects from a peer that stops answering pings, and reconnects', async () => {
    server.behaviour.onPing = () => {}
    start({ pingMs: 20 })
    // The reason is shown between two connections only.
    let trouble = ''
    await until(() => /two pings/.test((trouble = link.status.trouble ?? trouble)), 'disconnected')
    assert.match(trouble, /two pings/)
    await until(() => server.hellos.length >= 3, 'two reconnections')
  })

  it('disconnects from a peer that answers pings but acknowledges nothing', async () => {
    const { onBatch } = server.behaviour
    server.behaviour.onBatch = () => {}
    await append(2)
    start({ pingMs: 20, ackMs: 50 })
    await until(() => server.hellos.length >= 2, 'a reconnection')
    server.behaviour.onBatch = onBatch
    await until(() => spool.acked === 2, 'acknowledged')
    assert.ok(server.batches.every(({ events }) => events[0]!.seq === 1))
  })

  it('answers pings', async () => {
    start()
    await until(() => link.status.connected, 'connected')
    server.peers[0]!.send({ type: 'ping', n: 77 })
    await until(() => server.pongs.includes(77), 'a pong')
    assert.deepEqual(server.pongs, [77])
  })

  it('sends nothing to a server with another key', async () => {
    await append(5)
    start({}, publicKeyOf(newKey()))
    await until(() => server.hellos.length >= 3, 'three tries')
    assert.deepEqual([server.batches, policies, spool.acked], [[], [], 0])
    assert.match(link.status.trouble ?? '', /agent\.server/)
  })

  for (const { name, message } of [
    { name: 'text that is not JSON', message: 'garbage {' },
    { name: 'an unknown message', message: '{"type":"format_disk"}' },
    { name: 'a binary frame', message: Buffer.from([1, 2, 3]) },
    {
      name: 'an ack of a number that was never sent',
      message: '{"type":"ack","epoch":1,"seq":5,"rejected":[],"credit":9}',
    },
    { name: 'a frame that is too large', message: `{"type":"pong","n":1,"x":"${'x'.repeat(1_100_000)}"}` },
    {
      name: 'an unexpected challenge',
      message: `{"type":"challenge","nonce":"${'0'.repeat(64)}","signature":"aa","time":${Date.now()}}`,
    },
  ]) {
    it(`survives ${name}, and reconnects`, async () => {
      const { onProof } = server.behaviour
      let times = 0
      server.behaviour.onProof = (peer) => {
        onProof(peer)
        if (times++ < 2) peer.send(message)
      }
      start()
      await until(() => server.hellos.length === 3 && link.status.connected, 'the third connection')
      await append(4)
      await until(() => spool.acked === 4, 'acknowledged')
      assert.deepEqual(seqs(), [1, 2, 3, 4])
    })
  }

  it('waits as long as a refusal asks', async () => {
    const { onProof } = server.behaviour
    let [tries, refusedAt] = [0, 0]
    server.behaviour.onProof = (peer) => {
      if (++tries > 1) return onProof(peer)
      refusedAt = Date.now()
      peer.send({ type: 'refusal', code: 'server.busy', where: null, todo: 'Later.', retryAfterMs: 300 })
    }
    start()
    await until(() => server.hellos.length === 1 && link.status.nextTryAt !== null, 'refused')
    assert.match(link.status.trouble ?? '', /server\.busy/)
    assert.ok(link.status.nextTryAt! >= refusedAt + 300, `${link.status.nextTryAt! - refusedAt} ms`)
    await until(() => link.status.connected, 'connected')
    assert.equal(tries, 2)
  })

  it('a revoked laptop keeps its events, reports why, and retries at the slowest rate', async () => {
    server.behaviour.onProof = (peer) =>
      peer.send({ type: 'refusal', code: 'device.revoked', where: null, todo: 'Ask.', retryAfterMs: null })
    await append(3)
    start({ backoff: { baseMs: 60_000, capMs: 900_000 } })
    await until(() => link.status.nextTryAt !== null, 'refused')
    assert.match(link.status.trouble ?? '', /device\.revoked/)
    assert.ok(link.status.nextTryAt! - Date.now() > 50_000)
    assert.deepEqual([spool.acked, spool.unsent], [0, 3])
  })

  it('respects a Retry-After header in the reply to the upgrade', async () => {
    await server.close()
    const { createServer } = await import('node:http')
    const busy = createServer().on('upgrade', (_request, socket) =>
      socket.end('HTTP/1.1 503 Busy\r\nRetry-After: 120\r\nContent-Length: 0\r\n\r\n'),
    )
    await new Promise<void>((resolve) => busy.listen(Number(new URL(server.url).port), '127.0.0.1', resolve))
    start()
    await until(() => link.status.nextTryAt !== null && /503/.test(link.status.trouble ?? ''), 'answered 503')
    assert.ok(link.status.nextTryAt! - Date.now() > 100_000)
    await new Promise((resolve) => busy.close(resolve))
    server.close = async () => {}
  })

  it('never exceeds the credit', async () => {
    let most = 0
    let unacked = 0
    let last = 0
    let free = () => {}
    server.behaviour.onProof = (peer) =>
      peer.send({ type: 'welcome', policy: server.policy, acked: 0, credit: 30, time: Date.now() })
    server.behaviour.onBatch = (peer, { epoch, events }) => {
      unacked += events.length
      most = Math.max(most, unacked)
      last = events.at(-1)!.seq!
      free = () => {
        unacked = 0
        peer.send({ type: 'ack', epoch, seq: last, rejected: [], credit: 30 })
      }
      setTimeout(() => free(), 10)
    }
    await append(100)
    start()
    await until(() => spool.acked === 100, 'acknowledged')
    assert.ok(most <= 30, `${most} in flight`)
    assert.deepEqual(seqs(), oneTo(100))
  })

  it('passes rejected events to onRejected', async () => {
    const bad = [{ seq: 2, code: 'event.malformed' as const, where: 'Image' }]
    server.behaviour.onBatch = (peer, { epoch }) => peer.send({ type: 'ack', epoch, seq: 3, rejected: bad, credit: 10 })
    await append(3)
    start()
    await until(() => spool.acked === 3, 'acknowledged')
    assert.deepEqual(rejected, bad)
  })

  it('passes a pushed policy to onPolicy', async () => {
    start()
    await until(() => link.status.connected, 'connected')
    server.peers[0]!.send({ type: 'policy', policy: server.policy })
    await until(() => policies.length === 2, 'the second policy')
    assert.deepEqual(policies[1], server.policy)
  })

  it('reconnects at once after sleep, however long it would have waited', async () => {
    const { onProof } = server.behaviour
    server.behaviour.onProof = (peer) => peer.socket.terminate()
    start({ backoff: { baseMs: HOUR, capMs: HOUR } })
    await until(() => link.status.nextTryAt !== null, 'waiting')
    link.reconnect()
    await until(() => server.hellos.length === 2 && link.status.nextTryAt !== null, 'a second try, and waiting again')
    server.behaviour.onProof = onProof
    link.retry()
    await until(() => link.status.connected, 'connected')
    link.reconnect()
    await until(() => server.hellos.length === 4 && link.status.connected, 'connected again')
    assert.equal(server.hellos.length, 4)
  })
})
