import assert from 'node:assert/strict'
import { parseUptime } from '../../../../agent/collectors/shared/uptime.ts'

describe('agent/collectors/shared/uptime', () => {
  it('reads the first number', () => assert.equal(parseUptime('12345.67 54321.00\n'), 12_345.67))
  it('anything else is null', () => assert.deepEqual(['', 'up 3 days', '-1 2'].map(parseUptime), [null, null, null]))
})
