/**
 * How much importing 30 MB of roster delays other work in the same thread: contracts and laptops go into a log on disk,
 * while a heartbeat measures the event loop's delay, and a laptop's batches the delay of their acknowledgement.
 *
 * Units   a beat is due every 10 ms; its delay is how late it came. The log, the directory and the reader of API or
 *         inbox are the server's own; evaluation is not included.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type Contracts, contracts } from '../../server/roster/contracts.ts'
import { Directory } from '../../server/roster/directory.ts'
import { deliver, importInbox } from '../../server/roster/inbox.ts'
import { openRoster } from '../../server/roster/reader.ts'
import { parseRoster } from '../../server/roster/roster.ts'
import { openTelemetry } from '../../server/store/sqlite/telemetry.ts'
import type { Stream } from '../../server/store/stream.ts'
import { processEvent, recorded } from '../server/store/samples.ts'
import { type BenchOptions, quantile, type Row } from './row.ts'

const BEAT_MS = 10
const ROWS = 99_000
const BATCH = 100
const BATCH_EVERY_MS = 50
const HEADER = 'worker,name,country,region,city,timeZone,start,end,approvedTools,household,device\n'

export async function bench({ says }: BenchOptions): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'tellwire-bench-'))
  const { stream, close } = await openTelemetry({ folder })
  try {
    const { take } = office(stream)
    const now = Date.now()
    const throughText = async (text: string) => {
      const roster = await openRoster({ text, format: 'csv', fileName: 'r.csv', now })
      const taken = await take(roster.parts(), null)
      await roster.close()
      return taken.contracts + taken.devices
    }
    const inbox = join(folder, 'inbox')
    const throughInbox = () => importInbox(inbox, take, new AbortController().signal)

    const [bad, good, moved] = [csv(unknown), csv(austin), csv(dallas)]
    const rows = await measured('bad rows', () => throughText(bad), stream, says)
    rows.push(...(await measured('good rows', () => throughText(good), stream, says)))
    rows.push(...(await measured('the same rows again', () => throughText(good), stream, says)))
    await deliver(inbox, parseRoster(moved, { format: 'csv', fileName: 'r.csv', now: now + 1 }), now)
    rows.push(...(await measured('everybody moved, through the inbox', throughInbox, stream, says)))
    return rows
  } finally {
    await close()
    rmSync(folder, { recursive: true, force: true })
  }
}

function office(stream: Stream): Contracts {
  const directory = new Directory()
  return contracts({
    directory,
    append: async (records) => {
      await stream.publish(records)
      for (const it of records) directory.take(it)
    },
    audit: async () => {},
    now: Date.now,
  })
}

const unknown = (n: number) => `Cuntry${n},Texas,Austin`
const austin = () => 'US,Texas,Austin'
const dallas = () => 'US,Texas,Dallas'

function csv(place: (n: number) => string): string {
  const name = 'x'.repeat(190)
  const row = (n: number) =>
    `w${n},"Doe, ${name}",${place(n)},America/Chicago,2026-01-05,2026-12-31,ScreenConnect@acme;Zoom,h${n},d${n}\n`
  return HEADER + Array.from({ length: ROWS }, (_, n) => row(n)).join('')
}

async function measured(
  name: string,
  work: () => Promise<unknown>,
  stream: Stream,
  says: (text: string) => void,
): Promise<Row[]> {
  says(`importing 30 MB: ${name}`)
  const over = new AbortController()
  const beats = heartbeat(over.signal)
  const acks = acknowledgements(`laptop, ${name}`, stream, over.signal)
  // So that work before the import does not count.
  await delay(100)
  const cpu = process.threadCpuUsage()
  const start = performance.now()
  await work()
  const seconds = (performance.now() - start) / 1_000
  const own = process.threadCpuUsage(cpu)
  over.abort()
  const [delays, waits] = [await beats, await acks]
  return [
    { name: `import, ${name}`, unit: 's', value: seconds, budget: '' },
    { name: `import, ${name}: main thread`, unit: 'CPU-s', value: (own.user + own.system) / 1e6, budget: '' },
    { name: `import, ${name}: event-loop delay, p99`, unit: 'ms', value: quantile(delays, 0.99), budget: '<= 50' },
    { name: `import, ${name}: event-loop delay, longest`, unit: 'ms', value: quantile(delays, 1), budget: '' },
    { name: `import, ${name}: acknowledgement, p99`, unit: 'ms', value: quantile(waits, 0.99), budget: '<= 250' },
  ]
}

/** The delay of each beat, ms. */
async function heartbeat(signal: AbortSignal): Promise<number[]> {
  const delays: number[] = []
  for (let last = performance.now(); !signal.aborted; last = performance.now()) {
    await delay(BEAT_MS)
    delays.push(Math.max(0, performance.now() - last - BEAT_MS))
  }
  return delays
}

/** How long batches sent at a fixed rate wait until they are durable, ms. */
async function acknowledgements(device: string, stream: Stream, signal: AbortSignal): Promise<number[]> {
  const waits: Promise<number>[] = []
  for (let seq = 1; !signal.aborted; seq += BATCH) {
    const records = Array.from({ length: BATCH }, (_, n) => recorded(device, processEvent(seq + n)))
    const sent = performance.now()
    waits.push(stream.publish(records).then(() => performance.now() - sent))
    await delay(BATCH_EVERY_MS)
  }
  return Promise.all(waits)
}
