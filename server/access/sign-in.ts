/**
 * Who may sign in: one-time links, passwords, sessions.
 *
 * Shape   every secret reads `<kind>.<user>.<issued>.<random>`: kind 'o' a one-time link, 'l' a session that a link
 *         opened, 'p' a session that a password opened; issued is base 36 epoch ms; random is 256 bits. Only a SHA-256
 *         over the secret, the user's current password hash and generation is stored, so a new password, or another
 *         generation, ends every other session and link of that user without a list of them.
 * Units   a link is valid for 24 h and once; a session for 12 h from its last use, 7 days at most.
 * Errors  an unknown name, a wrong password, a user without a password and a disabled user get the same answer after
 *         the same work.
 */
import { createHash } from 'node:crypto'
import { hash, verify } from '@node-rs/argon2'
import { Fault } from '../../wire/fault.ts'
import { type Role, type User, UserName } from '../model/user.ts'
import type { Store } from '../store/store.ts'
import { Turns } from './turns.ts'

export type Random = (bytes: number) => Uint8Array
export type AccessStore = Pick<Store, 'users' | 'audit'>

const LINK_MS = 24 * 3_600_000
const SESSION_IDLE_MS = 12 * 3_600_000
const SESSION_MAX_MS = 7 * 24 * 3_600_000
/** A session's end is moved at most this often, so that most requests write nothing. */
const EXTEND_EVERY_MS = 5 * 60_000
const EXTENSIONS_MAX = 10_000
/** 19 MiB each: more at once exhausts memory. */
const HASHES_AT_ONCE = 8
/** OWASP's minimum for argon2id, and the library's default: 19 MiB, 2 passes, 1 lane; about 25 ms here. */
const ARGON2 = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const
const SECRET = /^([olp])\.(\d{1,15})\.([0-9a-z]{1,10})\.[A-Za-z0-9_-]{43}$/

type Kind = 'o' | 'l' | 'p'

export interface OpenSession {
  user: User
  byLink: boolean
  secret: string
}

export interface NewPassword {
  /** Null only in a session that a link opened. */
  current: string | null
  password: string
  /** Another name than the one the link was made for; null: keep it. */
  name: string | null
}

/**
 * A link for the administrator: the one with a password if there is one, else the first; created when there is none.
 * Disabled ones do not count.
 * The secret is in the fragment of the URL, which browsers do not send.
 */
export async function makeOneTimeLink(store: AccessStore, now: number, random: Random): Promise<string> {
  const admins = (await store.users.list()).filter((user) => user.role === 'admin' && user.disabledAt === null)
  const user =
    admins.find((it) => it.passwordHash !== null) ??
    admins[0] ??
    (await store.users.add({ name: 'admin', role: 'admin', passwordHash: null, createdAt: now }))
  return linkFor(store, user, { by: null, now }, random)
}

/**
 * Resolves with the user's one-time link. `by` null: the command line.
 * Errors  Fault 'api.invalid' when the name is taken or not allowed.
 */
export async function addUser(
  store: AccessStore,
  name: string,
  role: Role,
  now: number,
  random: Random,
  by: string | null = null,
): Promise<string> {
  const parsed = UserName.safeParse(name)
  if (!parsed.success) throw new Fault('api.invalid', { where: 'name', why: `It ${parsed.error.issues[0]?.message}.` })
  const user = await store.users.add({ name, role, passwordHash: null, createdAt: now })
  await store.audit.add({ at: now, user: by, action: 'user.added', about: name, detail: role })
  return linkFor(store, user, { by, now }, random)
}

export async function linkFor(
  store: AccessStore,
  user: User,
  { by, now }: { by: string | null; now: number },
  random: Random,
): Promise<string> {
  const secret = await issue(store, user, 'o', now, random)
  await store.audit.add({ at: now, user: by, action: 'link.made', about: user.name, detail: null })
  return `/#/welcome/${secret}`
}

export class SignIn {
  readonly #store: AccessStore
  readonly #now: () => number
  readonly #random: Random
  /** By stored hash: when the end of the session was last moved. */
  readonly #extendedAt = new Map<string, number>()
  readonly #turns = new Turns()
  #hashing = 0
  #decoy: Promise<string> | null = null

  constructor(store: AccessStore, now: () => number, random: Random) {
    this.#store = store
    this.#now = now
    this.#random = random
  }

  /** Exchanges a one-time link for a session's secret; null when it is unknown, used or expired. */
  byLink(secret: string): Promise<string | null> {
    return this.#turns.run(secret, async () => {
      const found = await this.#find(secret, 'o')
      if (!found) return null
      await this.#store.users.endSession(found.hash)
      await this.#audit('link.used', found.user)
      return this.#issue(found.user, 'l')
    })
  }

  /** A session's secret, or null. Errors  Fault 'server.busy' when too many passwords are being checked. */
  async byPassword(name: string, password: string): Promise<string | null> {
    const user = await this.#store.users.byName(name)
    // Checked against a decoy where there is no password, so that the duration does not reveal which names exist.
    this.#decoy ??= hash(Buffer.from(this.#random(32)).toString('base64url'), ARGON2)
    const stored = user?.passwordHash ?? (await this.#decoy)
    const isRight = await this.#bounded(() => verify(stored, password))
    if (!isRight || !user?.passwordHash || user.disabledAt !== null) {
      const at = this.#now()
      await this.#store.audit.add({ at, user: null, action: 'session.refused', about: name, detail: null })
      return null
    }
    await this.#audit('session.opened', user)
    return this.#issue(user, 'p')
  }

  /** The open session of this secret, or null. Using a session extends it. */
  session(secret: string): Promise<OpenSession | null> {
    return this.#turns.run(secret, async () => {
      const found = (await this.#find(secret, 'l')) ?? (await this.#find(secret, 'p'))
      if (!found) return null
      await this.#extend(found)
      return { user: found.user, byLink: secret.startsWith('l'), secret }
    })
  }

  end({ user, secret }: OpenSession): Promise<void> {
    return this.#turns.run(secret, async () => {
      await this.#store.users.endSession(storedHash(secret, user))
      await this.#audit('session.closed', user)
    })
  }

  /** Sets the password; resolves with the secret of a new session. All other sessions of this user end. */
  async setPassword(session: OpenSession, { current, password, name }: NewPassword): Promise<string> {
    const { user, secret } = session
    const before = user.passwordHash
    if (before !== null && !session.byLink) {
      const isRight = current !== null && (await this.#bounded(() => verify(before, current)))
      if (!isRight) throw new Fault('api.forbidden', { where: 'body.current', why: 'The current password is wrong.' })
    }
    const passwordHash = await this.#bounded(() => hash(password, ARGON2))
    const isNewName = name !== null && name !== user.name
    // Once, by a user who never had a password.
    if (isNewName && before !== null)
      throw new Fault('api.forbidden', { where: 'body.name', why: 'The name can be changed only once.' })
    const owner = await this.#store.users.setPassword(user.id, passwordHash, ...(isNewName ? [name] : []))
    if (!owner) throw new Fault('api.unauthenticated', { why: 'This user was removed.' })
    await this.#turns.run(secret, () => this.#store.users.endSession(storedHash(secret, user)))
    if (isNewName) await this.#audit('user.renamed', owner, user.name)
    await this.#audit('password.set', owner)
    // With the generation of this session: an end of all sessions in between ends the new one too.
    return this.#issue({ ...owner, generation: user.generation }, session.byLink ? 'l' : 'p')
  }

  async #find(secret: string, kind: Kind): Promise<{ user: User; hash: string; issuedAt: number } | null> {
    const [, found, userId, issued] = SECRET.exec(secret) ?? []
    if (found !== kind || !userId || !issued) return null
    const user = await this.#store.users.byId(Number(userId))
    if (!user || user.disabledAt !== null) return null
    const hash = storedHash(secret, user)
    const kept = await this.#store.users.session(hash, this.#now())
    if (!kept || kept.userId !== user.id || kept.once !== (kind === 'o')) return null
    return { user, hash, issuedAt: Number.parseInt(issued, 36) }
  }

  async #extend({ user, hash, issuedAt }: { user: User; hash: string; issuedAt: number }): Promise<void> {
    const at = this.#now()
    if (at - (this.#extendedAt.get(hash) ?? issuedAt) < EXTEND_EVERY_MS) return
    if (this.#extendedAt.size > EXTENSIONS_MAX) this.#extendedAt.clear()
    this.#extendedAt.set(hash, at)
    const expiresAt = Math.min(at + SESSION_IDLE_MS, issuedAt + SESSION_MAX_MS)
    await this.#store.users.endSession(hash)
    await this.#store.users.addSession({ hash, userId: user.id, createdAt: issuedAt, expiresAt, once: false })
  }

  #issue(user: User, kind: Kind): Promise<string> {
    return issue(this.#store, user, kind, this.#now(), this.#random)
  }

  #audit(action: string, user: User, about: string | null = null): Promise<void> {
    return this.#store.audit.add({ at: this.#now(), user: user.name, action, about, detail: null })
  }

  async #bounded<T>(work: () => Promise<T>): Promise<T> {
    if (this.#hashing >= HASHES_AT_ONCE) throw new Fault('server.busy', { todo: 'Try again in a second.' })
    this.#hashing++
    try {
      return await work()
    } finally {
      this.#hashing--
    }
  }
}

async function issue(store: AccessStore, user: User, kind: Kind, now: number, random: Random): Promise<string> {
  const secret = `${kind}.${user.id}.${now.toString(36)}.${Buffer.from(random(32)).toString('base64url')}`
  const once = kind === 'o'
  await store.users.addSession({
    hash: storedHash(secret, user),
    userId: user.id,
    createdAt: now,
    expiresAt: now + (once ? LINK_MS : SESSION_IDLE_MS),
    once,
  })
  return secret
}

function storedHash(secret: string, { passwordHash, generation }: User): string {
  // Without the first generation: older versions had none, and their sessions stay open.
  const ended = generation === 0 ? '' : `\n${generation}`
  return createHash('sha256')
    .update(`${secret}\n${passwordHash ?? ''}${ended}`)
    .digest('hex')
}
