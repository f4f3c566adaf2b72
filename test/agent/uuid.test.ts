import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { uuid7 } from '../../agent/uuid.ts'
import { NOW } from './laptop.ts'

describe('agent/uuid', () => {
  it('makes version 7 ids that sort by time', () => {
    const ids = [NOW, NOW + 1, NOW + 2].map((at) => uuid7(at, randomBytes))
    for (const id of ids) assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    assert.deepEqual([...ids].sort(), ids)
    assert.equal(parseInt(ids[0]!.replaceAll('-', '').slice(0, 12), 16), NOW)
  })
})
