/** What a damaged disk, or the laptop's user, leaves in the agent's spool: a segment or a cursor. */
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { FRAME_HEAD, frame, readFrames } from '../../../agent/spool/frames.ts'
import { segmentHeader, segmentPath } from '../../../agent/spool/segment.ts'
import { below, pick, type Random } from '../../../server/simulate/random.ts'
import { Event } from '../../../wire/event.ts'
import { connectionTo, leaseAll, openSpool, removeFolder, temporaryFolder } from '../../agent/laptop.ts'
import type { Opened, Target } from '../target.ts'

const EPOCH = 77

export const spoolSegment: Target = {
  name: 'spool-segment',
  shape: 'bytes',
  dictionary: ['{"category":"network_connection"', '"seq":', '\xff\xff\xff\xff', '\0\0\0\0'],
  /** Appends a frame with a right checksum and a wrong number or text. */
  mutate(input, random) {
    const texts = [
      '',
      '{}',
      'x',
      '{"category":"',
      '{"category":"__proto__"}',
      '[]',
      '\u0000',
      '{"category":"process_creation","seq":1}',
    ]
    const seq = pick(random, [0, 1, 2, 3, 4, 5, 2 ** 31, 2 ** 32, 2 ** 48, Number.MAX_SAFE_INTEGER])
    const time = pick(random, [0, -1, 1e300, Date.UTC(2026, 10, 22), Number.MAX_SAFE_INTEGER])
    try {
      return Buffer.concat([input, frame(seq, time, pick(random, texts))])
    } catch {
      return input
    }
  },
  open: () => withSpool((folder, input) => writeFileSync(segmentPath(folder, 1), input)),
}

const DOUBLES = [0, -0, 1, -1, 0.5, Number.NaN, Infinity, -Infinity, 1e300, 2 ** 53, 2 ** 48, Date.UTC(2026, 10, 22)]

export const spoolCursor: Target = {
  name: 'spool-cursor',
  shape: 'bytes',
  /** Changes a number and makes the checksums right again. */
  mutate(input, random) {
    const bytes = Buffer.alloc(1_024)
    input.copy(bytes)
    const slot = bytes.subarray(512 * below(random, 2))
    slot.writeDoubleLE(numberFor(random), pick(random, [0, 8, 16, 24, 36, 44, 52]))
    slot.writeUInt32LE(crc32(slot.subarray(0, 32)), 32)
    slot.writeUInt32LE(crc32(slot.subarray(0, 60)), 60)
    return bytes
  },
  open: () =>
    withSpool((folder, input) => {
      writeFileSync(segmentPath(folder, 1), goodSegment())
      writeFileSync(join(folder, 'cursor'), input)
    }),
}

function numberFor(random: Random): number {
  return pick(random, DOUBLES) + pick(random, [0, 0, 1, -1])
}

function goodSegment(): Buffer {
  const frames = [1, 2, 3].map((seq) => frame(seq, Date.UTC(2026, 10, 22), textOf(seq)))
  return Buffer.concat([segmentHeader(EPOCH), ...frames])
}

function textOf(seq: number): string {
  const { category, ...rest } = connectionTo(seq)
  const id = `0195b2c0-0000-7000-8000-${String(seq).padStart(12, '0')}`
  return JSON.stringify({ category, id, seq, product: 'linux', ...rest })
}

/** The spool opens, takes new events, and numbers them above everything that it still has. */
async function withSpool(write: (folder: string, input: Buffer) => void): Promise<Opened> {
  const parent = temporaryFolder()
  let made = 0
  return {
    async run(input) {
      const folder = join(parent, String(++made))
      mkdirSync(folder)
      write(folder, input)
      assert.ok([...readFrames(input)].length <= 2 * (input.length / FRAME_HEAD) + 1)
      const spool = openSpool(folder)
      const kept = spool.lease(10_000, 16 * 1_048_576).map((it) => it.seq)
      assert.deepEqual(
        [...kept],
        [...new Set(kept)].sort((a, b) => a - b),
        'numbers ascend',
      )
      const last = spool.last
      assert.ok(Number.isSafeInteger(last) && last >= 0, `last number ${last}`)
      spool.rollback()
      assert.ok(spool.append(connectionTo(9)), 'a new event is taken')
      await spool.flush()
      assert.ok(spool.last > last && spool.synced === spool.last, 'and durable')
      const all = spool.lease(20_000, 16 * 1_048_576)
      const newest = all.at(-1)
      assert.ok(newest && newest.seq === spool.last, 'and sent')
      assert.ok(Event.safeParse(JSON.parse(newest.text.toString('utf8'))).success)
      spool.commit(spool.last)
      assert.equal(spool.unsent, 0)
      assert.equal(leaseAll(spool).length, 0)
      await spool.close()
      const again = openSpool(folder)
      assert.ok(again.last >= newest.seq, 'a number is never given twice')
      await again.close()
      removeFolder(folder)
    },
    close: async () => removeFolder(parent),
  }
}
