/** status.json: how the running agent is doing, for `tellwire agent status` and `tellwire doctor`. */
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import * as z from 'zod'
import { printable } from '../wire/printable.ts'
import { writeFileAtomically } from './config.ts'
import type { Clocks } from './ticker.ts'

const at = z.number().nullable()

/** Times are epoch ms. All fields are as of `at`. */
export const Status = z.object({
  at: z.number(),
  version: z.string(),
  server: z.string(),
  device: z.string(),
  startedAt: z.number(),
  connected: z.boolean(),
  connectedAt: at,
  /** Why there is no connection, in one line. */
  trouble: z.string().nullable(),
  nextTryAt: at,
  lastAckAt: at,
  policyVersion: z.number().nullable(),
  policyTrouble: z.string().nullable(),
  spool: z.object({
    /** On disk: unsent events, and acknowledged events that are still kept. */
    bytes: z.number(),
    keptBytes: z.number().default(0),
    unsent: z.number(),
    acked: z.number(),
    last: z.number(),
    trouble: z.string().nullable(),
    dropped: z.record(z.string(), z.number()),
  }),
  /** Events of this run that the server rejected, by code. */
  rejected: z.record(z.string(), z.number()),
  /** Gaps of this run, newest last. */
  gaps: z.array(z.object({ about: z.string(), reason: z.string(), lastAt: z.number() })),
  wireBytes: z.number(),
  /** Sent since the laptop's day began, by category: see show/sent-today.ts. */
  sent: z
    .object({ day: z.string(), since: z.number(), counts: z.record(z.string(), z.number()) })
    .nullable()
    .default(null),
  /** Where the laptop's user can read what is collected; null: no page is open. */
  page: z.string().nullable().default(null),
})
export type Status = z.infer<typeof Status>

/**
 * A write of a few KB is about 27 KB on the SSD, with the journal and the folder: 150 a day are 4 MB. Counters change
 * with every heartbeat, so they alone are written this often only; a command that wants them now asks (`freshStatus`).
 */
const COUNTERS_MS = 10 * 60_000

/** Writes the file when something other than a counter changed, when somebody asked, and otherwise every ten minutes. */
export function statusWriter(path: string, clocks: Clocks, status: () => Omit<Status, 'at'>): () => void {
  let before = ''
  let writtenAt = Number.NEGATIVE_INFINITY
  return () => {
    const now = status()
    const facts = JSON.stringify(withoutCounters(now))
    const isAsked = existsSync(asked(path))
    if (facts === before && !isAsked && clocks.booted() - writtenAt < COUNTERS_MS) return
    before = facts
    writtenAt = clocks.booted()
    try {
      writeFileAtomically(path, JSON.stringify({ at: clocks.wall(), ...now }), { sync: false })
      if (isAsked) rmSync(asked(path), { force: true })
    } catch {
      // On a full disk the status gets old, but the agent goes on.
    }
  }
}

/** Asks the running agent to write its status. False: it did not within `ms`, or the folder is another user's. */
export async function freshStatus(path: string, ms: number): Promise<boolean> {
  try {
    writeFileSync(asked(path), '')
  } catch {
    return false
  }
  for (const end = performance.now() + ms; existsSync(asked(path)); await delay(50))
    if (performance.now() > end) return false
  return true
}

function asked(path: string): string {
  return `${path}.asked`
}

function withoutCounters(status: Omit<Status, 'at'>) {
  const { spool, gaps, lastAckAt: _, wireBytes: __, nextTryAt: ___, sent: ____, ...rest } = status
  return { ...rest, disk: spool.trouble, dropped: Object.keys(spool.dropped), gaps: gaps.map((it) => it.about).sort() }
}

const duration = (from: number, to: number) => {
  const passed = Math.max(0, Math.round((to - from) / 1_000))
  return passed < 120
    ? `${passed} s`
    : passed < 7_200
      ? `${Math.round(passed / 60)} min`
      : `${Math.round(passed / 3_600)} h`
}

/** The status as text. `pid`: of the running agent, null if none runs. */
export function formatStatus(status: Status, pid: number | null, now: number): string {
  const { spool } = status
  const ago = (time: number | null) => (time === null ? 'never' : `${duration(time, now)} ago`)
  const rows: [string, string][] = [
    [
      'agent',
      pid === null ? `not running (last seen ${ago(status.at)})` : `running, process ${pid}, ${status.version}`,
    ],
    ['server', `${status.server} as ${status.device}`],
    ['connected', connection(status, pid, now)],
    ['last acknowledgement', ago(status.lastAckAt)],
    [
      'not sent yet',
      `${spool.unsent} events, ${mebibytes(spool.bytes)} on disk; ${mebibytes(spool.keptBytes)} of acknowledged events are kept`,
    ],
    [
      'policy',
      `${status.policyVersion ?? 'none yet'}${status.policyTrouble ? `; rejected: ${status.policyTrouble}` : ''}`,
    ],
  ]
  if (pid !== null && status.page !== null) rows.push(['for its user', status.page])
  if (spool.trouble) rows.push(['disk', `cannot be written (${spool.trouble}); events are held in memory`])
  if (Object.keys(spool.dropped).length > 0) rows.push(['dropped', counts(spool.dropped)])
  if (Object.keys(status.rejected).length > 0) rows.push(['rejected', counts(status.rejected)])
  for (const { about, reason, lastAt } of status.gaps)
    rows.push(['not observed', `${about}: ${reason}, ${ago(lastAt)}`])
  return rows.map(([label, value]) => printable(`${label.padEnd(22)}${value}`)).join('\n')
}

function mebibytes(bytes: number): string {
  return `${(bytes / 1_048_576).toFixed(1)} MiB`
}

function connection({ connectedAt, connected, trouble, nextTryAt }: Status, pid: number | null, now: number): string {
  if (pid !== null && connected && connectedAt !== null) return `yes, for ${duration(connectedAt, now)}`
  const next = pid === null || nextTryAt === null ? '' : ` Next attempt in ${duration(now, nextTryAt)}.`
  return `no.${trouble ? ` ${trouble}` : ''}${next}`
}

function counts(of: Record<string, number>): string {
  return Object.entries(of)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ')
}
