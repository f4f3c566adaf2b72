/**
 * The running agent: collectors write to the spool, the uplink sends it to the server, and a status file reports on
 * both.
 */
import { createHmac, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { Observation, ObservationOf } from '../wire/event.ts'
import type { Policy, SignedPolicy } from '../wire/messages.ts'
import { DAY, HOUR } from '../wire/time.ts'
import { attempt } from './attempt.ts'
import { type Collector, gap, type StartCounters } from './collect.ts'
import { type CollectorRunner, collectorRunner } from './collector-runner.ts'
import { agentPaths, type Config, loadConfig, recordRun } from './config.ts'
import { contactWriter } from './contact.ts'
import { cutOffWatch, namedElsewhere, readHosts } from './cut-off.ts'
import type { MachineFacts, Places, System } from './host/host.ts'
import { loadKey } from './identity.ts'
import { forgetGoodbye, goodbyeReason } from './install/goodbye.ts'
import { lockHolder } from './lock.ts'
import { type Logger, logger } from './log.ts'
import { type Outbox, outbox } from './outbox.ts'
import { ownFiles, programFolder } from './own-files.ts'
import { categoriesOff, type PolicyHolder, policyHolder } from './policy.ts'
import { type Rejections, rejections } from './rejections.ts'
import { unsentBy } from './spool/cursor.ts'
import { sentLog } from './spool/sent.ts'
import { Spool } from './spool/spool.ts'
import { type Status, statusWriter } from './status.ts'
import { recordStop, takeStop } from './stopped.ts'
import { type Costs, NO_COSTS, summary } from './summary.ts'
import { BanList } from './supervisor/bans.ts'
import { SAMPLE_MS } from './supervisor/budget.ts'
import { Deaths } from './supervisor/deaths.ts'
import { Reader } from './supervisor/reader.ts'
import { Supervisor } from './supervisor/supervisor.ts'
import { type LostTime, realClocks, ticker } from './ticker.ts'
import { fraction, type Timing, type Uplink, uplink } from './uplink/uplink.ts'
import { AGENT_VERSION } from './version.ts'

/** How long a stopping agent tries to send what is left; the rest stays in the spool. */
const DRAIN_MS = 2_000
const GAPS_SHOWN = 50
const CUT_OFF_LOOK_MS = 5_000
const LIMITS_WITHOUT_POLICY = { spoolBytes: 64 * 1_048_576, spoolDays: 14 }

const ASIDE =
  'the agent died three times while it was opened, so it was moved beside; what was not sent is in there, and the server gets none of it'

export interface RunOptions {
  folder: string
  system: System
  collectors: readonly Collector[]
  /** Updated by the collector of processes. */
  starts: StartCounters
  /** Reads what can hang. The caller's, if its collectors use it, too; after the end it may be held, see `Reader`. */
  reader?: Reader
  /** The agent needs too much memory and must be started again. It is left running if this does nothing. */
  onExhausted?: (why: string) => void
  /** False: it comes back at once after a death, and bans nothing for its cost. For tests that kill it again and again. */
  isCareful?: boolean
  timing?: Timing
  log?: Logger
}

/** Resolves after a clean stop. Errors  Fault 'agent.not_enrolled', 'agent.running', 'config.invalid', 'store.unwritable'. */
export async function run(options: RunOptions, signal: AbortSignal): Promise<void> {
  const agent = await start(options)
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
  await agent.stop()
}

/** Where it is not known which reads can hang, the reading thread has never run, and none goes through it. */
const UNKNOWN: Places = {
  isSafe: () => true,
  placeOf: (path) => path,
  isSystemPlace: () => true,
  remoteBelow: () => [],
}

export function readerOf({ places = UNKNOWN }: System): Reader {
  return new Reader({ places })
}

/** The parts of a running agent, for functions that need several of them. */
interface Parts {
  config: Config
  facts: MachineFacts
  policies: PolicyHolder
  spool: Spool
  out: Outbox
  link: Uplink
  rejected: Rejections
  collectors: CollectorRunner
  gaps: Map<string, Status['gaps'][number]>
  startedAt: number
}

async function start(options: RunOptions): Promise<{ stop(): Promise<void> }> {
  const { folder, system, starts } = options
  const { wall, booted } = realClocks
  const paths = agentPaths(folder)
  const config = loadConfig(folder)
  system.protect?.(folder)
  const key = loadKey(paths.key)
  const policies = policyHolder(paths.policy, config.serverKey)
  const host = system.host({ hmac: (value) => hmac(policies.current?.salt ?? '', value), stateFolder: paths.state })
  const facts = await system.machine(host)
  const deaths = new Deaths(paths, facts.bootId, options.isCareful)
  attempt(() => forgetGoodbye(folder))
  const isLocked = lockHolder(paths.lock) !== null
  const aside = deaths.isSpoolGuilty && !isLocked ? deaths.setSpoolAside(wall()) : null
  if (!isLocked) deaths.reached('opening')
  const spool = Spool.open({
    folder: paths.spool,
    product: system.product,
    now: wall,
    booted,
    random: randomBytes,
    ...limitsOf(policies.current),
  })
  const out = outbox(spool, () => link.wake())
  const offline = new AbortController()
  const rejected = rejections(emit, realClocks)
  const reader = options.reader ?? readerOf(system)
  const gaps: Parts['gaps'] = new Map()
  const serverName = new URL(config.url).hostname
  const cutOff = cutOffWatch(realClocks.awake, process.execPath)
  /** What the hosts file had for the server when that was first reached; null: it was not yet. */
  let hostsWhenReached: string | null = null
  const supervisor = new Supervisor({
    ...{ host, reader, places: system.places ?? UNKNOWN, collectors: options.collectors, emit, deaths },
    bans: new BanList(paths.bans, wall),
    clocks: realClocks,
    random: () => fraction(randomBytes),
    onChange: () => collectors.review(),
    onExhausted: options.onExhausted ?? (() => {}),
    isCareful: options.isCareful,
  })
  const collectors = collectorRunner(options.collectors, supervisor, emit)
  if (aside !== null) emit(asideGap(aside, wall()))
  reportStart()
  deaths.reached('running')
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
      onRejected: rejected.add,
      onRestored: () => emit(agentState('restored', facts)),
      onSent: sentLog(paths.sent),
      ...(options.timing ? { timing: options.timing } : {}),
    },
    offline.signal,
  )
  const parts: Parts = { config, facts, policies, spool, out, link, rejected, collectors, gaps, startedAt: wall() }
  const costs = summary(meters(parts, starts))
  const own = ownFiles(folder, AGENT_VERSION, programFolder())
  const writeContact = contactWriter(paths.contact, AGENT_VERSION)
  const writeStatus = statusWriter(paths.status, realClocks, () => statusOf(parts))
  const ticks = ticker(
    [
      { everyMs: 1_000, firstMs: 1_000, run: () => (spool.unsynced > 0 || spool.trouble ? out.flush() : undefined) },
      { everyMs: SAMPLE_MS, firstMs: SAMPLE_MS, run: () => supervisor.sample() },
      { everyMs: 1_000, firstMs: 1_000, run: () => writeContact(link.status) },
      { everyMs: 2_000, firstMs: 0, run: writeStatus },
      { everyMs: CUT_OFF_LOOK_MS, firstMs: CUT_OFF_LOOK_MS, run: lookForCutOff },
      // Before the first summary, which has the hash.
      { everyMs: HOUR, firstMs: 60_000, run: lookAtOwnFiles },
      { everyMs: HOUR, firstMs: 300_000, run: hourly },
    ],
    onLostTime,
  )
  if (policies.current) collectors.apply(policies.current)
  return { stop }

  function emit(observation: Observation): void {
    out.append(observation)
    if (observation.category === 'collection_gap') addGap(gaps, observation)
    cutOff.see(observation)
    // A change of network is a good moment to retry.
    if (observation.category === 'network_place') link.retry()
  }

  /**
   * Reports this start, and what happened before it: a kill, a stop or an upgrade. If the last run died in the same
   * boot, the agent was killed; in another boot, the laptop may only have lost power.
   */
  function reportStart(): void {
    const { bootId } = facts
    const stop = takeStop(folder, bootId, realClocks.booted())
    if (deaths.last?.bootId && deaths.last.bootId === bootId) {
      const seen = new Set(options.collectors.flatMap((it) => it.categories))
      const off = policies.current ? categoriesOff(policies.current) : []
      const seconds = spool.untouchedMs === null ? null : Math.ceil(spool.untouchedMs / 1_000)
      const wanted = [...seen].filter((it) => !off.includes(it))
      const BlindSeconds = seconds === null ? null : Object.fromEntries(wanted.map((it) => [it, seconds]))
      emit({ ...agentState('killed_last_time', facts), BlindSeconds })
    }
    const last = attempt(() => recordRun(folder, realClocks.wall(), AGENT_VERSION))
    if (last && last.previousVersion !== AGENT_VERSION) emit(agentState('upgraded', facts))
    const stopped = stop && { StoppedSeconds: stop.seconds, StopReason: stop.reason }
    emit({ ...agentState('started', facts), ...stopped })
  }

  function onPolicy(signed: SignedPolicy): void {
    const next = policies.update(signed)
    if (next === null) return
    spool.setLimits(limitsOf(next))
    emit(agentState('policy_applied', facts))
    collectors.apply(next)
  }

  function onLostTime({ kind, ms }: LostTime): void {
    const why = `nothing was collected for ${Math.round(ms / 1_000)} s, although the laptop was awake`
    if (kind === 'asleep') emit(agentState('resumed', facts))
    else {
      emit(gap({ time: wall(), collector: 'agent' }, 'agent', 'stopped', why))
      supervisor.blindness.add([...new Set(options.collectors.flatMap((it) => it.categories))], ms)
    }
    link.reconnect()
  }

  function hourly(): void {
    rejected.report()
    supervisor.reportHeld()
    const hashes = { ProgramHash: own.programHash, PolicyHash: policies.hash }
    emit({ ...agentState('summary', facts, costs()), ...hashes, BlindSeconds: blindSeconds() })
  }

  /** Without what the policy does not want. */
  function blindSeconds(): Record<string, number> {
    const off = policies.current ? categoriesOff(policies.current) : []
    return Object.fromEntries(Object.entries(supervisor.blindness.take()).filter(([it]) => !off.includes(it)))
  }

  async function lookAtOwnFiles(): Promise<void> {
    for (const Changed of await own.look()) emit({ ...agentState('config_changed', facts), Changed })
  }

  async function lookForCutOff(): Promise<void> {
    const found = cutOff.take(link.status)
    if (link.status.connected) hostsWhenReached ??= await readHosts(host, system.product, serverName)
    if (found === null) return
    const hosts = await readHosts(host, system.product, serverName)
    const elsewhere = found.isOver ? null : await namedElsewhere(serverName, hosts, hostsWhenReached)
    const CutOffBy = elsewhere ?? found.by
    emit({ ...agentState('cut_off', facts), CutOffSeconds: found.seconds, CutOffBy })
  }

  async function stop(): Promise<void> {
    await collectors.stop(1_000)
    await reader.close()
    const StopReason = goodbyeReason(folder)
    recordStop(folder, facts.bootId, realClocks.booted(), StopReason)
    emit({ ...agentState('stopping', facts), StopReason, BlindSeconds: blindSeconds() })
    await out.flush()
    await link.drain(DRAIN_MS)
    offline.abort()
    await link.done
    ticks.stop()
    writeStatus()
    await spool.close()
    deaths.forget()
  }
}

/** Of collector 'agent': its numbers are of another epoch, and are no holes in this one's. */
function asideGap(aside: string, time: number): ObservationOf<'collection_gap'> {
  const unsent = attempt(() => unsentBy(join(aside, 'cursor')))
  return gap({ time, collector: 'agent' }, 'spool', 'stopped', ASIDE, unsent)
}

function addGap(gaps: Parts['gaps'], { About, Reason, time }: ObservationOf<'collection_gap'>): void {
  const key = `${About}\n${Reason}`
  gaps.delete(key) // so that the newest are last
  gaps.set(key, { about: About, reason: Reason, lastAt: time })
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

function agentState(Action: ObservationOf<'agent_state'>['Action'], facts: MachineFacts, costs: Costs = NO_COSTS) {
  const { fingerprint, virtual, bootId } = facts
  const about = { Version: AGENT_VERSION, Fingerprint: fingerprint, Virtual: virtual, BootId: bootId }
  const stamp = { time: realClocks.wall(), collector: 'agent' }
  return { category: 'agent_state', ...stamp, Action, ...about, ...costs } satisfies Observation
}

function hmac(salt: string, value: string): string {
  return createHmac('sha256', Buffer.from(salt, 'hex')).update(value).digest('hex')
}

function limitsOf(policy: Policy | null): { maxBytes: number; maxAgeMs: number } {
  const { spoolBytes, spoolDays } = policy ?? LIMITS_WITHOUT_POLICY
  return { maxBytes: spoolBytes, maxAgeMs: spoolDays * DAY }
}
