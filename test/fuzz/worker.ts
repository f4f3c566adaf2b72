/**
 * Runs one target in a thread of its own, so that the main thread notices an endless loop and exhausted memory.
 *
 * Shape   `progress` is the number of the input that is running; the message at the end is `Finished` or `Failed`.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { TARGETS } from './index.ts'
import { minimise } from './minimise.ts'
import { inputs } from './mutate.ts'
import { corpusOf, type Opened } from './target.ts'

export interface Work {
  target: string
  seed: number
  from: number
  /** At most this many inputs; 0 for as many as the time allows. */
  runs: number
  ms: number
  progress: SharedArrayBuffer
}
export interface Finished {
  executions: number
}
export interface Failed {
  number: number
  /** Minimised. */
  input: Uint8Array
  why: string
}

const { target: name, seed, from, runs, ms, progress }: Work = workerData
const target = TARGETS.find((it) => it.name === name)!
const counter = new Int32Array(progress)
let stray: unknown = null
process.on('unhandledRejection', (cause) => {
  stray ??= cause
})
process.on('uncaughtException', (cause) => {
  stray ??= cause
})

let opened: Opened = await target.open()
const input = inputs(
  target,
  corpusOf(target).map((it) => it.input),
  seed,
)
const end = performance.now() + ms
let number = from
let failed: Failed | null = null
for (; failed === null && (runs === 0 || number < from + runs) && performance.now() < end; number++) {
  Atomics.store(counter, 0, number + 1)
  const why = await failure(input(number))
  if (why === null) continue
  const small = await minimise(input(number), async (candidate) => sameKind(await failure(candidate), why), {
    maxRuns: 2_000,
    ms: 8_000,
  })
  failed = { number, input: small, why: (await failure(small)) ?? why }
}
await opened.close?.()
parentPort!.postMessage(failed ?? ({ executions: number - from } satisfies Finished))

/** Why it fails, or null. Reopens the target after a failure. */
async function failure(bytes: Buffer): Promise<string | null> {
  stray = null
  let why: unknown = null
  try {
    await opened.run(bytes)
    if (number % 64 === 0) await new Promise(setImmediate)
  } catch (cause) {
    why = cause ?? new Error('null was thrown')
  }
  why ??= stray
  if (why === null) return null
  await opened.close?.().catch(() => {})
  opened = await target.open()
  return why instanceof Error ? (why.stack ?? why.message) : String(why)
}

/** The same place in the code: minimising must not slide into another mistake. */
function sameKind(found: string | null, wanted: string): boolean {
  const place = (text: string) => /\n\s+at .*/.exec(text)?.[0] ?? text.slice(0, 40)
  return found !== null && place(found) === place(wanted)
}
