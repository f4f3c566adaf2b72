import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import { openTelemetry } from '../../../../server/store/sqlite/telemetry.ts'
import type { OnDamage, Stream } from '../../../../server/store/stream.ts'
import type { Fault } from '../../../../wire/fault.ts'
import { temporaryFolder } from '../folder.ts'
import { historySuite } from '../history.suite.ts'
import { batch, feedLine, gather, processEvent, range, recorded, T0 } from '../samples.ts'
import { streamSuite } from '../stream.suite.ts'

streamSuite('stream in SQLite', async () => {
  const { folder, remove } = temporaryFolder()
  let open = await openTelemetry({ folder })
  return {
    stream: open.stream,
    async reopen() {
      await open.close()
      open = await openTelemetry({ folder })
      return open.stream
    },
    async done() {
      await open.close()
      remove()
    },
  }
})

historySuite('history in SQLite', async () => {
  const { folder, remove } = temporaryFolder()
  let open = await openTelemetry({ folder })
  const under = {
    stream: open.stream,
    history: open.history,
    async reopen() {
      await open.close()
      open = await openTelemetry({ folder })
      under.stream = open.stream
      under.history = open.history
    },
    async done() {
      await open.close()
      remove()
    },
  }
  return under
})

describe('telemetry in SQLite, when things go wrong', () => {
  let folder: string
  let remove: () => void
  beforeEach(() => {
    ;({ folder, remove } = temporaryFolder())
  })
  afterEach(() => remove())

  it('after each of ten kill -9, every acknowledged record is stored once, without gaps', async function () {
    this.timeout(120_000)
    const promised: string[] = []
    for (let kill = 0; kill < 10; kill++) {
      const child = startChild(folder)
      // Each kill comes at another point of filling and folding the journal.
      promised.push(...(await linesUntil(child, 3 + kill * 7)))
      const log = await openTelemetry({ folder })
      const found = await verified(log.stream)
      for (const line of promised) {
        const [device, , first, last, position] = line.split(' ')
        for (let seq = Number(first); seq <= Number(last); seq++) {
          assert.equal(found.get(`${device} ${seq}`), Number(position) + seq - Number(first), `kill ${kill}: ${line}`)
        }
      }
      await log.close()
    }
    assert(promised.length >= 10 * 3, 'the child did append')
  })

  it('a second process reads while the first writes', async function () {
    this.timeout(120_000)
    const child = startChild(folder)
    const lines = createInterface({ input: child.stdout! })
    await once(lines, 'line')
    const reader = await openTelemetry({ folder, readOnly: true })
    for (let look = 0, before = 0; look < 5; look++) {
      const found = await verified(reader.stream)
      assert(found.size >= before)
      assert((await reader.stream.acked('d1', 7)) >= [...found.keys()].filter((it) => it.startsWith('d1 ')).length)
      before = found.size
      await once(lines, 'line')
    }
    await assert.rejects(reader.stream.publish(batch('d9', 1, 1)), { code: 'store.unwritable' })
    await reader.close()
    child.kill('SIGKILL')
    await once(child, 'exit')
  })

  it('a read-only instance follows the commits of another thread', async () => {
    const writer = await openTelemetry({ folder })
    const reader = await openTelemetry({ folder, readOnly: true })
    assert.equal(reader.stream.id, writer.stream.id)
    let after = 0
    for (let first = 1; first <= 2_500; first += 50) {
      const { last } = await writer.stream.publish(batch('d1', first, 50))
      assert.equal(await reader.stream.last(), last)
      const blocks: number[][] = []
      for await (const block of reader.stream.read(after)) blocks.push(block.map((it) => it.position))
      assert.deepEqual(blocks, [range(after + 1, last + 1)], 'one block, and nothing twice')
      assert.equal(await reader.stream.digest(last), await writer.stream.digest(last))
      after = last
    }
    await reader.close()
    await writer.close()
  })

  it('a read-only instance notifies listeners', async () => {
    const writer = await openTelemetry({ folder })
    const reader = await openTelemetry({ folder, readOnly: true })
    const heard = new Promise<number>((resolve) => reader.stream.onPublished(resolve))
    await writer.stream.publish(batch('d1', 1, 5))
    assert.equal(await heard, 5)
    await reader.close()
    await writer.close()
  })

  it('a read during close fails as refused, not as damaged', async () => {
    const open = await openTelemetry({ folder })
    for (let first = 1; first <= 4_000; first += 1_000) await open.stream.publish(batch('d1', first, 1_000))
    const faults: Fault[] = []
    const onDamaged = (it: Fault) => void faults.push(it)
    const refused = assert.rejects(gather(open.stream.read(0, { onDamaged })), { code: 'store.unwritable' })
    await open.close()
    await refused
    await assert.rejects(open.stream.digest(1), { code: 'store.unwritable' })
    assert.deepEqual(faults, [])
  })

  it('stays open until stream and history are closed', async () => {
    const { stream, history } = await openTelemetry({ folder })
    await stream.publish(batch('d1', 1, 5))
    await stream.close()
    await stream.close()
    assert.equal((await history.events({}, 10)).length, 5)
    await history.close()
    await (await openTelemetry({ folder })).close()
  })

  it('refuses a second writer, and accepts it after the first is closed', async () => {
    const first = await openTelemetry({ folder })
    await assert.rejects(openTelemetry({ folder }), { code: 'server.running' })
    await first.stream.publish(batch('d1', 1, 1))
    await first.close()
    const second = await openTelemetry({ folder })
    assert.equal(await second.stream.last(), 1)
    await second.close()
  })

  it('a full disk refuses a call, stores nothing of it, and accepts smaller calls later', async () => {
    const log = await openTelemetry({ folder, maxPages: 100 })
    await log.stream.publish(batch('d1', 1, 10))
    const large = Array.from({ length: 400 }, (_, index) => recorded('d1', processEvent(11 + index, noise(index))))
    await assert.rejects(log.stream.publish(large), (fault: Fault) => {
      assert.equal(fault.code, 'store.unwritable')
      assert.equal(fault.where, folder)
      assert.match(fault.detail ?? '', /full/)
      return true
    })
    assert.equal(await log.stream.last(), 10)
    assert.equal(await log.stream.acked('d1', 7), 10)
    assert.deepEqual(await log.stream.publish(batch('d1', 11, 5)), { first: 11, last: 15, duplicates: [] })
    assert.equal((await verified(log.stream)).size, 15)
    await log.close()

    const roomier = await openTelemetry({ folder })
    assert.deepEqual(await roomier.stream.publish([...large, ...batch('d1', 411, 1_000)]), {
      first: 16,
      last: 1_410,
      duplicates: [0, 1, 2, 3, 4],
    })
    assert.equal((await verified(roomier.stream)).size, 1_410)
    await roomier.close()
  })

  const damages = [
    {
      name: 'a changed byte',
      damage: () =>
        edit('update segments set lines = substr(lines, 1, 500) || zeroblob(1) || substr(lines, 502) where first = 1'),
    },
    { name: 'a page that SQLite cannot follow', damage: () => breakPages(1) },
  ]
  for (const { name, damage } of damages) {
    it(`a damaged segment is reported, and reading continues after it: ${name}`, async () => {
      const log = await openTelemetry({ folder })
      await log.stream.publish(batch('d1', 1, 1_000))
      await log.stream.publish(batch('d1', 1_001, 1_000))
      await log.stream.publish(batch('d1', 2_001, 10))
      await log.close()
      damage()

      const again = await openTelemetry({ folder })
      assert.deepEqual(await again.stream.publish(batch('d1', 1_999, 13)), {
        first: 2_011,
        last: 2_011,
        duplicates: range(0, 12),
      })
      await assert.rejects(positions(again.stream), (fault: Fault) => {
        assert.equal(fault.code, 'store.damaged')
        assert.equal(fault.facts.segment, 1)
        return true
      })
      const faults: Fault[] = []
      const onDamaged = (fault: Fault) => void faults.push(fault)
      assert.deepEqual(await positions(again.stream, { onDamaged }), range(1_001, 2_012))
      assert.equal((await again.history.events({ devices: ['d1'] }, 5_000, { onDamaged })).length, 1_011)
      assert.deepEqual(
        faults.map((it) => it.facts.segment),
        [1, 1],
      )
      await assert.rejects(again.history.bySeq('d1', 7, 5), { code: 'store.damaged' })
      assert.equal((await again.history.bySeq('d1', 7, 1_005))?.seq, 1_005)
      await again.close()
    })
  }

  it('a damaged journal row does not affect the others', async () => {
    const log = await openTelemetry({ folder })
    for (const first of [1, 11, 21]) await log.stream.publish(batch('d1', first, 10))
    await log.close()
    edit('update journal set lines = zeroblob(20) where first = 11')

    const again = await openTelemetry({ folder })
    assert.equal(await again.stream.acked('d1', 7), 30)
    assert.deepEqual((await again.stream.publish(batch('d1', 31, 2_000))).first, 31)
    await assert.rejects(positions(again.stream), { code: 'store.damaged' })
    assert.deepEqual(await positions(again.stream, { onDamaged: () => {} }), [...range(1, 11), ...range(21, 2_031)])
    assert.equal(
      (await again.history.counts({})).reduce((sum, it) => sum + it.events, 0),
      2_020,
    )
    await again.close()
  })

  it('upgrades a file of the first version', async () => {
    const log = await openTelemetry({ folder })
    await log.stream.publish(batch('d1', 1, 3))
    await log.close()
    edit(`drop table feed_ids; drop table facts; drop table contents; drop table landmarks;
      alter table streams drop column sum; pragma user_version = 1`)
    const reader = await openTelemetry({ folder, readOnly: true })
    assert.deepEqual(await positions(reader.stream), [1, 2, 3])
    await reader.close()
    for (const duplicates of [[1], [0, 1]]) {
      const again = await openTelemetry({ folder })
      assert.deepEqual((await again.stream.publish([feedLine('one'), feedLine('one')])).duplicates, duplicates)
      await again.close()
    }
  })

  const openings = [
    { name: 'a newer version', code: 'store.newer', prepare: () => edit('pragma user_version = 99') },
    {
      name: 'a file that is not a database',
      code: 'store.damaged',
      prepare: () => writeFileSync(join(folder, 'telemetry.db'), 'x'.repeat(8_192)),
    },
  ]
  for (const { name, code, prepare } of openings) {
    it(`refuses ${name}`, async () => {
      prepare()
      await assert.rejects(openTelemetry({ folder }), { name: 'Fault', code })
      await assert.rejects(openTelemetry({ folder, readOnly: true }), { name: 'Fault', code })
    })
  }

  it('reports a missing file', async () => {
    await assert.rejects(openTelemetry({ folder, readOnly: true }), { code: 'store.missing' })
  })

  it('reports a folder that cannot be created', async () => {
    writeFileSync(join(folder, 'file'), '')
    await assert.rejects(openTelemetry({ folder: join(folder, 'file', 'data') }), { code: 'store.unwritable' })
  })

  it('completes calls made before close, and refuses later ones', async () => {
    const log = await openTelemetry({ folder })
    const appends = range(0, 20).map((index) => log.stream.publish(batch('d1', index * 100 + 1, 100)))
    await log.close()
    assert.equal((await Promise.all(appends)).at(-1)?.last, 2_000)
    await assert.rejects(log.stream.publish(batch('d1', 2_001, 1)), { code: 'store.unwritable' })
    await log.close()
  })

  /** Makes the overflow page in the middle of a segment point to a page that does not exist. */
  function breakPages(segment: number): void {
    const file = join(folder, 'telemetry.db')
    const db = new DatabaseSync(file)
    const { lines } = db.prepare('select lines from segments where first = ?').get(segment) as { lines: Uint8Array }
    db.close()
    const bytes = readFileSync(file)
    const middle = bytes.indexOf(lines.subarray(9_000, 9_032))
    assert.notEqual(middle, -1)
    bytes.writeUInt32BE(0xffffff, middle - (middle % 4_096))
    writeFileSync(file, bytes)
  }

  function edit(sql: string): void {
    const db = new DatabaseSync(join(folder, 'telemetry.db'))
    db.exec(sql)
    db.close()
  }
})

function startChild(folder: string): ChildProcess {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'telemetry-child.ts'), folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return child
}

/** Kills the child after `count` lines, and returns all lines it had printed by then. */
async function linesUntil(child: ChildProcess, count: number): Promise<string[]> {
  let printed = ''
  child.stdout!.setEncoding('utf8').on('data', (text: string) => {
    printed += text
    if (printed.split('\n').length > count) child.kill('SIGKILL')
  })
  await once(child, 'close')
  assert.equal(child.signalCode, 'SIGKILL')
  return printed.split('\n').slice(0, -1)
}

/** The position of each (device, seq). Fails when a position is missing, or a number is repeated or out of order. */
async function verified(stream: Stream): Promise<Map<string, number>> {
  const found = new Map<string, number>()
  const highest = new Map<string, number>()
  let expected = 1
  for (const { position, record } of await gather(stream.read(0))) {
    assert.equal(position, expected++)
    assert(record.type === 'event')
    const { device, event } = record
    assert.equal(event.seq, (highest.get(device) ?? 0) + 1)
    highest.set(device, event.seq!)
    found.set(`${device} ${event.seq}`, position)
  }
  return found
}

async function positions(stream: Stream, damage: OnDamage = {}): Promise<number[]> {
  return (await gather(stream.read(0, damage))).map((it) => it.position)
}

/** Text that does not compress, so that few events fill the disk. */
function noise(seed: number) {
  let state = T0 + seed
  const next = () => (state = (state * 48_271) % 2_147_483_647)
  return { CommandLine: Array.from({ length: 2_000 }, () => String.fromCharCode(33 + (next() % 90))).join('') }
}
