import assert from 'node:assert/strict'
import { isSigned, newKey, publicKeyOf, signText } from '../../agent/identity.ts'

describe('agent/identity', () => {
  it('signs and verifies; malformed input is false, not an error', () => {
    const key = newKey()
    const signature = signText(key, 'text')
    assert.equal(isSigned(publicKeyOf(key), 'text', signature), true)
    for (const [publicKey, text, other] of [
      [publicKeyOf(key), 'other', signature],
      [publicKeyOf(newKey()), 'text', signature],
      [publicKeyOf(key), 'text', 'AAAA'],
      ['AAAA', 'text', signature],
      ['', '', ''],
    ] as const)
      assert.equal(isSigned(publicKey, text, other), false)
  })
})
