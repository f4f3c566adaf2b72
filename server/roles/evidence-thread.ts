/** Makes one evidence pack, in a thread of its own, which opens log and store itself and writes nothing. */
import { parentPort, workerData } from 'node:worker_threads'
import { Fault } from '../../wire/fault.ts'
import { type EvidenceAnswer, type EvidenceQuestion, evidenceIn } from './evidence.ts'
import { lowerPriority } from './priority.ts'

lowerPriority()
parentPort!.postMessage(await answer())

/** Any other error ends the thread, and the request with it. */
async function answer(): Promise<EvidenceAnswer> {
  try {
    return { made: await evidenceIn(workerData as EvidenceQuestion) }
  } catch (cause) {
    if (cause instanceof Fault) return { fault: cause.code, where: cause.where, why: cause.why }
    throw cause
  }
}
