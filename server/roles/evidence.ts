/**
 * Evidence packs of a data folder: made here by the command, and for the console in a thread of its own, because reading
 * the rules again takes a second.
 *
 * Errors  those of `makePack`; Fault 'store.missing' when the server has no key yet; 'server.busy' while the thread makes
 *         another pack.
 */
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { Worker } from 'node:worker_threads'
import { ENGINE_VERSION, type RuleFile } from '../../rules/language/index.ts'
import { readRuleSources } from '../../rules/tooling/sources.ts'
import { Fault } from '../../wire/fault.ts'
import type { Config } from '../config.ts'
import { SHIPPED_RULES } from '../detect/program.ts'
import { type Made, makePack } from '../evidence/make.ts'
import { serverKeys } from '../ingest/identity.ts'
import { openReader } from './read-only.ts'

const AGAIN_MS = 2_000

export interface EvidenceQuestion {
  config: Config
  worker: string
  by: string
}

export type EvidenceAnswer = { made: Made } | { fault: Fault['code']; where: string | null; why: string | null }

export async function evidenceIn({ config, worker, by }: EvidenceQuestion): Promise<Made> {
  const { reader, close } = await openReader(config.dataFolder)
  try {
    const { values } = reader.store
    const keys = await serverKeys({ get: (key) => values.get(key), compareAndSet: noKeys }, noKeys)
    const files = await rulesIn([SHIPPED_RULES, ...config.rulesFolders])
    const { placeholders } = config
    return await makePack(
      { reader, keys, files, placeholders, engine: ENGINE_VERSION, tellwire: await version() },
      worker,
      by,
    )
  } finally {
    await close()
  }
}

/** One at a time. */
export function evidence(configNow: () => Config): (worker: string, by: string) => Promise<Made> {
  let isAtWork = false
  return async (worker, by) => {
    if (isAtWork)
      throw new Fault('server.busy', {
        ...{ why: 'Another pack is being made.', todo: 'Ask again in a moment.' },
        facts: { retryAfterMs: AGAIN_MS },
      })
    isAtWork = true
    try {
      const question: EvidenceQuestion = { config: configNow(), worker, by }
      const thread = new Worker(new URL('./evidence-thread.ts', import.meta.url), { workerData: question })
      const [answer] = (await once(thread, 'message')) as [EvidenceAnswer]
      if ('made' in answer) return answer.made
      throw new Fault(answer.fault, { where: answer.where, why: answer.why })
    } finally {
      isAtWork = false
    }
  }
}

function noKeys(): never {
  throw new Fault('store.missing', { where: 'server.key', why: 'The server has no key yet.', todo: 'Start it once.' })
}

/** With paths from the rules' folders, which say nothing about this machine. */
async function rulesIn(folders: readonly string[]): Promise<RuleFile[]> {
  const files = await readRuleSources(folders, () => {})
  const seen = new Map<string, number>()
  return files.map(({ within, text }) => {
    const nth = (seen.get(within) ?? 0) + 1
    seen.set(within, nth)
    return { path: nth === 1 ? within : `${within} (${nth})`, text }
  })
}

async function version(): Promise<string> {
  const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}
