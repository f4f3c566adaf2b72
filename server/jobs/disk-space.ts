/**
 * Watches the free disk space of the data folder, so that telemetry never uses the last of it: decisions, users and
 * evaluations can still be written then.
 *
 * Shape   'full' below the reserve, until a tenth more than the reserve is free again. While it is full, data from
 *         laptops and feeds is refused; laptops keep theirs and send it later.
 * Units   bytes.
 * Errors  a file system whose free space cannot be read does not count as full; the job's runner reports the failure.
 */
import { statfs } from 'node:fs/promises'
import type { Logger } from '../log.ts'
import type { Job } from './job.ts'

const EVERY_MS = 5_000

export interface DiskSpace {
  job: Job
  isFull(): boolean
  /** 0 before the first reading. */
  free(): number
}

export function diskSpace(deps: { folder: string; reserveBytes: number; log: Logger }): DiskSpace {
  const { folder, reserveBytes, log } = deps
  let free = 0
  let isFull = false
  return { job: { name: 'disk space', when: EVERY_MS, run }, isFull: () => isFull, free: () => free }

  async function run(): Promise<void> {
    const { bavail, bsize } = await statfs(folder)
    free = bavail * bsize
    const was = isFull
    isFull = free < (was ? reserveBytes * 1.1 : reserveBytes)
    if (isFull && !was)
      log.error({ folder, free, reserveBytes }, 'the disk is nearly full: telemetry is refused until space is free')
    if (was && !isFull) log.info({ folder, free }, 'the disk has free space again')
  }
}
