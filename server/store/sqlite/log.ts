/** `openTelemetry` as the interface before it, until ingest, detect, views and commands ask the ports themselves. */
import type { Stored, TelemetryLog } from '../state.ts'
import { openParts, type TelemetryOptions } from './telemetry.ts'
import { unwritable } from './writer-thread.ts'

/** Errors  Fault 'store.unwritable', 'server.running', 'store.newer', 'store.missing', 'store.damaged'. */
export async function openLog(options: TelemetryOptions): Promise<TelemetryLog> {
  const { folder, writer, reader, close } = await openParts(options)
  const refuse = () => Promise.reject(unwritable(folder, 'It was opened for reading only.'))
  const last = () => writer?.last ?? reader.last()
  return {
    append: (records, rejected) => writer?.publish(records, rejected) ?? refuse(),
    last,
    read: (after = 0, damage = {}) => oneByOne(reader.read(after, last(), damage)),
    events: (query, limit, damage = {}) => reader.events(query, limit, damage),
    counts: (query) => reader.counts(query),
    acked: (device, epoch) => writer?.acked(device, epoch) ?? reader.acked(device, epoch),
    bySeq: (device, epoch, seq) => reader.bySeq(device, epoch, seq),
    rejected: async (device, limit) => reader.rejected(device, limit),
    rejectedTotal: (device) => reader.rejectedTotals([device]).get(device) ?? 0,
    retain: (time) => writer?.trim(time) ?? refuse(),
    close,
  }
}

async function* oneByOne(blocks: AsyncIterable<readonly Stored[]>): AsyncIterable<Stored> {
  for await (const block of blocks) yield* block
}
