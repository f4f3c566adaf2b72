/** The state without a disk: what `replay` and tests run on. What went in comes out, the same objects: do not edit them. */
import type { Verdict } from '../../model/case.ts'
import type { Enrolled } from '../../model/device.ts'
import type { Finding } from '../../model/finding.ts'
import type { AuditEntry, User } from '../../model/user.ts'
import { nameTaken, type Progress, type State } from '../state.ts'

export { memoryLog } from './telemetry.ts'

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
