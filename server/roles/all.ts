/** The server put together: store, pipeline, gateway, API and the work that has a clock. */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { getRequestListener } from '@hono/node-server'
import { schedule } from 'node-cron'
import { asnClass, loadCatalogue, recognise } from '../../rules/catalogue/index.ts'
import type { Event } from '../../wire/event.ts'
import { Fault } from '../../wire/fault.ts'
import type { CatalogueFacts } from '../../wire/recording.ts'
import { makeOneTimeLink } from '../access/sign-in.ts'
import { openAddresses } from '../addresses/addresses.ts'
import { ageGauges, feedAges, staleWarnings } from '../addresses/ages.ts'
import { feedChangeGauge, feedChangeWarning, keepFeedChanges } from '../addresses/moved.ts'
import { api } from '../api/app.ts'
import { type Config, ourNames } from '../config.ts'
import { buildConsole } from '../console/build.ts'
import type { FeedChange } from '../derive/kit/place-changes.ts'
import { loadRules, type Ruleset, SHIPPED_RULES, stamp } from '../detect/program.ts'
import { Judgement } from '../detect/runner.ts'
import { remoteAddress } from '../ingest/address.ts'
import { bucketPerKey } from '../ingest/bucket.ts'
import { enroll, makeToken } from '../ingest/enrolment.ts'
import { ENROLL_PATH, enrolmentRoute } from '../ingest/enrolment-route.ts'
import { gateway as makeGateway } from '../ingest/gateway.ts'
import { policyInForce, serverKeys } from '../ingest/keys.ts'
import type { Log } from '../log.ts'
import { metrics as makeMetrics } from '../metrics.ts'
import { contracts as makeContracts } from '../roster/contracts.ts'
import { Directory } from '../roster/directory.ts'
import { takeInbox } from '../roster/inbox.ts'
import { openLog } from '../store/sqlite/log.ts'
import { openState } from '../store/sqlite/state.ts'
import type { State, Stored, TelemetryLog } from '../store/state.ts'
import { desk as makeDesk } from '../views/desk.ts'
import { removeServerFile, writeServerFile } from './server-file.ts'

/** Judged up to this far behind the clock, so that what is being written down right now is not called silent. */
const JUDGE_BEHIND_MS = 60_000
const TICK_MS = 5_000
const SNAPSHOT_EVERY_MS = 30_000
const DAY_MS = 86_400_000

export interface Running {
  url: string
  /** A path with a secret in its fragment: who opens it is signed in, once. */
  oneTimeLink(): string
  makeToken(worker: string | null, by: string): { token: string; expiresAt: number }
  close(): Promise<void>
}

/** Errors  Faults of config, store, rules and port; nothing is left open after one. */
export async function serve(config: Config, says: Log): Promise<Running> {
  const log = await openLog({
    folder: config.dataFolder,
    // Nothing could be stored and so nothing acknowledged: a supervisor's restart mends it, going on does not.
    onStopped: (fault) => {
      says.error({ err: fault }, 'the log stopped; ending, so that a restart can mend it')
      process.exit(1)
    },
  })
  let state: State | null = null
  try {
    state = openState({ folder: config.dataFolder })
    return await start(config, says, log, state)
  } catch (cause) {
    state?.close()
    await log.close()
    throw cause
  }
}

async function start(config: Config, says: Log, log: TelemetryLog, state: State): Promise<Running> {
  const now = Date.now
  const keys = serverKeys(state, randomBytes)
  const metrics = makeMetrics()
  const catalogue = loadCatalogue()
  const addresses = await openAddresses({
    rangesFolder: config.feedsFolder,
    geoip: config.geoip,
    catalogueAsnClass: (asn) => asnClass(catalogue, asn)?.class ?? null,
  })
  const ages = () => feedAges(addresses, catalogue.version, now())
  ageGauges(metrics.registry, ages)
  let feedChanges: readonly FeedChange[] = []
  let feedChangesTold = 0
  let decidesAt = 0
  feedChangeGauge(metrics.registry, () => feedChanges.reduce((sum, it) => sum + it.networks, 0))
  const rulesFolders = [SHIPPED_RULES, ...config.rulesFolders]
  let rulesSeen = await stamp(rulesFolders)
  const judgement = await Judgement.open(await rulesInUse(), {
    log,
    state,
    needs: {
      thresholds: config.thresholds,
      recognise: (event) => recognise(catalogue, event),
      lookup: (address, at) => addresses.lookup(address, at),
    },
    horizon: () => now() - config.retentionDays * DAY_MS,
    says,
  })

  const directory = new Directory()
  const known = judgement.pipeline.world.save()
  for (const it of known.contracts) directory.take({ ...it, type: 'contract' })
  for (const it of known.devices) directory.take({ ...it, type: 'device' })
  const downSince = Number(state.get('aliveAt') ?? 0)
  const policy = policyInForce(state, keys, { ...config.collection, watchedRoots: config.watchedRoots })
  const desk = makeDesk({
    judgement,
    log,
    state,
    policy: () => policy,
    online: () => new Set(gateway.sessions().map((it) => it.device)),
    makeToken: token,
    now,
  })
  const hostNames = ourNames(config)
  const gateway = makeGateway({
    state,
    log,
    keys,
    policy,
    hostNames,
    trustedProxies: config.trustedProxies,
    lookupAddress: (address, at) => addresses.lookup(address, at),
    recognise: factsOf,
    deliver,
    limits: config.limits,
    metrics,
    says,
    now,
    random: Math.random,
  })
  await gateway.append([{ type: 'clock', time: now(), ...(downSince > 0 ? { downSince } : {}) }])
  const tries = bucketPerKey(now, config.limits.enrolmentsPerMinute / 60, config.limits.enrolmentsPerMinute)
  let ready = false
  const { files } = await buildConsole()
  const contracts = makeContracts({
    directory,
    append: async (records) => (await gateway.append(records)).delivered,
    audit: (entry) => state.audit(entry),
    now,
  })
  const app = api({
    desk,
    contracts,
    feeds: {
      lookup: (address, at) => addresses.lookup(address, at),
      append: async (lines) => (await gateway.append(lines)).duplicates.length,
    },
    state,
    now,
    random: randomBytes,
    metricsText: metrics.text,
    ready: () => ready,
    secureCookies: config.tls !== null,
    hosts: hostNames,
    trustedProxies: config.trustedProxies,
    files,
    onError,
  })
  const listener = getRequestListener(app.fetch)
  const enrol = enrolmentRoute({
    enroll: (request, incoming) =>
      enroll(request, {
        state,
        keys,
        policy,
        now,
        address: remoteAddress(
          incoming.socket.remoteAddress,
          incoming.headers['x-forwarded-for'],
          config.trustedProxies,
        ),
        tries,
      }),
    keep: async (records) => void (await gateway.append(records)),
    onError,
  })
  const http = listen(config, (request, response) => {
    void (request.url === ENROLL_PATH ? enrol(request, response) : listener(request, response))
  })
  http.on('upgrade', gateway.upgrade)
  const port = await bound(http, config)
  const scheme = config.tls ? 'https' : 'http'
  const url = `${scheme}://${config.listen.host.includes(':') ? `[${config.listen.host}]` : config.listen.host}:${port}`
  writeServerFile(config.dataFolder, { pid: process.pid, url })
  ready = true
  tellFeeds()

  const stopping = new AbortController()
  const tick = setInterval(() => void onTick(), TICK_MS)
  let snapshots = setTimeout(snapshot, SNAPSHOT_EVERY_MS)
  // 03:10 local: after the day's events, before people come.
  const nightly = schedule('10 3 * * *', () => void onNight())
  let ticking = false

  return {
    url,
    oneTimeLink: () => `${url}${makeOneTimeLink(state, now(), randomBytes)}`,
    makeToken: token,
    close,
  }

  /** What is kept with an event, so that no later edition of anything changes history. */
  function factsOf(event: Event): CatalogueFacts | undefined {
    const facts = recognise(catalogue, event)
    if (event.category !== 'remote_session' || event.PeerIp === null) return facts
    return { ...facts, peer: addresses.lookup(event.PeerIp, event.time) }
  }

  function onError(cause: unknown): void {
    says.error({ err: cause }, 'a request failed in a way nobody foresaw')
  }

  function deliver(stored: readonly Stored[]): void {
    for (const { record } of stored) directory.take(record)
    judgement.take(stored)
    desk.changed()
  }

  async function rulesInUse(): Promise<Ruleset> {
    let leftOut = 0
    const ruleset = await loadRules(
      rulesFolders,
      (problem) => {
        if (problem.severity === 'error') leftOut++
        says.warn({ ...problem }, problem.severity === 'error' ? 'a rule is left out' : 'a rule is doubtful')
      },
      config.sensitiveRules,
    )
    metrics.rules(ruleset.program.rules.length + ruleset.correlations.length, leftOut)
    return ruleset
  }

  /** Rules that were edited take effect without a restart. */
  async function followRules(): Promise<void> {
    const seen = await stamp(rulesFolders)
    if (seen === rulesSeen) return
    rulesSeen = seen
    await judgement.follow(await rulesInUse())
  }

  async function onTick(): Promise<void> {
    if (ticking) return
    ticking = true
    try {
      const judged = now() - JUDGE_BEHIND_MS
      decide(judged)
      state.set('aliveAt', String(judged))
      for await (const item of takeInbox(join(config.dataFolder, 'inbox'))) {
        try {
          await contracts.take(item.roster.parts(), null)
          await item.done()
        } catch (cause) {
          await item.fail(cause instanceof Error ? cause.message : String(cause))
        }
      }
      await followRules()
      tellOfFeedChanges()
      if (await addresses.reload()) {
        says.info(
          { lists: addresses.lists().length, databases: addresses.databases() },
          'address lists or databases changed',
        )
        for (const problem of addresses.problems()) says.warn({}, problem)
      }
      desk.changed()
    } catch (cause) {
      says.error({ err: cause }, 'the clock work failed; it is tried again')
    } finally {
      ticking = false
    }
  }

  /** What depends on time is decided now, so that people need not wait for it: never more than a fiftieth of the time. */
  function decide(judged: number): void {
    const began = performance.now()
    if (began < decidesAt) {
      judgement.pipeline.reach(judged)
      return
    }
    judgement.pipeline.advance(judged)
    decidesAt = began + 50 * (performance.now() - began)
  }

  /** N27: a database that moved many people at once is the operator's business, and nobody's accusation. */
  function tellOfFeedChanges(): void {
    const { gate } = judgement.pipeline
    if (gate.revision === feedChangesTold) return
    feedChangesTold = gate.revision
    feedChanges = gate.changes(now())
    keepFeedChanges(state, feedChanges)
    for (const it of feedChanges) says.warn({}, feedChangeWarning(it))
  }

  /** A large state takes long to write: never more than a fiftieth of the time. */
  function snapshot(): void {
    const began = performance.now()
    judgement.save()
    snapshots = setTimeout(snapshot, Math.max(SNAPSHOT_EVERY_MS, 50 * (performance.now() - began)))
  }

  async function onNight(): Promise<void> {
    tellFeeds()
    const removed = await log.retain(now() - config.retentionDays * DAY_MS)
    if (removed > 0) says.info({ records: removed, days: config.retentionDays }, 'old telemetry deleted')
  }

  function tellFeeds(): void {
    for (const warning of [...addresses.warnings(), ...staleWarnings(ages())]) says.warn({}, warning)
  }

  function token(worker: string | null, by: string): { token: string; expiresAt: number } {
    const publicUrl = config.publicUrl ?? url
    return makeToken({ worker, by }, { state, keys, publicUrl, hours: config.enrolTokenHours, now, randomBytes })
  }

  async function close(): Promise<void> {
    if (stopping.signal.aborted) return
    stopping.abort()
    ready = false
    clearInterval(tick)
    clearTimeout(snapshots)
    await nightly.stop()
    await gateway.close()
    http.closeAllConnections()
    await new Promise<void>((resolve) => http.close(() => resolve()))
    judgement.save()
    await log.close()
    state.close()
    removeServerFile(config.dataFolder)
  }
}

function listen(config: Config, onRequest: RequestListener): Server {
  // Slow headers and bodies are cut off early; WebSockets are not requests and live on.
  const options = { headersTimeout: 15_000, requestTimeout: 30_000, maxHeaderSize: 16_384 }
  if (!config.tls) return createServer(options, onRequest)
  const { certFile, keyFile } = config.tls
  return createSecureServer({ ...options, cert: readFileSync(certFile), key: readFileSync(keyFile) }, onRequest)
}

function bound(http: Server, config: Config): Promise<number> {
  const { host, port } = config.listen
  return new Promise((resolve, reject) => {
    http.once('error', (cause: NodeJS.ErrnoException) =>
      reject(
        new Fault('server.port', {
          where: `${host}:${port}`,
          todo:
            cause.code === 'EADDRINUSE'
              ? 'Stop what listens there, or choose another with --port.'
              : String(cause.message),
          cause,
        }),
      ),
    )
    http.listen(port, host, () => resolve((http.address() as AddressInfo).port))
  })
}
