/**
 * Appends events until it is killed, and prints the last durable seq. In the mode 'lossy', it simulates a server that
 * sometimes loses acknowledged events, and prints the last acknowledged seq. The kill -9 tests start it.
 */
import { writeSync } from 'node:fs'
import { HOUR } from '../../../wire/time.ts'
import { connectionTo, openSpool } from '../laptop.ts'

const [, , folder = '', mode] = process.argv
const spool = openSpool(folder, { segmentBytes: 16_384, kept: { bytes: 1_000_000_000, ms: HOUR } })
for (let n = 1; ; n++) {
  spool.append(connectionTo(n % 65_536))
  if (n % 7 !== 0) continue
  await spool.flush()
  if (mode === 'lossy') {
    if (n % 77 === 0) spool.rewind(Math.max(0, spool.acked - (n % 500)))
    spool.commit(spool.lease(40, 1_048_576).at(-1)?.seq ?? 0)
    writeSync(1, `${spool.acked}\n`)
  } else writeSync(1, `${spool.synced}\n`)
}
