import assert from 'node:assert/strict'
import { addressText } from '../../../../agent/collectors/shared/address-text.ts'

describe('agent/collectors/shared/address-text', () => {
  const addresses: [number[], string][] = [
    [[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], '::1'],
    [[0x20, 1, 0xd, 0xb8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1], '2001:db8:0:1::1'],
    [[0x20, 1, 0, 1, 0, 0, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1], '2001:1:0:1:1:1:1:1'],
    [[0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 'fe80::'],
  ]
  for (const [bytes, text] of addresses) it(`address ${text}`, () => assert.equal(addressText(bytes), text))
})
