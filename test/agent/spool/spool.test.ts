import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { crc32 } from 'node:zlib'
import { frame, readFrames } from '../../../agent/spool/frames.ts'
import type { Disk, Spool } from '../../../agent/spool/spool.ts'
import { Event } from '../../../wire/event.ts'
import { Fault } from '../../../wire/fault.ts'
import { DAY } from '../../../wire/time.ts'
import { notTested } from '../../not-tested.ts'
import { connectionTo, disk, gapsIn, leaseAll, NOW, openSpool, removeFolder, temporaryFolder } from '../laptop.ts'

const HEADER_BYTES = 16

describe('agent/spool/spool', () => {
  let folder = ''
  beforeEach(() => {
    folder = temporaryFolder()
  })
  afterEach(() => removeFolder(folder))

  const segments = (of = folder) =>
    readdirSync(of)
      .filter((name) => name.endsWith('.seg'))
      .sort()

  it('numbers events without gaps, valid by the wire schema', async () => {
    const spool = openSpool(folder)
    for (let port = 1; port <= 3; port++) spool.append(connectionTo(port))
    await spool.flush()
    const events = leaseAll(spool)
    assert.deepEqual(
      events.map((it) => [it.seq, Event.safeParse(it).success]),
      [
        [1, true],
        [2, true],
        [3, true],
      ],
    )
    assert.match(events[0]!.id, /^[0-9a-f]{8}-[0-9a-f]{4}-7/)
    await spool.close()
  })

  it('leases only what is durable', async () => {
    const spool = openSpool(folder)
    spool.append(connectionTo(1))
    assert.deepEqual(leaseAll(spool), [])
    await spool.flush()
    spool.append(connectionTo(2))
    await new Promise(setImmediate) // in the kernel now, but not durable
    assert.deepEqual(
      leaseAll(spool).map((it) => it.seq),
      [1],
    )
    await spool.close()
  })

  it('a reopened spool leases again what was not acknowledged, with the same ids', async () => {
    const first = openSpool(folder)
    for (let port = 1; port <= 5; port++) first.append(connectionTo(port))
    await first.flush()
    const before = leaseAll(first)
    first.commit(2)
    await first.close()
    const again = openSpool(folder)
    assert.equal(again.epoch, first.epoch)
    assert.deepEqual(leaseAll(again), before.slice(2))
    assert.deepEqual(leaseAll(again), [])
    again.rollback()
    assert.deepEqual(leaseAll(again), before.slice(2))
    await again.close()
  })

  it('a lease stays within its limits, but returns at least one event', async () => {
    const spool = openSpool(folder)
    for (let port = 1; port <= 10; port++) spool.append(connectionTo(port))
    await spool.flush()
    assert.equal(spool.lease(3, 1_000_000).length, 3)
    assert.equal(spool.lease(500, 1).length, 1)
    assert.deepEqual(
      spool.lease(500, 1_000_000).map((it) => it.seq),
      [5, 6, 7, 8, 9, 10],
    )
    await spool.close()
  })

  it('knows the next number without any segment', async () => {
    const spool = openSpool(folder, { segmentBytes: 1_000, kept: { bytes: 0, ms: 0 } })
    for (let port = 1; port <= 40; port++) {
      spool.append(connectionTo(port))
      await spool.flush()
    }
    assert.ok(segments().length > 5, `${segments().length} segments`)
    leaseAll(spool)
    spool.commit(40)
    assert.equal(spool.unsent, 0)
    await spool.close()
    for (const name of segments()) assert.ok(Number(name.slice(0, 16)) > 36, `${name} is left`)
    for (const name of segments()) truncateSync(join(folder, name), 0)
    const again = openSpool(folder)
    assert.equal(again.last, 40)
    assert.deepEqual(leaseAll(again), [])
    await again.close()
  })

  it('an ack beyond the last number counts up to the last number', async () => {
    const spool = openSpool(folder)
    spool.append(connectionTo(1))
    await spool.flush()
    spool.commit(1_000)
    spool.append(connectionTo(2))
    await spool.flush()
    assert.deepEqual(
      leaseAll(spool).map((it) => it.seq),
      [2],
    )
    await spool.close()
  })

  it('one process per folder; a dead process holds no lock', async () => {
    const spool = openSpool(folder)
    assert.throws(
      () => openSpool(folder),
      (error) => error instanceof Fault && error.code === 'agent.running',
    )
    await spool.close()
    writeFileSync(join(folder, 'lock'), `${process.pid} 1 another-boot`)
    await openSpool(folder).close()
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.startsWith('lock')),
      [],
    )
  })

  describe('damage', () => {
    let intact = ''
    let ends: number[] = []
    beforeEach(async () => {
      intact = join(folder, 'intact')
      const spool = openSpool(intact)
      for (let port = 1; port <= 4; port++) spool.append(connectionTo(port))
      await spool.close()
      const frames = [...readFrames(readFileSync(join(intact, segments(intact)[0]!)).subarray(HEADER_BYTES))]
      ends = frames.map((it) => it.end + HEADER_BYTES)
      assert.equal(ends.length, 4)
    })

    it('truncated at every byte: complete events survive, no number is used twice, the loss is reported', async () => {
      const size = statSync(join(intact, segments(intact)[0]!)).size
      for (let cut = 0; cut <= size; cut++) {
        const torn = join(folder, `torn-${cut}`)
        cpSync(intact, torn, { recursive: true })
        truncateSync(join(torn, segments(intact)[0]!), cut)
        const survivors = ends.filter((end) => end <= cut).length
        const spool = openSpool(torn)
        spool.append(connectionTo(99))
        await spool.flush()
        const events = leaseAll(spool)
        const expected = Array.from({ length: survivors }, (_, index) => index + 1)
        const lost = 4 - survivors
        assert.deepEqual(
          events.map((it) => it.seq),
          [...expected, 5, ...(lost > 0 ? [6] : [])],
          `cut at ${cut}`,
        )
        assert.deepEqual(
          gapsIn(events).map((it) => [it.About, it.Reason, it.Count]),
          lost > 0 ? [['spool', 'unparsed', lost]] : [],
        )
        await spool.close()
        removeFolder(torn)
      }
    })

    it('a flipped bit at any byte of a segment damages at most one event, and is reported', async () => {
      const name = segments(intact)[0]!
      const size = statSync(join(intact, name)).size
      for (let at = 0; at < size; at++) {
        const flipped = join(folder, `flipped-${at}`)
        cpSync(intact, flipped, { recursive: true })
        flip(join(flipped, name), at)
        const hit = at < HEADER_BYTES ? 0 : ends.findIndex((end) => at < end) + 1
        const spool = openSpool(flipped)
        await spool.flush()
        await spool.flush()
        const events = leaseAll(spool)
        const rest = [1, 2, 3, 4].filter((seq) => seq !== hit)
        assert.deepEqual(
          events.map((it) => it.seq),
          hit ? [...rest, 5] : rest,
          `flipped at ${at}`,
        )
        assert.deepEqual(
          gapsIn(events).map((it) => [it.About, it.Count]),
          hit ? [['spool', 1]] : [],
        )
        await spool.close()
        removeFolder(flipped)
      }
    })

    it('a flipped bit at any byte of the cursor has no effect', async () => {
      const size = statSync(join(intact, 'cursor')).size
      for (let at = 0; at < size; at++) {
        const flipped = join(folder, `flipped-${at}`)
        cpSync(intact, flipped, { recursive: true })
        flip(join(flipped, 'cursor'), at)
        const spool = openSpool(flipped)
        assert.deepEqual(
          leaseAll(spool).map((it) => it.seq),
          [1, 2, 3, 4],
          `flipped at ${at}`,
        )
        assert.equal(spool.last, 4)
        await spool.close()
        removeFolder(flipped)
      }
    })

    const edits: [what: string, edit: (folder: string) => void][] = [
      ['a clock before 1970 in the cursor', (it) => editCursor(it, 44, -1)],
      ['a clock without end in the cursor', (it) => editCursor(it, 44, Number.POSITIVE_INFINITY)],
      ['a time since boot that is no number', (it) => editCursor(it, 52, Number.NaN)],
      ['a last number beyond all numbers', (it) => editCursor(it, 24, 2 ** 53)],
      ['a negative acknowledged number', (it) => editCursor(it, 16, -3)],
      ['more acknowledged than ever was', (it) => editCursor(it, 16, NOW)],
      ['half an epoch', (it) => editCursor(it, 8, 0.5)],
      ['a turn without end', (it) => editCursor(it, 0, Number.POSITIVE_INFINITY)],
      ['a frame with the highest number', (it) => appendFrame(it, frame(2 ** 48 - 1, NOW, '{}'))],
      ['a frame from the far future', (it) => appendFrame(it, frame(1_000, 2 ** 48 - 1, '{}'))],
      ['a segment named with the highest number', (it) => writeFileSync(join(it, `${'9'.repeat(16)}.seg`), '')],
    ]
    for (const [what, edit] of edits)
      it(`somebody wrote ${what}, with a right checksum: the spool still takes, keeps and sends events`, async () => {
        edit(intact)
        const spool = openSpool(intact)
        const before = spool.last
        assert.ok(spool.append(connectionTo(9)))
        await spool.flush()
        assert.equal(spool.last, spool.synced)
        assert.ok(Number.isSafeInteger(spool.epoch) && spool.last > before && spool.last < 1_000)
        assert.equal(leaseAll(spool).at(-1)?.seq, spool.last)
        await spool.close()
      })

    it('what is no file, such as a folder or a pipe, is left alone', async function () {
      mkdirSync(join(intact, 'folder.tmp'))
      mkdirSync(join(intact, '0000000000099998.seg'))
      if (spawnSync('mkfifo', [join(intact, '0000000000099999.seg')]).status !== 0)
        notTested(this, 'mkfifo is not installed')
      const spool = openSpool(intact)
      assert.equal(spool.last, ends.length)
      await spool.close()
    })

    it('without a cursor, epoch and number come from the segments', async () => {
      const { epoch } = await closed(intact)
      writeFileSync(join(intact, 'cursor'), 'garbage')
      const spool = openSpool(intact)
      assert.deepEqual([spool.epoch, spool.last, leaseAll(spool).length], [epoch, 4, 4])
      await spool.close()
    })
  })

  it('kill -9 at any moment keeps every durable event', async function () {
    this.timeout(120_000)
    for (let round = 0; round < 10; round++) {
      const child = spawn(process.execPath, [join(import.meta.dirname, 'spool-writer.ts'), folder])
      const exited = new Promise((resolve) => child.once('exit', resolve))
      let durable = 0
      for await (const line of createInterface({ input: child.stdout })) {
        durable = Math.max(durable, Number(line))
        if (durable > (round + 1) * 400 + round * 37) child.kill('SIGKILL')
      }
      await exited
      const spool = openSpool(folder)
      const seqs = leaseAll(spool).map((it) => it.seq!)
      assert.ok(durable > 0 && seqs.length >= durable, `${durable} were durable, ${seqs.length} are there`)
      assert.deepEqual(
        seqs,
        Array.from({ length: seqs.length }, (_, index) => index + 1),
      )
      assert.equal(spool.last, seqs.length)
      await spool.close()
    }
  })

  describe('full', () => {
    it('drops the lowest priority first, oldest first, and reports the number', async () => {
      const maxBytes = 100_000
      const spool = openSpool(folder, { segmentBytes: 8_192, maxBytes })
      for (let n = 1; n <= 300; n++) {
        spool.append(n % 10 === 0 ? disk(`disk ${n}`) : connectionTo(n))
        if (n % 5 === 0) await spool.flush()
      }
      await spool.flush()
      await spool.flush()
      assert.ok(spool.unsentBytes <= maxBytes, `${spool.unsentBytes} bytes`)
      const events = leaseAll(spool)
      assert.equal(events.filter((it) => it.category === 'volume_mounted').length, 30)
      const ports = events.flatMap((it) => (it.category === 'network_connection' ? [it.DestinationPort] : []))
      assert.equal(ports.at(-1), 299)
      const dropped = 270 - ports.length
      assert.ok(dropped > 0 && ports[0]! > dropped, `${dropped} dropped, the oldest remaining is ${ports[0]}`)
      const gaps = gapsIn(events).map((it) => [it.About, it.Reason, it.Count])
      assert.equal(
        gaps.reduce((sum, [, , count]) => sum + Number(count), 0),
        dropped,
      )
      assert.ok(gaps.every(([about, reason]) => about === 'network_connection' && reason === 'overflow'))
      assert.deepEqual(spool.dropped, { network_connection: dropped })
      await spool.close()
    })

    it('does not drop events in flight', async () => {
      const spool = openSpool(folder, { segmentBytes: 4_096, maxBytes: 50_000 })
      for (let n = 1; n <= 100; n++) spool.append(connectionTo(n))
      await spool.flush()
      assert.equal(spool.lease(20, 1_048_576).length, 20)
      for (let n = 101; n <= 200; n++) {
        spool.append(connectionTo(n))
        await spool.flush()
      }
      spool.rollback()
      assert.deepEqual(
        leaseAll(spool)
          .slice(0, 20)
          .map((it) => it.seq),
        Array.from({ length: 20 }, (_, index) => index + 1),
      )
      await spool.close()
    })

    it('keeps high priorities while others arrive faster than they are dropped', async () => {
      const spool = openSpool(folder, { segmentBytes: 4_000, maxBytes: 40_000 })
      spool.append(disk('kept'))
      for (let round = 0; round < 40; round++) {
        const flushing = spool.flush()
        // Each time that eviction yields to the event loop, more events arrive.
        for (let turn = 0; turn < 5; turn++) {
          for (let n = 0; n < 20; n++) spool.append(connectionTo(n))
          await new Promise((resolve) => setImmediate(resolve))
        }
        await flushing
      }
      assert.ok((spool.dropped.network_connection ?? 0) > 1_000)
      assert.deepEqual(Object.keys(spool.dropped), ['network_connection'])
      await spool.close()
    })

    it('drops and reports events that are too old', async () => {
      let up = 0
      const spool = openSpool(folder, { segmentBytes: 2_000, booted: () => up, maxAgeMs: 7 * DAY })
      for (let n = 1; n <= 20; n++) spool.append(connectionTo(n))
      await spool.flush()
      up += 8 * DAY
      spool.append(disk('new'))
      await spool.flush()
      await spool.flush()
      await spool.flush()
      const events = leaseAll(spool)
      assert.deepEqual(
        events.map((it) => it.category),
        ['volume_mounted', 'collection_gap'],
      )
      assert.deepEqual(
        gapsIn(events).map((it) => [it.About, it.Count]),
        [['network_connection', 20]],
      )
      await spool.close()
    })
  })

  describe('a failing disk', () => {
    const diskError = (code: string) => Object.assign(new Error(code), { code })
    const flaky = (): Disk & { failsWrite: string | null; failsSync: string | null; shortBytes: number } => ({
      failsWrite: null,
      failsSync: null,
      shortBytes: 0,
      write(fd, bytes, at) {
        if (this.failsWrite) writeSync(fd, bytes, 0, Math.min(this.shortBytes, bytes.length), at)
        if (this.failsWrite) throw diskError(this.failsWrite)
        writeSync(fd, bytes, 0, bytes.length, at)
      },
      async sync() {
        if (this.failsSync) throw diskError(this.failsSync)
      },
    })

    for (const code of ['ENOSPC', 'EIO']) {
      it(`${code} on write: keeps events in memory, and writes them later`, async () => {
        const disk = flaky()
        const spool = openSpool(folder, { disk })
        spool.append(connectionTo(1))
        await spool.flush()
        Object.assign(disk, { failsWrite: code, shortBytes: 100 })
        for (let n = 2; n <= 50; n++) spool.append(connectionTo(n))
        await spool.flush()
        assert.deepEqual([spool.trouble, spool.synced], [code, 1])
        disk.failsWrite = null
        await spool.flush()
        assert.deepEqual([spool.trouble, spool.synced], [null, 50])
        assert.deepEqual(
          leaseAll(spool).map((it) => it.seq),
          Array.from({ length: 50 }, (_, index) => index + 1),
        )
        await spool.close()
      })

      it(`${code} on sync: writes events again to another segment, without duplicates`, async () => {
        const disk = flaky()
        const spool = openSpool(folder, { disk })
        spool.append(connectionTo(1))
        await spool.flush()
        disk.failsSync = code
        for (let n = 2; n <= 5; n++) spool.append(connectionTo(n))
        await spool.flush()
        spool.append(connectionTo(6))
        await spool.flush()
        assert.deepEqual([spool.trouble, spool.synced, leaseAll(spool).length], [code, 1, 1])
        disk.failsSync = null
        await spool.flush()
        assert.deepEqual(
          leaseAll(spool).map((it) => it.seq),
          [2, 3, 4, 5, 6],
        )
        await spool.close()
        const again = openSpool(folder)
        assert.deepEqual(
          leaseAll(again).map((it) => it.seq),
          [1, 2, 3, 4, 5, 6],
        )
        await again.close()
      })
    }

    it('counts what does not fit into memory, and reports it later', async () => {
      const disk = flaky()
      const spool = openSpool(folder, { disk })
      disk.failsWrite = 'ENOSPC'
      let refused = 0
      for (let n = 0; n < 20_000; n++) if (!spool.append(connectionTo(n % 65_536))) refused++
      await spool.flush()
      assert.ok(refused > 0)
      disk.failsWrite = null
      await spool.flush()
      await spool.flush()
      const events = leaseAll(spool)
      assert.deepEqual(
        gapsIn(events).map((it) => [it.About, it.Reason, it.Count]),
        [['network_connection', 'overflow', refused]],
      )
      assert.equal(events.length, 20_000 - refused + 1)
      // The numbers of the refused ones are missing, so that the server misses as many as are counted.
      const kept = Array.from({ length: 20_000 - refused }, (_, index) => index + 1)
      assert.deepEqual(
        events.map((it) => it.seq),
        [...kept, 20_001],
      )
      await spool.close()
    })

    it('a kill while it fails: the next start counts what was in memory only, and uses none of its numbers', async () => {
      const disk = flaky()
      const spool = openSpool(folder, { disk })
      spool.append(connectionTo(1))
      await spool.flush()
      disk.failsWrite = 'ENOSPC'
      for (let n = 2; n <= 40; n++) spool.append(connectionTo(n))
      await spool.flush()
      for (let n = 41; n <= 50; n++) spool.append(connectionTo(n))
      const next = await killed(folder)
      next.spool.append(connectionTo(51))
      // Killed again before the first flush: what was numbered then must not hide the loss before it.
      const last = await killed(next.folder)
      const events = leaseAll(last.spool)
      assert.deepEqual(
        events.map((it) => it.seq),
        [1, 51, 52],
      )
      assert.deepEqual(
        gapsIn(events).map((it) => [it.About, it.Reason, it.Count]),
        [['spool', 'unparsed', 49]],
      )
      disk.failsWrite = null
      for (const it of [spool, next.spool, last.spool]) await it.close()
      for (const it of [next.folder, last.folder]) removeFolder(it)
    })

    /** A spool as it is after a kill of the process that has this folder: what the kernel has, and no lock. */
    async function killed(of: string): Promise<{ folder: string; spool: Spool }> {
      await new Promise((resolve) => setImmediate(resolve))
      const copy = temporaryFolder()
      cpSync(of, copy, { recursive: true, filter: (path) => !path.endsWith('lock') })
      return { folder: copy, spool: openSpool(copy) }
    }
  })
})

function flip(path: string, at: number): void {
  const bytes = readFileSync(path)
  bytes[at] = bytes[at]! ^ (1 << (at % 8))
  writeFileSync(path, bytes)
}

async function closed(folder: string): Promise<{ epoch: number }> {
  const spool = openSpool(folder)
  await spool.close()
  return { epoch: spool.epoch }
}

/** Writes a number into both slots of the cursor, and makes their checksums right again. */
function editCursor(folder: string, at: number, value: number): void {
  const path = join(folder, 'cursor')
  const bytes = Buffer.alloc(1_024)
  readFileSync(path).copy(bytes)
  for (const slot of [bytes.subarray(0, 512), bytes.subarray(512)]) {
    slot.writeDoubleLE(value, at)
    slot.writeUInt32LE(crc32(slot.subarray(0, 32)), 32)
    slot.writeUInt32LE(crc32(slot.subarray(0, 60)), 60)
  }
  writeFileSync(path, bytes)
}

function appendFrame(folder: string, bytes: Buffer): void {
  const segment = readdirSync(folder)
    .filter((name) => name.endsWith('.seg'))
    .sort()
    .at(-1)!
  appendFileSync(join(folder, segment), bytes)
}
