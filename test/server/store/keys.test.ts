import assert from 'node:assert/strict'
import { behind, keyOf } from '../../../server/store/keys.ts'

describe('keys of the store', () => {
  const plain = ['', 'w1', 'HOUSE\\ana', 'é👩🏽‍💻', 'a%_b', 'x'.repeat(256)]
  for (const text of plain) {
    it(`keeps ${JSON.stringify(text).slice(0, 20)} unchanged`, () => assert.equal(keyOf(text), text))
  }

  const others = [
    'a\0',
    'a\0\0',
    'a\ud800',
    'a\udc00',
    'a\ufffd\0',
    '\x1b',
    `\x1b${'0'.repeat(64)}`,
    'x'.repeat(257),
    'x'.repeat(258),
  ]
  it('hashes every other text to a short key that any database accepts', () => {
    const keys = others.map(keyOf)
    assert.equal(new Set([...keys, ...others]).size, 2 * others.length)
    for (const key of keys) assert.match(key, /^\x1b[0-9a-f]{64}$/)
  })

  it('finds the first text after all texts with a prefix', () => {
    for (const text of ['derive', 'derive.volume', 'derive\u{10fffe}'])
      assert.ok(Buffer.compare(Buffer.from(text), Buffer.from(behind('derive'))) < 0)
    assert.ok('derivf' > behind('derive'))
  })
})
