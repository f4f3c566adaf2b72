/** The running agent: collectors into the spool, the spool to the server, and word of how that goes. */
import { createHmac, randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import * as z from 'zod'
import type { Observation, ObservationOf } from '../wire/event.ts'
import type { Policy, SignedPolicy } from '../wire/messages.ts'
import { type Collector, gap, type StartCounters } from './collect.ts'
import { type Collecting, collecting } from './collecting.ts'
import { type Config, laptop, layout, loadConfig, readJson, writeWhole } from './config.ts'
import type { MachineFacts, System } from './host/host.ts'
import { loadKey } from './identity.ts'
import { type Logger, logger } from './log.ts'
import { type Outbox, outbox } from './outbox.ts'
import { type PolicyHolder, policyHolder } from './policy.ts'
import { type Rejections, rejections } from './rejections.ts'
import { sentLog } from './spool/sent.ts'
import { Spool } from './spool/spool.ts'
import { type Status, statusWriter } from './status.ts'
import { type Costs, NO_COSTS, summary } from './summary.ts'
import { type LostTime, realClocks, ticker } from './ticker.ts'
import { type Timing, type Uplink, uplink } from './uplink/uplink.ts'
import { AGENT_VERSION } from './version.ts'

/** How long a stopping agent tries to send what it has; the rest waits in the spool. */
const GOODBYE_MS = 2_000
const HOUR_MS = 3_600_000
const GAPS_SHOWN = 50
const BEFORE_ANY_POLICY = { spoolBytes: 64 * 1_048_576, spoolDays: 14 }

const Running = z.object({ bootId: z.string().nullable() })

export interface RunOptions {
  folder: string
  system: System
  collectors: readonly Collector[]
  /** The collector of processes keeps it. */
  starts: StartCounters
  timing?: Timing
  log?: Logger
}

/** Resolves after a clean stop. Errors: Fault 'agent.not_enrolled', 'agent.running', 'config.invalid'. */
export async function run(options: RunOptions, signal: AbortSignal): Promise<void> {
  const agent = await start(options)
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
  await agent.stop()
}

/** The parts of a running agent, as those of its own see them that need several. */
interface Parts {
  at: ReturnType<typeof layout>
  config: Config
  facts: MachineFacts
  policies: PolicyHolder
  spool: Spool
  out: Outbox
  link: Uplink
  rejected: Rejections
  collectors: Collecting
  gaps: Map<string, Status['gaps'][number]>
  startedAt: number
}

async function start(options: RunOptions): Promise<{ stop(): Promise<void> }> {
  const { folder, system, starts } = options
  const { wall, booted } = realClocks
  const at = layout(folder)
  const config = loadConfig(folder)
  const key = loadKey(at.key)
  const policies = policyHolder(at.policy, config.serverKey)
  const host = system.host({ hmac: (value) => hmac(policies.current?.salt ?? '', value), memoryFolder: at.memory })
  const facts = await system.machine(host)
  const limits = bounds(policies.current)
  const spool = Spool.open({
    folder: at.spool,
    product: system.product,
    now: wall,
    booted,
    random: randomBytes,
    ...limits,
  })
  const out = outbox(spool, () => link.wake())
  const offline = new AbortController()
  const rejected = rejections(keep, realClocks)
  const collectors = collecting(options.collectors, host, keep)
  const gaps: Parts['gaps'] = new Map()
  sayHello(folder, at, facts, keep)
  const link = uplink(
    {
      ...config,
      key,
      version: AGENT_VERSION,
      fingerprint: facts.fingerprint,
      spool,
      now: wall,
      random: randomBytes,
      log: options.log ?? logger(wall, (line) => process.stderr.write(line)),
      onPolicy,
      onRejected: rejected.take,
      onSent: sentLog(at.sent),
      ...(options.timing ? { timing: options.timing } : {}),
    },
    offline.signal,
  )
  const parts: Parts = { at, config, facts, policies, spool, out, link, rejected, collectors, gaps, startedAt: wall() }
  const costs = summary(meters(parts, starts))
  const writeStatus = statusWriter(at.status, realClocks, () => statusOf(parts))
  const ticks = ticker(
    [
      { everyMs: 1_000, firstMs: 1_000, run: () => (spool.unsynced > 0 || spool.trouble ? out.flush() : undefined) },
      { everyMs: 15_000, firstMs: 0, run: writeStatus },
      { everyMs: HOUR_MS, firstMs: 300_000, run: hourly },
    ],
    onLostTime,
  )
  if (policies.current) collectors.follow(policies.current)
  return { stop }

  function keep(observation: Observation): void {
    out.keep(observation)
    if (observation.category === 'collection_gap') noteGap(gaps, observation)
    // A changed network is the best moment to try again.
    if (observation.category === 'network_place') link.retry()
  }

  function onPolicy(signed: SignedPolicy): void {
    const next = policies.take(signed)
    if (next === null) return
    spool.bound(bounds(next))
    keep(state('policy_applied', facts))
    collectors.follow(next)
  }

  function onLostTime({ kind, ms }: LostTime): void {
    const why = `nothing was seen for ${Math.round(ms / 1_000)} s, although the laptop was awake`
    if (kind === 'asleep') keep(state('resumed', facts))
    else keep(gap({ time: wall(), collector: 'agent' }, 'agent', 'stopped', why))
    link.reconnect()
  }

  function hourly(): void {
    rejected.report()
    keep(state('summary', facts, costs()))
  }

  async function stop(): Promise<void> {
    await collectors.stop(1_000)
    keep(state('stopping', facts))
    await out.flush()
    await link.drained(GOODBYE_MS)
    offline.abort()
    await link.done
    ticks.stop()
    writeStatus()
    await spool.close()
    attempt(() => rmSync(at.running, { force: true }))
  }
}

/** A mark that a clean stop removes. After a restart of the laptop it means a power cut at most, not a kill. */
function sayHello(
  folder: string,
  at: ReturnType<typeof layout>,
  facts: MachineFacts,
  keep: (observation: Observation) => void,
): void {
  const startedAt = realClocks.wall()
  const before = attempt(() => readJson(at.running, Running))
  if (before?.bootId && before.bootId === facts.bootId) keep(state('killed_last_time', facts))
  attempt(() => writeWhole(at.running, JSON.stringify({ bootId: facts.bootId, pid: process.pid, startedAt })))
  const known = attempt(() => laptop(folder, startedAt, AGENT_VERSION))
  if (known && known.versionBefore !== AGENT_VERSION) keep(state('upgraded', facts))
  keep(state('started', facts))
}

function noteGap(gaps: Parts['gaps'], { About, Reason, time }: ObservationOf<'collection_gap'>): void {
  const name = `${About}\n${Reason}`
  gaps.delete(name)
  gaps.set(name, { about: About, reason: Reason, lastAt: time })
  if (gaps.size > GAPS_SHOWN) gaps.delete(gaps.keys().next().value!)
}

function meters({ spool, link }: Parts, starts: StartCounters) {
  return {
    cpuMs: () => {
      const { user, system } = process.cpuUsage()
      return (user + system) / 1_000
    },
    residentBytes: () => process.memoryUsage.rss(),
    spoolBytes: () => spool.unsentBytes,
    wireBytes: () => link.status.wireBytes,
    starts: () => (starts.total > 0 ? starts : null),
  }
}

function statusOf({ config, policies, spool, link, rejected, gaps, startedAt }: Parts): Omit<Status, 'at'> {
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
    policyVersion: policies.current?.version ?? null,
    policyTrouble: policies.trouble,
    spool: { bytes: unsentBytes, keptBytes, unsent, acked, last, dropped, trouble: spool.trouble },
    rejected: rejected.counts,
    gaps: [...gaps.values()],
    wireBytes,
  }
}

function state(Action: ObservationOf<'agent_state'>['Action'], facts: MachineFacts, costs: Costs = NO_COSTS) {
  const { fingerprint, virtual, bootId } = facts
  const about = { Version: AGENT_VERSION, Fingerprint: fingerprint, Virtual: virtual, BootId: bootId }
  const stamp = { time: realClocks.wall(), collector: 'agent' }
  return { category: 'agent_state', ...stamp, Action, ...about, ...costs } satisfies Observation
}

function hmac(salt: string, value: string): string {
  return createHmac('sha256', Buffer.from(salt, 'hex')).update(value).digest('hex')
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
