import assert from 'node:assert/strict'
import { Blindness } from '../../../agent/supervisor/blindness.ts'

describe('agent/supervisor/blindness', () => {
  it('counts each category once, whatever the number of reasons', () => {
    let now = 1_000
    const blind = new Blindness(() => now)
    assert.deepEqual(blind.take(), {})
    blind.begin('held software', ['software'])
    now += 10_000
    blind.begin('place /mnt', ['software', 'file_burst'])
    now += 5_000
    blind.end('held software')
    blind.add(['display'], 2_000)
    now += 5_000
    assert.deepEqual(blind.take(), { display: 2, file_burst: 10, software: 20 })
    now += 3_000
    blind.end('place /mnt')
    blind.end('place /mnt')
    now += 9_000
    assert.deepEqual(blind.take(), { file_burst: 3, software: 3 })
  })

  it('all reasons of one kind end together', () => {
    let now = 0
    const blind = new Blindness(() => now)
    blind.begin('software in /mnt', ['software'])
    blind.begin('software in /srv', ['software'])
    blind.begin('volumes in /mnt', ['volume_mounted'])
    now += 5_000
    blind.endAll('software in ')
    now += 5_000
    assert.deepEqual(blind.take(), { software: 5, volume_mounted: 10 })
  })

  it('a freeze is not counted twice for what could not be seen anyway', () => {
    let now = 0
    const blind = new Blindness(() => now)
    blind.begin('held software', ['software'])
    now += 40_000
    blind.add(['software', 'display'], 40_000)
    assert.deepEqual(blind.take(), { display: 40, software: 40 })
  })
})
