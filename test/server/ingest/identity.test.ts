import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { serverKeys, signedBy } from '../../../server/ingest/identity.ts'
import { memoryStore } from '../../../server/store/memory/store.ts'

describe("the server's identity", () => {
  it('keeps its key and the salt across a restart', async () => {
    const { values } = memoryStore()
    const keys = await serverKeys(values, randomBytes)
    const again = await serverKeys(values, () => Buffer.alloc(32))
    assert.deepEqual([again.publicKey, again.salt], [keys.publicKey, keys.salt])
    assert.ok(signedBy(keys.publicKey, 'text', again.sign('text')))
  })

  it('is the same for processes that start at the same time', async () => {
    const { values } = memoryStore()
    const [one, other] = await Promise.all([serverKeys(values, randomBytes), serverKeys(values, randomBytes)])
    assert.deepEqual([one.publicKey, one.salt], [other.publicKey, other.salt])
  })

  it('accepts no other text, key or signature', async () => {
    const keys = await serverKeys(memoryStore().values, randomBytes)
    assert.ok(!signedBy(keys.publicKey, 'other text', keys.sign('text')))
    assert.ok(!signedBy(keys.publicKey, 'text', ''))
    for (const nonsense of ['', 'AAAA', '!'.repeat(43)]) assert.ok(!signedBy(nonsense, 'text', keys.sign('text')))
  })
})
