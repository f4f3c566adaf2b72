import assert from 'node:assert/strict'
import { join } from 'node:path'
import { openStore, type StoreConfig } from '../../../server/store/open.ts'
import { temporaryFolder } from './folder.ts'

describe('opening the store', () => {
  const { folder, remove } = temporaryFolder()
  after(() => remove())

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
