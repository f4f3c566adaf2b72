/**
 * Halts the roll-out of a version that laptops had to go back from, and applies what somebody halted or resumed.
 *
 * Shape   reads the log from its own position, which it stores after the failures up to it: after a crash, some are read
 *         twice, and a laptop counts once.
 */
import { type Failure, noteFailures } from '../ingest/roll-out.ts'
import type { Logger } from '../log.ts'
import type { History } from '../store/history.ts'
import type { Store } from '../store/store.ts'
import type { Stream } from '../store/stream.ts'
import type { Job } from './job.ts'

const EVERY_MS = 10_000
const READ_UP_TO = 'roll-outs.position'

export interface HaltRollOutsDeps {
  store: { values: Pick<Store['values'], 'get' | 'set' | 'compareAndSet'> }
  history: Pick<History, 'scan'>
  stream: Pick<Stream, 'last'>
  haltAfter(): number
  /** Sends laptops what follows from the roll-outs that are halted now. */
  apply(): Promise<void>
  now(): number
  log: Logger
}

export function haltRollOuts({ store, history, stream, haltAfter, apply, now, log }: HaltRollOutsDeps): Job {
  return {
    name: 'halt roll-outs',
    when: EVERY_MS,
    async run() {
      const upTo = await stream.last()
      const after = Math.min(Number((await store.values.get(READ_UP_TO)) ?? upTo), upTo)
      const failures: Failure[] = []
      const query = { categories: ['agent_state'] as const, after, upTo, literals: ['upgrade_failed'] }
      // What cannot be read of a damaged log is reported by its own reader.
      for await (const block of history.scan(query, { onDamaged() {} }))
        for (const { record } of block) {
          if (record.type !== 'event' || record.event.category !== 'agent_state') continue
          const { Action, FailedVersion, Trouble } = record.event
          if (Action !== 'upgrade_failed' || !FailedVersion) continue
          failures.push({ version: FailedVersion, device: record.device, at: now(), why: Trouble ?? '' })
        }
      if (failures.length > 0) {
        const halted = await noteFailures(store.values, failures, { haltAfter: haltAfter(), now: now() })
        for (const version of halted)
          log.error({ version }, 'a roll-out is halted, because laptops had to go back: see tellwire laptops roll-outs')
      }
      if (after !== upTo || (await store.values.get(READ_UP_TO)) === null)
        await store.values.set(READ_UP_TO, String(upTo))
      await apply()
    },
  }
}
