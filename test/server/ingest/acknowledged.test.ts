import assert from 'node:assert/strict'
import { Acknowledged } from '../../../server/ingest/acknowledged.ts'
import type { Logger } from '../../../server/log.ts'
import { memoryStore } from '../../../server/store/memory/store.ts'
import { memoryTelemetry } from '../../../server/store/memory/telemetry.ts'
import type { Store } from '../../../server/store/store.ts'
import type { Stream } from '../../../server/store/stream.ts'
import { Fault } from '../../../wire/fault.ts'
import {
  connected,
  counter,
  event,
  events,
  gate,
  type Laptop,
  openServer,
  QUIET,
  RawAgent,
  type TestServer,
  until,
} from './raw-agent.ts'

/** More laptops than there are groups. */
const TURNS = 300

describe('acknowledged numbers', () => {
  let store: Store
  let acknowledged: Acknowledged
  let writes: number
  /** Called before the next write, or instead of it. */
  let before: () => Promise<void>

  beforeEach(() => {
    const memory = memoryStore()
    writes = 0
    before = async () => {}
    store = {
      ...memory,
      values: {
        ...memory.values,
        async compareAndSet(...change) {
          writes++
          const act = before
          before = async () => {}
          await act()
          return await memory.values.compareAndSet(...change)
        },
      },
    }
    acknowledged = new Acknowledged(store.values, QUIET)
  })

  const afterRestart = () => new Acknowledged(store.values, QUIET)
  const turnOfAll = async (of = acknowledged) => {
    for (let turn = 0; turn < TURNS; turn++) await of.saveNext()
  }

  it('are known at once, and after a restart once their group was saved', async () => {
    acknowledged.note('d-1', 7, 41)
    assert.equal(await acknowledged.of('d-1', 7), 41)
    assert.equal(await afterRestart().of('d-1', 7), 0)
    await turnOfAll()
    assert.equal(await afterRestart().of('d-1', 7), 41)
  })

  it('are 0 for an unknown laptop and for another epoch', async () => {
    acknowledged.note('d-1', 7, 41)
    await acknowledged.saveAll()
    for (const it of [acknowledged, afterRestart()])
      assert.deepEqual([await it.of('d-1', 8), await it.of('d-2', 7)], [0, 0])
    acknowledged.note('d-1', 8, 3)
    assert.deepEqual([await acknowledged.of('d-1', 7), await acknowledged.of('d-1', 8)], [0, 3])
  })

  it('are written once a turn, however many batches and laptops there are', async () => {
    for (let seq = 1; seq <= 1_000; seq++) for (const device of ['d-1', 'd-2']) acknowledged.note(device, 7, seq)
    await turnOfAll()
    assert.equal(writes, 2)
    await turnOfAll()
    assert.equal(writes, 2)
    for (let laptop = 0; laptop < 20_000; laptop++) acknowledged.note(`d-${laptop}`, 7, 1)
    await acknowledged.saveAll()
    assert.ok(writes <= TURNS, String(writes))
    assert.deepEqual([await afterRestart().of('d-0', 7), await afterRestart().of('d-19999', 7)], [1, 1])
  })

  it('keep what another gateway wrote at the same time', async () => {
    // With so many laptops, some share a group.
    const laptops = Array.from({ length: 600 }, (_, index) => `d-${index}`)
    const other = afterRestart()
    for (const [index, device] of laptops.entries()) (index % 2 ? other : acknowledged).note(device, 7, index + 1)
    await Promise.all([acknowledged.saveAll(), other.saveAll()])
    const read = afterRestart()
    for (const [index, device] of laptops.entries()) assert.equal(await read.of(device, 7), index + 1)
  })

  it('keep what is noted during a write', async () => {
    acknowledged.note('d-1', 7, 41)
    before = async () => acknowledged.note('d-1', 7, 42)
    await acknowledged.saveAll()
    await acknowledged.saveAll()
    assert.equal(await afterRestart().of('d-1', 7), 42)
  })

  it('are written at the next turn after a failed write', async () => {
    acknowledged.note('d-1', 7, 41)
    before = () => Promise.reject(new Fault('store.unwritable'))
    await acknowledged.saveAll()
    assert.deepEqual([await acknowledged.of('d-1', 7), await afterRestart().of('d-1', 7)], [41, 0])
    await acknowledged.saveAll()
    assert.equal(await afterRestart().of('d-1', 7), 41)
  })

  for (const damaged of ['[["d-1",', '{"d-1":7}', '[["d-1",["7",1]]]'])
    it(`are 0 where the store holds ${damaged}, and are written again`, async () => {
      acknowledged.note('d-1', 7, 41)
      const key = await keyOf(acknowledged)
      await store.values.set(key, damaged)
      assert.equal(await afterRestart().of('d-1', 7), 0)
      acknowledged.note('d-1', 7, 42)
      await acknowledged.saveAll()
      assert.equal(await afterRestart().of('d-1', 7), 42)
    })

  /** The key of the only laptop's group. */
  async function keyOf(acknowledged: Acknowledged): Promise<string> {
    let key = ''
    const { values } = store
    const spied = new Acknowledged(
      {
        get: (it) => {
          key = it
          return values.get(it)
        },
        compareAndSet: values.compareAndSet,
      },
      QUIET,
    )
    await spied.of('d-1', 7)
    await acknowledged.saveAll()
    return key
  }
})

describe('a log that lacks acknowledged events', () => {
  let store: Store
  let of: Laptop
  const servers: TestServer[] = []
  const reported: Record<string, unknown>[] = []
  const log: Logger = { ...QUIET, error: (facts) => void reported.push(facts) }

  async function open(options: Parameters<typeof openServer>[0] = {}): Promise<TestServer> {
    const server = await openServer({ store, log, ...options })
    servers.push(server)
    return server
  }

  beforeEach(async () => {
    store = memoryStore()
    reported.length = 0
    const server = await open()
    of = await server.enroll()
    const agent = await connected(server, of)
    await agent.batch(events(1, 10))
    await server.close()
  })
  afterEach(() => Promise.all(servers.splice(0).map((it) => it.close())))

  const lost = (server: TestServer) => counter(server.metrics, 'tellwire_events_lost_total')
  /** The log as restored from a backup. */
  async function restored(upTo: number): Promise<{ telemetry: ReturnType<typeof memoryTelemetry> }> {
    const telemetry = memoryTelemetry()
    const records = upTo === 0 ? [] : events(1, upTo)
    await telemetry.stream.publish(
      records.map((it) => ({ type: 'event', device: of.device, receivedAt: 1_763_800_000_000, epoch: 7, event: it })),
    )
    return { telemetry }
  }

  const cases: { what: string; upTo: number; epoch: number; acked: number; lost: number }[] = [
    { what: 'is older', upTo: 4, epoch: 7, acked: 4, lost: 6 },
    { what: 'is empty', upTo: 0, epoch: 7, acked: 0, lost: 10 },
    { what: 'holds it all', upTo: 10, epoch: 7, acked: 10, lost: 0 },
    { what: 'holds more', upTo: 12, epoch: 7, acked: 12, lost: 0 },
    { what: 'is asked about another spool', upTo: 4, epoch: 8, acked: 0, lost: 0 },
  ]
  for (const { what, upTo, epoch, acked, lost: missing } of cases)
    it(`and ${what}: the welcome names ${acked}, and ${missing} are counted as lost`, async () => {
      const server = await open(await restored(upTo))
      const welcome = await new RawAgent(server.url, of, { hello: { epoch } }).open()
      assert.equal(welcome.acked, acked)
      assert.equal(await lost(server), missing)
      assert.deepEqual(
        reported.map(({ device, acknowledged, stored }) => [device, acknowledged, stored]),
        missing === 0 ? [] : [[of.device, 10, upTo]],
      )
    })

  it('receives again what the laptop still holds, and counts the loss once', async () => {
    const server = await open(await restored(4))
    // The connection breaks before it sends anything.
    await (await connected(server, of)).leave()
    const agent = await connected(server, of)
    assert.equal((await agent.batch(events(5, 12))).seq, 12)
    await agent.leave()
    assert.equal((await new RawAgent(server.url, of).open()).acked, 12)
    assert.deepEqual(
      (await server.stored(of.device)).map((it) => it.event.seq),
      [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
    )
    assert.equal(await lost(server), 6)
    await server.close()
    const later = await open({ telemetry: server })
    assert.equal((await new RawAgent(later.url, of).open()).acked, 12)
    assert.equal(await lost(later), 0)
  })

  it('is noticed after a kill too, because numbers are saved while laptops send', async () => {
    const server = await open({ ...(await restored(10)), timing: { rememberMs: 1 } })
    const agent = await connected(server, of)
    await agent.batch([event(11)])
    await until(async () => (await new Acknowledged(store.values, QUIET).of(of.device, 7)) === 11)
    const after = await open(await restored(10))
    assert.equal((await new RawAgent(after.url, of).open()).acked, 10)
    assert.equal(await lost(after), 1)
  })

  it('is not assumed by a session that opens while another one of the laptop stores events', async () => {
    const { telemetry } = await restored(10)
    const { stream } = telemetry
    const [publishing, knowing] = [gate(), gate()]
    let isPublishing = false
    const slow: Stream = {
      ...stream,
      async publish(records, rejected) {
        if (records[0]?.type === 'event') {
          isPublishing = true
          await publishing.wait()
        }
        return await stream.publish(records, rejected)
      },
      async acked(device, epoch) {
        const acked = await stream.acked(device, epoch)
        if (isPublishing) await knowing.wait()
        return acked
      },
    }
    const server = await open({ telemetry: { ...telemetry, stream: slow } })
    const first = await connected(server, of)
    first.sendBatch(events(11, 15))
    await publishing.asked
    const welcomed = new RawAgent(server.url, of).open()
    await knowing.asked
    publishing.go()
    await until(async () => (await stream.acked(of.device, 7)) === 15)
    await until(async () => (await counter(server.metrics, 'tellwire_events_accepted_total')) === 5)
    knowing.go()
    assert.equal((await welcomed).acked, 10)
    assert.equal(await lost(server), 0)
    assert.deepEqual(reported, [])
  })
})
