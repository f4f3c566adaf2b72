/**
 * Watches the free space where the data folder is, so that telemetry never takes the last of it: decisions, users and
 * the state of judgement are still written then.
 *
 * Shape   'full' below the reserve, and until a tenth more than it is free again. While it is full, nothing of laptops
 *         and feeds is taken; laptops keep it and send it later.
 * Units   bytes.
 * Errors  a file system that cannot be asked does not count as full; the failure is reported by the job's runner.
 */
import { statfs } from 'node:fs/promises'
import type { Logger } from '../log.ts'
import type { Job } from './job.ts'

const EVERY_MS = 5_000

export interface DiskSpace {
  job: Job
  isFull(): boolean
  /** 0 before the first look. */
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
      log.error({ folder, free, reserveBytes }, 'the disk is nearly full: no telemetry is taken until there is room')
    if (was && !isFull) log.info({ folder, free }, 'there is room on the disk again')
  }
}
