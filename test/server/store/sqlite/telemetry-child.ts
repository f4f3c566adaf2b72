/**
 * A server's store in its own process, to be killed: publishes for three devices continuously, from the end of the
 * folder's stream, and prints what has been acknowledged: `device epoch first-seq last-seq first-position`.
 */
import { writeSync } from 'node:fs'
import { openTelemetry } from '../../../../server/store/sqlite/telemetry.ts'
import { batch } from '../samples.ts'

const { stream } = await openTelemetry({ folder: process.argv[2]! })
await Promise.all(['d1', 'd2', 'd3'].map(publishWithoutEnd))

async function publishWithoutEnd(device: string): Promise<never> {
  for (let seq = (await stream.acked(device, 7)) + 1, count = 1; ; seq += count, count = 1 + ((seq * 31) % 150)) {
    const { first } = await stream.publish(batch(device, seq, count))
    // Written to the pipe directly: a kill would empty stream buffers.
    writeSync(1, `${device} 7 ${seq} ${seq + count - 1} ${first}\n`)
  }
}
