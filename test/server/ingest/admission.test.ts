import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Config } from '../../../server/config.ts'
import { Admission, type AdmissionDeps } from '../../../server/ingest/admission.ts'
import { metrics } from '../../../server/metrics.ts'
import { memoryTelemetry } from '../../../server/store/memory/telemetry.ts'
import type { Stored, Stream } from '../../../server/store/stream.ts'
import { Fault } from '../../../wire/fault.ts'
import { RecordedFeed, type RecordedOf } from '../../../wire/recording.ts'
import { counter, event, packed, QUIET, storedIn } from './raw-agent.ts'

const DEVICES = ['d-1', 'd-2']

/** One batch in transit: cut, repeated and reordered as the network and a restarted agent may do, or worse. */
const sending = fc.record({
  device: fc.constantFrom(...DEVICES),
  epoch: fc.constantFrom(1, 2),
  from: fc.integer({ min: 1, max: 12 }),
  length: fc.integer({ min: 1, max: 8 }),
  /** 0 is the original event; another edition reuses the number for a different event. */
  edition: fc.constantFrom(0, 0, 0, 1),
  diskFull: fc.boolean(),
  /** False: the next batch is sent while this one is still being stored. */
  waits: fc.boolean(),
})

describe('admission', () => {
  it('never loses or duplicates an acknowledged event, whatever is retried, split, reordered or fails', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(sending, { minLength: 1, maxLength: 25 }), async (sendings) => {
        const { gate, stream, durable, fail } = open()
        const under: Promise<{ sent: (typeof sendings)[number]; acked: boolean }>[] = []
        for (const it of sendings) {
          const events = Array.from({ length: it.length }, (_, index) => event(it.from + index, it.edition))
          const epoch = it.epoch
          fail.set(`${it.device} ${it.epoch}`, it.diskFull && it.waits)
          const result = gate.batch(it.device, epoch, packed({ type: 'batch', epoch, events })).then(
            ({ ack }) => ({ sent: it, acked: ack.seq === it.from + it.length - 1 }),
            (cause) => {
              assert.equal(cause.code, 'server.busy')
              return { sent: it, acked: false }
            },
          )
          under.push(result)
          if (it.waits) await result
        }
        const results = await Promise.all(under)
        await gate.idle()

        const stored = await storedIn(stream)
        const key = ({ record }: Stored) => {
          assert.ok(record.type === 'event')
          return `${record.device} ${record.epoch} ${record.event.seq} ${record.conflict ? record.event.id : ''}`
        }
        const keys = stored.map(key)
        assert.equal(new Set(keys).size, keys.length, 'a number, or a conflict, is stored once')
        const ids = new Set(
          stored.map(({ record }) => record.type === 'event' && `${record.device} ${record.epoch} ${record.event.id}`),
        )
        for (const { sent, acked } of results.filter((it) => it.acked)) {
          assert.ok(acked)
          for (let seq = sent.from; seq < sent.from + sent.length; seq++)
            assert.ok(
              ids.has(`${sent.device} ${sent.epoch} ${event(seq, sent.edition).id}`),
              'what is acknowledged is stored',
            )
        }
        for (const [spool, seq] of durable) {
          const [device, epoch] = spool.split(' ') as [string, string]
          assert.equal(seq, await stream.acked(device, Number(epoch)), 'what is remembered is what the stream knows')
        }
        assert.equal(gate.reserve(LIMITS.inFlightBytes), true, 'no memory stays reserved')
      }),
      { numRuns: 200 },
    )
  })

  it("delivers published records in the stream's order, even while batches are being stored", async () => {
    const { gate, stream, delivered } = open()
    const work: Promise<unknown>[] = []
    for (let seq = 1; seq <= 50; seq++) {
      work.push(gate.batch(DEVICES[seq % 2]!, 1, packed({ type: 'batch', epoch: 1, events: [event(seq)] })))
      work.push(gate.publish([{ type: 'clock', time: 1_763_800_000_000 + seq }]))
    }
    await Promise.all(work)
    const stored = await storedIn(stream)
    assert.equal(stored.length, 100)
    assert.deepEqual(
      delivered,
      stored.filter((it) => it.record.type === 'clock'),
    )
  })

  it('resolves a publication when it is durable and delivered', async () => {
    const { gate, delivered } = open()
    const { first, last, duplicates } = await gate.publish([{ type: 'clock', time: 1_763_800_000_000 }])
    assert.deepEqual([first, last, duplicates], [1, 1, []])
    assert.deepEqual(
      delivered.map((it) => it.position),
      [1],
    )
  })

  it('delivers nothing twice, and nothing of a failed publication', async () => {
    const { gate, delivered, fail } = open()
    const login = feedLine('0195b2c0-0000-7000-8000-000000000001')
    const other = feedLine('0195b2c0-0000-7000-8000-000000000002')
    await gate.publish([login])
    assert.deepEqual((await gate.publish([login, other])).duplicates, [0])
    fail.set('clock', true)
    const refused = gate.publish([{ type: 'clock', time: 1_763_800_000_000 }])
    fail.set('clock', false)
    const after = gate.publish([{ type: 'clock', time: 1_763_800_000_001 }])
    await assert.rejects(refused, { code: 'server.busy' })
    await after
    assert.deepEqual(delivered, [
      { position: 1, record: login },
      { position: 2, record: other },
      { position: 3, record: { type: 'clock', time: 1_763_800_000_001 } },
    ])
  })

  it('continues when a delivery fails', async () => {
    const { gate, stream } = open({
      delivered() {
        throw new Error('a bug in a projection')
      },
    })
    for (const time of [1, 2]) await gate.publish([{ type: 'clock', time: 1_763_800_000_000 + time }])
    assert.equal(await stream.last(), 2)
  })

  it('takes nothing of laptops while the disk is full, and records that are not theirs', async () => {
    const { gate, stream } = open({ isFull: () => true })
    const frame = packed({ type: 'batch', epoch: 1, events: [event(1)] })
    await assert.rejects(gate.batch('d-1', 1, frame), { code: 'server.busy' })
    await gate.publish([{ type: 'clock', time: 1_763_800_000_000 }])
    assert.equal(await stream.last(), 1)
  })

  it('a laptop that has used up its bytes is told when to come back; others go on, and nothing is lost', async () => {
    let at = 1_763_800_000_000
    const { gate } = open({ now: () => at, limits: { ...LIMITS, bytesPerDay: 86_400 * 100, bytesBurst: 100 } })
    const frame = (seq: number) => packed({ type: 'batch', epoch: 1, events: [event(seq)] })
    assert.equal((await gate.batch('d-1', 1, frame(1))).events, 1)
    const refused = await gate.batch('d-1', 1, frame(2)).catch((cause) => cause)
    assert.equal(refused.code, 'rate.exceeded')
    assert.ok(refused.facts.retryAfterMs > 0)
    assert.equal((await gate.batch('d-2', 1, frame(1))).events, 1)
    at += refused.facts.retryAfterMs
    assert.equal((await gate.batch('d-1', 1, frame(2))).events, 1)
  })

  it('says that it cannot store until it can again', async () => {
    const { gate, fail } = open()
    fail.set('clock', true)
    await assert.rejects(gate.publish([{ type: 'clock', time: 1_763_800_000_000 }]), { code: 'server.busy' })
    assert.equal(gate.isStoring, false)
    fail.set('clock', false)
    await gate.publish([{ type: 'clock', time: 1_763_800_000_001 }])
    assert.equal(gate.isStoring, true)
  })

  it('acknowledges a batch without anything to store, and lets other devices have a turn', async () => {
    const { gate, stream, durable, counted } = open({ limits: { ...LIMITS, evidencePerHour: 0 } })
    let turns = 0
    setImmediate(() => turns++)
    const junk = [{ seq: 5 }, { seq: 9 }]
    const { ack, events } = await gate.batch('d-1', 1, packed({ type: 'batch', epoch: 1, events: junk }))
    assert.deepEqual([ack.seq, ack.rejected.length, events, turns], [9, 2, 0, 1])
    assert.equal(await counter(counted, 'tellwire_evidence_capped_total'), 2)
    // Acknowledged, but not in the stream: noting it would look like a loss later.
    assert.deepEqual([await stream.acked('d-1', 1), durable.get('d-1 1')], [0, undefined])
  })

  it('waits until what a laptop sent beyond its rate is paid, before its next batch', async () => {
    const waits: number[] = []
    const { gate, stream } = open({
      now: () => 0,
      cpuMs: () => 0,
      sleep: async (ms) => void waits.push(ms),
      limits: { ...LIMITS, eventsPerSecond: 2_000, eventsBurst: 100 },
    })
    const frame = (first: number) =>
      packed({ type: 'batch', epoch: 1, events: Array.from({ length: 100 }, (_, n) => event(first + n)) })
    for (const first of [1, 101, 201]) await gate.batch('d-1', 1, frame(first))
    await gate.batch('d-2', 1, frame(1))
    // Each batch counts as 105 events, of which 5 and then 110 are beyond the burst, at 2 a millisecond.
    assert.deepEqual([waits, await stream.last()], [[3, 55], 400])
  })

  it('charges for the processor time that a batch takes, also when it is refused', async () => {
    let cpu = 0
    const waits: number[] = []
    const { gate } = open({
      now: () => 0,
      cpuMs: () => (cpu += 400),
      sleep: async (ms) => void waits.push(ms),
      limits: { ...LIMITS, eventsPerSecond: 2_000, eventsBurst: 20_000 },
    })
    await assert.rejects(gate.batch('d-1', 1, packed('[')), { code: 'batch.malformed' })
    await gate.batch('d-1', 1, packed({ type: 'batch', epoch: 1, events: [event(1)] }))
    await gate.batch('d-2', 1, packed({ type: 'batch', epoch: 1, events: [event(1)] }))
    // 400 ms count as 80,000 events, of which 60,000 beyond the burst take 30 s; the batch itself counts as five.
    assert.deepEqual(waits, [30_003])
  })

  it('counts as duplicates what the stream has and the history does not yet', async () => {
    const { gate, stream, counted } = open({ history: { bySeq: async () => null } })
    const frame = packed({ type: 'batch', epoch: 1, events: [event(1), event(2)] })
    assert.equal((await gate.batch('d-1', 1, frame)).events, 2)
    assert.equal((await gate.batch('d-1', 1, frame)).events, 0)
    assert.equal(await stream.last(), 2)
    assert.equal(await counter(counted, 'tellwire_events_accepted_total'), 2)
    assert.equal(await counter(counted, 'tellwire_events_duplicate_total'), 2)
  })
})

const { limits: LIMITS } = Config.parse({ dataFolder: 'x' })

const POLICY = {
  version: 1,
  salt: '00000000',
  off: [],
  on: [],
  watchedRoots: [],
  spoolBytes: 1_048_576,
  spoolDays: 1,
}

function feedLine(id: string): RecordedOf<'feed'> {
  const time = 1_763_800_000_000
  const event = { category: 'sanctions_match', id, List: 'OFAC', ListDate: '', EntryId: '1', Score: 1, Field: 'name' }
  return RecordedFeed.parse({ type: 'feed', worker: 'w1', time, event })
}

function open(over: Partial<AdmissionDeps> = {}) {
  const { stream: memory, history } = memoryTelemetry()
  /** By device and epoch, or type: whether its next write fails. */
  const fail = new Map<string, boolean>()
  const stream: Stream = {
    ...memory,
    async publish(records, rejected) {
      const [first] = records
      if (first?.type === 'event' && fail.get(`${first.device} ${first.epoch}`)) throw new Fault('store.unwritable')
      if (first && fail.get(first.type)) throw new Fault('store.unwritable')
      // Takes a turn of the event loop, as a disk does; positions keep the order of the calls.
      const published = await memory.publish(records, rejected)
      await new Promise((resolve) => setImmediate(resolve))
      return published
    },
  }
  const delivered: Stored[] = []
  const durable = new Map<string, number>()
  const counted = metrics()
  const gate = new Admission({
    stream,
    history,
    delivered: (stored) => void delivered.push(...stored),
    durable: (device, epoch, seq) => void durable.set(`${device} ${epoch}`, seq),
    recognise: () => undefined,
    policy: () => POLICY,
    isFull: () => false,
    limits: LIMITS,
    now: Date.now,
    cpuMs: () => 0,
    random: () => 0,
    sleep: async () => {},
    metrics: counted,
    log: QUIET,
    ...over,
  })
  return { gate, stream, delivered, durable, counted, fail }
}
