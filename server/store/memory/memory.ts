/**
 * Both stores without a disk: what `replay` and tests run on. What went in comes out, the same objects: do not edit them.
 */
import type { Category } from '../../../wire/event.ts'
import type { Recorded, RecordedOf } from '../../../wire/recording.ts'
import type { Verdict } from '../../model/case.ts'
import type { Enrolled } from '../../model/device.ts'
import type { Finding } from '../../model/finding.ts'
import type { AuditEntry, User } from '../../model/user.ts'
import { byHour, fitting, hours, newestFirst } from '../query.ts'
import { arrivalOf, factsOf, hourOf, hourStart } from '../sqlite/segment.ts'
import {
  type HourCount,
  type LogQuery,
  nameTaken,
  type Progress,
  REJECTED_PER_DEVICE,
  type Rejected,
  type State,
  type Stored,
  type TelemetryLog,
} from '../state.ts'

export function memoryLog(): TelemetryLog {
  let log: Stored[] = []
  let last = 0
  const streams = new Map<string, Stream>()
  /** When each feed event came, by its id. */
  const feedIds = new Map<string, number>()
  const refused = new Map<string, { newest: Rejected[]; total: number; numbers: Set<string> }>()
  return {
    async append(records, rejected = []) {
      const first = last + 1
      const duplicates: number[] = []
      for (const [index, record] of records.entries()) {
        if (isDuplicate(record)) duplicates.push(index)
        else log.push({ position: ++last, record })
      }
      for (const it of rejected) reject(it)
      return { first, last, duplicates }
    },
    last: () => last,
    read: (after = 0) => readUpTo(after, last),
    async events(query, limit) {
      const newest = newestFirst(Math.max(0, limit))
      for (const stored of matching(query)) newest.add(stored)
      return newest.list()
    },
    async counts(query) {
      const counted = new Map<string, HourCount>()
      const { fromHour, toHour } = hours(query)
      for (const { record } of matching({ ...query, from: hourStart(fromHour), to: hourStart(toHour + 1) })) {
        const { device, category, time } = factsOf(record)!
        const hour = hourStart(hourOf(time))
        const key = `${hour} ${category} ${device}`
        const found = counted.get(key)
        if (found) found.events++
        else counted.set(key, { hour, device, category: category as Category, events: 1 })
      }
      return [...counted.values()].sort(byHour)
    },
    acked: (device, epoch) => streams.get(streamKey(device, epoch))?.highest ?? 0,
    bySeq: async (device, epoch, seq) => streams.get(streamKey(device, epoch))?.events.get(seq)?.event ?? null,
    rejected: async (device, limit) => (refused.get(device)?.newest ?? []).slice(0, Math.max(0, limit)),
    rejectedTotal: (device) => refused.get(device)?.total ?? 0,
    async retain(time) {
      const stays = ({ record }: Stored) => (arrivalOf(record) ?? Infinity) >= time
      const before = log.length
      for (const { record } of log) if (record.type === 'event' && record.receivedAt < time) forget(record)
      for (const [id, arrived] of feedIds) if (arrived < time) feedIds.delete(id)
      log = log.filter(stays)
      for (const of of refused.values()) of.newest = of.newest.filter((it) => it.receivedAt >= time)
      return before - log.length
    },
    async close() {},
  }

  /** The number stays known as received. */
  function forget({ device, epoch = 0, conflict, event: { seq } }: RecordedOf<'event'>): void {
    if (seq !== null && !conflict) streamOf(device, epoch).events.set(seq, null)
  }

  async function* readUpTo(after: number, end: number): AsyncIterable<Stored> {
    for (const stored of log) {
      if (stored.position > end) return
      if (stored.position > after) yield stored
    }
  }

  function isDuplicate(record: Recorded): boolean {
    if (record.type === 'feed') {
      if (feedIds.has(record.event.id)) return true
      feedIds.set(record.event.id, arrivalOf(record) ?? 0)
      return false
    }
    if (record.type !== 'event' || record.event.seq === null) return false
    const { seq, id } = record.event
    const stream = streamOf(record.device, record.epoch ?? 0)
    if (record.conflict) {
      const before = stream.conflicts.size
      return stream.conflicts.add(`${seq} ${id}`).size === before
    }
    if (stream.events.has(seq)) return true
    stream.events.set(seq, record)
    stream.highest = Math.max(stream.highest, seq)
    return false
  }

  function reject(rejected: Rejected): void {
    const { device, epoch, seq } = rejected
    const of = refused.get(device) ?? { newest: [], total: 0, numbers: new Set() }
    refused.set(device, of)
    if (epoch !== undefined && seq !== null) {
      const number = `${epoch} ${seq}`
      if (of.numbers.has(number)) return
      of.numbers.add(number)
      const stream = streamOf(device, epoch)
      stream.highest = Math.max(stream.highest, seq)
    }
    of.newest.unshift(rejected)
    of.newest.splice(REJECTED_PER_DEVICE)
    of.total++
  }

  function streamOf(device: string, epoch: number): Stream {
    const key = streamKey(device, epoch)
    const found = streams.get(key)
    if (found) return found
    const made = { highest: 0, events: new Map(), conflicts: new Set<string>() }
    streams.set(key, made)
    return made
  }

  function* matching(query: LogQuery): Iterable<Stored> {
    const fits = fitting(query)
    for (const stored of log) {
      const facts = factsOf(stored.record)
      if (facts && fits.facts(facts)) yield stored
    }
  }
}

interface Stream {
  highest: number
  /** Null: deleted because of its age. */
  events: Map<number, RecordedOf<'event'> | null>
  conflicts: Set<string>
}

const streamKey = (device: string, epoch: number) => `${epoch} ${device}`

export function memoryState(): State {
  const enrolled = new Map<string, Enrolled>()
  const tokens = new Map<string, { worker: string | null; expiresAt: number }>()
  const findings = new Map<string, Finding>()
  const users = new Map<number, User>()
  const sessions = new Map<string, { userId: number; once: boolean; expiresAt: number }>()
  const verdicts: Verdict[] = []
  const trail: AuditEntry[] = []
  const settings = new Map<string, string>()
  let progress: Progress | null = null
  let lastUser = 0
  return {
    enrolled: (device) => enrolled.get(device) ?? null,
    allEnrolled: () => [...enrolled.values()].sort((a, b) => compare(a.device, b.device)),
    saveEnrolled: (it) => void enrolled.set(it.device, it),
    addToken: ({ hash, worker, expiresAt }) => void tokens.set(hash, { worker, expiresAt }),
    takeToken(hash, now) {
      const token = tokens.get(hash)
      if (!token || token.expiresAt <= now) return null
      tokens.delete(hash)
      return { worker: token.worker }
    },

    saveProgress(now, changed, gone) {
      for (const it of changed) findings.set(it.id, it)
      for (const id of gone) findings.delete(id)
      progress = now
    },
    progress: () => progress,
    findings: ({ worker, since = 0, limit = Infinity }) =>
      [...findings.values()]
        .filter((it) => (worker === undefined || it.worker === worker) && it.lastTime >= since)
        .sort((a, b) => b.lastTime - a.lastTime || compare(b.id, a.id))
        .slice(0, limit),
    finding: (id) => findings.get(id) ?? null,
    clearFindings() {
      findings.clear()
      progress = null
    },

    addVerdict: (verdict) => void verdicts.unshift(verdict),
    verdicts: (worker) => verdicts.filter((it) => worker === undefined || it.worker === worker),

    users: () => [...users.values()],
    user: (name) => users.values().find((it) => it.name === name) ?? null,
    saveUser(user) {
      if (users.values().some((it) => it.name === user.name)) throw nameTaken(user.name)
      const saved = { id: ++lastUser, ...user }
      users.set(saved.id, saved)
      return saved
    },
    setPassword(userId, passwordHash) {
      const user = users.get(userId)
      if (user) users.set(userId, { ...user, passwordHash })
    },
    addSession: ({ hash, userId, once, expiresAt }) => void sessions.set(hash, { userId, once, expiresAt }),
    session(hash, now) {
      const session = sessions.get(hash)
      return session && session.expiresAt > now ? { userId: session.userId, once: session.once } : null
    },
    endSession: (hash) => void sessions.delete(hash),

    audit: (entry) => void trail.push(entry),
    auditTrail: (limit) => trail.toReversed().slice(0, limit),
    get: (key) => settings.get(key) ?? null,
    set: (key, value) => void settings.set(key, value),
    close() {},
  }
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)
