/**
 * Whether a new version works: its process runs, and the server has acknowledged a batch of it.
 *
 * Shape   'works' at the first acknowledgement; 'broken' when the agent began anew too often, or when the deadline
 *         passed without one. While a server answers that it has no room, the deadline does not run: that says nothing
 *         about the version. After a day of it the version stays, because it has shown that it reaches the server.
 * Units   only time in which the laptop is awake counts: `awakeMs` stands still while it sleeps.
 * Errors  nothing is thrown: what cannot be read was not written yet.
 */
import type { Contact } from '../contact.ts'

/** An agent that was started this often without an acknowledgement crashes. */
const STARTS_MAX = 4
const THROTTLED_MS = 24 * 3_600_000
const LOOK_MS = 250

export interface GateOptions {
  version: string
  deadlineMs: number
  /** contact.json; it was removed before the new version was started. */
  contact(): Contact | null
  /** The process that runs the agent; null: none does. */
  agentPid(): number | null
  awakeMs(): number
  sleep(ms: number): Promise<void>
}

export type Verdict = { works: true } | { works: false; why: string }

export async function gate(options: GateOptions): Promise<Verdict> {
  const { version, deadlineMs, contact, agentPid, awakeMs, sleep } = options
  const pids = new Set<number>()
  let before = awakeMs()
  let waited = 0
  let throttledFor = 0
  for (;;) {
    const now = awakeMs()
    const passed = now - before
    before = now
    const pid = agentPid()
    if (pid !== null) pids.add(pid)
    const seen = contact()
    const mine = seen?.version === version ? seen : null
    if (mine?.acknowledged) return { works: true }
    if (pids.size >= STARTS_MAX) return { works: false, why: `It was started ${pids.size} times and ended each time.` }
    if (mine?.throttled && mine.pid === pid) throttledFor += passed
    else waited += passed
    if (throttledFor >= THROTTLED_MS) return { works: true }
    if (waited >= deadlineMs) return { works: false, why: reason(seen, version, pid) }
    await sleep(LOOK_MS)
  }
}

function reason(seen: Contact | null, version: string, pid: number | null): string {
  if (pid === null) return 'It does not run.'
  if (seen === null) return 'It runs, and has not said that it is ready.'
  return seen.version === version
    ? 'The server has acknowledged nothing of it.'
    : `Version ${seen.version} runs instead.`
}
