/**
 * The whole server in one process: stream, store, gateway, console, detector and periodic jobs.
 *
 * Shape   listens at once; while the detector catches up, the console shows the last saved state. Detector, store and
 *         log writer have threads of their own, so that this one never waits for a disk.
 */
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import type { RequestListener } from 'node:http'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { asnClass, catalogueVersion, loadCatalogue, recognise } from '../../rules/catalogue/index.ts'
import { Fault } from '../../wire/fault.ts'
import type { Recorded } from '../../wire/recording.ts'
import { makeOneTimeLink } from '../access/sign-in.ts'
import { openAddresses } from '../addresses/addresses.ts'
import { ageGauges, feedAges as agesOf, staleWarnings } from '../addresses/ages.ts'
import { feedChangeGauge, feedChangeWarning, keepFeedChanges } from '../addresses/moved.ts'
import type { Config } from '../config.ts'
import type { FeedChange } from '../derive/kit/place-changes.ts'
import { SHIPPED_RULES } from '../detect/program.ts'
import { ALIVE_AT, clockLine } from '../jobs/clock-line.ts'
import { diskSpace } from '../jobs/disk-space.ts'
import { expiredFilters } from '../jobs/expired-filters.ts'
import { feedAges } from '../jobs/feed-ages.ts'
import { followConfig } from '../jobs/follow-config.ts'
import { followRevocations } from '../jobs/follow-revocations.ts'
import { followRules } from '../jobs/follow-rules.ts'
import { haltRollOuts } from '../jobs/halt-roll-outs.ts'
import { type Job, runJobs } from '../jobs/job.ts'
import { queueTick } from '../jobs/queue-tick.ts'
import { recordRevocations } from '../jobs/record-revocations.ts'
import { recordingInbox } from '../jobs/recording-inbox.ts'
import { reloadAddresses } from '../jobs/reload-addresses.ts'
import { retention } from '../jobs/retention.ts'
import { rosterInbox } from '../jobs/roster-inbox.ts'
import type { Logger } from '../log.ts'
import { metrics as makeMetrics } from '../metrics.ts'
import { takeRecording } from '../recordings/take.ts'
import { approvals as makeApprovals } from '../roster/approvals.ts'
import { contracts as makeContracts } from '../roster/contracts.ts'
import { Directory } from '../roster/directory.ts'
import { openStore } from '../store/open.ts'
import { openTelemetry, type Telemetry } from '../store/sqlite/telemetry.ts'
import type { Store } from '../store/store.ts'
import type { Published, Stored } from '../store/stream.ts'
import { type ConsoleRole, consoleRole } from './console.ts'
import { DetectorRole, detectorGauges } from './detector.ts'
import { effects } from './effect.ts'
import { evidence } from './evidence.ts'
import { gatewayRole } from './gateway.ts'
import { httpServer, listen, serveRequests, urlOf } from './http.ts'
import { removeServerFile, writeServerFile } from './server-file.ts'

/** How often an import looks whether it is judged. */
const JUDGED_LOOK_MS = 100

export interface Running {
  url: string
  /** An address with a secret in its fragment, which signs in whoever opens it first. */
  oneTimeLink(): Promise<string>
  makeToken(worker: string | null, by: string): Promise<{ token: string; expiresAt: number }>
  close(): Promise<void>
}

export interface ServeOptions {
  /** Reloads the configuration; without it, changes take effect at the next start. */
  reload?: () => Config
  /** The data are a simulation: the console says so on every page. */
  simulated?: boolean
}

/** Errors  Faults of configuration, store and port; everything is closed again after one. */
export async function serve(config: Config, log: Logger, options: ServeOptions = {}): Promise<Running> {
  for (const folder of config.rulesFolders) if (!existsSync(folder)) throw noRules(folder)
  const telemetry = await openTelemetry({
    folder: config.dataFolder,
    // Nothing can be stored or acknowledged any more. Only a restart by a supervisor helps.
    onStopped: (fault) => {
      log.error({ err: fault }, 'the log cannot be written; exiting so that a supervisor can restart the server')
      process.exit(1)
    },
  })
  let store: Store | null = null
  try {
    store = await openStore({ engine: 'sqlite', folder: config.dataFolder })
    return await start(config, log, telemetry, store, options)
  } catch (cause) {
    await store?.close()
    await telemetry.close()
    throw cause
  }
}

async function start(
  config: Config,
  log: Logger,
  telemetry: Telemetry,
  store: Store,
  { reload, simulated = false }: ServeOptions,
): Promise<Running> {
  const now = Date.now
  const { stream, history } = telemetry
  if (stream.missing) log.error({ err: stream.missing.fault }, 'stored records are missing from the log')
  const metrics = makeMetrics()
  const catalogue = loadCatalogue()
  const addresses = await openAddresses({
    rangesFolder: config.feedsFolder,
    geoip: config.geoip,
    catalogueAsnClass: (asn) => asnClass(catalogue, asn)?.class ?? null,
  })
  const ages = () => agesOf(addresses, catalogueVersion, now())
  const warnings = () => [...addresses.warnings(), ...staleWarnings(ages())]
  ageGauges(metrics.registry, ages)
  let moved: readonly FeedChange[] = []
  feedChangeGauge(metrics.registry, () => moved.reduce((sum, it) => sum + it.networks, 0))

  const directory = new Directory()
  // A damaged or restored log has holes for good: the server must start without what they held.
  const onDamaged = ({ where, why }: Fault) => log.warn({ where, why }, 'part of the log cannot be read; skipping it')
  for await (const block of history.scan({ categories: [], after: 0, upTo: await stream.last() }, { onDamaged }))
    for (const { record } of block) directory.take(record)
  const downSince = Number((await store.values.get(ALIVE_AT)) ?? 0)
  const before = await store.evaluations.active()
  let detector: DetectorRole | null = null
  let people: ConsoleRole | null = null
  /** As edited since. */
  let live = config
  let ready = false
  let closing: Promise<void> | null = null

  const disk = diskSpace({ folder: config.dataFolder, reserveBytes: config.limits.diskReserveBytes, log })
  // A file system that cannot be asked must not keep the server from starting; the job asks again.
  await disk.job
    .run(new AbortController().signal)
    .catch((cause) => log.error({ err: cause }, 'the free space of the data folder could not be read'))
  metrics.diskFree(disk.free)
  const agents = await gatewayRole({
    ...{ config, stream, history, store, addresses, metrics, log, now, isFull: disk.isFull },
    delivered: onDelivered,
    connection: (device) => logFailure(people?.queue.connection(device)),
    inGroup: (device, group) => {
      if ((people?.queue.laptops.get(device)?.group ?? null) !== group) logFailure(people?.queue.changed(device))
    },
  })
  const contracts = makeContracts({
    directory,
    append: async (records) => void (await agents.publish(records)),
    audit: (entry) => store.audit.add(entry),
    now,
  })
  const approvals = makeApprovals({
    directory,
    append: agents.publish,
    audit: (entry) => store.audit.add(entry),
    now,
  })
  people = await consoleRole({
    ...{ config, store, contracts, approvals, addresses, log, now, publishTelemetry, simulated },
    reader: {
      ...{ now, store, history, directory },
      evaluation: () => detector?.status.evaluation ?? before?.id ?? null,
      judgedAt: () => detector?.status.time || (before?.time ?? 0),
      online: () => agents.gateway.online,
      policy: (group) => agents.gateway.policyOf(group),
    },
    effect: effects(() => live),
    evidence: evidence(() => live),
    token: (about) => agents.token(about, publicUrl),
    revoke: agents.revoke,
    regroup: agents.regroup,
    groups: () => Object.keys(live.agents.groups),
    decided: (verdict) => detector?.decided(verdict),
    metricsText: metrics.text,
    notReady,
  })
  const { queue, listener } = people
  await agents.publish([{ type: 'clock', time: now(), ...(downSince > 0 ? { downSince } : {}) }])

  const http = httpServer(config)
  const onRequest: RequestListener = (request, response) => {
    if (!agents.handle(request, response)) listener(request, response)
  }
  serveRequests(http, onRequest, agents.gateway.upgrade)
  const url = urlOf(config, await listen(http, config))
  const publicUrl = config.publicUrl ?? url
  try {
    writeServerFile(config.dataFolder, { pid: process.pid, url, publicUrl })
  } catch (cause) {
    await agents.gateway.close()
    await stopListening()
    queue.close()
    throw cause
  }
  const running = new DetectorRole({
    config,
    log,
    onCommit: () => logFailure(queue.judged()),
    onRuleset: ({ rules, omitted }) => metrics.rules(rules, omitted),
    onMoved,
    onCounted: (record) => logFailure(agents.publish([record])),
  })
  detector = running
  detectorGauges(metrics.registry, () => running.status, stream.last)
  stream.onPublished((last) => running.published(last))
  ready = true
  // Without TLS and proxies only this machine connects, so no public address is looked up.
  if (config.tls || config.trustedProxies.length > 0) void addresses.preload()
  for (const warning of warnings()) log.warn({}, warning)
  const stopJobs = runJobs(await jobs(), log)

  return {
    url,
    oneTimeLink: async () => `${publicUrl}${await makeOneTimeLink(store, now(), randomBytes)}`,
    makeToken: (worker, by) => agents.token({ worker, group: null, by }, publicUrl),
    close: () => (closing ??= close()),
  }

  async function jobs(): Promise<Job[]> {
    let days = config.retentionDays
    const all: Job[] = [
      clockLine({ store, append: agents.publish, isStoring: () => agents.gateway.isStoring, now }),
      disk.job,
      rosterInbox({ folder: join(config.dataFolder, 'inbox'), contracts }),
      recordingInbox({
        inbox: join(config.dataFolder, 'inbox'),
        take: (lines, options) =>
          takeRecording(lines, {
            ...{ stream, publish: publishTelemetry, devices: store.devices, ...options },
            lookup: (address, at) => addresses.lookup(address, at),
            recognise: (event) => recognise(catalogue, event),
            onLaptop: (device) => logFailure(people?.queue.connection(device)),
          }),
        judged: () => running.status.position,
        wait: (signal) => delay(JUDGED_LOOK_MS, undefined, { signal }).catch(() => {}),
      }),
      await followRules({ folders: [SHIPPED_RULES, ...config.rulesFolders], follow: () => running.follow() }),
      expiredFilters({ folders: config.rulesFolders, now, log }),
      reloadAddresses({ addresses, log }),
      followRevocations({ store, now, revoked: onRevoked }),
      recordRevocations({ store, directory, append: agents.publish, now }),
      haltRollOuts({
        ...{ store, history, stream, now, log },
        haltAfter: () => live.agents.haltAfter,
        apply: () => agents.applyPolicy(live),
      }),
      queueTick(queue),
      retention({ stream, store, days: () => days, now, log }),
      feedAges({ warnings, log }),
    ]
    if (!reload) return all
    const changed = async (next: Config) => {
      days = next.retentionDays
      live = next
      await agents.applyPolicy(next)
      running.follow(next)
    }
    return [...all, followConfig({ config, load: reload, changed, log })]
  }

  function notReady(): string | null {
    if (!ready) return 'starting or stopping'
    if (disk.isFull()) return 'the disk is nearly full'
    return agents.gateway.isStoring ? null : 'the log cannot be written'
  }

  async function publishTelemetry(records: readonly Recorded[]): Promise<Published> {
    if (disk.isFull())
      throw new Fault('server.busy', {
        why: "The server's disk is nearly full.",
        todo: 'Send it again later.',
        facts: { retryAfterMs: 60_000 },
      })
    return agents.publish(records)
  }

  function onDelivered(stored: readonly Stored[]): void {
    for (const { record } of stored) directory.take(record)
    logFailure(people?.queue.took(stored))
  }

  async function onRevoked(device: string): Promise<void> {
    await agents.gateway.recheck(device)
    await queue.changed(device)
  }

  /** N27: a database edition that moves many workers at once is reported to the operator, and makes no findings. */
  function onMoved(changes: readonly FeedChange[]): void {
    moved = changes
    logFailure(keepFeedChanges(store, changes))
    for (const it of changes) log.warn({}, feedChangeWarning(it))
  }

  function logFailure(work: Promise<unknown> | undefined): void {
    work?.catch((cause) => {
      // The store is closed under the last update. The next start reads everything anew.
      if (closing === null) log.error({ err: cause }, 'the queue could not be updated')
    })
  }

  async function stopListening(): Promise<void> {
    http.closeAllConnections()
    await new Promise<void>((resolve) => http.close(() => resolve()))
  }

  async function close(): Promise<void> {
    ready = false
    await stopJobs()
    await agents.gateway.close()
    await stopListening()
    await running.close()
    queue.close()
    await telemetry.close()
    await store.close()
    removeServerFile(config.dataFolder)
  }
}

function noRules(folder: string): Fault {
  return new Fault('rule.invalid', {
    where: folder,
    why: 'There is no such file or folder.',
    todo: 'Correct rulesFolders in the configuration.',
  })
}
