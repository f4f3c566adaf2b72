/**
 * Damage is always reported: whatever happens to the files of a killed or stopped server, each acknowledged record is
 * read unchanged, or its position is reported; the server opens, or refuses with one fault; no position is assigned
 * twice.
 */
import assert from 'node:assert/strict'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { lineOf } from '../../../../server/store/segment.ts'
import { columnsOf } from '../../../../server/store/sqlite/note-columns.ts'
import { openTelemetry } from '../../../../server/store/sqlite/telemetry.ts'
import { TelemetryWriter } from '../../../../server/store/sqlite/telemetry-writer.ts'
import type { Stored } from '../../../../server/store/stream.ts'
import { Fault } from '../../../../wire/fault.ts'
import { temporaryFolder } from '../folder.ts'
import { batch, gather, HOUR, mixed, rejectedEvent, sameRecords, T0 } from '../samples.ts'

const DB = 'telemetry.db'
const WAL = 'telemetry.db-wal'
const MARK = 'telemetry.mark'
/** When its writer empties it. */
const WAL_BYTES = 4_194_304
const PAGE = 4_096

/** Evenly over a file, without its first and last byte. */
const places = (count: number) => Array.from({ length: count }, (_, index) => (index + 0.5) / count)
const percent = (at: number) => `${(at * 100).toFixed(1)} %`

/** A server's folder after a kill, its acknowledged records, and the highest number of each device. */
interface Scene {
  folder: string
  acknowledged: Stored[]
  acked: Map<string, number>
}

describe('damage to telemetry.db', function () {
  this.timeout(120_000)
  const { folder: root, remove } = temporaryFolder()
  let killed: Scene
  let stopped: Scene
  let held: Scene
  let work = 0

  before(async () => {
    killed = await scene(join(root, 'killed'), false)
    stopped = await scene(join(root, 'stopped'), true)
    held = await heldScene(join(root, 'held'))
  })
  after(() => remove())

  const damages: { name: string; of: 'killed' | 'stopped' | 'held'; damage(folder: string): void; least: Outcome }[] = [
    { name: 'nothing', of: 'killed', damage: () => {}, least: 'whole' },
    { name: 'nothing', of: 'stopped', damage: () => {}, least: 'whole' },
    { name: 'nothing', of: 'held', damage: () => {}, least: 'whole' },
    { name: 'WAL gone', of: 'held', damage: (it) => rmSync(join(it, WAL)), least: 'reported' },
    { name: 'the mark gone', of: 'killed', damage: (it) => rmSync(join(it, MARK)), least: 'whole' },
    { name: 'the mark empty', of: 'killed', damage: (it) => truncateSync(join(it, MARK), 0), least: 'whole' },
    { name: 'a byte of the mark flipped', of: 'killed', damage: (it) => flip(join(it, MARK), 0.3), least: 'whole' },
    { name: 'WAL gone', of: 'killed', damage: (it) => rmSync(join(it, WAL)), least: 'reported' },
    { name: 'WAL empty', of: 'killed', damage: (it) => truncateSync(join(it, WAL), 0), least: 'reported' },
    { name: 'WAL and half of the mark', of: 'killed', damage: loseWalAndHalfTheMark, least: 'reported' },
    { name: 'database gone', of: 'killed', damage: (it) => rmSync(join(it, DB)), least: 'reported' },
    { name: 'database gone', of: 'stopped', damage: (it) => rmSync(join(it, DB)), least: 'reported' },
    { name: 'database empty', of: 'stopped', damage: (it) => truncateSync(join(it, DB), 0), least: 'reported' },
    ...places(12).map((at) => ({
      name: `WAL cut at ${percent(at)}`,
      of: 'killed' as const,
      damage: (it: string) => cut(join(it, WAL), at),
      least: 'reported' as const,
    })),
    ...places(48).map((at) => ({
      name: `WAL flipped at ${percent(at)}`,
      of: 'killed' as const,
      damage: (it: string) => flip(join(it, WAL), at),
      least: 'whole' as const,
    })),
    ...places(40).map((at) => ({
      name: `WAL flipped at ${percent(at)}`,
      of: 'held' as const,
      damage: (it: string) => flip(join(it, WAL), at),
      least: 'reported' as const,
    })),
    ...places(12).map((at) => ({
      name: `WAL with a page of zeros at ${percent(at)}`,
      of: 'killed' as const,
      damage: (it: string) => zero(join(it, WAL), at),
      least: 'whole' as const,
    })),
    ...places(12).map((at) => ({
      name: `database cut at ${percent(at)}`,
      of: 'stopped' as const,
      damage: (it: string) => cut(join(it, DB), at),
      least: 'reported' as const,
    })),
    ...places(80).map((at) => ({
      name: `database flipped at ${percent(at)}`,
      of: 'stopped' as const,
      damage: (it: string) => flip(join(it, DB), at),
      least: 'whole' as const,
    })),
    ...places(80).map((at) => ({
      name: `database with a page of zeros at ${percent(at)}`,
      of: 'stopped' as const,
      damage: (it: string) => zero(join(it, DB), at),
      least: 'whole' as const,
    })),
  ]
  for (const { name, of, damage, least } of damages) {
    it(`${of}: ${name}`, async () => {
      const from = { killed, stopped, held }[of]
      const folder = copied(from.folder, join(root, `work-${++work}`))
      damage(folder)
      const outcome = await opened(folder, from)
      if (least !== 'whole') assert.notEqual(outcome, 'whole')
      if (name === 'nothing' || name.startsWith('the mark') || name.startsWith('a byte of the mark'))
        assert.equal(outcome, 'whole')
      rmSync(folder, { recursive: true })
    })
  }

  it('a stream that lost its newest commits reports them once, and continues after them', async () => {
    const folder = copied(killed.folder, join(root, 'lost'))
    cut(join(folder, WAL), 0.5)
    const last = killed.acknowledged.length
    const open = await openTelemetry({ folder, now: () => T0 })
    const { missing } = open.stream
    assert(missing)
    assert.equal(missing.upTo, last)
    assert.equal(missing.fault.code, 'store.damaged')
    assert.equal(missing.fault.where, join(folder, DB))
    assert.match(missing.fault.detail ?? '', new RegExp(`Positions ${missing.after + 1} to ${last} are missing`))
    const kept = killed.acknowledged.slice(0, missing.after)
    const faults: Fault[] = []
    const onDamaged = (fault: Fault) => void faults.push(fault)
    sameRecords(await gather(open.stream.read(0, { onDamaged })), kept)
    assert.deepEqual(
      faults.map(({ facts }) => [facts.first, facts.last]),
      [[missing.after + 1, last]],
    )
    assert.match(faults[0]?.detail ?? '', /2026-11-22T09:00:00.000Z/)
    await assert.rejects(gather(open.stream.read(0)), { code: 'store.damaged' })

    // The laptops send the lost events again: they are stored once.
    const acked = await open.stream.acked('d1', 7)
    assert(acked < killed.acked.get('d1')!)
    const again = await open.stream.publish(batch('d1', 1, killed.acked.get('d1')!))
    assert.equal(again.first, last + 1)
    assert.equal(again.duplicates.length, acked)
    await open.close()

    const later = await openTelemetry({ folder })
    assert.equal(later.stream.missing, null)
    assert.deepEqual(
      (await gather(later.stream.read(last))).map((it) => it.position),
      Array.from({ length: again.last - last }, (_, index) => last + 1 + index),
    )
    // Once the records around the hole are deleted because of their age, it is not reported any more.
    await later.stream.trim(T0 + HOUR)
    sameRecords(await gather(later.stream.read(0)), kept.filter(outlives))
    await later.close()
  })

  it('a lost commit without a record is reported as well', async () => {
    const folder = join(root, 'refused')
    const open = await openTelemetry({ folder })
    await open.stream.publish(batch('d1', 1, 3))
    copyFileSync(join(folder, WAL), join(root, 'wal'))
    await open.stream.publish([], [rejectedEvent('d1', 4, { epoch: 7 })])
    const image = copied(folder, join(root, 'refused-killed'))
    await open.close()
    copyFileSync(join(root, 'wal'), join(image, WAL))
    const again = await openTelemetry({ folder: image })
    assert.deepEqual([again.stream.missing?.after, again.stream.missing?.upTo], [3, 3])
    assert.match(again.stream.missing?.fault.detail ?? '', /Refused events/)
    assert.equal(await again.stream.acked('d1', 7), 3)
    assert.equal((await again.stream.publish(batch('d1', 4, 1))).first, 4)
    await again.close()
  })

  it('a database of another stream is reported, and positions continue after both', async () => {
    const folder = copied(killed.folder, join(root, 'other'))
    for (const it of [DB, WAL]) rmSync(join(folder, it))
    const other = await openTelemetry({ folder: join(root, 'another') })
    await other.stream.publish(batch('d1', 1, 5))
    await other.close()
    copyFileSync(join(root, 'another', DB), join(folder, DB))
    const open = await openTelemetry({ folder })
    const last = killed.acknowledged.length
    assert.deepEqual([open.stream.missing?.after, open.stream.missing?.upTo], [0, last])
    assert.equal((await open.stream.publish(batch('d1', 6, 1))).first, last + 1)
    await open.close()
  })

  it('a read-only instance reports it too', async () => {
    const folder = copied(killed.folder, join(root, 'read-only'))
    cut(join(folder, WAL), 0.5)
    const open = await openTelemetry({ folder, readOnly: true })
    const { missing } = open.stream
    assert.equal(missing?.upTo, killed.acknowledged.length)
    const faults: Fault[] = []
    const found = await gather(open.stream.read(0, { onDamaged: (it) => void faults.push(it) }))
    sameRecords(found, killed.acknowledged.slice(0, missing?.after))
    assert.deepEqual(
      faults.map(({ facts }) => [facts.first, facts.last]),
      [[(missing?.after ?? 0) + 1, missing?.upTo]],
    )
    await open.close()
  })
})

type Outcome = 'whole' | 'reported' | 'refused'

/** Commits of every kind: small and large, some that fold, refused events, records of every type. */
async function scene(folder: string, isStopped: boolean): Promise<Scene> {
  const live = `${folder}-live`
  const open = await openTelemetry({ folder: live })
  for (const from of [0, 500, 1_000, 1_500]) await open.stream.publish(mixed(2_000).slice(from, from + 500))
  for (let seq = 1; seq <= 700; seq += 7) {
    await open.stream.publish(batch('d1', seq, 7), [rejectedEvent('d2', seq, { epoch: 7 })])
  }
  const acknowledged = await gather(open.stream.read(0))
  const acked = new Map([
    ['d1', await open.stream.acked('d1', 7)],
    ['d2', await open.stream.acked('d2', 7)],
  ])
  if (isStopped) await open.close()
  copied(live, folder)
  if (!isStopped) await open.close()
  return { folder, acknowledged, acked }
}

/**
 * A WAL that could not be emptied because of a reader: a part of it is already in the database. Truncated within that
 * part, it takes the database back to a state that never existed.
 */
async function heldScene(folder: string): Promise<Scene> {
  const live = `${folder}-live`
  const open = await openTelemetry({ folder: live })
  const wal = join(live, WAL)
  const sizes = { atReading: 0, atEnd: 0 }
  const database = statSync(join(live, DB)).size
  const reader = new DatabaseSync(join(live, DB), { readOnly: true })
  for (let seq = 1; sizes.atEnd < 1.4 * WAL_BYTES; seq += 4) {
    await open.stream.publish(batch(`d${1 + (seq % 2)}`, seq, 4))
    sizes.atEnd = statSync(wal).size
    if (sizes.atReading > 0 || sizes.atEnd < 0.6 * WAL_BYTES) continue
    reader.exec('begin')
    reader.prepare('select count(*) from journal').get()
    sizes.atReading = sizes.atEnd
  }
  const acknowledged = await gather(open.stream.read(0))
  const acked = new Map<string, number>()
  for (const device of ['d1', 'd2']) acked.set(device, await open.stream.acked(device, 7))
  copied(live, folder)
  assert(statSync(join(folder, DB)).size > database, 'a part of the WAL is in the database')
  reader.close()
  await open.close()
  return { folder, acknowledged, acked }
}

/** Opens the folder as a server does, reads everything, and compares it with what was acknowledged. */
async function opened(folder: string, { acknowledged, acked }: Scene): Promise<Outcome> {
  let missing: { after: number; upTo: number } | null
  let spools: { device: string; epoch: number; seq: number }[] = []
  const last = acknowledged.length
  try {
    const writer = new TelemetryWriter({ folder, maxPages: undefined, now: T0 })
    missing = writer.missing
    spools = writer.marks().spools.filter((it) => it.epoch === 7)
    for (const { device, seq } of spools) assert(seq <= acked.get(device)!, `${device} never sent number ${seq}`)
    const more = batch('d9', 1, 3)
    const call = { lines: more.map(lineOf).join('\n'), columns: columnsOf(more), count: 3, rejected: [] }
    const committed = damagedOrNot(() => writer.commit([call]))
    if (committed) assert.equal(committed.results[0]?.first, last + 1, 'a position is assigned twice')
    writer.close()
  } catch (cause) {
    faultOf(cause)
    return 'refused'
  }

  const faults: Fault[] = []
  const onDamaged = (fault: Fault) => void faults.push(faultOf(fault))
  const open = await openTelemetry({ folder, readOnly: true })
  const { stream, history } = open
  const found = (await orFault(faults, gather(stream.read(0, { onDamaged })), [])).filter((it) => it.position <= last)
  for (const it of found) assert.deepEqual(it, acknowledged[it.position - 1], 'a record has changed')
  const here = new Set(found.map((it) => it.position))
  const isReported = (position: number) =>
    faults.some(({ facts: { first, last } }) => Number(first) <= position && position <= Number(last)) ||
    faults.some(({ facts }) => facts.first === undefined)
  const silent = acknowledged.find(({ position }) => !here.has(position) && !isReported(position))
  assert.equal(silent, undefined, `position ${silent?.position} is missing without a report`)
  assert(here.size === last || faults.length > 0)
  // Lost events are sent again only if their numbers do not count as received.
  const highest = new Map<string, number>()
  for (const { record } of found)
    if (record.type === 'event' && record.epoch === 7) highest.set(record.device, record.event.seq ?? 0)
  for (const { device, seq } of spools)
    if (missing && highest.has(device)) assert.equal(seq, highest.get(device), `${device} does not send again`)

  for (const ask of [
    () => history.events({}, 10_000, { onDamaged }),
    () => history.counts({}),
    () => history.bySeq('d1', 7, 350),
    () => history.rejected('d2', 10),
    () => history.rejectedTotals(['d2']),
    () => gather(history.scan({ categories: ['process_creation'], after: 0, upTo: last }, { onDamaged })),
    () => stream.acked('d1', 7),
    () => stream.digest(1),
  ])
    await orFault(faults, Promise.resolve().then<unknown>(ask), null)
  await open.close()
  return missing === null && faults.length === 0 ? 'whole' : 'reported'
}

function faultOf(cause: unknown): Fault {
  assert(cause instanceof Fault, `a raw error: ${cause}`)
  assert.equal(cause.code, 'store.damaged', cause.message)
  assert(cause.where && cause.detail)
  return cause
}

function damagedOrNot<T>(work: () => T): T | null {
  try {
    return work()
  } catch (cause) {
    faultOf(cause)
    return null
  }
}

async function orFault<T>(faults: Fault[], work: Promise<T>, instead: T): Promise<T> {
  try {
    return await work
  } catch (cause) {
    faults.push(faultOf(cause))
    return instead
  }
}

function outlives({ record }: Stored): boolean {
  return record.type !== 'event' && record.type !== 'connection'
}

function copied(from: string, to: string): string {
  mkdirSync(to)
  for (const it of [DB, WAL, MARK]) if (existsSync(join(from, it))) copyFileSync(join(from, it), join(to, it))
  return to
}

function flip(file: string, at: number): void {
  const bytes = readFileSync(file)
  const index = Math.floor(bytes.length * at)
  bytes[index] = bytes[index]! ^ 0x10
  writeFileSync(file, bytes)
}

function cut(file: string, at: number): void {
  truncateSync(file, Math.floor(readFileSync(file).length * at))
}

function zero(file: string, at: number): void {
  const bytes = readFileSync(file)
  const index = Math.floor((bytes.length * at) / PAGE) * PAGE
  writeFileSync(file, bytes.fill(0, index, index + PAGE))
}

function loseWalAndHalfTheMark(folder: string): void {
  rmSync(join(folder, WAL))
  flip(join(folder, MARK), 0.7)
}
