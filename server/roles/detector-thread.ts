/**
 * A detector thread: evaluates the log, and writes the results to the store.
 *
 * Shape   it opens log and store itself; only notifications pass between the threads. On Linux it runs at a lower
 *         priority than the threads that serve laptops and people.
 */
import { parentPort, workerData } from 'node:worker_threads'
import type { Problem } from '../../rules/language/index.ts'
import { Fault } from '../../wire/fault.ts'
import { MINUTE } from '../../wire/time.ts'
import type { Evaluation } from '../detect/evaluation.ts'
import { isActiveIdentity } from '../detect/opening.ts'
import { Runner } from '../detect/runner.ts'
import type { Logger } from '../log.ts'
import { openStore } from '../store/open.ts'
import { openTelemetry } from '../store/sqlite/telemetry.ts'
import { type ConfiguredRules, configuredRules, openConfigured } from './configured.ts'
import type { DetectorOptions, FromDetector, ToDetector } from './detector-messages.ts'
import { lowerPriority } from './priority.ts'

/** A count that did not reach the log is made again after this. */
const RECOUNT_MS = 10 * MINUTE
const port = parentPort!
const log: Logger = { debug: logging('debug'), info: logging('info'), warn: logging('warn'), error: logging('error') }
const { config, onlyIfChanged } = workerData as DetectorOptions
const stopping = new AbortController()
const published = new Set<(last: number) => void>()
const granted = Promise.withResolvers<void>()
let evaluation: Evaluation | null = null
let runner: Runner | null = null
let reportedActive = false
let movedRevision = 0
/** When colleagues were counted last, by the log's clock. */
let countedAt = 0

port.on('message', (message: ToDetector) => {
  if (message.type === 'published') for (const listener of published) listener(message.last)
  else if (message.type === 'granted') granted.resolve()
  else if (message.type === 'decided') {
    evaluation?.decided(message.verdict)
    runner?.poke()
  } else {
    stopping.abort()
    granted.resolve()
  }
})
await run()
send({ type: 'stopped' })
port.close()

async function run(): Promise<void> {
  lowerPriority((cause) => log.debug({ err: cause }, "the detector's priority could not be lowered"))
  const telemetry = await openTelemetry({ folder: config.dataFolder, readOnly: true })
  const store = await openStore({ engine: 'sqlite', folder: config.dataFolder }, { run: 'inline' })
  try {
    const rules = await reportedRules()
    if (onlyIfChanged && (await isActiveIdentity(store, rules.identity))) {
      send({ type: 'unchanged' })
      return
    }
    const { stream, history } = telemetry
    const { signal } = stopping
    const opened = await openConfigured(config, rules, { stream, history, store, log, onProgress, signal })
    evaluation = opened
    const { id, isActive, position, pipeline } = opened
    send({ type: 'opened', evaluation: id, isActive, position, time: pipeline.time })
    runner = new Runner({
      stream: { ...stream, onPublished },
      evaluation: opened,
      now: Date.now,
      takeOver: async () => {
        send({ type: 'ready' })
        await granted.promise
      },
      onCommit: ({ position }) => onCommit(opened, position),
      onProgress,
      onClockHeld: (held) => send({ type: 'clock', held }),
      log,
    })
    await runner.run(signal)
  } catch (cause) {
    if (!stopping.signal.aborted) throw cause
  } finally {
    await telemetry.close()
    await store.close()
  }
}

function onCommit({ id, isActive, pipeline, standings }: Evaluation, position: number): void {
  if (isActive && !reportedActive) {
    reportedActive = true
    send({ type: 'active', evaluation: id })
  }
  if (isActive) send({ type: 'committed', evaluation: id, position, time: pipeline.time })
  if (isActive) countColleagues(pipeline, standings)
  if (pipeline.gate.revision === movedRevision) return
  movedRevision = pipeline.gate.revision
  send({ type: 'moved', changes: pipeline.gate.changes(Date.now()) })
}

/** The count takes effect when it comes back in the log; until then it is not made again. */
function countColleagues(pipeline: Evaluation['pipeline'], standings: Evaluation['standings']): void {
  if (pipeline.time < countedAt + RECOUNT_MS) return
  const record = pipeline.countColleagues((worker) => standings.isFlagged(worker))
  if (!record) return
  countedAt = pipeline.time
  send({ type: 'rarity', record })
}

async function reportedRules(): Promise<ConfiguredRules> {
  const problems: Problem[] = []
  const rules = await configuredRules(config, (problem) => void problems.push(problem))
  const { program, correlations } = rules.ruleset
  const omitted = problems.filter((it) => it.severity === 'error').length
  send({ type: 'ruleset', rules: program.rules.length + correlations.length, omitted, problems })
  return rules
}

function onPublished(listener: (last: number) => void): () => void {
  published.add(listener)
  return () => published.delete(listener)
}

function onProgress({ position, last }: { position: number; last: number }): void {
  send({ type: 'progress', position, last })
}

function send(message: FromDetector): void {
  port.postMessage(message)
}

function logging(level: Extract<FromDetector, { type: 'log' }>['level']) {
  return (facts: Record<string, unknown>, message: string) => {
    // An Error loses its class and fields on the way to another thread.
    const { err, ...rest } = facts
    const fault = err instanceof Fault ? { code: err.code, where: err.where, why: err.why, todo: err.todo } : {}
    const stack = err instanceof Error ? { reason: err.message, stack: err.stack } : {}
    send({ type: 'log', level, facts: { ...rest, ...fault, ...stack }, message })
  }
}
