import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { Spool } from '../../../agent/spool/spool.ts'
import { FrameQueue, pack } from '../../../agent/uplink/frame-queue.ts'
import { Fault } from '../../../wire/fault.ts'
import type { Ack } from '../../../wire/messages.ts'
import { connectionTo, openSpool, removeFolder, temporaryFolder } from '../laptop.ts'

const oneTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1)

describe('agent/uplink/frame-queue', () => {
  let folder = ''
  let spool: Spool
  beforeEach(() => {
    folder = temporaryFolder()
    spool = openSpool(folder)
  })
  afterEach(async () => {
    await spool.close()
    removeFolder(folder)
  })
  async function append(events: number): Promise<void> {
    for (let n = 0; n < events; n++) spool.append(connectionTo(n))
    await spool.flush()
  }
  const sent = (queue: FrameQueue) => queue.next().flatMap(({ events }) => events.map(({ seq }) => seq))
  const ack = (seq: number, credit: number, epoch = spool.epoch): Ack => ({
    type: 'ack',
    epoch,
    seq,
    rejected: [],
    credit,
  })

  it('sends no more than the credit, and continues when an ack renews it', async () => {
    await append(30)
    const queue = new FrameQueue(spool, 20)
    assert.deepEqual([sent(queue), sent(queue)], [oneTo(20), []])
    queue.acknowledge(ack(20, 7))
    assert.deepEqual([sent(queue), spool.acked], [[21, 22, 23, 24, 25, 26, 27], 20])
  })

  it('has no waiting time once everything is acknowledged', async () => {
    await append(3)
    const queue = new FrameQueue(spool, 20)
    assert.equal(queue.waitedMs, 0)
    sent(queue)
    assert.ok(queue.waitedMs > 0)
    queue.acknowledge(ack(3, 20))
    assert.equal(queue.waitedMs, 0)
  })

  for (const { name, seq, epoch } of [
    { name: 'a number that was never sent', seq: 4, epoch: 0 },
    { name: 'another epoch', seq: 2, epoch: 1 },
  ])
    it(`rejects an ack of ${name}`, async () => {
      await append(10)
      const queue = new FrameQueue(spool, 3)
      sent(queue)
      assert.throws(
        () => queue.acknowledge(ack(seq, 3, spool.epoch + epoch)),
        (error) => error instanceof Fault && error.code === 'wire.unexpected',
      )
      assert.equal(spool.acked, 0)
    })

  it('splits events that do not fit into one frame', () => {
    const events = Array.from({ length: 40 }, (_, index) => ({
      seq: index + 1,
      text: Buffer.from(JSON.stringify({ noise: randomBytes(20_000).toString('base64') })),
    }))
    const frames = pack(1, events)
    assert.ok(frames.length > 1 && frames.every(({ bytes }) => bytes.length <= 262_144))
    assert.deepEqual(
      frames.flatMap((it) => it.events.map(({ seq }) => seq)),
      oneTo(40),
    )
  })
})
