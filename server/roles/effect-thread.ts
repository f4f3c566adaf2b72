/** Says what approvals would change, in a thread of its own, which opens log and store itself and writes nothing. */
import { parentPort, workerData } from 'node:worker_threads'
import { effectOf } from '../detect/effect.ts'
import { openStore } from '../store/open.ts'
import { openTelemetry } from '../store/sqlite/telemetry.ts'
import { configuredRules, openConfiguredActive } from './configured.ts'
import type { EffectAnswer, EffectQuestion } from './effect.ts'
import { lowerPriority } from './priority.ts'

const { config, approvals } = workerData as EffectQuestion
lowerPriority()
parentPort!.postMessage(await answer())

async function answer(): Promise<EffectAnswer> {
  const { stream, close } = await openTelemetry({ folder: config.dataFolder, readOnly: true })
  const store = await openStore({ engine: 'sqlite', folder: config.dataFolder }, { run: 'inline' })
  try {
    const rules = await configuredRules(config, () => {})
    const evaluation = await openConfiguredActive(config, rules, { stream, store })
    if (!evaluation) return null
    const verdicts = [...(await store.cases.latest()).values()]
    const confirmed = new Set(verdicts.filter((it) => it.verdict === 'confirmed').map((it) => it.worker))
    return effectOf(evaluation, approvals, confirmed)
  } finally {
    await store.close()
    await close()
  }
}
