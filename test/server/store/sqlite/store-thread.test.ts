import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Worker } from 'node:worker_threads'
import { openStoreThread, storeOf } from '../../../../server/store/sqlite/store-thread.ts'
import type { Fault } from '../../../../wire/fault.ts'
import { temporaryFolder } from '../folder.ts'
import { commitOf } from '../store.suite.ts'

describe('a store in a thread of its own', () => {
  let folder: string
  let remove: () => void
  beforeEach(() => {
    ;({ folder, remove } = temporaryFolder())
  })
  afterEach(() => remove())

  it('waits for the write lock without blocking this thread', async () => {
    const store = await openStoreThread({ folder })
    const other = new DatabaseSync(join(folder, 'state.db'))
    other.exec('begin immediate')
    let written = false
    const writing = store.values.set('key', 'value').then(() => {
      written = true
    })
    // This thread reads through another connection while the store cannot write.
    const reader = await openStoreThread({ folder, readOnly: true })
    assert.equal(await reader.values.get('key'), null)
    assert.equal(written, false)
    other.exec('commit')
    other.close()
    await writing
    assert.equal(await reader.values.get('key'), 'value')
    await Promise.all([reader.close(), store.close()])
  })

  it('passes on all fields of a Fault', async () => {
    const store = await openStoreThread({ folder })
    const user = { name: 'ana', role: 'admin', passwordHash: null, createdAt: 1 } as const
    await store.users.add(user)
    await assert.rejects(store.users.add(user), (fault: Fault) => {
      assert.deepEqual([fault.name, fault.code, fault.where], ['Fault', 'api.invalid', 'name'])
      assert.match(fault.todo ?? '', /another name/)
      assert.deepEqual(fault.facts, { name: 'ana' })
      return true
    })
    await store.close()
  })

  it('refuses a missing folder, and one that cannot be created', async () => {
    await assert.rejects(openStoreThread({ folder, readOnly: true }), { name: 'Fault', code: 'store.missing' })
    await assert.rejects(openStoreThread({ folder: '/dev/null/folder' }), { name: 'Fault', code: 'store.unwritable' })
  })

  it('answers calls made before it was closed, and refuses later ones', async () => {
    const store = await openStoreThread({ folder })
    await store.evaluations.begin({ id: 'e1', ruleset: '{}', stream: 's' })
    const asked = Array.from({ length: 20 }, (_, index) => store.values.set(`key ${index}`, 'value'))
    const dropping = store.evaluations.drop('e1')
    const closing = store.close()
    const late = assert.rejects(store.values.get('key 0'), { name: 'Fault', code: 'store.unwritable', where: folder })
    await Promise.all([...asked, dropping, closing, late])
    await store.close()
    const again = await openStoreThread({ folder })
    assert.equal(await again.values.get('key 19'), 'value')
    assert.deepEqual(await again.evaluations.list(), [])
    await again.close()
  })

  it('can be closed during a read', async () => {
    const store = await openStoreThread({ folder })
    await store.evaluations.begin({ id: 'e1', ruleset: '{}', stream: 's' })
    const kept = Array.from({ length: 2_500 }, (_, index) => ({ part: 'p', subject: `s${index}`, state: '{}' }))
    await store.evaluations.commit('e1', commitOf(1, { kept }))
    const blocks = store.evaluations.kept('e1')[Symbol.asyncIterator]()
    assert.equal((await blocks.next()).done, false)
    await store.close()
    await assert.rejects(blocks.next(), { name: 'Fault', code: 'store.unwritable' })
  })

  it('fails waiting and later calls when the thread dies', async () => {
    const dying = `
      const { parentPort } = require('node:worker_threads')
      parentPort.on('message', () => { throw new Error('gone') })
      parentPort.postMessage({ type: 'opened', methods: [['values', 'get'], ['evaluations', 'kept']] })`
    const store = await storeOf(new Worker(dying, { eval: true }), folder)
    const fault = { name: 'Fault', code: 'store.unwritable', where: folder }
    await Promise.all([assert.rejects(store.values.get('a'), fault), assert.rejects(store.values.get('b'), fault)])
    await assert.rejects(store.values.get('c'), fault)
    await assert.rejects(store.evaluations.kept('e1')[Symbol.asyncIterator]().next(), fault)
    await store.close()
  })
})
