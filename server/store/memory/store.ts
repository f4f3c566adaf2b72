/**
 * The store without a disk, for `replay` and tests.
 *
 * Shape   returns the same objects that were stored: do not edit them. Every method does all its work before it
 *         returns, so no caller sees a half-done change.
 */
import type { Cluster } from '../../model/assessment.ts'
import type { Verdict } from '../../model/case.ts'
import type { Change } from '../../model/change.ts'
import type { Enrolled } from '../../model/device.ts'
import type { Finding } from '../../model/finding.ts'
import type { Standing } from '../../model/standing.ts'
import type { AuditEntry, User } from '../../model/user.ts'
import { enrolledAgain, revoked, saved, tokenRefused } from '../devices.ts'
import { byKey } from '../keys.ts'
import {
  type Audit,
  type Cases,
  type ChangeFeed,
  type Commit,
  type Devices,
  type Evaluation,
  type Evaluations,
  type KeptRow,
  nameTaken,
  type Store,
  superseded,
  type TakenChange,
  type Users,
  type Values,
} from '../store.ts'
import { changed, keepAdmin, userOf } from '../users.ts'

const BLOCK = 2_000

export function memoryStore(): Store {
  const trail: AuditEntry[] = []
  const feed = changeFeed()
  return {
    devices: devices(trail),
    users: users(trail),
    cases: cases(feed.publish, trail),
    audit: audit(trail),
    values: values(),
    evaluations: evaluations(feed.publish),
    changes: feed.changes,
    async close() {},
  }
}

function devices(trail: AuditEntry[]): Devices {
  const enrolled = new Map<string, Enrolled>()
  const tokens = new Map<string, { worker: string | null; createdAt: number; expiresAt: number }>()
  return {
    get: async (device) => enrolled.get(device) ?? null,
    async list({ after, limit = Infinity } = {}) {
      const ids = [...enrolled.keys()].sort(byKey)
      const rest = after === undefined ? ids : ids.filter((it) => byKey(it, after) > 0)
      return rest.slice(0, limit).map((it) => enrolled.get(it)!)
    },
    save: async (it) => void enrolled.set(it.device, saved(it, enrolled.get(it.device) ?? null)),
    addToken: async ({ hash, worker, createdAt, expiresAt }) => void tokens.set(hash, { worker, createdAt, expiresAt }),
    async enroll(hash, laptop, now) {
      const token = tokens.get(hash)
      if (!token || token.expiresAt <= now) throw tokenRefused()
      const stored = enrolledAgain(laptop, enrolled.get(laptop.device) ?? null, token.createdAt)
      tokens.delete(hash)
      enrolled.set(laptop.device, stored)
      return { worker: token.worker, laptop: stored }
    },
    async revoke(device, revocation, entry) {
      const before = enrolled.get(device)
      if (!before) return null
      const after = revoked(before, revocation)
      enrolled.set(device, after)
      trail.push(entry)
      return after
    },
    async revokedSince(time) {
      const found = [...enrolled.values()].filter((it) => it.revokedAt !== null && it.revokedAt >= time)
      return found.sort((a, b) => byKey(a.device, b.device))
    },
  }
}

function users(trail: AuditEntry[]): Users {
  const users = new Map<number, User>()
  const sessions = new Map<string, { userId: number; once: boolean; expiresAt: number }>()
  let last = 0
  const byName = (name: string) => users.values().find((it) => it.name === name) ?? null
  return {
    list: async () => [...users.values()],
    byName: async (name) => byName(name),
    byId: async (id) => users.get(id) ?? null,
    async add(user) {
      if (byName(user.name)) throw nameTaken(user.name)
      const added = userOf(++last, user)
      users.set(added.id, added)
      return added
    },
    async setPassword(id, passwordHash, name) {
      const user = users.get(id)
      if (!user) return null
      const after = { ...user, passwordHash, name: name ?? user.name }
      if (after.name !== user.name && byName(after.name)) throw nameTaken(after.name)
      users.set(id, after)
      return after
    },
    async change(id, change, entries) {
      const user = users.get(id)
      if (!user) return null
      const after = changed(user, change)
      keepAdmin([...users.values()], user, after)
      users.set(id, after)
      trail.push(...entries)
      return after
    },
    async remove(id, entry) {
      const user = users.get(id)
      if (!user) return false
      keepAdmin([...users.values()], user, null)
      users.delete(id)
      trail.push(entry)
      return true
    },
    addSession: async ({ hash, userId, once, expiresAt }) => void sessions.set(hash, { userId, once, expiresAt }),
    async session(hash, now) {
      const session = sessions.get(hash)
      return session && session.expiresAt > now ? { userId: session.userId, once: session.once } : null
    },
    endSession: async (hash) => void sessions.delete(hash),
  }
}

function cases(publish: (changes: readonly Change[]) => void, trail: AuditEntry[]): Cases {
  const verdicts: Verdict[] = []
  return {
    async decide(verdict, change, entry) {
      verdicts.push(verdict)
      publish([change])
      trail.push(entry)
    },
    verdictsOf: async (worker) => verdicts.filter((it) => it.worker === worker).reverse(),
    latest: async () => new Map(verdicts.map((it) => [it.worker, it])),
  }
}

function audit(trail: AuditEntry[]): Audit {
  return {
    add: async (entry) => void trail.push(entry),
    newest: async (limit) => trail.toReversed().slice(0, limit),
  }
}

function values(): Values {
  const values = new Map<string, string>()
  return {
    get: async (key) => values.get(key) ?? null,
    set: async (key, value) => void values.set(key, value),
    async compareAndSet(key, expected, value) {
      if ((values.get(key) ?? null) !== expected) return false
      values.set(key, value)
      return true
    },
  }
}

interface Judged {
  evaluation: Evaluation
  /** The evaluation that this one amends, and what the rows were that it replaced since. */
  base: Judged | null
  before: Map<string, KeptRow>
  /** By part, then subject. */
  kept: Map<string, Map<string, string>>
  findings: Map<string, Finding>
  /** Null: removed at that revision. */
  standings: Map<string, { standing: Standing | null; revision: number }>
  revision: number
  clusters: readonly Cluster[]
}

function evaluations(publish: (changes: readonly Change[]) => void): Evaluations {
  const all = new Map<string, Judged>()
  const found = (id: string): Judged => {
    const judged = all.get(id)
    if (!judged) throw superseded(id)
    return judged
  }
  return {
    list: async () => [...all.values()].map((it) => it.evaluation),
    active: async () => all.values().find((it) => it.evaluation.active)?.evaluation ?? null,
    async begin({ base, ...begun }) {
      if (all.has(begun.id)) throw superseded(begun.id)
      const evaluation = { ...begun, position: 0, digest: null, time: 0, active: false }
      const nothing = { kept: new Map(), findings: new Map(), standings: new Map(), revision: 0, clusters: [] }
      const amending = { base: base === undefined ? null : found(base), before: new Map() }
      all.set(begun.id, { evaluation, ...amending, ...nothing })
    },
    async commit(id, commit) {
      const judged = found(id)
      if (commit.position < judged.evaluation.position) throw superseded(id)
      for (const it of all.values()) if (it.base === judged) remember(it, judged, commit.kept)
      apply(judged, commit)
      if (judged.evaluation.active) publish(commit.changes)
    },
    async activate(id, changes) {
      const judged = found(id)
      for (const other of all.keys()) if (other !== id) all.delete(other)
      judged.evaluation = { ...judged.evaluation, active: true }
      publish(changes)
    },
    async amend(id, commit) {
      const { base, before, evaluation } = found(id)
      if (!base?.evaluation.active || ![...all.values()].includes(base)) throw superseded(id)
      if (commit.position < base.evaluation.position) throw superseded(id)
      all.clear()
      const { ruleset, stream } = evaluation
      base.evaluation = { ...base.evaluation, id, ruleset, stream }
      all.set(id, base)
      apply(base, { ...commit, kept: [...before.values(), ...commit.kept] })
      publish(commit.changes)
    },
    drop: async (id) => void all.delete(id),

    kept: (id, prefix = '') => blocks(() => keptRows(all.get(id), prefix)),
    keptOf: async (id, part, subject) => all.get(id)?.kept.get(part)?.get(subject) ?? null,
    findings: (id) => blocks(() => [...(all.get(id)?.findings.values() ?? [])].sort((a, b) => byKey(a.id, b.id))),
    findingsOf: async (id, subject) =>
      [...(all.get(id)?.findings.values() ?? [])]
        .filter((it) => (it.worker ?? it.device) === subject)
        .sort((a, b) => a.time - b.time || byKey(a.id, b.id)),
    finding: async (id, finding) => all.get(id)?.findings.get(finding) ?? null,
    standing: async (id, worker) => all.get(id)?.standings.get(worker)?.standing ?? null,
    async standingsSince(id, since) {
      const judged = all.get(id)
      const standings: Standing[] = []
      const gone: string[] = []
      for (const [worker, { standing, revision }] of judged?.standings ?? []) {
        if (revision <= since) continue
        if (standing) standings.push(standing)
        else gone.push(worker)
      }
      return { revision: judged?.revision ?? 0, standings, gone }
    },
    clusters: async (id) => [...(all.get(id)?.clusters ?? [])],
  }
}

function remember({ before }: Judged, { kept }: Judged, replaced: readonly KeptRow[]): void {
  for (const { part, subject } of replaced) {
    const key = JSON.stringify([part, subject])
    if (!before.has(key)) before.set(key, { part, subject, state: kept.get(part)?.get(subject) ?? null })
  }
}

function apply(judged: Judged, commit: Commit): void {
  const { position, digest, time } = commit
  judged.evaluation = { ...judged.evaluation, position, digest, time }
  for (const { part, subject, state } of commit.kept) {
    const subjects = judged.kept.get(part) ?? new Map<string, string>()
    if (state === null) subjects.delete(subject)
    else judged.kept.set(part, subjects.set(subject, state))
  }
  for (const it of commit.findings) judged.findings.set(it.id, it)
  for (const id of commit.gone) judged.findings.delete(id)
  applyStandings(judged, commit)
  if (commit.clusters) judged.clusters = commit.clusters
}

function applyStandings(judged: Judged, { standings, standingsGone }: Commit): void {
  if (standings.length + standingsGone.length === 0) return
  const revision = ++judged.revision
  for (const standing of standings) judged.standings.set(standing.worker, { standing, revision })
  for (const worker of standingsGone) {
    if (judged.standings.get(worker)?.standing) judged.standings.set(worker, { standing: null, revision })
  }
}

function keptRows(judged: Judged | undefined, prefix: string): KeptRow[] {
  const parts = [...(judged?.kept ?? [])].filter(([part]) => part.startsWith(prefix))
  return parts.flatMap(([part, subjects]) => [...subjects].map(([subject, state]) => ({ part, subject, state })))
}

/** The rows as of the first read. */
async function* blocks<T>(rows: () => readonly T[]): AsyncIterable<readonly T[]> {
  const found = rows()
  for (let at = 0; at < found.length; at += BLOCK) yield found.slice(at, at + BLOCK)
}

function changeFeed(): { changes: ChangeFeed; publish(changes: readonly Change[]): void } {
  let feed: TakenChange[] = []
  let last = 0
  const ids = new Set<string>()
  const positions = new Map<string, number>()
  const changes: ChangeFeed = {
    after: async (seq, limit) => feed.filter((it) => it.seq > seq).slice(0, limit),
    last: async () => last,
    position: async (consumer) => positions.get(consumer) ?? null,
    setPosition: async (consumer, seq) => void positions.set(consumer, seq),
    async trim(time) {
      const before = feed.length
      feed = feed.filter((it) => it.change.time >= time)
      ids.clear()
      for (const { change } of feed) ids.add(change.id)
      return before - feed.length
    },
  }
  return {
    changes,
    publish(added) {
      for (const change of added) {
        if (ids.has(change.id)) continue
        ids.add(change.id)
        feed.push({ seq: ++last, change })
      }
    },
  }
}
