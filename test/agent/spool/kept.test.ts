/** Acknowledged events are kept for some time, and sent again to a server that has lost them. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import {
  cpSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { crc32 } from 'node:zlib'
import type { KeptLimits } from '../../../agent/spool/eviction.ts'
import { readFrames } from '../../../agent/spool/frames.ts'
import type { Spool, SpoolOptions } from '../../../agent/spool/spool.ts'
import type { Category, EventOf } from '../../../wire/event.ts'
import { HOUR } from '../../../wire/time.ts'
import { connectionTo, disk, gapsIn, leaseAll, openSpool, removeFolder, temporaryFolder } from '../laptop.ts'

const seqs = (events: readonly { seq: number | null }[]) => events.map(({ seq }) => seq)
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index)

describe('agent/spool/spool: acknowledged events', () => {
  let folder = ''
  let up = 0
  let spool: Spool
  beforeEach(() => {
    folder = temporaryFolder()
    up = 0
  })
  afterEach(async () => {
    await spool.close()
    removeFolder(folder)
  })

  const open = (options: Partial<SpoolOptions> = {}): Spool => {
    spool = openSpool(folder, { segmentBytes: 1_000, booted: () => up, ...options })
    return spool
  }
  const reopen = async (options: Partial<SpoolOptions> = {}): Promise<void> => {
    await spool.close()
    open(options)
    await spool.flush()
  }
  const files = (of = folder) =>
    readdirSync(of)
      .filter((name) => /\.(seg|kept)$/.test(name))
      .sort()

  /** Appends in segments of about three events. */
  async function append(events: number): Promise<void> {
    for (let n = 0; n < events; n++) {
      spool.append(connectionTo(spool.last + 1))
      await spool.flush()
    }
  }
  async function acknowledge(upTo: number): Promise<void> {
    leaseAll(spool)
    spool.commit(upTo)
    await spool.flush()
  }

  it('are kept for 48 h, not sent, and then deleted', async () => {
    open()
    await append(20)
    await acknowledge(20)
    assert.deepEqual([spool.unsent, spool.unsentBytes, leaseAll(spool)], [0, 0, []])
    assert.ok(spool.keptBytes > 5_000, `${spool.keptBytes} bytes are kept`)
    up += 47 * HOUR
    await append(1)
    assert.ok(spool.keptBytes > 5_000, `${spool.keptBytes} bytes are kept after 47 h`)
    up += HOUR
    await append(1)
    assert.equal(spool.keptBytes, 0)
    assert.deepEqual(seqs(leaseAll(spool)), [21, 22])
  })

  it('are deleted oldest first beyond the limit of bytes', async () => {
    open({ kept: { bytes: 4_000, ms: HOUR } })
    await append(40)
    await acknowledge(40)
    assert.ok(spool.keptBytes <= 4_000 && spool.keptBytes > 2_500, `${spool.keptBytes} bytes`)
    spool.rewind(0)
    await spool.flush()
    const held = leaseAll(spool).filter((it) => it.category === 'network_connection')
    assert.deepEqual(seqs(held), range(held[0]!.seq!, 40))
  })

  it('are leased again after a rewind, with the same ids, before new events', async () => {
    open()
    await append(20)
    const before = leaseAll(spool)
    await acknowledge(20)
    await append(3)
    assert.deepEqual(spool.rewind(8), { resendable: 12, lost: 0 })
    assert.deepEqual([spool.acked, spool.unsent], [8, 15])
    const again = leaseAll(spool)
    assert.deepEqual(again.slice(0, 12), before.slice(8))
    assert.deepEqual(seqs(again.slice(12)), [21, 22, 23])
    assert.deepEqual(gapsIn(again), [])
    assert.deepEqual(leaseAll(spool), [])
  })

  for (const { name, stored, lost } of [
    { name: 'a number older than those that are kept', stored: 5, lost: 'some' },
    { name: '0, because the server does not know the spool', stored: 0, lost: 'some' },
    { name: 'a number that is kept', stored: 36, lost: 'none' },
  ])
    it(`rewound to ${name}: kept events are leased, and lost ones are counted once`, async () => {
      open({ kept: { bytes: 4_000, ms: HOUR } })
      await append(40)
      await acknowledge(40)
      const rewound = spool.rewind(stored)
      await spool.flush()
      const events = leaseAll(spool)
      const held = events.filter((it) => it.category === 'network_connection')
      assert.equal(held.at(-1)!.seq, 40)
      assert.deepEqual(rewound, { resendable: held.length, lost: 40 - stored - held.length })
      assert.deepEqual(
        gapsIn(events).map((it) => [it.About, it.Reason, it.Count, it.Categories.includes('usb_device')]),
        lost === 'none' ? [] : [['spool', 'overflow', rewound.lost, true]],
      )
      // The connection broke before an ack, so the server names the same number again: nothing changes.
      assert.deepEqual(spool.rewind(stored), { resendable: 0, lost: 0 })
      await reopen()
      assert.deepEqual(seqs(leaseAll(spool)), seqs(events))
    })

  it('survive a restart, together with their age', async () => {
    open()
    await append(10)
    await acknowledge(10)
    up += 40 * HOUR
    await reopen()
    assert.ok(spool.keptBytes > 2_000, `${spool.keptBytes} bytes are kept`)
    up += 8 * HOUR
    await append(1)
    await acknowledge(11)
    spool.rewind(0)
    const held = leaseAll(spool).filter((it) => it.category === 'network_connection')
    assert.equal(held.at(-1)!.seq, 11)
    assert.ok(held[0]!.seq! > 8, `${held[0]!.seq} is still there`)
  })

  it('resending continues after a restart', async () => {
    open()
    await append(20)
    await acknowledge(20)
    spool.rewind(4)
    spool.commit(spool.lease(5, 1_000_000).at(-1)!.seq)
    assert.equal(spool.acked, 9)
    await reopen()
    assert.deepEqual([spool.acked, spool.last], [9, 20])
    await append(1)
    assert.deepEqual(seqs(leaseAll(spool)), range(10, 21))
  })

  it('are within neither limit while they are resent; acknowledged again, their time starts again', async () => {
    open()
    await append(20)
    await acknowledge(20)
    spool.setLimits({ maxBytes: 3_000, maxAgeMs: 30 * 24 * HOUR })
    const kept = spool.keptBytes
    up += 47 * HOUR
    spool.rewind(2)
    spool.commit(spool.lease(3, 1_000_000).at(-1)!.seq)
    up += 47 * HOUR
    await append(3)
    assert.deepEqual(spool.dropped, {})
    assert.ok(spool.keptBytes > 5_000, `${kept} bytes were kept, now ${spool.keptBytes}`)
    await acknowledge(spool.last)
    up += 47 * HOUR
    await append(1)
    assert.ok(spool.keptBytes > 5_000, `${spool.keptBytes} bytes are kept 47 h after the second time`)
    up += HOUR
    await append(1)
    assert.equal(spool.keptBytes, 0)
  })

  it('if never acknowledged again, are dropped and counted at the maximum age of unsent events', async () => {
    open({ maxAgeMs: 7 * 24 * HOUR })
    await append(10)
    await acknowledge(10)
    spool.rewind(0)
    up += 8 * 24 * HOUR
    await append(1)
    await append(1)
    assert.ok((spool.dropped.network_connection ?? 0) >= 9, JSON.stringify(spool.dropped))
    const gaps = gapsIn(leaseAll(spool)).map((it) => [it.About, it.Reason, it.Count])
    assert.deepEqual(gaps, [['network_connection', 'overflow', spool.dropped.network_connection]])
  })

  describe('and the limit of unsent events', () => {
    it('a full spool neither drops nor counts them', async () => {
      open({ maxBytes: 12_000 })
      await append(30)
      await acknowledge(30)
      await append(100)
      assert.ok((spool.dropped.network_connection ?? 0) > 20)
      assert.ok(spool.unsentBytes > 6_000 && spool.unsentBytes <= 12_000, `${spool.unsentBytes} bytes wait`)
      spool.rewind(0)
      const events = leaseAll(spool)
      assert.deepEqual(seqs(events.slice(0, 30)), range(1, 30))
    })

    it('a segment with both is split, and the acknowledged part is kept', async () => {
      open({ maxBytes: 12_000, segmentBytes: 20_000 })
      await append(30)
      await acknowledge(20)
      spool.rollback()
      await append(60)
      assert.ok((spool.dropped.network_connection ?? 0) > 20)
      spool.rewind(0)
      const events = leaseAll(spool)
      assert.deepEqual(seqs(events.slice(0, 20)), range(1, 20))
      assert.ok(events[20]!.seq! > 21, 'the oldest unsent ones were dropped')
    })

    it('a crash during the split creates no duplicates', async () => {
      open({ segmentBytes: 20_000 })
      await append(10)
      await acknowledge(4)
      await spool.close()
      const [name] = files()
      const intact = readFileSync(join(folder, name!))
      const at = [...readFrames(intact.subarray(16))][4]!.start + 16
      writeFileSync(join(folder, '0000000000000005.seg'), Buffer.concat([intact.subarray(0, 16), intact.subarray(at)]))
      open()
      assert.deepEqual([seqs(leaseAll(spool)), spool.unsent], [range(5, 10), 6])
      spool.rewind(0)
      assert.deepEqual(seqs(leaseAll(spool)), range(1, 10))
    })

    it('deleting acknowledged events drops no unsent ones', async () => {
      open({ kept: { bytes: 1_000, ms: HOUR } })
      await append(40)
      await acknowledge(10)
      assert.deepEqual(spool.dropped, {})
      assert.deepEqual(seqs(leaseAll(spool)), [])
      spool.rollback()
      assert.deepEqual(seqs(leaseAll(spool)), range(11, 40))
    })
  })

  it('are deleted for new events on a full disk, oldest first', async () => {
    const room = 30_000
    const used = () => files().reduce((sum, name) => sum + statSync(join(folder, name)).size, 0)
    open({
      disk: {
        write(fd, bytes, at) {
          if (used() + bytes.length > room) throw Object.assign(new Error('full'), { code: 'ENOSPC' })
          writeSync(fd, bytes, 0, bytes.length, at)
        },
        sync: async () => {},
      },
    })
    await append(60)
    await acknowledge(60)
    await append(40)
    assert.deepEqual([spool.trouble, spool.dropped, spool.synced], [null, {}, 100])
    assert.deepEqual(seqs(leaseAll(spool)), range(61, 100))
    spool.rewind(0)
    const held = leaseAll(spool).filter((it) => it.category === 'network_connection')
    assert.deepEqual(seqs(held).slice(-60), range(held.at(-60)!.seq!, 100))
    for (let n = 0; n < 200; n++) spool.append(disk('more than the disk holds'))
    await spool.flush()
    assert.equal(spool.trouble, 'ENOSPC')
  })

  it('a segment with few events is closed after six hours, so that its events expire in time', async () => {
    open({ segmentBytes: 1_000_000 })
    for (let hour = 0; hour < 60; hour += 2) {
      await append(1)
      await acknowledge(spool.last)
      up += 2 * HOUR
    }
    assert.ok(files().length <= 10, files().join(' '))
    const { resendable } = spool.rewind(0)
    assert.ok(resendable >= 24 && resendable <= 28, `${resendable} of 30 events, one every two hours, are kept`)
  })

  it('reads the cursor of an older agent', async () => {
    open()
    await append(10)
    await acknowledge(6)
    await spool.close()
    const cursor = readFileSync(join(folder, 'cursor'))
    for (const slot of [cursor.subarray(0, 512), cursor.subarray(512)]) slot.fill(0, 36)
    writeFileSync(join(folder, 'cursor'), cursor)
    for (const name of files()) renameSync(join(folder, name), join(folder, `${name.slice(0, 16)}.seg`))
    open()
    assert.deepEqual([spool.acked, spool.last, seqs(leaseAll(spool))], [6, 10, range(7, 10)])
    const old = readFileSync(join(folder, 'cursor'))
    const slots = [old.subarray(0, 512), old.subarray(512)].map(
      (slot) => crc32(slot.subarray(0, 32)) === slot.readUInt32LE(32),
    )
    assert.deepEqual(slots, [true, true], 'an older agent can read the new cursor')
  })

  describe('damage', () => {
    let intact = ''
    let kept = ''
    let ends: number[] = []
    beforeEach(async () => {
      open({ segmentBytes: 100_000 })
      await append(4)
      await acknowledge(4)
      await spool.close()
      // As if the segment had been closed.
      const [name] = files()
      kept = name!.replace('.seg', `.1.kept`)
      renameSync(join(folder, name!), join(folder, kept))
      intact = folder
      folder = ''
      ends = [...readFrames(readFileSync(join(intact, kept)).subarray(16))].map((it) => it.end + 16)
      assert.equal(ends.length, 4)
    })
    afterEach(() => removeFolder(intact))

    async function rewound(name: string, harm: (path: string) => void): Promise<EventOf<Category>[]> {
      folder = `${intact}-${name}`
      cpSync(intact, folder, { recursive: true })
      harm(join(folder, kept))
      open()
      spool.rewind(0)
      await spool.flush()
      const events = leaseAll(spool)
      await spool.close()
      removeFolder(folder)
      return events
    }

    it('truncated at every byte: complete events are leased again, the rest is counted', async () => {
      for (let cut = 0; cut <= ends[3]!; cut++) {
        const survivors = ends.filter((end) => end <= cut).length
        const events = await rewound(`torn-${cut}`, (path) => truncateSync(path, cut))
        const lost = 4 - survivors
        assert.deepEqual(seqs(events), [...range(1, survivors), ...(lost > 0 ? [5] : [])], `cut at ${cut}`)
        assert.deepEqual(
          gapsIn(events).map((it) => it.Count),
          lost > 0 ? [lost] : [],
        )
      }
    })

    it('a flipped bit at any byte damages at most one event', async () => {
      for (let at = 0; at < ends[3]!; at++) {
        const hit = at < 16 ? 0 : ends.findIndex((end) => at < end) + 1
        const events = await rewound(`flipped-${at}`, (path) => {
          const bytes = readFileSync(path)
          bytes[at] = bytes[at]! ^ (1 << (at % 8))
          writeFileSync(path, bytes)
        })
        const rest = [1, 2, 3, 4].filter((seq) => seq !== hit)
        assert.deepEqual(seqs(events), hit ? [...rest, 5] : rest, `flipped at ${at}`)
        assert.deepEqual(
          gapsIn(events).map((it) => it.Count),
          hit ? [1] : [],
        )
      }
    })
  })

  for (const { name, bytes } of [
    { name: 'with unlimited space, a server that is restored repeatedly ends up with every number', bytes: 1e9 },
    { name: 'with little space, everything that it misses was counted', bytes: 6_000 },
  ])
    it(`100 random histories: ${name}`, async function () {
      this.timeout(120_000)
      for (let seed = 1; seed <= 100; seed++) {
        const { server, lost, last } = await history(seed, { bytes, ms: 1e12 })
        const missing = range(1, last).filter((seq) => !server.has(seq)).length
        assert.ok(missing <= lost, `seed ${seed}: ${missing} are missing, ${lost} were counted`)
        if (bytes === 1e9) assert.equal(lost, 0, `seed ${seed}`)
      }
    })

  /** A random sequence of appends, lost acks, restarts, backups and restores. */
  async function history(seed: number, kept: KeptLimits) {
    const random = seeded(seed)
    const below = (n: number) => Math.floor(random() * n)
    const ids = new Map<number, string>()
    let server = new Set<number>()
    let backup = new Set<number>()
    let lost = 0
    const connect = () => {
      spool.rollback()
      const stored = Math.max(0, ...server)
      if (stored < spool.acked) lost += spool.rewind(stored).lost
      else spool.commit(stored)
    }
    const send = (times: number) => {
      for (let n = 0; n < times; n++) {
        const batch = spool.lease(1 + below(9), 1_000_000).map(({ text }) => JSON.parse(String(text)))
        for (const { seq, id } of batch) {
          assert.equal(ids.get(seq) ?? id, id, `seed ${seed}: number ${seq} was used for two events`)
          ids.set(seq, id)
          server.add(seq)
        }
        if (batch.length > 0 && below(4) > 0) spool.commit(batch.at(-1).seq)
      }
    }
    folder = temporaryFolder()
    const options = { kept, segmentBytes: 1_000 + below(3_000) }
    open(options)
    for (let step = 0; step < 40; step++) {
      const action = below(8)
      if (action < 3) await append(1 + below(6))
      else if (action < 5) send(1 + below(4))
      else if (action === 5) backup = new Set(server)
      else if (action === 6) connect()
      else if (below(2) === 0) await reopen(options)
      else {
        server = new Set(backup)
        connect()
      }
    }
    connect()
    await spool.flush()
    for (let batch = -1; batch !== 0; batch = server.size - batch) {
      batch = server.size
      send(20)
      connect()
    }
    const { last } = spool
    await spool.close()
    removeFolder(folder)
    return { server, lost, last }
  }

  it('kill -9 at any moment, with a server that loses events: every acknowledged event is kept', async function () {
    this.timeout(120_000)
    for (let round = 0; round < 10; round++) {
      const child = spawn(process.execPath, [join(import.meta.dirname, 'spool-writer.ts'), folder, 'lossy'])
      const exited = new Promise((resolve) => child.once('exit', resolve))
      let acked = 0
      for await (const line of createInterface({ input: child.stdout })) {
        acked = Math.max(acked, Number(line))
        if (acked > (round + 1) * 300 + round * 37) child.kill('SIGKILL')
      }
      await exited
      open({ kept: { bytes: 1_000_000_000, ms: HOUR } })
      spool.rewind(0)
      await spool.flush()
      const events = leaseAll(spool)
      assert.ok(acked > 0 && spool.last >= acked, `${acked} were acknowledged, ${spool.last} are numbered`)
      assert.deepEqual(gapsIn(events), [])
      assert.deepEqual(seqs(events), range(1, spool.last))
      assert.equal(new Set(events.map(({ id }) => id)).size, events.length)
      spool.commit(spool.last)
      await spool.close()
    }
    open()
  })
})

/** mulberry32: 0 <= x < 1, repeatable by seed. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
