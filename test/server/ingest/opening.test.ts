/** What may happen between an agent's proof and its welcome, while the store and the stream are awaited. */
import assert from 'node:assert/strict'
import { memoryStore } from '../../../server/store/memory/store.ts'
import { memoryTelemetry } from '../../../server/store/memory/telemetry.ts'
import type { Store } from '../../../server/store/store.ts'
import { Fault } from '../../../wire/fault.ts'
import { counter, event, events, gate, type Laptop, openServer, RawAgent, type TestServer, until } from './raw-agent.ts'

type Options = Parameters<typeof openServer>[0]

describe('an opening session', () => {
  let server: TestServer
  let of: Laptop
  let waits: ReturnType<typeof waiting>

  async function begin(options: Options = {}): Promise<void> {
    waits = waiting()
    server = await openServer({ ...waits, ...options })
    of = await server.enroll()
  }

  afterEach(() => server.close())

  const isOpen = () => server.gateway.sessions().length
  const openSockets = () => counter(server.metrics, 'tellwire_sessions')
  /** The proof is sent, and the store is being asked for the device. */
  async function proving(laptop = of): Promise<{ agent: RawAgent; answer: () => void }> {
    const { asked, go } = waits.holdDevice(laptop.device)
    const agent = new RawAgent(server.url, laptop)
    agent.say(agent.proof((await agent.sayHello()).nonce))
    await asked
    return { agent, answer: go }
  }
  /** The key is proven, and the `connection` line is being stored. */
  async function opening(): Promise<{ agent: RawAgent; stored: () => void }> {
    const { asked, go } = waits.holdPublish()
    const agent = new RawAgent(server.url, of)
    agent.say(agent.proof((await agent.sayHello()).nonce))
    await asked
    return { agent, stored: go }
  }

  it('gets no welcome when its device is revoked meanwhile', async () => {
    await begin()
    const { agent, stored } = await opening()
    await server.revoke(of.device)
    stored()
    assert.equal((await agent.refusal()).code, 'device.revoked')
    assert.ok(!agent.received.includes('welcome'))
    await until(() => isOpen() === 0)
  })

  it('is not registered when the agent leaves meanwhile', async () => {
    await begin()
    const { agent, answer } = await proving()
    agent.socket.terminate()
    await until(async () => (await openSockets()) === 0)
    answer()
    // The next session waits for the same store: once it is open, the first one would be open too.
    await new RawAgent(server.url, { ...of, fingerprint: 'c'.repeat(64) }).open()
    assert.equal(isOpen(), 1)
    assert.deepEqual(
      (await server.connections(of.device)).map((it) => it.fingerprint),
      ['c'.repeat(64)],
    )
  })

  it('of a laptop that opens two at once: one of them claims the device', async () => {
    await begin()
    const [first, second] = [await proving(), await proving()]
    first.answer()
    second.answer()
    assert.equal((await first.agent.refusal()).code, 'device.cloned')
    await second.agent.next('welcome')
    assert.equal((await second.agent.batch(events(1, 2))).seq, 2)
    assert.equal(isOpen(), 1)
    assert.equal((await server.connections(of.device)).length, 2)
  })

  it('with the same key on other hardware at once: the one whose proof is checked first claims the device', async () => {
    await begin()
    const [first, second] = [await proving(), await proving({ ...of, fingerprint: 'c'.repeat(64) })]
    second.answer()
    await second.agent.next('welcome')
    first.answer()
    assert.equal((await first.agent.refusal()).code, 'device.cloned')
    assert.deepEqual(
      server.gateway.sessions().map((it) => it.fingerprint),
      ['c'.repeat(64)],
    )
  })

  it('ends when another one replaces it while it is recorded', async () => {
    await begin({ timing: { firstPingsMs: 1 } })
    const { agent, stored } = await opening()
    const second = new RawAgent(server.url, of)
    const welcomed = second.open()
    assert.equal((await agent.refusal()).code, 'device.cloned')
    await until(async () => (await openSockets()) === 1)
    stored()
    await welcomed
    await until(() => second.received.filter((it) => it === 'ping').length === 6)
    second.say({ type: 'ping', n: 1 })
    await second.next('pong')
    // Once for each proof, once before each welcome, and at the second one's sixth ping; the first gets no pings.
    assert.equal(waits.asked(of.device), 5)
    assert.equal(isOpen(), 1)
  })

  it('is refused and not recorded while the server closes', async () => {
    await begin()
    const { agent, answer } = await proving()
    const closed = server.gateway.close()
    assert.equal((await agent.refusal()).code, 'server.busy')
    answer()
    await closed
    assert.deepEqual(await server.connections(of.device), [])
  })

  it('delays the closing of the server while it is being recorded', async () => {
    await begin()
    const { agent, stored } = await opening()
    let isClosed = false
    const closed = server.gateway.close().then(() => {
      isClosed = true
    })
    assert.equal((await agent.refusal()).code, 'server.busy')
    await until(async () => (await openSockets()) === 0)
    assert.equal(isClosed, false)
    stored()
    await closed
    assert.equal((await server.connections(of.device)).length, 1)
  })

  const early: { what: string; says(agent: RawAgent): void; where: string }[] = [
    { what: 'a second proof', says: (it) => it.say(it.proof('0'.repeat(64))), where: 'proof' },
    { what: 'a batch', says: (it) => it.sendBatch([event(1)]), where: 'batch' },
  ]
  for (const { what, says, where } of early)
    it(`is refused when it sends ${what} before its welcome: wire.unexpected`, async () => {
      await begin()
      const { agent, answer } = await proving()
      says(agent)
      const refusal = await agent.refusal()
      assert.deepEqual([refusal.code, refusal.where], ['wire.unexpected', where])
      answer()
      await until(async () => (await openSockets()) === 0)
      assert.deepEqual(await server.stored(of.device), [])
    })

  it('gets a policy that is pushed meanwhile with its welcome, and only once', async () => {
    await begin()
    const { agent, stored } = await opening()
    await server.gateway.push({ ...server.gateway.policyOf(null), version: 2_000, off: ['logon'] })
    stored()
    // Anything sent before the welcome would be seen first.
    const { policy } = await agent.next('welcome')
    assert.equal(JSON.parse(policy.text).version, 2_000)
    agent.say({ type: 'ping', n: 1 })
    await agent.next('pong')
    assert.deepEqual(
      agent.received.filter((it) => it !== 'ping'),
      ['challenge', 'welcome', 'pong'],
    )
  })

  it('is refused when the store does not answer in time, and frees its slot', async () => {
    await begin({ timing: { provenMs: 30 } })
    const { agent, answer } = await proving()
    assert.equal((await agent.refusal()).code, 'server.busy')
    answer()
    await until(async () => (await openSockets()) === 0)
  })

  it('is refused with server.busy while the store cannot be read, without internal details', async () => {
    await begin()
    waits.failFor(of.device)
    const agent = new RawAgent(server.url, of)
    agent.say(agent.proof((await agent.sayHello()).nonce))
    const { code, where, todo, retryAfterMs } = await agent.refusal()
    assert.deepEqual([code, where], ['server.busy', null])
    assert.ok(!todo?.includes(PLACE) && retryAfterMs! >= 5_000)
  })

  it('stays open when the store fails later', async () => {
    await begin({ timing: { firstPingsMs: 5, pingMs: 500 } })
    const agent = new RawAgent(server.url, of)
    await agent.open()
    const { failed } = waits.failFor(of.device)
    await failed
    assert.equal((await agent.batch(events(1, 2))).seq, 2)
  })
})

const PLACE = '/var/lib/tellwire/state.db'

/** A store and a stream whose answers the test releases. */
function waiting() {
  const memory = memoryStore()
  const { stream, history } = memoryTelemetry()
  const held = new Map<string, (() => Promise<void>)[]>()
  const failing = new Map<string, () => void>()
  const asked = new Map<string, number>()
  let heldPublish: (() => Promise<void>) | null = null
  const store: Store = {
    ...memory,
    devices: {
      ...memory.devices,
      async get(device) {
        asked.set(device, (asked.get(device) ?? 0) + 1)
        await held.get(device)?.shift()?.()
        const fail = failing.get(device)
        if (fail) {
          failing.delete(device)
          fail()
          throw new Fault('store.damaged', { where: PLACE })
        }
        return await memory.devices.get(device)
      },
    },
  }
  return {
    store,
    telemetry: {
      stream: {
        ...stream,
        async publish(...records: Parameters<typeof stream.publish>) {
          const wait = heldPublish
          heldPublish = null
          await wait?.()
          return await stream.publish(...records)
        },
      },
      history,
    },
    /** How often the store has been asked for this device. */
    asked: (device: string) => asked.get(device) ?? 0,
    /** Makes the next lookup of this device wait for `go`. */
    holdDevice(device: string) {
      const { wait, asked, go } = gate()
      held.set(device, [...(held.get(device) ?? []), wait])
      return { asked, go }
    },
    holdPublish() {
      const { wait, asked, go } = gate()
      heldPublish = wait
      return { asked, go }
    },
    /** Makes the next lookup of this device fail. */
    failFor(device: string) {
      const { promise, resolve } = Promise.withResolvers<void>()
      failing.set(device, resolve)
      return { failed: promise }
    },
  }
}
