/**
 * Appends until it is killed, and prints each seq it knows to be durable; with 'forgetful' each that a server has
 * acknowledged, which now and then forgets some of it. The kill -9 tests start it.
 */
import { writeSync } from 'node:fs'
import { connectionTo, openSpool } from '../laptop.ts'

const [, , folder = '', mode] = process.argv
const spool = openSpool(folder, { segmentBytes: 16_384, kept: { bytes: 1_000_000_000, ms: 3_600_000 } })
for (let n = 1; ; n++) {
  spool.append(connectionTo(n % 65_536))
  if (n % 7 !== 0) continue
  await spool.flush()
  if (mode === 'forgetful') {
    if (n % 77 === 0) spool.rewind(Math.max(0, spool.acked - (n % 500)))
    spool.commit(spool.lease(40, 1_048_576).at(-1)?.seq ?? 0)
    writeSync(1, `${spool.acked}\n`)
  } else writeSync(1, `${spool.synced}\n`)
}
