import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { zstdCompressSync } from 'node:zlib'
import { WebSocket } from 'ws'
import { regroup } from '../../../server/ingest/groups.ts'
import { signedBy } from '../../../server/ingest/identity.ts'
import { memoryTelemetry } from '../../../server/store/memory/telemetry.ts'
import type { Stream } from '../../../server/store/stream.ts'
import type { Event } from '../../../wire/event.ts'
import { Fault, type FaultCode } from '../../../wire/fault.ts'
import { LIMITS, signedText } from '../../../wire/messages.ts'
import {
  connected,
  counter,
  event,
  events,
  laptop,
  openServer,
  packed,
  RawAgent,
  type TestServer,
  until,
} from './raw-agent.ts'

describe('gateway', () => {
  let server: TestServer
  /** A well-behaved laptop that stays connected, and must not be affected. */
  let neighbour: RawAgent
  let neighbourDevice: string
  let sent = 0

  async function begin(options: Parameters<typeof openServer>[0] = {}): Promise<void> {
    server = await openServer(options)
    const of = await server.enroll()
    neighbourDevice = of.device
    neighbour = await connected(server, of)
    sent = 0
    await neighbourIsWell()
  }

  async function neighbourIsWell(): Promise<void> {
    const ack = await neighbour.batch(events(sent + 1, sent + 3))
    sent += 3
    assert.deepEqual([ack.seq, ack.rejected], [sent, []])
    assert.equal((await server.stored(neighbourDevice)).length, sent)
  }

  afterEach(() => server.close())

  describe('an honest agent', () => {
    it('proves its key, gets a welcome, and has its events stored and acknowledged', async () => {
      await begin({ recognise: (it) => (it.seq === 2 ? { tools: [] } : undefined) })
      const of = await server.enroll()
      const agent = new RawAgent(server.url, of)
      const challenge = await agent.sayHello()
      agent.say(agent.proof(challenge.nonce))
      const welcome = await agent.next('welcome')
      assert.equal(welcome.acked, 0)
      const { text, signature } = welcome.policy
      assert.ok(signedBy(server.keys.publicKey, signedText.policy(text), signature))
      const ack = await agent.batch(events(1, 3))
      assert.deepEqual(ack, { type: 'ack', epoch: 7, seq: 3, rejected: [], credit: ack.credit })
      assert.ok(ack.credit > 0)
      const stored = await server.stored(of.device)
      assert.deepEqual(
        stored.map((it) => [it.epoch, it.event, it.facts]),
        events(1, 3).map((it) => [7, it, it.seq === 2 ? { tools: [] } : {}]),
      )
      const [view] = server.gateway.sessions().filter((it) => it.device === of.device)
      assert.deepEqual([view?.address, view?.fingerprint, view?.events], ['127.0.0.1', of.fingerprint, 3])
    })

    it('is recorded with its fingerprint and clock skew, and again once its round-trip time is known', async () => {
      await begin({ timing: { firstPingsMs: 5 } })
      const of = await server.enroll()
      await connected(server, of, { time: Date.now() - 3_600_000 })
      await until(async () => (await server.connections(of.device)).length === 2)
      const [first, second] = await server.connections(of.device)
      assert.deepEqual([first?.remoteAddress, first?.fingerprint, first?.rttMinMs], ['127.0.0.1', of.fingerprint, null])
      assert.ok(Math.abs(first!.clockSkewMs! + 3_600_000) < 5_000, String(first!.clockSkewMs))
      assert.ok(
        second!.rttMinMs! >= 0 && second!.rttMinMs! < 1_000 && second!.rttJitterMs! >= 0,
        JSON.stringify(second),
      )
    })

    it('learns from its next welcome up to which number its events are durable', async () => {
      await begin()
      const of = await server.enroll()
      const first = await connected(server, of)
      await first.batch(events(1, 5))
      await first.leave()
      assert.equal((await new RawAgent(server.url, of).open()).acked, 5)
      assert.equal((await new RawAgent(server.url, of, { hello: { epoch: 8 } }).open()).acked, 0)
    })

    it('resends a batch whose acknowledgement was lost: nothing is duplicated', async () => {
      await begin()
      const of = await server.enroll()
      const first = await connected(server, of)
      first.sendBatch(events(1, 5))
      await until(async () => (await server.stream.acked(of.device, 7)) === 5)
      first.socket.terminate()
      const second = await connected(server, of)
      assert.equal((await second.batch(events(1, 8))).seq, 8)
      assert.deepEqual(
        (await server.stored(of.device)).map((it) => it.event.seq),
        [1, 2, 3, 4, 5, 6, 7, 8],
      )
      assert.equal(await counter(server.metrics, 'tellwire_events_duplicate_total'), 5)
    })

    it('has events stored that it sent right before closing', async () => {
      await begin()
      const of = await server.enroll()
      const agent = await connected(server, of)
      for (let seq = 1; seq <= 20; seq++) agent.sendBatch([event(seq)])
      await agent.leave()
      await until(async () => (await server.stored(of.device)).length === 20)
      assert.equal(await server.stream.acked(of.device, 7), 20)
    })

    it('is pushed a new policy; events of a category it switches off are refused and not kept', async () => {
      await begin()
      const of = await server.enroll()
      const agent = await connected(server, of)
      const policy = {
        ...JSON.parse((await new RawAgent(server.url, await server.enroll()).open()).policy.text),
        version: 2,
      }
      await server.gateway.push({ ...policy, off: ['listening_socket'] })
      assert.equal(JSON.parse((await agent.next('policy')).policy.text).version, 2)
      const ack = await agent.batch([event(1)])
      assert.deepEqual(ack.rejected, [{ seq: 1, code: 'event.off', where: 'events[0].category' }])
      assert.equal((await server.history.rejected(of.device, 10))[0]?.raw, '')
    })

    it('gets the policy of its group, and another one when it is moved', async () => {
      const company = { off: [], on: [], watchedRoots: [] }
      const groups: [boolean, string | null][] = []
      await begin({
        inGroup: (device, group) => void groups.push([device === neighbourDevice, group]),
        askedPolicies: { company, groups: { quiet: { ...company, off: ['listening_socket'] } } },
        timing: { firstPingsMs: 60_000, pingMs: 60_000 },
      })
      const of = await server.enroll()
      const agent = new RawAgent(server.url, of)
      const welcome = JSON.parse((await agent.open()).policy.text)
      assert.deepEqual([welcome.off, welcome.group], [[], undefined])
      assert.deepEqual((await agent.batch([event(1)])).rejected, [])
      assert.equal(await regroup(server.store, of.device, 'quiet', { by: 'ada', at: 1 }), true)
      await server.gateway.recheck(of.device)
      const { text, signature } = (await agent.next('policy')).policy
      const moved = JSON.parse(text)
      assert.deepEqual([moved.off, moved.group, moved.version], [['listening_socket'], 'quiet', welcome.version])
      assert.ok(signedBy(server.keys.publicKey, signedText.policy(text), signature))
      assert.equal((await agent.batch([event(2)])).rejected[0]?.code, 'event.off')
      await server.gateway.recheck(of.device)
      assert.equal(agent.received.filter((it) => it === 'policy').length, 1)
      assert.equal(await regroup(server.store, 'nobody', 'quiet', { by: 'ada', at: 1 }), false)
      assert.deepEqual(groups.slice(1), [
        [false, null],
        [false, 'quiet'],
      ])
      assert.deepEqual(await server.store.audit.newest(1), [
        { at: 1, user: 'ada', action: 'laptop.group', about: of.device, detail: 'quiet' },
      ])
    })

    it('gets one policy when a second one is pushed while the first is being sent to thousands', async () => {
      await begin()
      // More than are sent to at once.
      const laptops = await Promise.all(Array.from({ length: 120 }, () => server.enroll()))
      const agents = await Promise.all(laptops.map((it) => connected(server, it)))
      const policy = server.gateway.policyOf(null)
      await Promise.all([2_000, 2_001].map((version) => server.gateway.push({ ...policy, version })))
      const last = await Promise.all(
        agents.map(async (agent) => {
          const versions = []
          while (versions.at(-1) !== 2_001) versions.push(JSON.parse((await agent.next('policy')).policy.text).version)
          return versions.length
        }),
      )
      assert.deepEqual([last.at(0), last.at(-1)], [2, 1])
      await Promise.all(agents.map((it) => it.batch([event(1)])))
      assert.ok(agents.every((it) => it.received.filter((type) => type === 'policy').length <= 2))
      const late = await new RawAgent(server.url, await server.enroll()).open()
      assert.equal(JSON.parse(late.policy.text).version, 2_001)
    })

    it('is online from its proof until it leaves, and only its last session counts', async () => {
      const changed: string[] = []
      await begin({ connection: (device) => void changed.push(device) })
      const of = await server.enroll()
      const first = await connected(server, of)
      assert.deepEqual([...server.gateway.online].sort(), [neighbourDevice, of.device].sort())
      const second = await connected(server, of)
      await first.closed
      await until(() => changed.filter((it) => it === of.device).length === 3)
      assert.ok(server.gateway.online.has(of.device))
      await second.leave()
      await until(() => changed.filter((it) => it === of.device).length === 4)
      assert.deepEqual([...server.gateway.online], [neighbourDevice])
    })

    it('gets an answer to its ping', async () => {
      await begin()
      const agent = await connected(server, await server.enroll())
      agent.say({ type: 'ping', n: 42 })
      assert.equal((await agent.next('pong')).n, 42)
    })

    it('is told that the server stops, and when to reconnect', async () => {
      await begin()
      const agent = await connected(server, await server.enroll())
      await server.gateway.close()
      const refusal = await agent.refusal()
      assert.equal(refusal.code, 'server.busy')
      assert.ok(refusal.retryAfterMs! >= 5_000)
    })

    it('behind a trusted proxy, is recorded with the last hop that is not one of ours', async () => {
      await begin({ trustedProxies: ['127.0.0.0/8', '10.0.0.1'] })
      const of = await server.enroll()
      const headers = { 'X-Forwarded-For': '198.51.100.66, ::ffff:203.0.113.9, 10.0.0.1' }
      await new RawAgent(server.url, of, { headers }).open()
      assert.equal((await server.connections(of.device))[0]?.remoteAddress, '203.0.113.9')
    })
  })

  describe('one clear answer to', () => {
    interface Case {
      what: string
      code: FaultCode
      where: string | null
      /** Up to the refusal. */
      does(agent: RawAgent): Promise<void>
      before?: 'hello' | 'open'
    }
    const cases: Case[] = [
      { what: 'text that is not JSON', code: 'wire.malformed', where: null, does: async (it) => it.say('{"type":') },
      {
        what: 'an unknown message',
        code: 'wire.malformed',
        where: 'type',
        does: async (it) => it.say({ type: 'nonsense' }),
      },
      {
        what: 'a hello with a wrong field',
        code: 'wire.malformed',
        where: 'nonce',
        does: async (it) => it.say({ ...HELLO, nonce: 'x' }),
      },
      {
        what: 'a hello with an unknown field',
        code: 'wire.malformed',
        where: 'extra',
        does: async (it) => it.say({ ...HELLO, extra: 1 }),
      },
      {
        what: 'another wire version',
        code: 'wire.version',
        where: 'wire 99',
        does: async (it) => it.say({ ...HELLO, wire: 99, new: 1 }),
      },
      {
        what: 'a proof before hello',
        code: 'wire.unexpected',
        where: 'proof',
        does: async (it) => it.say(it.proof('0'.repeat(64))),
      },
      {
        what: 'a batch before the proof',
        code: 'wire.unexpected',
        where: 'batch',
        does: async (it) => it.sendBatch(events(1, 2)),
      },
      {
        what: 'a second hello',
        code: 'wire.unexpected',
        where: 'hello',
        before: 'open',
        does: async (it) => it.say(HELLO),
      },
      {
        what: 'an oversize frame',
        code: 'wire.oversize',
        where: null,
        before: 'open',
        does: async (it) => it.socket.send(randomBytes(LIMITS.frameBytes + 1)),
      },
      {
        what: 'an oversize frame before hello',
        code: 'wire.oversize',
        where: null,
        does: async (it) => it.socket.send(randomBytes(4 * LIMITS.frameBytes)),
      },
      {
        what: 'an oversize control message',
        code: 'wire.oversize',
        where: null,
        before: 'open',
        does: async (it) => it.say('x'.repeat(LIMITS.controlBytes + 1)),
      },
      {
        what: 'text that is not UTF-8',
        code: 'wire.malformed',
        where: null,
        before: 'open',
        does: async (it) => it.socket.send(Buffer.from([0xff, 0xfe]), { binary: false }),
      },
      {
        what: 'a flood of text',
        code: 'rate.exceeded',
        where: null,
        before: 'open',
        does: async (it) => times(1_000, () => it.say({ type: 'pong', n: 1 })),
      },
      {
        what: 'a flood of WebSocket pings',
        code: 'rate.exceeded',
        where: null,
        before: 'open',
        does: async (it) => times(1_000, () => it.socket.ping()),
      },
      {
        what: 'bytes that are not zstd',
        code: 'batch.malformed',
        where: null,
        before: 'open',
        does: async (it) => it.socket.send(randomBytes(1_000)),
      },
      {
        what: 'an empty frame',
        code: 'batch.malformed',
        where: null,
        before: 'open',
        does: async (it) => it.socket.send(Buffer.alloc(0)),
      },
      {
        what: 'zstd that is not JSON',
        code: 'batch.malformed',
        where: null,
        before: 'open',
        does: async (it) => it.socket.send(packed('{"type":"batch"')),
      },
      {
        what: 'a batch without events',
        code: 'batch.malformed',
        where: 'events',
        before: 'open',
        does: async (it) => it.sendBatch([]),
      },
      {
        what: 'a batch with too many events',
        code: 'batch.malformed',
        where: 'events',
        before: 'open',
        does: async (it) => it.sendBatch(events(1, LIMITS.batchEvents + 1)),
      },
      {
        what: 'a batch of another epoch',
        code: 'batch.malformed',
        where: 'epoch',
        before: 'open',
        does: async (it) => it.sendBatch(events(1, 2), 9),
      },
      {
        what: 'a batch whose events have no numbers',
        code: 'batch.malformed',
        where: 'events[0].seq',
        before: 'open',
        does: async (it) => it.sendBatch([{}, null, 3]),
      },
      {
        what: '1 GiB of zeros',
        code: 'batch.bomb',
        where: null,
        before: 'open',
        does: async (it) => it.socket.send(bomb()),
      },
      {
        what: 'a bomb of nested arrays',
        code: 'batch.malformed',
        where: 'batch',
        before: 'open',
        does: async (it) => it.socket.send(packed('['.repeat(2_000_000) + ']'.repeat(2_000_000))),
      },
    ]
    for (const { what, code, where, does, before = 'hello' } of cases)
      it(`${what}: ${code}`, async () => {
        await begin()
        const of = await server.enroll()
        const agent = new RawAgent(server.url, of)
        if (before === 'open') await agent.open()
        else await once(agent.socket, 'open')
        await does(agent)
        const refusal = await agent.refusal()
        assert.deepEqual([refusal.code, refusal.where], [code, where])
        assert.equal(await counter(server.metrics, `tellwire_refusals_total{code="${code}"}`), 1)
        assert.deepEqual(await server.stored(of.device), [])
        await neighbourIsWell()
      })

    it('an unknown device: device.unknown', async () => {
      await begin()
      const stranger = laptop()
      const refusal = refusalOf(new RawAgent(server.url, stranger))
      assert.deepEqual(await refusal, ['device.unknown', stranger.device])
      await neighbourIsWell()
    })

    it('a proof made with another key: device.proof', async () => {
      await begin()
      const of = await server.enroll()
      assert.deepEqual(await refusalOf(new RawAgent(server.url, { ...laptop(), device: of.device })), [
        'device.proof',
        of.device,
      ])
      assert.deepEqual(await server.connections(of.device), [])
      await neighbourIsWell()
    })

    it('a replayed proof: device.proof', async () => {
      await begin()
      const of = await server.enroll()
      const nonce = randomBytes(32).toString('hex')
      const victim = new RawAgent(server.url, of, { hello: { nonce } })
      const overheard = victim.proof((await victim.sayHello()).nonce)
      victim.say(overheard)
      await victim.next('welcome')
      await victim.leave()
      const thief = new RawAgent(
        server.url,
        { ...laptop(), device: of.device, fingerprint: of.fingerprint },
        { hello: { nonce } },
      )
      await thief.sayHello()
      thief.say(overheard)
      assert.equal((await thief.refusal()).code, 'device.proof')
      await neighbourIsWell()
    })

    it('a proof made for another host: device.host', async () => {
      await begin()
      const agent = new RawAgent(server.url, await server.enroll())
      assert.deepEqual(await refusalOf(agent, 'evil.example'), ['device.host', 'evil.example'])
      await neighbourIsWell()
    })

    it('a revoked device: device.revoked, even in the middle of its session', async () => {
      // Two pings without an answer end a session: on a busy machine 10 ms would do that first.
      await begin({ timing: { firstPingsMs: 5, pingMs: 500 } })
      const of = await server.enroll()
      const agent = await connected(server, of)
      await server.revoke(of.device)
      assert.equal((await agent.refusal()).code, 'device.revoked')
      assert.deepEqual(await refusalOf(new RawAgent(server.url, of)), ['device.revoked', of.device])
    })

    it('a device revoked through the server: its session ends at once, what was acknowledged stays', async () => {
      // No ping within the test.
      await begin({ timing: { firstPingsMs: 60_000, pingMs: 60_000 } })
      const of = await server.enroll()
      const agent = await connected(server, of)
      assert.equal((await agent.batch(events(1, 3))).seq, 3)
      const refused = agent.refusal()
      await server.revoke(of.device)
      await server.gateway.recheck(of.device)
      assert.equal((await refused).code, 'device.revoked')
      assert.equal((await server.stored(of.device)).length, 3)
      await until(async () => !server.gateway.online.has(of.device))
      await neighbourIsWell()
    })

    it('no hello within the time allowed: wire.unexpected', async () => {
      await begin()
      await server.close()
      server = await openServer({ timing: { provenMs: 20 } })
      const agent = new RawAgent(server.url, await server.enroll())
      assert.deepEqual(await agent.refusal().then((it) => [it.code, it.where]), ['wire.unexpected', 'hello'])
    })

    it('a page of somebody else in a browser: an HTTP answer; our own name and agents, which send no origin, connect', async () => {
      await begin()
      for (const origin of ['https://evil.example', 'http://localhost.evil.example', 'null', 'nonsense'])
        assert.equal(await httpStatus(server.url, { origin }), 403, origin)
      const ours = new WebSocket(server.url, { origin: 'http://localhost:8443' })
      await once(ours, 'open')
      ours.terminate()
      await neighbourIsWell()
    })

    it('the wrong path, and too many sockets without a proof: an HTTP answer', async () => {
      await begin({ limits: { unprovenPerNetwork: 3 } })
      assert.equal(await httpStatus(server.url.replace('/stream', '/other')), 404)
      const silent = [1, 2, 3].map(() => new RawAgent(server.url, laptop()))
      await Promise.all(silent.map((it) => once(it.socket, 'open')))
      assert.equal(await httpStatus(server.url), 429)
      await neighbourIsWell()
    })

    it('a flood of sockets without a proof keeps no newcomer out', async () => {
      await begin()
      await server.close()
      server = await openServer({ trustedProxies: ['127.0.0.1'], limits: { unproven: 8 } })
      const from = (address: string) => ({ headers: { 'X-Forwarded-For': address } })
      const flood = Array.from(
        { length: 8 },
        (_, index) => new RawAgent(server.url, laptop(), from(`198.51.100.${index % 4}`)),
      )
      await Promise.all(flood.map((it) => once(it.socket, 'open')))
      const newcomer = new RawAgent(server.url, await server.enroll(), from('203.0.113.9'))
      await newcomer.open()
      const [closed] = await Promise.all(flood.slice(0, 1).map((it) => it.refusal()))
      assert.equal(closed?.code, 'server.busy')
      assert.equal(flood.filter((it) => it.socket.readyState === WebSocket.OPEN).length, 7)
    })

    it('more sessions than the server allows: 503', async () => {
      await begin({ limits: { sessions: 1 } })
      assert.equal(await httpStatus(server.url), 503)
      await neighbourIsWell()
    })
  })

  describe('a second session of one device', () => {
    it('with another fingerprint is a clone while the first is alive; both places are recorded', async () => {
      await begin()
      const of = await server.enroll()
      const first = await connected(server, of)
      const clone = new RawAgent(server.url, { ...of, fingerprint: 'c'.repeat(64) })
      assert.deepEqual(await refusalOf(clone), ['device.cloned', of.device])
      assert.equal((await first.batch(events(1, 2))).seq, 2)
      assert.deepEqual(
        (await server.connections(of.device)).map((it) => it.fingerprint),
        [of.fingerprint, 'c'.repeat(64)],
      )
      await neighbourIsWell()
    })

    it('with the same fingerprint replaces the first, whose socket died silently', async () => {
      await begin()
      const of = await server.enroll()
      const first = await connected(server, of)
      const second = await connected(server, of)
      assert.equal((await first.refusal()).code, 'device.cloned')
      assert.equal((await second.batch(events(1, 2))).seq, 2)
      assert.equal(server.gateway.sessions().filter((it) => it.device === of.device).length, 1)
    })

    it('with another fingerprint is accepted after the first gave no sign of life for 45 s', async () => {
      let offset = 0
      await begin({ now: () => Date.now() + offset })
      const of = await server.enroll()
      await new RawAgent(server.url, of, { pongs: false }).open()
      offset = 46_000
      const second = new RawAgent(server.url, { ...of, fingerprint: 'c'.repeat(64) })
      assert.equal((await second.open()).acked, 0)
    })

    it('is refused when it reconnects again and again: rate.exceeded', async () => {
      await begin()
      const of = await server.enroll()
      const codes = []
      for (let turn = 0; turn < 21; turn++) {
        const agent = new RawAgent(server.url, of)
        codes.push(
          await agent.open().then(
            () => 'open',
            (cause) => cause.message.split(' ')[1],
          ),
        )
        await agent.leave()
      }
      assert.deepEqual(codes, [...Array(20).fill('open'), 'rate.exceeded'])
      await neighbourIsWell()
    })
  })

  describe('each event by itself', () => {
    const good = event(5)
    const { Port: _, ...lacking } = event(5) as Extract<Event, { category: 'listening_socket' }>
    const cases: { what: string; bad: unknown; code: FaultCode; where: string; seq?: number | null }[] = [
      {
        what: 'a field of the wrong type',
        bad: { ...good, Port: 'x' },
        code: 'event.malformed',
        where: 'events[1].Port',
      },
      { what: 'an unknown field', bad: { ...good, Extra: 1 }, code: 'event.malformed', where: 'events[1].Extra' },
      { what: 'a missing field', bad: lacking, code: 'event.malformed', where: 'events[1].Port' },
      {
        what: 'an unknown category',
        bad: { ...good, category: 'constructor' },
        code: 'event.malformed',
        where: 'events[1].category',
      },
      {
        what: 'a category of the server',
        bad: { ...good, category: 'tool' },
        code: 'event.origin',
        where: 'events[1].category',
      },
      {
        what: 'a category of a feed',
        bad: { ...good, category: 'idp_login' },
        code: 'event.origin',
        where: 'events[1].category',
      },
      {
        what: "the server's product",
        bad: { ...good, product: 'tellwire' },
        code: 'event.origin',
        where: 'events[1].product',
      },
      {
        what: 'a sensitive category that is not switched on',
        bad: { ...good, category: 'presence' },
        code: 'event.off',
        where: 'events[1].category',
      },
      { what: 'text instead of an object', bad: 'text', code: 'event.malformed', where: 'events[1].seq', seq: null },
      { what: 'no number', bad: { ...good, seq: null }, code: 'event.malformed', where: 'events[1].seq', seq: null },
      {
        what: 'a fraction as number',
        bad: { ...good, seq: 5.5 },
        code: 'event.malformed',
        where: 'events[1].seq',
        seq: null,
      },
      { what: 'a number out of order', bad: event(4), code: 'batch.order', where: 'events[1].seq', seq: 4 },
      { what: 'a number twice', bad: event(4, 1), code: 'batch.order', where: 'events[1].seq', seq: 4 },
      {
        what: 'a prototype',
        bad: JSON.parse('{"seq":5,"category":"logon","__proto__":{"x":1}}'),
        code: 'event.malformed',
        where: 'events[1].id',
      },
    ]
    for (const { what, bad, code, where, seq = 5 } of cases)
      it(`${what}: ${code}, and its neighbours are stored`, async () => {
        await begin()
        const of = await server.enroll()
        const agent = await connected(server, of)
        const ack = await agent.batch([event(4), bad, event(6)])
        assert.deepEqual([ack.seq, ack.rejected], [6, [{ seq, code, where }]])
        assert.deepEqual(
          (await server.stored(of.device)).map((it) => it.event.seq),
          [4, 6],
        )
        const [kept, ...more] = await server.history.rejected(of.device, 10)
        assert.deepEqual([kept?.seq, kept?.code, kept?.where, more.length], [seq, code, where, 0])
        assert.equal(await counter(server.metrics, `tellwire_events_rejected_total{code="${code}"}`), 1)
        await neighbourIsWell()
      })

    it('a number already used for another event is evidence: stored once, marked, acknowledged', async () => {
      await begin()
      const of = await server.enroll()
      const agent = await connected(server, of)
      await agent.batch(events(1, 3))
      for (const _ of [1, 2]) {
        const ack = await agent.batch([event(2, 1), event(3), event(4)])
        assert.deepEqual([ack.seq, ack.rejected], [4, [{ seq: 2, code: 'event.conflict', where: 'seq 2' }]])
      }
      assert.deepEqual(
        (await server.stored(of.device)).map((it) => [it.event.seq, it.conflict ?? false]),
        [
          [1, false],
          [2, false],
          [3, false],
          [2, true],
          [4, false],
        ],
      )
      await neighbourIsWell()
    })

    it('evidence is capped per hour: beyond the cap it is counted, not stored, and still acknowledged', async () => {
      await begin({ limits: { evidencePerHour: 2 } })
      const of = await server.enroll()
      const agent = await connected(server, of)
      await agent.batch(events(1, 5))
      assert.equal((await agent.batch([1, 2, 3, 4, 5].map((seq) => event(seq, 1)))).seq, 5)
      assert.equal((await server.stored(of.device)).filter((it) => it.conflict).length, 2)
      assert.equal(await counter(server.metrics, 'tellwire_evidence_capped_total'), 3)
    })

    it('a number in a gap is new', async () => {
      await begin()
      const of = await server.enroll()
      const agent = await connected(server, of)
      await agent.batch([event(1), event(9)])
      assert.equal((await agent.batch([event(4)])).seq, 4)
      assert.deepEqual(
        (await server.stored(of.device)).map((it) => it.event.seq),
        [1, 9, 4],
      )
    })
  })

  describe('a log that cannot be written', () => {
    it('refuses with server.busy, acknowledges nothing, and stores nothing that follows in that session', async () => {
      const { telemetry, failFor } = breakable()
      await begin({ telemetry })
      const of = await server.enroll()
      const agent = await connected(server, of)
      failFor(of.device, 1)
      for (let seq = 1; seq <= 5; seq++) agent.sendBatch([event(seq)])
      const refusal = await agent.refusal()
      assert.equal(refusal.code, 'server.busy')
      assert.ok(refusal.retryAfterMs! >= 5_000)
      assert.equal(await server.stream.acked(of.device, 7), 0)
      assert.deepEqual(await server.stored(of.device), [])
      await neighbourIsWell()

      const again = new RawAgent(server.url, of)
      assert.equal((await again.open()).acked, 0)
      assert.equal((await again.batch(events(1, 5))).seq, 5)
      assert.deepEqual(
        (await server.stored(of.device)).map((it) => it.event.seq),
        [1, 2, 3, 4, 5],
      )
    })

    it('a retry in a new session waits for the first copy, and is stored when that failed', async () => {
      const { telemetry, hold } = breakable()
      await begin({ telemetry })
      const of = await server.enroll()
      const first = await connected(server, of)
      const release = hold(of.device)
      first.sendBatch(events(1, 3))
      await release.asked
      const second = await connected(server, of)
      second.sendBatch(events(1, 4))
      release.fail()
      assert.equal((await second.next('ack')).seq, 4)
      assert.deepEqual(
        (await server.stored(of.device)).map((it) => it.event.seq),
        [1, 2, 3, 4],
      )
    })

    it('a retry in a new session waits for the first copy, and is a duplicate when that was stored', async () => {
      const { telemetry, hold } = breakable()
      await begin({ telemetry })
      const of = await server.enroll()
      const first = await connected(server, of)
      const release = hold(of.device)
      first.sendBatch(events(1, 3))
      await release.asked
      const second = await connected(server, of)
      second.sendBatch(events(1, 4))
      release.go()
      assert.equal((await second.next('ack')).seq, 4)
      assert.deepEqual(
        (await server.stored(of.device)).map((it) => it.event.seq),
        [1, 2, 3, 4],
      )
    })

    it('batches beyond the memory limit are refused: server.busy', async () => {
      const { telemetry, hold } = breakable()
      await begin({ telemetry, limits: { inFlightBytes: 100_000 } })
      const of = await server.enroll()
      const agent = await connected(server, of)
      const release = hold(of.device)
      agent.sendBatch(events(1, 100))
      await release.asked
      agent.socket.send(randomBytes(90_000))
      assert.equal((await agent.refusal()).code, 'server.busy')
      await neighbourIsWell()
      release.go()
    })
  })

  describe('a peer that', () => {
    it('does not answer two pings is disconnected', async () => {
      await begin({ timing: { firstPingsMs: 10, pingMs: 250 } })
      const of = await server.enroll()
      const agent = new RawAgent(server.url, of, { pongs: false })
      await agent.open()
      assert.equal(await agent.closed, 1006)
      await until(() => !server.gateway.sessions().some((it) => it.device === of.device))
      await neighbourIsWell()
    })

    it('does not read is disconnected', async () => {
      await begin()
      const of = await server.enroll()
      const agent = await connected(server, of)
      agent.socket.pause()
      const policy = JSON.parse((await new RawAgent(server.url, await server.enroll()).open()).policy.text)
      const watchedRoots = Array.from({ length: 12 }, () => ({ path: 'x'.repeat(4_000), kind: 'sync' }))
      await until(async () => {
        await server.gateway.push({ ...policy, watchedRoots })
        return !server.gateway.sessions().some((it) => it.device === of.device)
      })
      await neighbourIsWell()
    })

    it('sends faster than allowed is slowed down, not refused, and loses nothing', async () => {
      await begin({ limits: { eventsPerSecond: 2_000, eventsBurst: 100 } })
      const of = await server.enroll()
      const agent = await connected(server, of)
      for (let batch = 0; batch < 10; batch++) agent.sendBatch(events(batch * 100 + 1, batch * 100 + 100))
      let ack = await agent.next('ack')
      while (ack.seq < 1_000) ack = await agent.next('ack')
      assert.ok(ack.credit < LIMITS.creditEvents)
      assert.equal((await server.stored(of.device)).length, 1_000)
      await neighbourIsWell()
    })

    it('has more frames in transit than its credit allows: rate.exceeded', async () => {
      const { telemetry, hold } = breakable()
      await begin({ telemetry })
      const of = await server.enroll()
      const agent = await connected(server, of)
      const release = hold(of.device)
      agent.sendBatch(events(1, 2))
      await release.asked
      // Empty frames take 6 bytes each: thousands arrive in one read, before the socket can be paused.
      const flood = Buffer.concat(Array.from({ length: 10_000 }, () => Buffer.from([0x82, 0x80, 0, 0, 0, 0])))
      ;(agent.socket as unknown as { _socket: { write(data: Buffer): void } })._socket.write(flood)
      assert.equal((await agent.refusal()).code, 'rate.exceeded')
      await neighbourIsWell()
      release.go()
    })
  })

  async function refusalOf(agent: RawAgent, host?: string): Promise<[string, string | null]> {
    agent.say(agent.proof((await agent.sayHello()).nonce, host))
    const { code, where } = await agent.refusal()
    return [code, where]
  }
})

const HELLO = {
  type: 'hello',
  wire: 1,
  device: 'd-1',
  version: '0.0.1',
  epoch: 7,
  nonce: 'a'.repeat(64),
  fingerprint: null,
  time: 1_763_800_000_000,
}

function times(count: number, act: () => void): void {
  for (let turn = 0; turn < count; turn++) act()
}

let gibibyte: Buffer | null = null
function bomb(): Buffer {
  gibibyte ??= zstdCompressSync(Buffer.alloc(1_073_741_824))
  return gibibyte
}

async function httpStatus(url: string, options: { origin?: string } = {}): Promise<number> {
  const socket = new WebSocket(url, options)
  socket.on('error', () => {})
  const [, response] = await once(socket, 'unexpected-response')
  socket.terminate()
  return response.statusCode
}

/** A stream whose writes fail, or wait, for one device. */
function breakable() {
  const { stream, history } = memoryTelemetry()
  const failing = new Map<string, number>()
  const held = new Map<string, { asked: () => void; gate: Promise<void> }>()
  const broken: Stream = {
    ...stream,
    async publish(records, rejected) {
      const first = records[0]
      if (first?.type === 'event' || first?.type === 'connection') {
        const key = `${first.type} ${first.device}`
        const wait = held.get(key)
        held.delete(key)
        wait?.asked()
        await wait?.gate
        const left = failing.get(key) ?? 0
        if (left > 0) {
          failing.set(key, left - 1)
          throw new Fault('store.unwritable')
        }
      }
      return await stream.publish(records, rejected)
    },
  }
  return {
    telemetry: { stream: broken, history },
    failFor: (device: string, count: number, type = 'event') => failing.set(`${type} ${device}`, count),
    /** Makes the next records of this device wait for `go` or `fail`. */
    hold(device: string, type = 'event') {
      const asked = Promise.withResolvers<void>()
      const gate = Promise.withResolvers<void>()
      held.set(`${type} ${device}`, { asked: asked.resolve, gate: gate.promise })
      return { asked: asked.promise, go: gate.resolve, fail: () => gate.reject(new Fault('store.unwritable')) }
    },
  }
}
