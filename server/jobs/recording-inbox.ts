/** Imports the recordings that `tellwire import` writes to the inbox folder. */
import { type InboxDeps, takeRecordings } from '../recordings/inbox.ts'
import type { Job } from './job.ts'

const EVERY_MS = 1_000

export function recordingInbox(deps: InboxDeps): Job {
  return { name: 'recording inbox', when: EVERY_MS, keepsPace: true, run: (signal) => takeRecordings(deps, signal) }
}
