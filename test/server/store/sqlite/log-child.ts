/**
 * A server's store in its own process, to be killed: appends for three devices without end, from where the folder's
 * log is, and says on standard output what has been promised: `device epoch first-seq last-seq first-position`.
 */
import { writeSync } from 'node:fs'
import { openLog } from '../../../../server/store/sqlite/log.ts'
import { batch } from '../samples.ts'

const log = await openLog({ folder: process.argv[2]! })
await Promise.all(['d1', 'd2', 'd3'].map(appendWithoutEnd))

async function appendWithoutEnd(device: string): Promise<never> {
  for (let seq = log.acked(device, 7) + 1, count = 1; ; seq += count, count = 1 + ((seq * 31) % 150)) {
    const { first } = await log.append(batch(device, seq, count))
    // To the pipe at once, past stream buffers that a kill would empty.
    writeSync(1, `${device} 7 ${seq} ${seq + count - 1} ${first}\n`)
  }
}
