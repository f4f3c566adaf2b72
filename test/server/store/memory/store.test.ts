import { storeSuite } from '../store.suite.ts'

storeSuite('store in memory', async () => ({
  config: { engine: 'memory' },
  isShared: false,
  breakFeed: null,
  done: async () => {},
}))
