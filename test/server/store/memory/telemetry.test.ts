import { memoryTelemetry } from '../../../../server/store/memory/telemetry.ts'
import { historySuite } from '../history.suite.ts'
import { streamSuite } from '../stream.suite.ts'

streamSuite('stream in memory', async () => {
  const { stream } = memoryTelemetry()
  return { stream, reopen: async () => stream, done: () => stream.close() }
})

historySuite('history in memory', async () => {
  const { stream, history } = memoryTelemetry()
  return { stream, history, reopen: async () => {}, done: () => stream.close() }
})
