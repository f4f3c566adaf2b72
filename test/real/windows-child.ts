/**
 * Runs collectors on Windows for `windows.test.ts`, and writes what they yield to a file, a line each.
 *
 *   node windows-child.mjs EVENTS_FILE NAME…
 *
 * Shape   pauses are at most half a second, and the clock advances by the full pause (watch.ts). A line that is `stop`
 *         in the file beside it ends it.
 */
import { createHmac, randomBytes } from 'node:crypto'
import { appendFileSync, existsSync } from 'node:fs'
import { pump } from '../../agent/collect.ts'
import { collectorsOf } from '../../agent/collectors/index.ts'
import type { Host } from '../../agent/host/host.ts'
import { windows } from '../../agent/host/windows.ts'
import { forCollectors } from '../../agent/policy.ts'
import { uuid7 } from '../../agent/uuid.ts'

const PAUSE_MS = 500
const [file = '', policyText = '{}', ...names] = process.argv.slice(2)
const stop = new AbortController()
const real = windows.host({
  hmac: (value) => createHmac('sha256', 'a salt').update(value).digest('hex'),
  stateFolder: `${file}.memory`,
})

function fastHost(): Host {
  let ahead = 0
  return {
    ...real,
    now: () => Date.now() + ahead,
    elapsed: () => real.elapsed() + ahead,
    sleep: async (ms, signal) => {
      const began = Date.now()
      await real.sleep(Math.min(ms, PAUSE_MS), signal)
      if (existsSync(`${file}.stop`)) stop.abort()
      ahead += Math.max(0, ms - (Date.now() - began))
    },
  }
}

let seq = 0
const policy = forCollectors({
  version: 1,
  salt: '00'.repeat(32),
  off: [],
  on: [],
  watchedRoots: [],
  spoolBytes: 1_048_576,
  spoolDays: 7,
  ...JSON.parse(policyText),
})
const wanted = collectorsOf('windows', { seen: 0, total: 0 }).filter((it) => names.includes(it.name))
const machine = await windows.machine(real)
appendFileSync(file, `${JSON.stringify({ machine, collectors: wanted.map((it) => it.name) })}\n`)
await Promise.all(
  wanted.map((it) =>
    pump(
      it,
      fastHost(),
      policy,
      (found) => {
        const event = { ...found, id: uuid7(found.time, randomBytes), seq: ++seq, product: 'windows' }
        appendFileSync(file, `${JSON.stringify(event)}\n`)
      },
      stop.signal,
    ),
  ),
)
process.exit(0)
