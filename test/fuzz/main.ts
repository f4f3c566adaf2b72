/**
 * `npm run fuzz`: gives every target mutated inputs of its corpus.
 *
 *   npm run fuzz                                     every target, 20 s each
 *   npm run fuzz -- wire batches --seconds 60        these
 *   npm run fuzz -- --seed 7 --runs 500              the same inputs again, 500 or as many as the time allows
 *   npm run fuzz -- wire --seed 7 --from 812 --runs 1     one input again, as a failure prints it
 *
 * Shape   a thread per target, one after another. A failing input is minimised and saved in the target's corpus, where
 *         `corpus.test.ts` replays it for ever after.
 * Units   an input may take 20 s, and a target half a GiB of memory: a hundred times the usual.
 * Errors  exit code 1 after any failure; the other targets still run.
 */
import { createHash, randomInt } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import { TARGETS } from './index.ts'
import { inputs } from './mutate.ts'
import { CORPUS, corpusOf, type Target } from './target.ts'
import type { Failed, Finished, Work } from './worker.ts'

const HANG_MS = 20_000
const MEMORY_MB = 512

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '20' },
    seed: { type: 'string', default: String(randomInt(1_000_000)) },
    from: { type: 'string', default: '0' },
    runs: { type: 'string', default: '0' },
  },
})
const unknown = positionals.filter((name) => !TARGETS.some((it) => it.name === name))
if (unknown.length > 0) {
  console.error(`There is no target ${unknown.join(', ')}. Targets: ${TARGETS.map((it) => it.name).join(', ')}.`)
  process.exit(2)
}
const chosen = positionals.length === 0 ? TARGETS : TARGETS.filter((it) => positionals.includes(it.name))
const seed = Number(values.seed)
const from = Number(values.from)

let failures = 0
let executions = 0
for (const target of chosen) {
  const found = await fuzz(target)
  if ('executions' in found) {
    executions += found.executions
    console.log(`${target.name.padEnd(18)} ${found.executions.toLocaleString('en').padStart(9)} inputs`)
    continue
  }
  failures++
  const file = join(
    CORPUS,
    target.name,
    `failed-${createHash('sha256').update(found.input).digest('hex').slice(0, 12)}`,
  )
  writeFileSync(file, found.input)
  console.error(`${target.name.padEnd(18)} FAILED at input ${found.number}`)
  console.error(found.why.split('\n').slice(0, 12).join('\n'))
  console.error(`  saved as   ${relative(process.cwd(), file)} (${found.input.length} bytes)`)
  console.error(`  reproduce  npm run fuzz -- ${target.name} --seed ${seed} --from ${found.number} --runs 1`)
}
console.log(`${chosen.length} targets, ${executions.toLocaleString('en')} inputs, ${failures} failures (seed ${seed})`)
process.exit(failures === 0 ? 0 : 1)

async function fuzz(target: Target): Promise<Finished | Failed> {
  const progress = new SharedArrayBuffer(4)
  const counter = new Int32Array(progress)
  const ms = Number(values.seconds) * 1_000
  const work: Work = { target: target.name, seed, from, runs: Number(values.runs), ms, progress }
  const worker = new Worker(join(import.meta.dirname, 'worker.ts'), {
    workerData: work,
    resourceLimits: { maxOldGenerationSizeMb: MEMORY_MB },
  })
  const { promise, resolve } = Promise.withResolvers<Finished | Failed>()
  const running = (why: string): Failed => {
    const number = Math.max(from, Atomics.load(counter, 0) - 1)
    const seeds = corpusOf(target).map((it) => it.input)
    return { number, input: inputs(target, seeds, seed)(number), why }
  }
  let last = -1
  const watchdog = setInterval(() => {
    const now = Atomics.load(counter, 0)
    if (now === last && now > 0) resolve(running(`It has taken more than ${HANG_MS / 1_000} s.`))
    last = now
  }, HANG_MS)
  worker.once('message', resolve)
  worker.once('error', (cause) => resolve(running(String((cause as Error).stack ?? cause))))
  worker.once('exit', (code) => resolve(running(`The thread ended with code ${code}.`)))
  const found = await promise
  clearInterval(watchdog)
  await worker.terminate()
  return found
}
