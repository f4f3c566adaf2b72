/** A binary frame of an agent after its zstd compression; a third of the inputs is compressed again after a change. */
import assert from 'node:assert/strict'
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { parseBatch, unpack, validateEvents } from '../../../server/ingest/validation.ts'
import { below, pick } from '../../../server/simulate/random.ts'
import { Event } from '../../../wire/event.ts'
import { FAULTS, Fault } from '../../../wire/fault.ts'
import { LIMITS } from '../../../wire/messages.ts'
import { policy } from '../../agent/fake-host.ts'
import type { Target } from '../target.ts'

const WORDS = ['"seq":', '"category":', '"__proto__":', '"time":', 'null', '1e400', '[[[[', '\\ud800', '"epoch":-1']

export const batches: Target = {
  name: 'batches',
  shape: 'bytes',
  dictionary: ['\x28\xb5\x2f\xfd', ...WORDS],
  mutate(input, random) {
    const text = textIn(input)
    if (text === null) return input
    const at = below(random, text.length)
    const changed = text.slice(0, at) + pick(random, [...WORDS, '0', '"', '{']) + text.slice(at + below(random, 20))
    return zstdCompressSync(changed)
  },
  open: async () => ({ run }),
}

function textIn(input: Buffer): string | null {
  try {
    return zstdDecompressSync(input, { maxOutputLength: 1_048_576 }).toString('utf8')
  } catch {
    return null
  }
}

async function run(input: Buffer): Promise<void> {
  try {
    const text = await unpack(input)
    assert.ok(text.length <= LIMITS.batchBytes)
    const { events } = parseBatch(text.toString('utf8'))
    const { accepted, refused, highest } = validateEvents(events, policy)
    assert.equal(accepted.length + refused.length, events.length, 'every event is accepted or refused')
    let before = 0
    for (const { seq, event } of accepted) {
      assert.ok(seq > before && seq <= highest, 'accepted numbers ascend')
      before = seq
      assert.ok(Event.safeParse(JSON.parse(JSON.stringify(event))).success, 'an accepted event satisfies the schema')
    }
    for (const { code, where, raw } of refused) {
      assert.ok(code in FAULTS && where.length <= 120 && raw.length <= 4_096)
    }
  } catch (cause) {
    if (!(cause instanceof Fault && cause.code.startsWith('batch.'))) throw cause
  }
}
