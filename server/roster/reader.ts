/**
 * Reads a roster without blocking the thread that serves agents and people.
 *
 * Shape   a small roster is read in place, a larger one in its own thread (`reader-thread.ts`), which keeps the result
 *         and sends it part by part on request. `close` ends the thread.
 * Errors  Fault 'roster.invalid' from `parseRoster` and `readDelivery`, and when the thread runs out of memory.
 */
import { Worker } from 'node:worker_threads'
import { Fault } from '../../wire/fault.ts'
import { deliverySize, readDelivery } from './delivery.ts'
import { partsOf, type RosterPart } from './parts.ts'
import { parseRoster, type Roster, type RosterProblem } from './roster.ts'

/** A text from the API, or a file in the inbox. */
export type RosterSource =
  | { text: string; format: 'csv' | 'json'; fileName: string; now: number }
  | { deliveryFile: string }

export interface OpenRoster {
  contracts: number
  devices: number
  problems: RosterProblem[]
  omitted: number
  /** The thread that read it; 0 is the main thread. */
  thread: number
  /** All valid rows. To be called once. */
  parts(): AsyncIterable<RosterPart>
  close(): Promise<void>
}

/** About 100 rows, which take 5 ms to read; a thread takes 100 ms to start. */
export const READ_IN_PLACE_CHARACTERS = 16_384

/** Reading a delivery of 100 MB takes about 700 MB. */
const READER_MEMORY_MB = 2_048

export async function openRoster(source: RosterSource, memoryMb = READER_MEMORY_MB): Promise<OpenRoster> {
  const size = 'text' in source ? source.text.length : await deliverySize(source.deliveryFile)
  return size <= READ_IN_PLACE_CHARACTERS ? inPlace(await readWhole(source)) : inThread(source, memoryMb)
}

export async function readWhole(source: RosterSource): Promise<Roster> {
  if ('text' in source) return parseRoster(source.text, source)
  return { ...(await readDelivery(source.deliveryFile)), problems: [], omitted: 0 }
}

export type ToReader = 'next'
export type FromReader =
  | ({ type: 'read' } & Omit<OpenRoster, 'parts' | 'close'>)
  | { type: 'part'; part: RosterPart | null }
  | ({ type: 'refused' } & Pick<Fault, 'code' | 'where' | 'why' | 'todo'>)

function inPlace({ contracts, devices, problems, omitted }: Roster): OpenRoster {
  return {
    ...{ contracts: contracts.length, devices: devices.length, problems, omitted, thread: 0 },
    async *parts() {
      yield* partsOf({ contracts, devices })
    },
    close: async () => {},
  }
}

async function inThread(source: RosterSource, memoryMb: number): Promise<OpenRoster> {
  const worker = new Worker(new URL('./reader-thread.ts', import.meta.url), {
    workerData: source,
    resourceLimits: { maxOldGenerationSizeMb: memoryMb },
  })
  const answers = answersOf(worker)
  const close = async () => void (await worker.terminate())
  try {
    const first = await answers.next()
    if (first.type !== 'read') throw refusal(first)
    const { type: _, ...read } = first
    return {
      ...read,
      async *parts() {
        for (;;) {
          worker.postMessage('next' satisfies ToReader)
          const answer = await answers.next()
          if (answer.type !== 'part') throw refusal(answer)
          if (answer.part === null) return
          yield answer.part
        }
      },
      close,
    }
  } catch (cause) {
    await close()
    throw cause
  }
}

/** One answer per request; when the thread ends, the pending request is rejected. */
function answersOf(worker: Worker): { next(): Promise<FromReader> } {
  let answer = asked()
  worker.on('message', (message: FromReader) => answer.resolve(message))
  worker.on('error', (cause: NodeJS.ErrnoException) => answer.reject(cause.code === OUT_OF_MEMORY ? tooLarge() : cause))
  worker.on('exit', () => answer.reject(new Error('the reader ended before it was done')))
  return {
    async next() {
      const message = await answer.promise
      answer = asked()
      return message
    },
  }

  function asked() {
    const made = Promise.withResolvers<FromReader>()
    // Closing the thread rejects this promise although no request was made.
    made.promise.catch(() => {})
    return made
  }
}

const OUT_OF_MEMORY = 'ERR_WORKER_OUT_OF_MEMORY'

function tooLarge(): Fault {
  return new Fault('roster.invalid', { why: 'Reading it takes too much memory.', todo: 'Split it.' })
}

function refusal(answer: FromReader): Error {
  if (answer.type !== 'refused') return new Error(`the reader answered '${answer.type}' out of turn`)
  return new Fault(answer.code, answer)
}
