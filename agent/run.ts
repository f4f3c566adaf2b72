/** The running agent: collectors into the spool, the spool to the server, and word of how that goes. */
import { createHmac, randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import * as z from 'zod'
import type { Product } from '../wire/common.ts'
import type { Observation, ObservationOf } from '../wire/event.ts'
import { Fault } from '../wire/fault.ts'
import type { Ack, Policy, SignedPolicy } from '../wire/messages.ts'
import { type Collector, gap, pump } from './collect.ts'
import { laptop, layout, loadConfig, readJson, writeWhole } from './config.ts'
import { realHost } from './host/host.ts'
import { loadKey, type MachineFacts, machineFacts } from './identity.ts'
import { type Logger, logger } from './log.ts'
import { acceptPolicy, changesCollection, forCollectors, lastPolicy, savePolicy } from './policy.ts'
import { sentLog } from './spool/sent.ts'
import { Spool } from './spool/spool.ts'
import { type Status, statusWriter } from './status.ts'
import { type Costs, NO_COSTS, summary } from './summary.ts'
import { type LostTime, realClocks, ticker } from './ticker.ts'
import { type Timing, uplink } from './uplink/uplink.ts'
import { AGENT_VERSION } from './version.ts'

/** From an event to the disk and the wire: a burst shares one sync and one batch. */
const FLUSH_MS = 100
const FLUSH_EVENTS = 200
/** How long a stopping agent tries to send what it has; the rest waits in the spool. */
const GOODBYE_MS = 2_000
const HOUR_MS = 3_600_000
const GAPS_SHOWN = 50
const BEFORE_ANY_POLICY = { spoolBytes: 64 * 1_048_576, spoolDays: 14 }

const Running = z.object({ bootId: z.string().nullable() })
const PRODUCTS: Partial<Record<NodeJS.Platform, Product>> = { linux: 'linux', darwin: 'macos', win32: 'windows' }

export interface RunOptions {
  folder: string
  collectors: readonly Collector[]
  /** Process starts seen, of all the kernel counted; the processes collector keeps it. */
  forks: { seen: number; total: number }
  timing?: Timing
  log?: Logger
}

export function thisProduct(): Product {
  return PRODUCTS[process.platform] ?? 'linux'
}

/** Resolves after a clean stop. Errors: Fault 'agent.not_enrolled', 'agent.running', 'config.invalid'. */
export async function run(options: RunOptions, signal: AbortSignal): Promise<void> {
  const { folder, collectors, forks } = options
  const { wall: now, booted } = realClocks
  const startedAt = now()
  const at = layout(folder)
  const config = loadConfig(folder)
  const key = loadKey(at.key)
  let policy: Policy | null = null
  let policyTrouble: string | null = null
  try {
    policy = lastPolicy(at.policy, config.serverKey)
  } catch (cause) {
    policyTrouble = said(cause) // the server sends one with its welcome
  }
  const host = realHost({
    hmac: (value) =>
      createHmac('sha256', Buffer.from(policy?.salt ?? '', 'hex'))
        .update(value)
        .digest('hex'),
    memoryFolder: at.memory,
  })
  const facts = await machineFacts(host)
  const spool = Spool.open({
    folder: at.spool,
    product: thisProduct(),
    now,
    booted,
    random: randomBytes,
    ...bounds(policy),
  })
  const rejected = new Map<string, { count: number; unsaid: number; saidAt: number; where: string }>()
  const gaps = new Map<string, Status['gaps'][number]>()
  let flushing: NodeJS.Timeout | undefined
  let pumps: { stop: AbortController; all: Promise<unknown> } | null = null
  let changing: Promise<void> = Promise.resolve()

  hello()
  const offline = new AbortController()
  const link = uplink(
    {
      ...config,
      key,
      version: AGENT_VERSION,
      fingerprint: facts.fingerprint,
      spool,
      now,
      random: randomBytes,
      log: options.log ?? logger(now, (line) => process.stderr.write(line)),
      onPolicy,
      onRejected,
      onSent: sentLog(at.sent),
      ...(options.timing ? { timing: options.timing } : {}),
    },
    offline.signal,
  )
  const costs = summary({
    cpuMs: () => {
      const { user, system } = process.cpuUsage()
      return (user + system) / 1_000
    },
    residentBytes: () => process.memoryUsage.rss(),
    spoolBytes: () => spool.unsentBytes,
    wireBytes: () => link.status.wireBytes,
    forks: () => (forks.total > 0 ? forks : null),
  })
  const writeStatus = statusWriter(at.status, realClocks, status)
  const ticks = ticker(
    [
      { everyMs: 1_000, firstMs: 1_000, run: () => (spool.unsynced > 0 || spool.trouble ? flush() : undefined) },
      { everyMs: 15_000, firstMs: 0, run: writeStatus },
      { everyMs: HOUR_MS, firstMs: 300_000, run: hourly },
    ],
    onLostTime,
  )
  if (policy) startPumps(policy)
  await aborted(signal)
  await goodbye()

  function hello(): void {
    // A mark that a clean stop removes. After a restart of the laptop it means a power cut at most, not a kill.
    const before = attempt(() => readJson(at.running, Running))
    if (before?.bootId && before.bootId === facts.bootId) keep(state('killed_last_time', facts))
    attempt(() => writeWhole(at.running, JSON.stringify({ bootId: facts.bootId, pid: process.pid, startedAt })))
    const known = attempt(() => laptop(folder, startedAt, AGENT_VERSION))
    if (known && known.versionBefore !== AGENT_VERSION) keep(state('upgraded', facts))
    keep(state('started', facts))
  }

  async function goodbye(): Promise<void> {
    await changing
    await stopPumps(1_000)
    keep(state('stopping', facts))
    clearTimeout(flushing)
    await spool.flush()
    link.wake()
    await link.drained(GOODBYE_MS)
    offline.abort()
    await link.done
    ticks.stop()
    writeStatus()
    await spool.close()
    attempt(() => rmSync(at.running, { force: true }))
  }

  function keep(observation: Observation): void {
    spool.append(observation)
    if (observation.category === 'collection_gap') noteGap(observation)
    // A changed network is the best moment to try again.
    if (observation.category === 'network_place') link.retry()
    if (spool.unsynced >= FLUSH_EVENTS) void flush()
    else flushing ??= setTimeout(flush, FLUSH_MS)
  }

  async function flush(): Promise<void> {
    clearTimeout(flushing)
    flushing = undefined
    await spool.flush()
    link.wake()
  }

  function startPumps(current: Policy): void {
    const stop = new AbortController()
    const seen = forCollectors(current)
    const here = collectors.filter((it) => it.platform === process.platform && isWanted(it, seen))
    const all = here.map((it) => pump(it, host, seen, keep, stop.signal))
    pumps = { stop, all: Promise.allSettled(all) }
  }

  async function stopPumps(withinMs: number): Promise<void> {
    if (!pumps) return
    pumps.stop.abort()
    await Promise.race([pumps.all, new Promise((resolve) => setTimeout(resolve, withinMs))])
    pumps = null
  }

  function onPolicy(signed: SignedPolicy): void {
    const before = policy
    try {
      const next = acceptPolicy(signed, config.serverKey, before?.version)
      policyTrouble = null
      if (before && JSON.stringify(before) === JSON.stringify(next)) return
      policy = next
    } catch (cause) {
      policyTrouble = said(cause)
      return
    }
    const next = policy
    attempt(() => savePolicy(at.policy, signed))
    spool.bound(bounds(next))
    keep(state('policy_applied', facts))
    if (before && !changesCollection(before, next)) return
    changing = changing.then(async () => {
      await stopPumps(5_000)
      if (!signal.aborted) startPumps(next)
    })
  }

  function onRejected(list: Ack['rejected']): void {
    for (const { code, where } of list) {
      const seen = rejected.get(code) ?? { count: 0, unsaid: 0, saidAt: Number.NEGATIVE_INFINITY, where }
      rejected.set(code, { ...seen, count: seen.count + 1, unsaid: seen.unsaid + 1 })
    }
    sayRejected()
  }

  /** Once an hour per reason: what the server could not use is a hole in what it sees. */
  function sayRejected(): void {
    for (const [code, seen] of rejected) {
      // Switched off while it was on its way: nobody wanted it.
      if (code === 'event.off' || seen.unsaid === 0 || booted() - seen.saidAt < HOUR_MS) continue
      keep(gap({ time: now(), collector: 'uplink' }, code, 'unparsed', `rejected, first at ${seen.where}`, seen.unsaid))
      Object.assign(seen, { unsaid: 0, saidAt: booted() })
    }
  }

  function noteGap({ About, Reason, time }: ObservationOf<'collection_gap'>): void {
    const name = `${About}\n${Reason}`
    gaps.delete(name)
    gaps.set(name, { about: About, reason: Reason, lastAt: time })
    if (gaps.size > GAPS_SHOWN) gaps.delete(gaps.keys().next().value!)
  }

  function onLostTime({ kind, ms }: LostTime): void {
    const why = `nothing was seen for ${Math.round(ms / 1_000)} s, although the laptop was awake`
    if (kind === 'asleep') keep(state('resumed', facts))
    else keep(gap({ time: now(), collector: 'agent' }, 'agent', 'stopped', why))
    link.reconnect()
  }

  function hourly(): void {
    sayRejected()
    keep(state('summary', facts, costs()))
  }

  function status(): Omit<Status, 'at'> {
    const { connected, connectedAt, trouble, nextTryAt, lastAckAt, wireBytes } = link.status
    const { unsentBytes, keptBytes, unsent, acked, last, dropped } = spool
    return {
      version: AGENT_VERSION,
      server: config.url,
      device: config.device,
      startedAt,
      connected,
      connectedAt,
      trouble,
      nextTryAt,
      lastAckAt,
      policyVersion: policy?.version ?? null,
      policyTrouble,
      spool: { bytes: unsentBytes, keptBytes, unsent, acked, last, dropped, trouble: spool.trouble },
      rejected: Object.fromEntries([...rejected].map(([code, { count }]) => [code, count])),
      gaps: [...gaps.values()],
      wireBytes,
    }
  }
}

function state(Action: ObservationOf<'agent_state'>['Action'], facts: MachineFacts, costs: Costs = NO_COSTS) {
  const { fingerprint, virtual, bootId } = facts
  const about = { Version: AGENT_VERSION, Fingerprint: fingerprint, Virtual: virtual, BootId: bootId }
  const stamp = { time: Date.now(), collector: 'agent' }
  return { category: 'agent_state', ...stamp, Action, ...about, ...costs } satisfies Observation
}

/** A collector all of whose categories are off is not run at all. */
function isWanted(collector: Collector, policy: Policy): boolean {
  return collector.categories.length === 0 || collector.categories.some((it) => !policy.off.includes(it))
}

function bounds(policy: Policy | null): { maxBytes: number; maxAgeMs: number } {
  const { spoolBytes, spoolDays } = policy ?? BEFORE_ANY_POLICY
  return { maxBytes: spoolBytes, maxAgeMs: spoolDays * 86_400_000 }
}

/** What may fail on a full disk without stopping the agent. */
function attempt<T>(act: () => T): T | null {
  try {
    return act()
  } catch {
    return null
  }
}

function said(cause: unknown): string {
  return cause instanceof Fault ? cause.message : String(cause)
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}
