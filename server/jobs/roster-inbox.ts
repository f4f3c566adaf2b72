/** Imports the rosters that commands write to the inbox folder. */
import type { Contracts } from '../roster/contracts.ts'
import { importInbox } from '../roster/inbox.ts'
import type { Job } from './job.ts'

const EVERY_MS = 5_000

export function rosterInbox({ folder, contracts }: { folder: string; contracts: Contracts }): Job {
  const run = (signal: AbortSignal) => importInbox(folder, contracts.take, signal)
  return { name: 'roster inbox', when: EVERY_MS, keepsPace: true, run }
}
