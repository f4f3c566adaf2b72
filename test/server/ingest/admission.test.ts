import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Config } from '../../../server/config.ts'
import { admission } from '../../../server/ingest/admission.ts'
import { policyInForce, serverKeys } from '../../../server/ingest/keys.ts'
import { metrics } from '../../../server/metrics.ts'
import { memoryLog, memoryState } from '../../../server/store/memory/memory.ts'
import type { Stored, TelemetryLog } from '../../../server/store/state.ts'
import { Fault } from '../../../wire/fault.ts'
import { event, packed, QUIET } from './raw-agent.ts'

const DEVICES = ['d-1', 'd-2']

/** One batch on its way: cut, repeated and reordered as the network and a restarted agent may, or worse. */
const sending = fc.record({
  device: fc.constantFrom(...DEVICES),
  epoch: fc.constantFrom(1, 2),
  from: fc.integer({ min: 1, max: 12 }),
  length: fc.integer({ min: 1, max: 8 }),
  /** 0 is the true event; another edition claims the number for another event. */
  edition: fc.constantFrom(0, 0, 0, 1),
  diskFull: fc.boolean(),
  /** False: the next batch is sent while this one is still being stored. */
  waits: fc.boolean(),
})

describe('admission', () => {
  it('never loses an acknowledged event and never doubles one, whatever is retried, split, reordered or failed', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(sending, { minLength: 1, maxLength: 25 }), async (sendings) => {
        const { gate, log, delivered, fail } = open()
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

        const stored: Stored[] = []
        for await (const it of log.read()) stored.push(it)
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
        assert.deepEqual(delivered, stored, 'what is stored is handed on once, in order')
        assert.equal(gate.reserve(LIMITS.inFlightBytes), true, 'no memory stays reserved')
      }),
      { numRuns: 200 },
    )
  })

  it('hands lines of others on in the order of the log, also while batches are being stored', async () => {
    const { gate, log, delivered } = open()
    const work = []
    for (let seq = 1; seq <= 50; seq++) {
      work.push(gate.batch(DEVICES[seq % 2]!, 1, packed({ type: 'batch', epoch: 1, events: [event(seq)] })))
      work.push(gate.append([{ type: 'clock', time: 1_763_800_000_000 + seq }]))
    }
    await Promise.all(work)
    await gate.idle()
    assert.equal(log.last(), 100)
    assert.deepEqual(
      delivered.map((it) => it.position),
      Array.from({ length: 100 }, (_, index) => index + 1),
    )
  })

  it('goes on when what was delivered could not be judged', async () => {
    const { gate, log } = open(() => {
      throw new Error('a bug in a deriver')
    })
    for (const seq of [1, 2]) {
      const { ack, delivered } = await gate.batch('d-1', 1, packed({ type: 'batch', epoch: 1, events: [event(seq)] }))
      await delivered
      assert.equal(ack.seq, seq)
    }
    assert.equal(log.last(), 2)
  })
})

const { limits: LIMITS } = Config.parse({ dataFolder: 'x' })

function open(deliver?: () => void) {
  const memory = memoryLog()
  /** By device and epoch: is the disk full for it just now? */
  const fail = new Map<string, boolean>()
  const log: TelemetryLog = {
    ...memory,
    async append(records, rejected) {
      // A turn of the loop, as a disk takes; the order of calls stays the order of positions.
      const [first] = records
      if (first?.type === 'event' && fail.get(`${first.device} ${first.epoch}`)) throw new Fault('store.unwritable')
      const result = await memory.append(records, rejected)
      await new Promise((resolve) => setImmediate(resolve))
      return result
    },
  }
  const delivered: Stored[] = []
  const state = memoryState()
  const keys = serverKeys(state, () => Buffer.alloc(32))
  const policy = policyInForce(state, keys, { off: [], on: [], watchedRoots: [] })
  const gate = admission({
    log,
    deliver: deliver ?? ((stored) => void delivered.push(...stored)),
    recognise: () => undefined,
    policy: () => policy,
    limits: LIMITS,
    now: Date.now,
    random: () => 0,
    sleep: async () => {},
    metrics: metrics(),
    says: QUIET,
  })
  return { gate, log, delivered, fail }
}
