/**
 * What the console reads, from a data folder, without a server or beside one.
 *
 * Shape   as of the last commit of the server. Which laptops are online only the server knows: here, none is.
 * Errors  Fault 'store.missing' for a folder without data, and those of `openStore`. What cannot be read of the log
 *         is skipped: its server reports it.
 */
import type { Policy } from '../../wire/messages.ts'
import { lastPolicies, policyOf } from '../ingest/policy.ts'
import { Directory } from '../roster/directory.ts'
import { openStore } from '../store/open.ts'
import { openTelemetry } from '../store/sqlite/telemetry.ts'
import type { Reader } from '../views/reader.ts'

const damage = { onDamaged() {} }
const NOBODY: ReadonlySet<string> = new Set()
const UNKNOWN_POLICY: Policy = {
  ...{ version: 0, salt: '0'.repeat(64), off: [], on: [], watchedRoots: [], spoolBytes: 0, spoolDays: 0 },
}

export async function openReader(folder: string): Promise<{ reader: Reader; close(): Promise<void> }> {
  const telemetry = await openTelemetry({ folder, readOnly: true })
  try {
    const store = await openStore({ engine: 'sqlite', folder }, { run: 'inline', readOnly: true })
    const { stream, history } = telemetry
    const directory = new Directory()
    for await (const block of history.scan({ categories: [], after: 0, upTo: await stream.last() }, damage))
      for (const { record } of block) directory.take(record)
    const active = await store.evaluations.active()
    const policies = (await lastPolicies(store.values)) ?? UNKNOWN_POLICY
    const reader: Reader = {
      ...{ store, history, directory },
      now: Date.now,
      evaluation: () => active?.id ?? null,
      judgedAt: () => active?.time ?? 0,
      online: () => NOBODY,
      policy: (group) => policyOf(policies, group),
    }
    return {
      reader,
      async close() {
        await store.close()
        await telemetry.close()
      },
    }
  } catch (cause) {
    await telemetry.close()
    throw cause
  }
}
