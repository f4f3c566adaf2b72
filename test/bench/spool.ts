/** The spool's throughput: append, sync, lease and acknowledge, on the disk of the temporary folder. */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Spool } from '../../agent/spool/spool.ts'
import { realClocks } from '../../agent/ticker.ts'
import { connectionTo } from '../agent/laptop.ts'
import type { Row } from './row.ts'

const EVENTS = 100_000

export async function bench(): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'tellwire-bench-'))
  try {
    const spool = Spool.open({
      folder,
      product: 'linux',
      now: Date.now,
      booted: realClocks.booted,
      random: randomBytes,
      maxBytes: 67_108_864,
      maxAgeMs: 604_800_000,
    })
    const cpu = process.cpuUsage()
    const start = performance.now()
    for (let n = 1; n <= EVENTS; n++) {
      spool.append(connectionTo(n % 65_536))
      if (n % 200 === 0) await spool.flush()
      if (n % 1_000 === 0) spool.commit(spool.lease(1_000, 1_048_576).at(-1)?.seq ?? 0)
    }
    await spool.flush()
    const seconds = (performance.now() - start) / 1_000
    const { user, system } = process.cpuUsage(cpu)
    await spool.close()
    return [
      { name: 'spool, in and out', unit: 'events/s', value: Math.round(EVENTS / seconds), budget: '>= 20,000' },
      { name: 'spool, CPU', unit: 'µs/event', value: (user + system) / EVENTS, budget: '' },
    ]
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
