/**
 * Imports a recording into a data folder that no server uses, and judges it.
 *
 * Shape   the evaluation is the one that a server with this configuration continues, and what is common has been
 *         counted, so that the server does not judge everybody again in its first minute. It ends with the recording: the
 *         time until the next start counts as downtime of the server, and not as silence of the laptops.
 * Errors  as `openTelemetry` and `openStore`; Fault 'server.running' when a server uses the folder.
 */
import { setImmediate } from 'node:timers/promises'
import { asnClass, loadCatalogue, recognise } from '../../rules/catalogue/index.ts'
import type { Problem } from '../../rules/language/index.ts'
import { openAddresses } from '../addresses/addresses.ts'
import type { Config } from '../config.ts'
import { ALIVE_AT } from '../jobs/clock-line.ts'
import type { Logger } from '../log.ts'
import { type TakeDeps, type Taken, takeRecording } from '../recordings/take.ts'
import { openStore } from '../store/open.ts'
import { openTelemetry, type Telemetry } from '../store/sqlite/telemetry.ts'
import type { Store } from '../store/store.ts'
import { configuredRules, openConfigured } from './configured.ts'

const SAVE_RECORDS = 200_000

export interface OfflineOptions extends Pick<TakeDeps, 'onProblem' | 'onRecord' | 'onProgress' | 'platform'> {
  log: Logger
  onRuleProblem(problem: Problem): void
  onJudged(progress: { position: number; last: number }): void
}

/** Called once the folder is ours: a recording is not read before. */
export type Lines = () => AsyncIterable<readonly (string | null)[]>

export async function importOffline(config: Config, lines: Lines, options: OfflineOptions): Promise<Taken> {
  const telemetry = await openTelemetry({ folder: config.dataFolder })
  try {
    const store = await openStore({ engine: 'sqlite', folder: config.dataFolder })
    try {
      const taken = await take(config, lines(), telemetry, store, options)
      await judge(config, telemetry, store, options)
      return taken
    } finally {
      await store.close()
    }
  } finally {
    await telemetry.close()
  }
}

async function take(
  config: Config,
  lines: AsyncIterable<readonly (string | null)[]>,
  { stream }: Telemetry,
  store: Store,
  options: OfflineOptions,
): Promise<Taken> {
  const catalogue = loadCatalogue()
  const addresses = await openAddresses({
    rangesFolder: config.feedsFolder,
    geoip: config.geoip,
    catalogueAsnClass: (asn) => asnClass(catalogue, asn)?.class ?? null,
  })
  return takeRecording(lines, {
    ...{ stream, publish: stream.publish, devices: store.devices },
    ...options,
    lookup: (address, at) => addresses.lookup(address, at),
    recognise: (event) => recognise(catalogue, event),
  })
}

async function judge(config: Config, telemetry: Telemetry, store: Store, options: OfflineOptions): Promise<void> {
  const { stream, history } = telemetry
  const { log, onRuleProblem, onJudged } = options
  const rules = await configuredRules(config, onRuleProblem)
  const { signal } = new AbortController()
  const evaluation = await openConfigured(config, rules, { stream, history, store, log, onProgress: onJudged, signal })
  const last = await stream.last()
  const onDamaged = (fault: Error) => log.error({ err: fault }, 'part of the log cannot be read; skipping it')
  for await (const block of stream.read(evaluation.position, { onDamaged })) {
    evaluation.take(block)
    onJudged({ position: evaluation.position, last })
    if (evaluation.isActive && evaluation.unsaved >= SAVE_RECORDS) await evaluation.commit()
    await setImmediate()
  }
  evaluation.skipTo(last)
  const { pipeline } = evaluation
  pipeline.judgeAt(pipeline.clock.end)
  if (evaluation.isActive) await evaluation.commit()
  else await evaluation.activate()
  const record = pipeline.countColleagues((it) => evaluation.standings.isFlagged(it))
  if (record) {
    const { first } = await stream.publish([record])
    evaluation.take([{ position: first, record }])
    await evaluation.commit()
  }
  await keepAlive(store, pipeline.time)
}

/** A server that ran on this folder later than the recording keeps its own time. */
async function keepAlive({ values }: Store, time: number): Promise<void> {
  if (time > Number((await values.get(ALIVE_AT)) ?? 0)) await values.set(ALIVE_AT, String(time))
}
