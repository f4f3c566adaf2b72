/**
 * The queue: one row for everybody, kept up to date by events, and read by its changes.
 *
 * Shape   filled once, from standings, contracts, verdicts and laptops. A writer of one of those calls the matching
 *         method; calls run one after another, and notify open pages of differences. When another evaluation
 *         becomes active, only rows that differ under it change.
 * Units   a change of `lastFinding` alone updates a row every ten minutes; `lastSeen` is updated every hour.
 * Errors  a method rejects with the store's error; the next call reads what is missing.
 * Memory  a row and its sources per worker, a small object per laptop.
 */
import { setImmediate } from 'node:timers/promises'
import type { Recorded } from '../../wire/recording.ts'
import { caseOf } from '../cases/case.ts'
import type { Cluster } from '../model/assessment.ts'
import type { Verdict } from '../model/case.ts'
import type { Standing } from '../model/standing.ts'
import { COVERAGE_PART } from './coverage.ts'
import { Fleet, type FleetLaptop } from './fleet.ts'
import { type Listener, Notices } from './notices.ts'
import type { Reader } from './reader.ts'
import { RowTable } from './row-table.ts'
import type { NextCase, Notice, WorkerRow } from './schema.ts'
import { unjudged } from './unjudged.ts'

const LAST_FINDING_STEP_MS = 10 * 60_000
/** This many rows or laptops take a few milliseconds; then agents and pages get their turn. */
const AT_ONCE = 200
const DEVICES_AT_ONCE = 2_000

/** What can be asked about laptops. */
export type LaptopIndex = Pick<Fleet, 'size' | 'online' | 'get' | 'find'>

/** The part of a standing that a row needs. */
type Brief = Pick<WorkerRow, 'band' | 'points' | 'reason' | 'case' | 'waiting' | 'cluster' | 'lastFinding'>

export class Queue {
  readonly #reader: Reader
  readonly #table: RowTable
  readonly #fleet: Fleet
  readonly #notices: Notices
  readonly #verdicts = new Map<string, Verdict>()
  /** Everybody named by a contract or a laptop. */
  readonly #known = new Set<string>()
  #briefs = new Map<string, Brief>()
  #evaluation: string | null = null
  /** Revision of the standings already read. */
  #standingsAt = 0
  #clusters: readonly Cluster[] = []
  #turn: Promise<unknown> = Promise.resolve()
  #judging: Promise<void> | null = null

  /** Filled and ready to be read. `noticeEveryMs` 0: every notice is sent at once. */
  static async open(reader: Reader, noticeEveryMs?: number): Promise<Queue> {
    const queue = new Queue(reader, new Notices(noticeEveryMs))
    await queue.reload()
    return queue
  }

  private constructor(reader: Reader, notices: Notices) {
    this.#reader = reader
    this.#notices = notices
    this.#table = new RowTable(reader.now())
    this.#fleet = new Fleet(reader)
  }

  /** `QueuePage` as JSON: rows that changed after `since`; null: the first rows in the order of the queue. */
  page(since: number | null, limit: number): string {
    return this.#table.page(since, limit)
  }

  /** The open case to look at after this worker's. */
  nextCase(worker: string): NextCase {
    return this.#table.nextCase(worker)
  }

  row(worker: string): WorkerRow | null {
    return this.#table.get(worker)
  }

  get revision(): number {
    return this.#table.revision
  }

  get clusters(): readonly Cluster[] {
    return this.#clusters
  }

  get laptops(): LaptopIndex {
    return this.#fleet
  }

  /** Calls the listener, at most once a second, with what may have changed. Returns a function that removes it. */
  onNotice(listener: Listener): () => void {
    return this.#notices.listen(listener)
  }

  get listeners(): number {
    return this.#notices.listeners
  }

  /** Call it after each commit of the active evaluation, and when another became active. Pending calls are merged. */
  judged(): Promise<void> {
    this.#judging ??= this.#inTurn(async () => {
      this.#judging = null
      if (this.#reader.evaluation() !== this.#evaluation) await this.#adopt()
      else await this.#follow()
    })
    return this.#judging
  }

  /** Call it when a case was decided. */
  decided(verdict: Verdict): Promise<void> {
    return this.#inTurn(async () => {
      const { worker } = verdict
      this.#verdicts.set(worker, verdict)
      const standing = this.#evaluation && (await this.#reader.store.evaluations.standing(this.#evaluation, worker))
      if (standing) this.#briefs.set(worker, this.#brief(standing))
      this.#refreshed([worker])
    })
  }

  /** Call it when the directory has taken these records of the stream. */
  took(stored: readonly { record: Recorded }[]): Promise<void> {
    const records = stored.flatMap(({ record }) =>
      record.type === 'contract' || record.type === 'device' ? [record] : [],
    )
    if (records.length === 0) return Promise.resolve()
    return this.#inTurn(async () => {
      const subjects = new Set<string>()
      for (const record of records) {
        if (record.worker !== null) subjects.add(record.worker)
        if (record.type === 'device') for (const it of await this.#holderOf(record.device)) subjects.add(it)
      }
      for (const it of records) if (it.worker !== null) this.#known.add(it.worker)
      this.#refreshed(subjects, { laptops: records.some((it) => it.type === 'device') })
    })
  }

  /** Call it when a session of this laptop opened or closed. */
  connection(device: string): Promise<void> {
    return this.#inTurn(async () => {
      const isAdded = this.#fleet.get(device) === null && (await this.#enrolled(device))
      if (this.#fleet.connection(device) || isAdded) this.#refreshed([this.#fleet.subjectOf(device)], { laptops: true })
    })
  }

  /** Call it when a laptop was revoked, or moved to another group. */
  changed(device: string): Promise<void> {
    return this.#inTurn(async () => {
      await this.#enrolled(device)
      this.#refreshed([this.#fleet.subjectOf(device)], { laptops: true })
    })
  }

  /** Call it once a minute: reads the laptops that are due. */
  tick(): Promise<void> {
    return this.#inTurn(async () => {
      const due = this.#fleet.due(this.#reader.now())
      for (let at = 0; at < due.length; at += AT_ONCE) {
        await this.#look(due.slice(at, at + AT_ONCE))
        await setImmediate()
      }
    })
  }

  /** Reads everything again: after a change of the policy, or of data that another process writes. */
  reload(): Promise<void> {
    return this.#inTurn(async () => {
      const { store, directory } = this.#reader
      for (const [worker, verdict] of await store.cases.latest()) this.#verdicts.set(worker, verdict)
      for (const worker of directory.workers()) this.#known.add(worker)
      for (let after: string | null = ''; after !== null; ) {
        const devices = await store.devices.list({ after, limit: DEVICES_AT_ONCE })
        for (const it of devices) this.#fleet.add(it)
        after = devices.length < DEVICES_AT_ONCE ? null : devices.at(-1)!.device
      }
      await this.#adopt()
      this.#fleet.spread()
    })
  }

  close(): void {
    this.#notices.close()
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(work)
    this.#turn = done.catch(() => {})
    return done
  }

  /** Reads what changed in the current evaluation. */
  async #follow(): Promise<void> {
    const id = this.#evaluation
    if (id === null) return
    const { evaluations } = this.#reader.store
    const { revision, standings, gone } = await evaluations.standingsSince(id, this.#standingsAt)
    // It was replaced and its rows are gone; the replacement causes another call.
    if (revision < this.#standingsAt) return
    const clusters = await evaluations.clusters(id)
    this.#standingsAt = revision
    for (const it of standings) this.#briefs.set(it.worker, this.#brief(it))
    for (const worker of gone) this.#briefs.delete(worker)
    const isNew = JSON.stringify(clusters) !== JSON.stringify(this.#clusters)
    if (isNew) this.#clusters = clusters
    if (isNew || standings.length + gone.length > 0)
      this.#refreshed([...standings.map((it) => it.worker), ...gone], { clusters: isNew })
  }

  /** Switches to another evaluation, or reads the same one from the start. */
  async #adopt(): Promise<void> {
    const id = this.#reader.evaluation()
    const { evaluations } = this.#reader.store
    const briefs = new Map<string, Brief>()
    let clusters: Cluster[] = []
    let standingsAt = 0
    if (id !== null) {
      const { revision, standings } = await evaluations.standingsSince(id, 0)
      for (const it of standings) briefs.set(it.worker, this.#brief(it))
      clusters = await evaluations.clusters(id)
      standingsAt = revision
      if ((await evaluations.active())?.id !== id) return
    }
    this.#briefs = briefs
    this.#clusters = clusters
    this.#standingsAt = standingsAt
    this.#evaluation = id
    await this.#lookAtAll(id)
    await this.#refreshAll()
  }

  async #lookAtAll(id: string | null): Promise<void> {
    const unheard = new Set(this.#fleet.devices())
    if (id !== null)
      for await (const block of this.#reader.store.evaluations.kept(id, COVERAGE_PART))
        for (const [index, { part, subject, state }] of block.entries()) {
          if (part !== COVERAGE_PART || !unheard.delete(subject)) continue
          this.#fleet.look(subject, state)
          if (index % AT_ONCE === 0) await setImmediate()
        }
    for (const device of unheard) this.#fleet.look(device, null)
  }

  async #refreshAll(): Promise<void> {
    const workers = [...new Set([...this.#known, ...this.#briefs.keys(), ...this.#table.workers()])]
    for (let at = 0; at < workers.length; at += AT_ONCE) {
      for (const it of workers.slice(at, at + AT_ONCE)) this.#refresh(it)
      await setImmediate()
    }
    this.#notices.send({ revision: this.revision, workers: null, clusters: true, laptops: true })
  }

  async #look(devices: readonly string[]): Promise<void> {
    const { evaluations } = this.#reader.store
    const id = this.#evaluation
    const states = await Promise.all(
      devices.map((it) => (id === null ? null : evaluations.keptOf(id, COVERAGE_PART, it))),
    )
    const news = new Set<string>()
    const before = this.revision
    for (const [index, device] of devices.entries()) {
      const { subjects, isNews } = this.#fleet.look(device, states[index] ?? null)
      for (const it of subjects) {
        this.#refresh(it)
        if (isNews) news.add(it)
      }
    }
    if (this.revision > before || news.size > 0) this.#notify([...news], { laptops: news.size > 0 })
  }

  /** A laptop that enrolled, or enrolled again. Returns whether it is new. */
  async #enrolled(device: string): Promise<boolean> {
    const isKnown = this.#fleet.get(device) !== null
    const enrolled = await this.#reader.store.devices.get(device)
    if (enrolled) this.#fleet.add(enrolled)
    return enrolled !== null && !isKnown
  }

  async #holderOf(device: string): Promise<string[]> {
    if (await this.#enrolled(device)) return [this.#fleet.subjectOf(device)]
    return this.#fleet.holder(device)
  }

  #refreshed(workers: Iterable<string>, { clusters = false, laptops = false } = {}): void {
    const touched = [...new Set(workers)]
    const isJoined = (worker: string) => (this.#table.get(worker)?.cluster ?? null) !== null
    const before = touched.some(isJoined)
    for (const it of touched) this.#refresh(it)
    this.#notify(touched, { clusters: clusters || before || touched.some(isJoined), laptops })
  }

  #notify(workers: string[], about: Partial<Pick<Notice, 'clusters' | 'laptops'>>): void {
    this.#notices.send({ revision: this.revision, workers, clusters: false, laptops: false, ...about })
  }

  #refresh(worker: string): void {
    const row = this.#rowOf(worker)
    if (!row) {
      this.#table.remove(worker)
      return
    }
    const before = this.#table.get(worker)
    this.#table.put(before ? settled(row, before) : row)
  }

  #brief({ worker, assessment, kinds, cluster, lastFinding }: Standing): Brief {
    const { band, points, reason, parts } = assessment
    const { state } = caseOf(this.#verdicts.get(worker) ?? null, band, kinds)
    const waiting = parts.find((it) => it.kind === 'waiting')?.label ?? null
    return { band, points, reason, case: state, waiting, cluster, lastFinding }
  }

  #rowOf(worker: string): WorkerRow | null {
    const brief = this.#briefs.get(worker)
    if (!brief && !this.#known.has(worker)) return null
    const laptops = this.#fleet.of(worker)
    return {
      worker,
      name: this.#reader.directory.latestContract(worker)?.name ?? null,
      ...(brief ?? this.#unjudged(worker)),
      lastSeen: laptops.reduce<number | null>((last, it) => later(last, it.lastSeen), null),
      laptops: laptops.length,
      online: laptops.filter((it) => it.online).length,
      coverage: shareSeen(laptops),
    }
  }

  /** For a worker without findings. */
  #unjudged(worker: string): Brief {
    const { band, points, reason } = unjudged(worker, this.#evaluation)
    const { state } = caseOf(this.#verdicts.get(worker) ?? null, band, [])
    return { band, points, reason, case: state, waiting: null, cluster: null, lastFinding: null }
  }
}

/** Keeps the row as it was when only the time of the last finding changed, and not by much. */
function settled(row: WorkerRow, before: WorkerRow): WorkerRow {
  const [now, then] = [row.lastFinding, before.lastFinding]
  if (now === null || then === null || now < then || now - then >= LAST_FINDING_STEP_MS) return row
  const same = (Object.keys(row) as (keyof WorkerRow)[]).every((it) => it === 'lastFinding' || row[it] === before[it])
  return same ? before : row
}

function shareSeen(laptops: readonly FleetLaptop[]): number | null {
  const sum = (of: 'wanted' | 'seen' | 'partly') => laptops.reduce((total, { sight }) => total + sight[of], 0)
  const wanted = sum('wanted')
  // Three digits are precise enough, and save a third of the bytes.
  return wanted === 0 ? null : Math.round(((sum('seen') + sum('partly') / 2) / wanted) * 1_000) / 1_000
}

function later(a: number | null, b: number | null): number | null {
  return a === null ? b : b === null ? a : Math.max(a, b)
}
