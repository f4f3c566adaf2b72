/** The desk behind the API: what the pipeline, the store and the gateway know, put together for people. */

import { CATEGORIES, type Category } from '../../wire/event.ts'
import type { Policy } from '../../wire/messages.ts'
import type { ClusterView, FindingView, Laptop, TimelineEntry, WorkerPage, WorkerRow } from '../api/schema.ts'
import { Assessments } from '../assess/assessments.ts'
import { byUrgency, caseOf, kindsOf } from '../cases/case.ts'
import type { Pipeline } from '../detect/pipeline.ts'
import type { Judgement } from '../detect/runner.ts'
import type { Verdict } from '../model/case.ts'
import type { Enrolled } from '../model/device.ts'
import type { Finding } from '../model/finding.ts'
import type { State, TelemetryLog } from '../store/state.ts'
import { describe } from './describe.ts'
import { observed } from './observed.ts'
import type { Desk } from './reader.ts'
import { unseen } from './unseen.ts'

const HOUR = 3_600_000
const WEEK = 7 * 24 * HOUR
const TIMELINE_EVENTS = 200
const NOTICE_EVERY_MS = 250
/** What says something by itself, one event at a time; the rest is in the activity picture. */
const NOTABLE: readonly Category[] = [
  'usb_device',
  'display',
  'volume_mounted',
  'file_burst',
  'listening_socket',
  'network_place',
  'logon',
  'remote_session',
  'repository',
  'archive_created',
  'agent_state',
]
/** An agent's hourly word on what it costs is no news about a person. */
const HOURLY = 'summary'

export interface DeskDeps {
  judgement: Judgement
  log: TelemetryLog
  state: State
  policy(): Policy
  online(): ReadonlySet<string>
  makeToken(worker: string | null, by: string): { token: string; expiresAt: number }
  now(): number
}

/** `changed` is called by whoever feeds the pipeline; listeners hear of it at most four times a second. */
export function desk(deps: DeskDeps): Desk & { changed(): void } {
  const { judgement, log, state, now } = deps
  const listeners = new Set<() => void>()
  let notice: NodeJS.Timeout | null = null
  let known: { pipeline: Pipeline; assessments: Assessments } | null = null

  return {
    now,
    workers: () => {
      const theirs = Map.groupBy(laptops(), (it) => it.worker ?? it.device)
      const verdicts = verdictsByWorker()
      const clusterOf = new Map(
        assessments()
          .clusters(now())
          .flatMap(({ key, workers }) => workers.map((it) => [it, key] as const)),
      )
      return everybody()
        .map((worker) =>
          row(worker, theirs.get(worker) ?? [], verdicts.get(worker) ?? null, clusterOf.get(worker) ?? null),
        )
        .sort(byUrgency)
    },
    clusters: () => {
      const verdicts = verdictsByWorker()
      return assessments()
        .clusters(now())
        .map((it) => ({ ...it, people: people(it.workers, verdicts) }))
    },
    decide: (worker, { verdict, reason }, by) => {
      if (!everybody().includes(worker)) return null
      const findings = judgement.pipeline.findings.of(worker)
      const { band, points } = assessments().of(worker, now())
      const decided = { worker, verdict, reason, by, at: now(), band, points, kinds: kindsOf(findings) }
      state.addVerdict(decided)
      state.audit({ at: decided.at, user: by, action: 'verdict', about: worker, detail: `${verdict}: ${reason}` })
      deskChanged()
      return caseOf(decided, band, findings)
    },
    worker: async (id) => (everybody().includes(id) ? page(id) : null),
    laptops,
    enrolmentToken: deps.makeToken,
    onChange: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    changed: deskChanged,
  }

  function deskChanged(): void {
    if (notice) return
    notice = setTimeout(() => {
      notice = null
      for (const listener of listeners) listener()
    }, NOTICE_EVERY_MS).unref()
  }

  /** Other rules have a pipeline of their own. */
  function assessments(): Assessments {
    const { pipeline } = judgement
    if (known?.pipeline !== pipeline) known = { pipeline, assessments: new Assessments(pipeline) }
    return known.assessments
  }

  /** The newest of each. */
  function verdictsByWorker(): Map<string, Verdict> {
    return new Map(
      state
        .verdicts()
        .toReversed()
        .map((it) => [it.worker, it]),
    )
  }

  function people(workers: readonly string[], verdicts: ReadonlyMap<string, Verdict>): ClusterView['people'] {
    const { findings, world } = judgement.pipeline
    return workers
      .map((worker) => {
        const { band, points } = assessments().of(worker, now())
        const contract = world.latestContract(worker)
        const place = [contract?.city, contract?.region, contract?.country].filter(Boolean).join(', ')
        const decided = caseOf(verdicts.get(worker) ?? null, band, findings.of(worker))
        return { worker, name: contract?.name ?? null, band, points, place: place || null, case: decided.state }
      })
      .sort(byUrgency)
  }

  /** Everybody with a contract or a laptop, and laptops that nobody holds under their own id. */
  function everybody(): string[] {
    return [...new Set([...judgement.pipeline.world.workers(), ...judgement.pipeline.findings.workers()])]
  }

  function row(worker: string, theirs: readonly Laptop[], verdict: Verdict | null, cluster: string | null): WorkerRow {
    const findings = judgement.pipeline.findings.of(worker)
    const { band, points, reason } = assessments().of(worker, now())
    const rows = theirs.flatMap((it) => it.coverage).filter((it) => it.state !== 'off' && it.state !== 'unknown')
    const sighted = rows.filter((it) => it.state === 'seen' || it.state === 'quiet').length
    const partly = rows.filter((it) => it.state === 'partial').length
    return {
      worker,
      name: judgement.pipeline.world.latestContract(worker)?.name ?? null,
      band,
      points,
      reason,
      case: caseOf(verdict, band, findings).state,
      cluster,
      lastFinding: latest(findings.map((it) => it.lastTime)),
      lastSeen: latest(theirs.map((it) => it.lastSeen)),
      laptops: theirs.length,
      online: theirs.filter((it) => it.online).length,
      coverage: rows.length === 0 ? null : (sighted + partly / 2) / rows.length,
    }
  }

  function laptops(): Laptop[] {
    const online = deps.online()
    return state.allEnrolled().map((it) => laptop(it, online.has(it.device)))
  }

  function laptop(enrolled: Enrolled, online: boolean): Laptop {
    const { device } = enrolled
    const book = judgement.pipeline.coverage.of(device)
    const { off, on } = deps.policy()
    const dark = (Object.keys(CATEGORIES) as Category[]).filter((it) => CATEGORIES[it].sensitive && !on.includes(it))
    const rejected = log.rejectedTotal(device)
    return {
      device,
      worker: judgement.pipeline.world.holderAt(device, now()),
      platform: enrolled.platform,
      version: book.version ?? enrolled.version,
      online,
      enrolledAt: enrolled.enrolledAt,
      revokedAt: enrolled.revokedAt,
      lastSeen: book.lastSeen || null,
      lastAddress: book.lastAddress,
      place: book.place,
      spoolBytes: book.spoolBytes,
      residentBytes: book.residentBytes,
      clockSkewMs: book.clockSkewMs,
      events: book.events,
      missing: Math.max(0, book.holes - book.dropped - rejected),
      rejected,
      gaps: book.gaps.map(({ categories: _, ...gap }) => gap),
      coverage: judgement.pipeline.coverage.coverage(device, enrolled.platform, [...off, ...dark], now()),
    }
  }

  async function page(worker: string): Promise<WorkerPage> {
    const findings = judgement.pipeline.findings.of(worker)
    const theirs = laptops().filter((it) => (it.worker ?? it.device) === worker)
    const devices = theirs.map((it) => it.device)
    // As it was written: who decides sees what lapsed, and when.
    const versions = judgement.pipeline.world.versionsOf(worker)
    const contract = versions.findLast((it) => it.from <= now()) ?? versions.at(-1) ?? null
    const assessment = assessments().explained(worker, now())
    return {
      worker,
      contract,
      assessment,
      case: caseOf(state.verdicts(worker)[0] ?? null, assessment.band, findings),
      cluster:
        assessments()
          .clusters(now())
          .find((it) => it.workers.includes(worker)) ?? null,
      findings: findings.map(view).reverse(),
      laptops: theirs,
      observed: observed({
        ...{ worker, findings, now: now(), contract: judgement.pipeline.world.contractAt(worker, now()) },
        laptops: theirs.map(({ device, coverage }) => {
          const { sightings } = judgement.pipeline.coverage.of(device)
          return { device, sightings, coverage }
        }),
      }),
      unseen: unseen(theirs),
      activity: devices.length > 0 ? await activity(devices) : [],
      timeline: await timeline(devices, findings),
    }
  }

  async function activity(devices: string[]): Promise<WorkerPage['activity']> {
    const byHour = new Map<number, number>()
    for (const it of await log.counts({ devices, from: now() - WEEK }))
      byHour.set(it.hour, (byHour.get(it.hour) ?? 0) + it.events)
    return [...byHour].map(([hour, events]) => ({ hour, events })).sort((a, b) => a.hour - b.hour)
  }

  async function timeline(devices: string[], findings: readonly Finding[]): Promise<TimelineEntry[]> {
    const found = findings.map((it) => ({
      time: it.time,
      device: it.device,
      category: 'finding',
      text: it.says,
      finding: it.id,
    }))
    const since = now() - WEEK
    // An hour of a week may be a summary each: without them there are still as many as are shown.
    const most = TIMELINE_EVENTS + devices.length * 24 * 7
    const stored = devices.length > 0 ? await log.events({ devices, categories: NOTABLE, from: since }, most) : []
    const notable = stored.flatMap(({ record }) =>
      record.type === 'event' && !('Action' in record.event && record.event.Action === HOURLY)
        ? [
            {
              time: record.event.time,
              device: record.device,
              category: record.event.category,
              text: describe(record.event),
              finding: null,
            },
          ]
        : [],
    )
    return [...found, ...notable.slice(0, TIMELINE_EVENTS)].sort((a, b) => b.time - a.time)
  }

  function view(finding: Finding): FindingView {
    const rule = judgement.rules.find((it) => it.id === finding.rule)
    const { author = null, license = null, link = null } = rule ? judgement.credit(rule) : {}
    return {
      id: finding.id,
      rule: finding.rule,
      title: finding.title,
      level: finding.level,
      family: finding.family,
      strength: finding.strength,
      device: finding.device,
      time: finding.time,
      lastTime: finding.lastTime,
      count: finding.count,
      says: finding.says,
      blindTo: rule?.tellwire?.blindTo ?? null,
      response: rule?.tellwire?.response ?? null,
      falsepositives: [...(rule?.falsepositives ?? [])],
      tags: [...(rule?.tags ?? [])],
      author,
      license,
      link,
      events: finding.events.map((event) => ({ ...event })),
    }
  }
}

function latest(times: readonly (number | null)[]): number | null {
  const known = times.filter((it) => it !== null)
  return known.length > 0 ? Math.max(...known) : null
}
