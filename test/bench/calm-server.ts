/**
 * The server of the bench `calm`, in a process that is asked how late its main thread was.
 *
 * Shape   `own` is what the thread itself did between two beats, beyond the time between them: how late the next event
 *         would have been had nothing else run on the machine. Waiting for a disk is not in it; in `delay` it is.
 * Units   ms.
 */
import { readFileSync } from 'node:fs'
import { createHistogram, monitorEventLoopDelay } from 'node:perf_hooks'
import { loadConfig } from '../../server/config.ts'
import { logger } from '../../server/log.ts'
import { serve } from '../../server/roles/all.ts'
import { serveBefore } from './calm-before.ts'

const BEAT_MS = 10

export interface Lateness {
  p50: number
  p99: number
  max: number
}

export interface Report {
  delay: Lateness
  own: Lateness
  /** CPU time of the main thread, and how long it waited for a core. Null: this system does not say. */
  cpuMs: number
  waitedMs: number | null
  tookMs: number
}

export type FromServer =
  | { type: 'listening'; url: string; link: string; judged: Judged | null }
  | { type: 'report'; report: Report }
  /** Of the server before: it judges the log by other rules, or these are in use. */
  | { type: 'rules'; inUse: boolean }
/** What was judged before it listened. */
export interface Judged {
  records: number
  cpuMs: number
}
/** `measure` begins anew. */
export type ToServer = { type: 'measure' } | { type: 'report' }

const [configFile, checkout] = process.argv.slice(2) as [string, string | undefined]
const delay = monitorEventLoopDelay({ resolution: BEAT_MS })
const own = createHistogram()
let from = now()
let beatCpu = from.cpuMs

process.on('message', (message: ToServer) => {
  if (message.type === 'measure') {
    delay.reset()
    own.reset()
    from = now()
  } else say({ type: 'report', report: report() })
})
process.on('SIGTERM', () => void running.close().then(() => process.exit()))
// The bench went: nobody is left to stop us.
process.on('disconnect', () => process.exit(1))

let judging: Judged | null = null
const running = await (checkout ? before(checkout) : today())
delay.enable()
setInterval(beat, BEAT_MS)
say({ type: 'listening', url: running.url, link: await running.oneTimeLink(), judged: judgedBefore() })

function today() {
  const load = () => loadConfig({ file: configFile, env: {} })
  const config = load()
  return serve(config, logger(config.log.level), { reload: load })
}

function before(from: string) {
  return serveBefore(from, configFile, {
    judges(records) {
      judging ??= { records, cpuMs: cpuOfAll() }
    },
    rulesChanged: () => say({ type: 'rules', inUse: false }),
    rulesInUse: () => say({ type: 'rules', inUse: true }),
  })
}

function judgedBefore(): Judged | null {
  return judging && { ...judging, cpuMs: cpuOfAll() - judging.cpuMs }
}

function cpuOfAll(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e3
}

function beat(): void {
  const { cpuMs } = now()
  // A histogram holds whole numbers from 1 on.
  own.record(Math.max(1, Math.round((cpuMs - beatCpu - BEAT_MS) * 1_000)))
  beatCpu = cpuMs
}

function report(): Report {
  const to = now()
  return {
    // The monitor counts from beat to beat.
    delay: lateness((share) => delay.percentile(share) / 1e6 - BEAT_MS, delay.max / 1e6 - BEAT_MS),
    own: lateness((share) => own.percentile(share) / 1e3, own.max / 1e3),
    cpuMs: to.cpuMs - from.cpuMs,
    waitedMs: to.waitedMs === null || from.waitedMs === null ? null : to.waitedMs - from.waitedMs,
    tookMs: to.at - from.at,
  }
}

function lateness(percentile: (share: number) => number, max: number): Lateness {
  const least = (value: number) => Math.max(0, value)
  return { p50: least(percentile(50)), p99: least(percentile(99)), max: least(max) }
}

function now() {
  const { user, system } = process.threadCpuUsage()
  return { at: performance.now(), cpuMs: (user + system) / 1e3, waitedMs: waited() }
}

/** Linux: what the scheduler says of the main thread. */
function waited(): number | null {
  try {
    return Number(readFileSync('/proc/self/schedstat', 'utf8').split(' ')[1]) / 1e6
  } catch {
    return null
  }
}

function say(message: FromServer): void {
  process.send?.(message)
}
