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
import { agentPaths, type Config, loadConfig, readJson, recordRun } from './config.ts'
import { contactWriter } from './contact.ts'
import { cutOffWatch, namedElsewhere, readHosts } from './cut-off.ts'
import type { MachineFacts, Places, System } from './host/host.ts'
import { loadKey } from './identity.ts'
import { failedUpgrade, forgetFailedUpgrade, forgetGoodbye, goodbyeReason } from './install/goodbye.ts'
import { lockHolder } from './lock.ts'
import { type Logger, logger } from './log.ts'
import { type Outbox, outbox } from './outbox.ts'
import { ownFiles, programFolder } from './own-files.ts'
import { categoriesOff } from './policy.ts'
import { type PolicyHolder, policyHolder } from './policy-holder.ts'
import { policyTrial } from './policy-trial.ts'
import { type Rejections, rejections } from './rejections.ts'
import { openPage, type Page } from './show/page-server.ts'
import type { ShowReport } from './show/report.ts'
import { type SentCounter, sentCounter } from './show/sent-today.ts'
import { unsentBy } from './spool/cursor.ts'
import { lastSent, sentLog } from './spool/sent.ts'
import { Spool } from './spool/spool.ts'
import { Status, statusWriter } from './status.ts'
import { recordStop, takeStop } from './stopped.ts'
import { NO_COSTS, summary } from './summary.ts'
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
/** Of the events sent last. */
const SHOWN_MAX = 2_000
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
  /** How long the server must be out of reach until that is reported. */
  cutOffMs?: number
  /** Where the laptop's user can read what is collected; 0: any port. Left out: nowhere. */
  pagePort?: number
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
  sent: SentCounter
  startedAt: number
  page: Page | null
}

async function start(options: RunOptions): Promise<{ stop(): Promise<void> }> {
  const { folder, system, starts } = options
  const { wall, booted } = realClocks
  const paths = agentPaths(folder)
  const config = loadConfig(folder)
  system.protect?.(folder)
  const key = loadKey(paths.key)
  const policies = policyHolder(paths, { serverKey: config.serverKey, agent: AGENT_VERSION, now: wall })
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
  const logSent = sentLog(paths.sent)
  const sent = sentCounter(wall, attempt(() => readJson(paths.status, Status))?.sent ?? null, spool.acked)
  const rejected = rejections(emit, realClocks)
  const reader = options.reader ?? readerOf(system)
  const gaps: Parts['gaps'] = new Map()
  const serverName = new URL(config.url).hostname
  const cutOff = cutOffWatch(realClocks.awake, process.execPath, options.cutOffMs)
  /** What the hosts file had for the server when that was first reached; null: it was not yet. */
  let hostsWhenReached: string | null = null
  let cutOffBy: ObservationOf<'agent_state'>['CutOffBy'] = null
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
      onRestored: () => emit(state('restored')),
      onSent: (events) => {
        logSent(events)
        sent.add(events)
      },
      ...(options.timing ? { timing: options.timing } : {}),
    },
    offline.signal,
  )
  const parts: Parts = {
    ...{ config, facts, policies, spool, out, link, rejected, collectors, gaps, sent },
    ...{ startedAt: wall(), page: null },
  }
  if (options.pagePort !== undefined) await openOwnPage(options.pagePort)
  const costs = summary(meters(parts, starts))
  const trial = policyTrial({
    awakeMs: realClocks.awake,
    failing: () => collectors.failing(),
    acked: () => spool.acked,
    isThrottled: () => link.status.throttled,
  })
  let troubleTold = { text: '', at: 0 }
  const own = ownFiles(folder, AGENT_VERSION, programFolder())
  const writeContact = contactWriter(paths.contact, AGENT_VERSION)
  const writeStatus = statusWriter(paths.status, realClocks, () => statusOf(parts))
  const ticks = ticker(
    [
      { everyMs: 1_000, firstMs: 1_000, run: () => (spool.unsynced > 0 || spool.trouble ? out.flush() : undefined) },
      { everyMs: SAMPLE_MS, firstMs: SAMPLE_MS, run: () => supervisor.sample() },
      { everyMs: 1_000, firstMs: 1_000, run: () => writeContact(link.status) },
      { everyMs: 1_000, firstMs: 1_000, run: judgePolicy },
      { everyMs: 60_000, firstMs: 1_000, run: reportFailedUpgrade },
      { everyMs: 2_000, firstMs: 0, run: writeStatus },
      { everyMs: CUT_OFF_LOOK_MS, firstMs: CUT_OFF_LOOK_MS, run: lookForCutOff },
      // Before the first summary, which has the hash.
      { everyMs: HOUR, firstMs: 20_000, run: lookAtOwnFiles },
      { everyMs: HOUR, firstMs: 300_000, run: hourly },
    ],
    onLostTime,
  )
  // A trial that goes on, or what came of it: the agent died with it.
  tellTrouble('policy_rejected')
  if (policies.current) collectors.apply(policies.current)
  if (policies.isOnTrial) trial.begin([], spool.last)
  return { stop }

  function state(action: Action, more: Partial<AgentState> = {}): AgentState {
    return { ...agentState(action, facts), PolicyVersion: policies.current?.version ?? null, ...more }
  }

  async function openOwnPage(port: number): Promise<void> {
    parts.page = await openPage({ port, now: wall, report: ownReport })
  }

  async function ownReport(askerPort: number): Promise<ShowReport> {
    const [{ showReport }, { peopleOf }] = await Promise.all([import('./show/report.ts'), import('./show/asker.ts')])
    const ownPort = Number(new URL(parts.page!.url).port)
    return showReport(
      {
        ...{ config, policy: policies.current, status: statusOf(parts), isRunning: true, now: wall() },
        ...{ product: system.product, sent: lastSent(paths.sent, SHOWN_MAX) },
      },
      await peopleOf(system.platform, askerPort, ownPort),
    )
  }

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
      emit(state('killed_last_time', { BlindSeconds }))
    }
    const last = attempt(() => recordRun(folder, realClocks.wall(), AGENT_VERSION))
    if (last && last.previousVersion !== AGENT_VERSION) emit(state('upgraded'))
    const stopped = stop && { StoppedSeconds: stop.seconds, StopReason: stop.reason }
    emit(state('started', stopped ?? {}))
  }

  function onPolicy(signed: SignedPolicy): void {
    const failing = collectors.failing()
    const next = policies.update(signed)
    tellTrouble('policy_rejected')
    if (next === null) return
    emit(state('policy_applied'))
    use(next)
    if (policies.isOnTrial) trial.begin(failing, spool.last)
  }

  /** A policy that is sent again and again is refused once an hour. */
  function tellTrouble(action: 'policy_rejected' | 'policy_rolled_back'): void {
    const { trouble } = policies
    if (trouble === null) return
    const isNews = trouble !== troubleTold.text || booted() - troubleTold.at >= HOUR
    if (!isNews && action === 'policy_rejected') return
    troubleTold = { text: trouble, at: booted() }
    emit(state(action, { Trouble: shortened(trouble) }))
  }

  function use(policy: Policy): void {
    spool.setLimits(limitsOf(policy))
    collectors.apply(policy)
  }

  function judgePolicy(): void {
    const verdict = trial.judge()
    if (verdict === null) return
    if (verdict.works) {
      policies.keep()
      return
    }
    const before = policies.goBack(verdict.why, verdict.isFinal)
    tellTrouble('policy_rolled_back')
    if (before !== null) use(before)
  }

  async function reportFailedUpgrade(): Promise<void> {
    const failed = failedUpgrade(folder)
    if (failed === null) return
    emit(state('upgrade_failed', { FailedVersion: failed.version, Trouble: shortened(failed.why) }))
    await out.flush()
    forgetFailedUpgrade(folder)
  }

  function onLostTime({ kind, ms }: LostTime): void {
    const why = `nothing was collected for ${Math.round(ms / 1_000)} s, although the laptop was awake`
    if (kind === 'asleep') emit(state('resumed'))
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
    emit(state('summary', { ...costs(), ...hashes, BlindSeconds: blindSeconds() }))
  }

  /** Without what the policy does not want. */
  function blindSeconds(): Record<string, number> {
    const off = policies.current ? categoriesOff(policies.current) : []
    return Object.fromEntries(Object.entries(supervisor.blindness.take()).filter(([it]) => !off.includes(it)))
  }

  async function lookAtOwnFiles(): Promise<void> {
    for (const Changed of await own.look()) emit(state('config_changed', { Changed }))
  }

  async function lookForCutOff(): Promise<void> {
    const found = cutOff.take(link.status)
    if (link.status.connected) hostsWhenReached ??= await readHosts(host, system.product, serverName)
    if (found === null) return
    const hosts = await readHosts(host, system.product, serverName)
    if (!found.isOver) cutOffBy = (await namedElsewhere(serverName, hosts, hostsWhenReached)) ?? found.by
    const CutOffBy = cutOffBy ?? found.by
    emit(state('cut_off', { CutOffSeconds: found.seconds, CutOffBy }))
  }

  async function stop(): Promise<void> {
    parts.page?.close()
    await collectors.stop(1_000)
    await reader.close()
    const StopReason = goodbyeReason(folder)
    recordStop(folder, facts.bootId, realClocks.booted(), StopReason)
    emit(state('stopping', { StopReason, BlindSeconds: blindSeconds() }))
    await out.flush()
    await link.drain(DRAIN_MS)
    offline.abort()
    await link.done
    ticks.stop()
    writeStatus()
    await spool.close()
    policies.stopped()
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

function statusOf({ config, policies, spool, link, rejected, gaps, sent, startedAt, page }: Parts): Omit<Status, 'at'> {
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
    sent: sent.today,
    page: page?.url ?? null,
  }
}

type AgentState = ObservationOf<'agent_state'>
type Action = AgentState['Action']

function agentState(Action: Action, facts: MachineFacts) {
  const { fingerprint, virtual, bootId } = facts
  const about = { Version: AGENT_VERSION, Fingerprint: fingerprint, Virtual: virtual, BootId: bootId }
  const stamp = { time: realClocks.wall(), collector: 'agent' }
  return { category: 'agent_state', ...stamp, Action, ...about, ...NO_COSTS } satisfies Observation
}

function shortened(text: string): string {
  return text.length > 512 ? `${text.slice(0, 511).toWellFormed()}…` : text
}

function hmac(salt: string, value: string): string {
  return createHmac('sha256', Buffer.from(salt, 'hex')).update(value).digest('hex')
}

function limitsOf(policy: Policy | null): { maxBytes: number; maxAgeMs: number } {
  const { spoolBytes, spoolDays } = policy ?? LIMITS_WITHOUT_POLICY
  return { maxBytes: spoolBytes, maxAgeMs: spoolDays * DAY }
}
