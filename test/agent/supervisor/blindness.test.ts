import assert from 'node:assert/strict'
import { Blindness } from '../../../agent/supervisor/blindness.ts'

describe('agent/supervisor/blindness', () => {
  it('counts each category once, whatever the number of reasons', () => {
    let now = 1_000
    const blind = new Blindness(() => now)
    assert.deepEqual(blind.take(), { categories: [], seconds: 0 })
    blind.begin('held software', ['software'])
    now += 10_000
    blind.begin('place /mnt', ['software', 'file_burst'])
    now += 5_000
    blind.end('held software')
    blind.add(['display'], 2_000)
    now += 5_000
    assert.deepEqual(blind.take(), { categories: ['display', 'file_burst', 'software'], seconds: 20 })
    now += 3_000
    blind.end('place /mnt')
    blind.end('place /mnt')
    now += 9_000
    assert.deepEqual(blind.take(), { categories: ['file_burst', 'software'], seconds: 3 })
  })
})
