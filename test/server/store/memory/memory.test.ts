import { memoryState } from '../../../../server/store/memory/memory.ts'
import { stateSuite } from '../state.suite.ts'

stateSuite('state in memory', () => {
  const state = memoryState()
  return { state, reopen: () => state, done: () => state.close() }
})
