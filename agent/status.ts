/** What the running agent says about itself to whoever asks on the laptop: status.json. */
import * as z from 'zod'
import { writeWhole } from './config.ts'
import type { Clocks } from './ticker.ts'

const at = z.number().nullable()

/** Times epoch ms. `connected` and all else as of `at`. */
export const Status = z.object({
  at: z.number(),
  version: z.string(),
  server: z.string(),
  device: z.string(),
  startedAt: z.number(),
  connected: z.boolean(),
  connectedAt: at,
  /** Why there is no connection; one line. */
  trouble: z.string().nullable(),
  nextTryAt: at,
  lastAckAt: at,
  policyVersion: z.number().nullable(),
  policyTrouble: z.string().nullable(),
  spool: z.object({
    /** On disk: what the server does not have, and what it has and is kept for a while. */
    bytes: z.number(),
    keptBytes: z.number().default(0),
    unsent: z.number(),
    acked: z.number(),
    last: z.number(),
    trouble: z.string().nullable(),
    dropped: z.record(z.string(), z.number()),
  }),
  /** Events the server could not use, by reason, in this run. */
  rejected: z.record(z.string(), z.number()),
  /** What could not be seen in this run, newest last. */
  gaps: z.array(z.object({ about: z.string(), reason: z.string(), lastAt: z.number() })),
  wireBytes: z.number(),
})
export type Status = z.infer<typeof Status>

/** Writes it only when there is news, and once a minute: it is a file on somebody's SSD. */
export function statusWriter(path: string, clocks: Clocks, status: () => Omit<Status, 'at'>): () => void {
  let text = ''
  let writtenAt = Number.NEGATIVE_INFINITY
  return () => {
    const next = JSON.stringify(status())
    if (next === text && clocks.booted() - writtenAt < 60_000) return
    text = next
    writtenAt = clocks.booted()
    try {
      writeWhole(path, `{"at":${clocks.wall()},${text.slice(1)}`, { sync: false })
    } catch {
      // A full disk costs the view of the agent, not the agent.
    }
  }
}

const minutes = (from: number, to: number) => {
  const passed = Math.max(0, Math.round((to - from) / 1_000))
  return passed < 120
    ? `${passed} s`
    : passed < 7_200
      ? `${Math.round(passed / 60)} min`
      : `${Math.round(passed / 3_600)} h`
}

/** In plain words. `pid` of the running agent, null when none runs. */
export function describeStatus(status: Status, pid: number | null, now: number): string {
  const { spool } = status
  const ago = (time: number | null) => (time === null ? 'never' : `${minutes(time, now)} ago`)
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
      `${spool.unsent} events; ${mebibytes(spool.bytes)} on disk, and ${mebibytes(spool.keptBytes)} kept that the server has`,
    ],
    [
      'policy',
      `${status.policyVersion ?? 'none yet'}${status.policyTrouble ? `; refused: ${status.policyTrouble}` : ''}`,
    ],
  ]
  if (spool.trouble) rows.push(['disk', `does not take events: ${spool.trouble}; they wait in memory`])
  if (Object.keys(spool.dropped).length > 0) rows.push(['dropped', counts(spool.dropped)])
  if (Object.keys(status.rejected).length > 0) rows.push(['rejected', counts(status.rejected)])
  for (const { about, reason, lastAt } of status.gaps)
    rows.push(['could not see', `${about}: ${reason}, ${ago(lastAt)}`])
  return rows.map(([label, value]) => `${label.padEnd(22)}${value}`).join('\n')
}

function mebibytes(bytes: number): string {
  return `${(bytes / 1_048_576).toFixed(1)} MiB`
}

function connection({ connectedAt, connected, trouble, nextTryAt }: Status, pid: number | null, now: number): string {
  if (pid !== null && connected && connectedAt !== null) return `yes, for ${minutes(connectedAt, now)}`
  const next = pid === null || nextTryAt === null ? '' : ` Next try in ${minutes(now, nextTryAt)}.`
  return `no.${trouble ? ` ${trouble}` : ''}${next}`
}

function counts(of: Record<string, number>): string {
  return Object.entries(of)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ')
}
