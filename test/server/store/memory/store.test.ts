import { memoryStore } from '../../../../server/store/memory/store.ts'
import { storeSuite } from '../store.suite.ts'

storeSuite('store in memory', async () => {
  const store = memoryStore()
  return { store, another: async () => store, breakFeed: null, done: () => store.close() }
})
