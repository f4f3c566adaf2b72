import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { sha256 } from '../../wire/sha256.ts'

describe('wire/sha256', () => {
  for (const text of ['', 'abc', 'é'.repeat(100), 'x'.repeat(119), 'y'.repeat(64)])
    it(`equals node:crypto for ${text.length} characters`, () =>
      assert.equal(sha256(text), createHash('sha256').update(text).digest('hex')))
})
