/**
 * The server as it was at commit 1476a52, for `calm-before`: from a checkout of that commit, driven as today's is.
 *
 * Shape   it has one thread for laptops, people and judgement, listens when the whole log is judged, and takes changed
 *         thresholds at a start only. What it writes to its own log says when it judges.
 */
import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Recorded } from '../../wire/recording.ts'

/** What this bench uses of that server. */
interface Running {
  url: string
  oneTimeLink(): string
  close(): Promise<void>
}

type Told = (facts: Record<string, unknown>, message: string) => void

export interface ServerBefore {
  serve(config: unknown, log: Record<string, Told>): Promise<Running>
}

export interface Heard {
  /** It begins to judge what is stored. */
  judges(records: number): void
  rulesChanged(): void
  rulesInUse(): void
}

export async function serveBefore(checkout: string, configFile: string, heard: Heard): Promise<Running> {
  const { serve } = await load<ServerBefore>(checkout, 'server/serve.ts')
  const { loadConfig } = await load<{ loadConfig(from: object): unknown }>(checkout, 'server/config.ts')
  const fails: Told = (facts, message) => console.error(message, facts)
  const info: Told = (facts, message) => {
    if (message === 'judging what was stored') heard.judges(Number(facts.records))
    if (message.startsWith('the rules changed')) heard.rulesChanged()
    if (message === 'the new rules are in use') heard.rulesInUse()
  }
  return serve(loadConfig({ file: configFile, env: {} }), { debug() {}, info, warn() {}, error: fails })
}

/** Its data folder, from outside of a server. */
export async function openBefore(checkout: string, folder: string) {
  mkdirSync(folder, { recursive: true })
  const { openState } = await load<{
    openState(options: { folder: string }): { saveEnrolled(enrolled: object): void; close(): void }
  }>(checkout, 'server/store/sqlite-state.ts')
  const { openLog } = await load<{
    openLog(options: { folder: string }): Promise<{
      append(records: readonly Recorded[]): Promise<unknown>
      close(): Promise<void>
    }>
  }>(checkout, 'server/store/sqlite-log.ts')
  const state = openState({ folder })
  const log = await openLog({ folder })
  return {
    enroll: async (enrolled: object) => state.saveEnrolled(enrolled),
    publish: (records: readonly Recorded[]) => log.append(records),
    async close() {
      state.close()
      await log.close()
    },
  }
}

function load<T>(checkout: string, file: string): Promise<T> {
  return import(join(resolve(checkout), file)) as Promise<T>
}
