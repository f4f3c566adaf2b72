/** The tests that every engine of `Stream` passes. */
import assert from 'node:assert/strict'
import type { Stored, Stream } from '../../../server/store/stream.ts'
import type { Recorded } from '../../../wire/recording.ts'
import {
  batch,
  feedLine,
  gather,
  HOSTILE,
  HOUR,
  idOf,
  mixed,
  numbered,
  processEvent,
  range,
  recorded,
  rejectedEvent,
  T0,
} from './samples.ts'

export interface StreamUnderTest {
  stream: Stream
  /** Closes and reopens it; does nothing for an engine in memory. */
  reopen(): Promise<Stream>
  done(): Promise<void>
}

export function streamSuite(name: string, open: () => Promise<StreamUnderTest>): void {
  describe(name, () => {
    let under: StreamUnderTest
    let stream: Stream
    beforeEach(async () => {
      under = await open()
      stream = under.stream
    })
    afterEach(() => under.done())

    it('begins empty', async () => {
      assert.equal(await stream.last(), 0)
      assert.deepEqual(await gather(stream.read(0)), [])
      assert.equal(await stream.acked('d1', 7), 0)
      assert.deepEqual([await stream.digest(0), await stream.digest(1)], [null, null])
      assert.equal(stream.missing, null)
    })

    it('has an id of its own, and keeps it', async () => {
      const other = await open()
      assert.match(stream.id, /^[0-9a-f-]{32,36}$/)
      assert.notEqual(other.stream.id, stream.id)
      await other.done()
      const { id } = stream
      assert.equal((await under.reopen()).id, id)
    })

    it('assigns positions in the order of the calls, even when they share a commit', async () => {
      const published = await Promise.all([
        stream.publish(batch('d1', 1, 3)),
        stream.publish([]),
        stream.publish(batch('d2', 1, 2)),
        stream.publish(batch('d1', 4, 1)),
      ])
      assert.deepEqual(published, [
        { first: 1, last: 3, duplicates: [] },
        { first: 4, last: 3, duplicates: [] },
        { first: 4, last: 5, duplicates: [] },
        { first: 6, last: 6, duplicates: [] },
      ])
      const records = [...batch('d1', 1, 3), ...batch('d2', 1, 2), ...batch('d1', 4, 1)]
      assert.deepEqual(await gather(stream.read(0)), numbered(records))
    })

    it('keeps every type of record in order, and reads from any position', async () => {
      const records = mixed(3_700)
      for (let from = 0; from < records.length; from += 370) await stream.publish(records.slice(from, from + 370))
      const all = numbered(records)
      for (const after of [0, 1, 999, 1_000, 1_480, 3_699, 3_700, 9_999]) {
        assert.deepEqual(await gather(stream.read(after)), all.slice(after), `after ${after}`)
      }
    })

    it('reads in blocks of a few thousand, even records published one by one', async () => {
      for (const it of mixed(300)) await stream.publish([it])
      await stream.publish(batch('d9', 1, 5_000))
      const sizes: number[] = []
      for await (const block of stream.read(0)) sizes.push(block.length)
      assert(Math.max(...sizes) <= 4_000, `blocks of ${sizes}`)
      assert(sizes.length <= 10, `blocks of ${sizes}`)
    })

    it('reads up to the last position at the start of the read', async () => {
      await stream.publish(batch('d1', 1, 5))
      const reading = stream.read(0)
      await stream.publish(batch('d1', 6, 5))
      assert.deepEqual((await gather(reading)).length, 5)
    })

    it('is the same after a restart, and continues the positions', async () => {
      await stream.publish(mixed(2_500))
      await stream.publish(batch('d1', 1, 10), [rejectedEvent('d1', 11, { epoch: 7 })])
      const before = await everything(stream)
      const again = await under.reopen()
      assert.deepEqual(await everything(again), before)
      assert.deepEqual(await again.publish(batch('d1', 9, 4)), { first: 2_511, last: 2_512, duplicates: [0, 1] })
      assert.equal(await again.acked('d1', 7), 12)
    })

    it('notifies a listener until it is removed', async () => {
      const heard: number[] = []
      const done = Promise.withResolvers<void>()
      const stop = stream.onPublished((last) => {
        heard.push(last)
        if (last === 5) done.resolve()
      })
      await stream.publish(batch('d1', 1, 3))
      await stream.publish(batch('d1', 1, 3))
      await stream.publish(batch('d1', 4, 2))
      await done.promise
      stop()
      await stream.publish(batch('d1', 6, 1))
      await stream.publish(batch('d1', 7, 1))
      assert.deepEqual(heard, [3, 5])
    })

    it('notifies after the records can be read', async () => {
      const read = new Promise<Stored[]>((resolve) => stream.onPublished(() => resolve(gather(stream.read(0)))))
      await stream.publish(batch('d1', 1, 3))
      assert.deepEqual(await read, numbered(batch('d1', 1, 3)))
    })

    it('has a digest for each record, and null without a record', async () => {
      const records = mixed(1_500)
      await stream.publish(records)
      await stream.publish(batch('d1', 1, 2))
      const digests = await Promise.all(range(1, 1_503).map((it) => stream.digest(it)))
      assert.equal(new Set(digests).size, 1_502)
      for (const it of digests) assert.match(it ?? '', /^[0-9a-f]{64}$/)
      assert.deepEqual(await Promise.all([0, -1, 1_503].map((it) => stream.digest(it))), [null, null, null])
      const again = await under.reopen()
      assert.equal(await again.digest(1_502), digests.at(-1))
      // Another stream with the same record has the same digest, whatever the records around it.
      const other = await open()
      await other.stream.publish([records[1_000]!])
      assert.equal(await other.stream.digest(1), digests[1_000])
      await other.done()
    })

    for (const size of [10, 1_200]) {
      it(`stores a number once: ${size} events a call`, async () => {
        await stream.publish(batch('d1', 1, size))
        const half = size / 2
        const again = [...batch('d1', half, size), ...batch('d2', 1, 1)]
        const published = await stream.publish(again)
        assert.deepEqual(published.duplicates, range(0, half + 1))
        assert.deepEqual(published, { first: size + 1, last: size + half, duplicates: published.duplicates })
        assert.equal(await stream.acked('d1', 7), size + half - 1)
      })

      it(`stores a skipped number later: ${size} events a call`, async () => {
        const all = batch('d1', 1, size)
        const hole = all.splice(4, 1)
        await stream.publish(all)
        assert.deepEqual(await stream.publish([...hole, ...hole]), { first: size, last: size, duplicates: [1] })
        assert.equal(await stream.acked('d1', 7), size)
      })
    }

    it('stores a number once within a call and among calls that share a commit', async () => {
      const twice = [...batch('d1', 1, 2), ...batch('d1', 2, 1)]
      const published = await Promise.all([
        stream.publish(twice),
        stream.publish(batch('d1', 1, 3)),
        stream.publish(batch('d1', 3, 2)),
      ])
      assert.deepEqual(
        published.map((it) => it.duplicates),
        [[2], [0, 1], [0]],
      )
      assert.equal(await stream.last(), 4)
    })

    it('distinguishes the epochs of a spool, and takes a missing epoch as 0', async () => {
      const event = processEvent(1)
      const { epoch: _, ...withoutEpoch } = recorded('d1', event)
      const published = await stream.publish([
        recorded('d1', event, { epoch: 1 }),
        recorded('d1', event, { epoch: 2 }),
        withoutEpoch,
        recorded('d1', event, { epoch: 0 }),
      ])
      assert.deepEqual(published.duplicates, [3])
      assert.deepEqual(await Promise.all([0, 1, 2, 3].map((epoch) => stream.acked('d1', epoch))), [1, 1, 1, 0])
    })

    it('stores a conflicting event beside the first one, each once', async () => {
      await stream.publish(batch('d1', 1, 3))
      const other = recorded('d1', processEvent(2, { id: idOf('other') }), { conflict: true })
      const third = recorded('d1', processEvent(2, { id: idOf('third') }), { conflict: true })
      assert.deepEqual((await stream.publish([other, third, other])).duplicates, [2])
      assert.deepEqual((await stream.publish([third])).duplicates, [0])
      assert.equal(await stream.acked('d1', 7), 3)
      assert.equal(await stream.last(), 5)
    })

    it('stores any number of events without a number', async () => {
      const derived = recorded('d1', processEvent(null))
      assert.deepEqual(await stream.publish([derived, derived]), { first: 1, last: 2, duplicates: [] })
      assert.equal(await stream.acked('d1', 7), 0)
    })

    it('stores a feed event once, even after a restart, until it is deleted because of its age', async () => {
      const [one, two] = [feedLine('one'), feedLine('two')]
      assert.deepEqual(await stream.publish([one, two, one]), { first: 1, last: 2, duplicates: [2] })
      stream = await under.reopen()
      const again = { ...one, receivedAt: T0 + HOUR }
      assert.deepEqual(await stream.publish([again, feedLine('three')]), { first: 3, last: 3, duplicates: [0] })
      assert.equal((await gather(stream.read(0))).length, 3)
      assert.equal(await stream.trim(T0 + 1), 3)
      assert.deepEqual(await stream.publish([again]), { first: 4, last: 4, duplicates: [] })
    })

    it('counts refused events as received', async () => {
      await stream.publish(batch('d1', 1, 3), [rejectedEvent('d1', 4, { epoch: 7 }), rejectedEvent('d1', null)])
      await stream.publish([], [rejectedEvent('d1', 4, { epoch: 7 }), rejectedEvent('d2', 1)])
      assert.equal(await stream.acked('d1', 7), 4)
      assert.equal(await stream.acked('d2', 7), 0)
      assert.deepEqual((await stream.publish(batch('d1', 4, 2))).duplicates, [], 'a corrected event may still come')
    })

    it('deletes only telemetry that arrived before a time', async () => {
      const old = batch('d1', 1, 1_500)
      const contract: Recorded = { type: 'contract', worker: 'w1', from: T0, country: 'US' }
      const connection: Recorded = { type: 'connection', device: 'd1', time: T0, remoteAddress: '203.0.113.9' }
      const clock: Recorded = { type: 'clock', time: T0 }
      const fresh = batch('d1', 1_501, 1_500).map((it) => ({ ...it, receivedAt: T0 + HOUR }))
      await stream.publish([...old, contract, connection, clock])
      await stream.publish(fresh)

      assert.equal(await stream.trim(T0), 0)
      assert.equal(await stream.trim(T0 + 1), 1_501)
      assert.equal(await stream.trim(T0 + 1), 0)
      stream = await under.reopen()
      assert.deepEqual(positions(await gather(stream.read(0))), [1_501, 1_503, ...range(1_504, 3_004)])
      assert.deepEqual([await stream.digest(5), (await stream.digest(1_501))?.length], [null, 64])
      assert.deepEqual((await stream.publish(batch('d1', 5, 1))).duplicates, [0], 'it does not come back')
      assert.deepEqual(await stream.publish(batch('d1', 3_001, 1)), { first: 3_004, last: 3_004, duplicates: [] })
    })

    it('deletes old telemetry from a stream with few records', async () => {
      await stream.publish(batch('d1', 1, 10))
      assert.equal(await stream.trim(T0 + 1), 10)
      assert.deepEqual([await gather(stream.read(0)), await stream.last()], [[], 10])
    })

    for (const { name, text } of HOSTILE) {
      it(`returns hostile text unchanged: ${name}`, async () => {
        const event = processEvent(1, { CommandLine: text, User: text.slice(0, 256) })
        await stream.publish([recorded('d1', event)])
        const again = await under.reopen()
        assert.deepEqual(await gather(again.read(0)), numbered([recorded('d1', event)]))
      })
    }
  })
}

async function everything(stream: Stream) {
  return {
    id: stream.id,
    last: await stream.last(),
    digest: await stream.digest(2_300),
    stored: await gather(stream.read(0)),
    acked: await Promise.all(['d0', 'd1', 'd2'].flatMap((it) => [stream.acked(it, 7), stream.acked(it, 9)])),
  }
}

const positions = (found: readonly Stored[]) => found.map((it) => it.position)
