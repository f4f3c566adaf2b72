/** The thread that reads one roster (`reader.ts`): it reports the counts, then sends a part for each request. */
import { parentPort, threadId, workerData } from 'node:worker_threads'
import { Fault } from '../../wire/fault.ts'
import { partsOf } from './parts.ts'
import { type FromReader, type RosterSource, readWhole } from './reader.ts'

const port = parentPort!
const answer = (message: FromReader) => port.postMessage(message)

try {
  const { contracts, devices, problems, omitted } = await readWhole(workerData as RosterSource)
  const parts = partsOf({ contracts, devices })
  port.on('message', () => answer({ type: 'part', part: parts.next().value ?? null }))
  const counted = { contracts: contracts.length, devices: devices.length }
  answer({ type: 'read', ...counted, problems, omitted, thread: threadId })
} catch (cause) {
  // Any other error is a bug: it ends this thread and fails the import.
  if (!(cause instanceof Fault)) throw cause
  const { code, where, why, todo } = cause
  answer({ type: 'refused', code, where, why, todo })
}
