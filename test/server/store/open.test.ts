import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type OpenOptions, openStore, type StoreConfig } from '../../../server/store/open.ts'
import { temporaryFolder } from './folder.ts'
import { testDatabase } from './postgres/server.ts'

describe('opening the store', () => {
  const { folder, remove } = temporaryFolder()
  after(() => remove())

  const stores: { name: string; config: StoreConfig; options?: OpenOptions }[] = [
    { name: 'memory', config: { engine: 'memory' } },
    { name: 'SQLite in a thread', config: { engine: 'sqlite', folder: join(folder, 'thread') } },
    { name: 'SQLite inline', config: { engine: 'sqlite', folder: join(folder, 'inline') }, options: { run: 'inline' } },
  ]
  for (const { name, config, options } of stores) {
    it(`opens ${name}`, async () => {
      const store = await openStore(config, options)
      await store.values.set('key', name)
      assert.equal(await store.values.get('key'), name)
      await store.close()
    })
  }

  it('opens PostgreSQL', async function () {
    const database = await testDatabase(this)
    const store = await openStore({ engine: 'postgres', url: database.url })
    await store.values.set('key', 'value')
    assert.deepEqual(await database.query('select key, value from settings'), [{ key: 'key', value: '"value"' }])
    await store.close()
    await database.drop()
  })

  for (const run of ['thread', 'inline'] as const) {
    it(`reads beside a server, and refuses to write: ${run}`, async () => {
      const config: StoreConfig = { engine: 'sqlite', folder: join(folder, `beside-${run}`) }
      await assert.rejects(openStore(config, { run, readOnly: true }), { name: 'Fault', code: 'store.missing' })
      const server = await openStore(config)
      const reader = await openStore(config, { run, readOnly: true })
      await server.values.set('key', 'value')
      assert.equal(await reader.values.get('key'), 'value')
      await assert.rejects(reader.values.set('key', 'other'), { name: 'Fault', code: 'store.unwritable' })
      await reader.close()
      await server.close()
    })
  }
})
