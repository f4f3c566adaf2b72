import { memoryLog, memoryState } from '../../../../server/store/memory/memory.ts'
import { logSuite } from '../log.suite.ts'
import { stateSuite } from '../state.suite.ts'

logSuite('telemetry log in memory', async () => {
  const log = memoryLog()
  return { log, reopen: async () => log, done: () => log.close() }
})

stateSuite('state in memory', () => {
  const state = memoryState()
  return { state, reopen: () => state, done: () => state.close() }
})
