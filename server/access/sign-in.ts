/**
 * Who may come in: one-time links, passwords, sessions.
 *
 * Shape   every secret reads `<kind>.<user>.<issued>.<random>`: kind 'o' a one-time link, 'l' a session a link opened,
 *         'p' a session a password opened; issued is base 36 epoch ms; random is 256 bits. Only a SHA-256 over the
 *         secret and the user's current password hash is stored, so a new password ends every other session and link
 *         of that user without a list of them.
 * Units   a link holds 24 h and once; a session 12 h from its last use, 7 days at most.
 * Errors  a wrong name, a wrong password and a user without one give the same Fault after the same work.
 */
import { createHash } from 'node:crypto'
import { hash, verify } from '@node-rs/argon2'
import { Fault } from '../../wire/fault.ts'
import { UserName } from '../api/schema.ts'
import type { Role, User } from '../model/user.ts'
import type { State } from '../store/state.ts'

export type Random = (bytes: number) => Uint8Array

const LINK_MS = 24 * 3_600_000
const SESSION_IDLE_MS = 12 * 3_600_000
const SESSION_MAX_MS = 7 * 24 * 3_600_000
/** A session's end is moved at most this often, so that reading does not write on every request. */
const SLIDE_EVERY_MS = 5 * 60_000
/** 19 MiB each: more at once is a way to exhaust memory, not a way to sign in. */
const HASHES_AT_ONCE = 8
/** OWASP's minimum for argon2id, and the library's default: 19 MiB, 2 passes, 1 lane; about 25 ms here. */
const ARGON2 = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const

type Kind = 'o' | 'l' | 'p'

export interface OpenSession {
  user: User
  byLink: boolean
  secret: string
}

/**
 * A link for the administrator: the one with a password if there is one, else the first; made when there is none.
 * The secret is in the fragment, which browsers send to nobody.
 */
export function makeOneTimeLink(state: State, now: number, random: Random): string {
  const admins = state.users().filter((user) => user.role === 'admin')
  const user =
    admins.find((it) => it.passwordHash !== null) ??
    admins[0] ??
    state.saveUser({ name: 'admin', role: 'admin', passwordHash: null, createdAt: now })
  return linkFor(state, user, now, random)
}

/** Errors  Fault 'api.invalid' when the name is taken or no name. */
export function addUser(state: State, name: string, role: Role, now: number, random: Random): string {
  const asName = UserName.safeParse(name)
  if (!asName.success) throw new Fault('api.invalid', { where: 'name', todo: `It ${asName.error.issues[0]?.message}.` })
  const user = state.saveUser({ name, role, passwordHash: null, createdAt: now })
  state.audit({ at: now, user: null, action: 'user.added', about: name, detail: role })
  return linkFor(state, user, now, random)
}

function linkFor(state: State, user: User, now: number, random: Random): string {
  const secret = issue(state, user, 'o', now, random)
  state.audit({ at: now, user: null, action: 'link.made', about: user.name, detail: null })
  return `/#/welcome/${secret}`
}

export interface SignIn {
  /** Exchanges a one-time link for a session's secret, or null when it is unknown, used or expired. */
  byLink(secret: string): string | null
  /** Errors  Fault 'server.busy' when too many passwords are being checked. */
  byPassword(name: string, password: string): Promise<string | null>
  /** The open session of this secret, or null. Using it moves its end. */
  session(secret: string): OpenSession | null
  end(session: OpenSession): void
  /** Sets the password; answers with the secret of a new session, all others of this user having ended. */
  setPassword(
    session: OpenSession,
    change: { current: string | null; password: string; name: string | null },
  ): Promise<string>
}

export function signIn(state: State, now: () => number, random: Random): SignIn {
  const slidAt = new Map<string, number>()
  let hashing = 0
  let decoy: Promise<string> | null = null

  return {
    byLink(secret) {
      const found = open(secret, 'o')
      if (!found) return null
      state.endSession(found.hash)
      state.audit({ at: now(), user: found.user.name, action: 'link.used', about: null, detail: null })
      return issue(state, found.user, 'l', now(), random)
    },

    async byPassword(name, password) {
      const user = state.user(name)
      // Checked against a decoy where there is no password, so that time tells nothing about names.
      decoy ??= hash(Buffer.from(random(32)).toString('base64url'), ARGON2)
      const stored = user?.passwordHash ?? (await decoy)
      const right = await bounded(() => verify(stored, password))
      if (!right || !user?.passwordHash) {
        state.audit({ at: now(), user: null, action: 'session.refused', about: name, detail: null })
        return null
      }
      state.audit({ at: now(), user: user.name, action: 'session.opened', about: null, detail: null })
      return issue(state, user, 'p', now(), random)
    },

    session(secret) {
      const found = open(secret, 'l') ?? open(secret, 'p')
      if (!found) return null
      slide(found.hash, found.user, found.issuedAt)
      return { user: found.user, byLink: secret.startsWith('l'), secret }
    },

    end(session) {
      state.endSession(storedHash(session.secret, session.user))
      state.audit({ at: now(), user: session.user.name, action: 'session.closed', about: null, detail: null })
    },

    async setPassword(session, { current, password, name }) {
      const { user } = session
      const had = user.passwordHash
      if (had !== null && !session.byLink) {
        const right = current !== null && (await bounded(() => verify(had, current)))
        if (!right)
          throw new Fault('api.forbidden', { where: 'body.current', todo: 'The current password is not right.' })
      }
      const passwordHash = await bounded(() => hash(password, ARGON2))
      const owner = renamed(state, user, name, passwordHash, now())
      if (owner.id === user.id) state.setPassword(user.id, passwordHash)
      state.endSession(storedHash(session.secret, user))
      state.audit({ at: now(), user: owner.name, action: 'password.set', about: null, detail: null })
      return issue(state, { ...owner, passwordHash }, session.byLink ? 'l' : 'p', now(), random)
    },
  }

  function open(secret: string, kind: Kind): { user: User; hash: string; issuedAt: number } | null {
    const [, saidKind, userId, issued] = /^([olp])\.(\d{1,15})\.([0-9a-z]{1,10})\.[A-Za-z0-9_-]{43}$/.exec(secret) ?? []
    if (saidKind !== kind || !userId || !issued) return null
    const user = state.users().find((it) => it.id === Number(userId))
    if (!user) return null
    const hash = storedHash(secret, user)
    const kept = state.session(hash, now())
    if (!kept || kept.userId !== user.id || kept.once !== (kind === 'o')) return null
    return { user, hash, issuedAt: Number.parseInt(issued, 36) }
  }

  function slide(hash: string, user: User, issuedAt: number): void {
    const at = now()
    if (at - (slidAt.get(hash) ?? issuedAt) < SLIDE_EVERY_MS) return
    if (slidAt.size > 10_000) slidAt.clear()
    slidAt.set(hash, at)
    const expiresAt = Math.min(at + SESSION_IDLE_MS, issuedAt + SESSION_MAX_MS)
    state.endSession(hash)
    state.addSession({ hash, userId: user.id, createdAt: issuedAt, expiresAt, once: false })
  }

  async function bounded<T>(work: () => Promise<T>): Promise<T> {
    if (hashing >= HASHES_AT_ONCE) throw new Fault('server.busy', { todo: 'Try again in a second.' })
    hashing++
    try {
      return await work()
    } finally {
      hashing--
    }
  }
}

/** A first user may take another name than the one its link was made for; the old one, without a password, stays shut. */
function renamed(state: State, user: User, name: string | null, passwordHash: string, now: number): User {
  if (name === null || name === user.name) return user
  if (user.passwordHash !== null)
    throw new Fault('api.forbidden', { where: 'body.name', todo: 'The name can be chosen once only.' })
  return state.saveUser({ name, role: user.role, passwordHash, createdAt: now })
}

function issue(state: State, user: User, kind: Kind, now: number, random: Random): string {
  const secret = `${kind}.${user.id}.${now.toString(36)}.${Buffer.from(random(32)).toString('base64url')}`
  const once = kind === 'o'
  state.addSession({
    hash: storedHash(secret, user),
    userId: user.id,
    createdAt: now,
    expiresAt: now + (once ? LINK_MS : SESSION_IDLE_MS),
    once,
  })
  return secret
}

function storedHash(secret: string, user: User): string {
  return createHash('sha256')
    .update(`${secret}\n${user.passwordHash ?? ''}`)
    .digest('hex')
}
