/** Appends until it is killed, and prints each seq it knows to be durable. The kill -9 test starts it. */
import { writeSync } from 'node:fs'
import { connectionTo, openSpool } from '../laptop.ts'

const spool = openSpool(process.argv[2]!, { segmentBytes: 16_384 })
for (let n = 0; ; n++) {
  spool.append(connectionTo(n % 65_536))
  if (n % 7 !== 0) continue
  await spool.flush()
  writeSync(1, `${spool.synced}\n`)
}
