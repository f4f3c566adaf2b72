/**
 * Managing who may sign in: what an admin does in the console, and the command line does on the server.
 *
 * Shape   `by` is the admin; null: the command line. Each change is in the audit trail, under the user's name, which the
 *         trail keeps after a removal. A change takes effect with the user's next request.
 * Errors  Fault 'api.notfound' for an unknown user; 'api.forbidden' when no admin who can sign in would be left.
 */
import { Fault } from '../../wire/fault.ts'
import type { AuditEntry, Role, User, UserChange } from '../model/user.ts'
import type { AccessStore, Random } from './sign-in.ts'
import { linkFor } from './sign-in.ts'

export interface By {
  store: AccessStore
  by: string | null
  now: number
}

/** Omitted: unchanged. A value the user already has changes nothing and is not audited. */
export interface Wanted {
  role?: Role | undefined
  disabled?: boolean | undefined
}

export async function userNamed({ users }: AccessStore, name: string): Promise<User> {
  return (await users.byName(name)) ?? raise(name)
}

export async function userNumbered({ users }: AccessStore, id: number): Promise<User> {
  return (await users.byId(id)) ?? raise(`users/${id}`)
}

/** Disabling also ends the user's sessions and links, and enabling does not bring them back. */
export async function changeUser(by: By, user: User, { role, disabled }: Wanted): Promise<User> {
  const change: UserChange = {}
  const entries: AuditEntry[] = []
  if (role !== undefined && role !== user.role) {
    change.role = role
    entries.push(entry(by, 'user.role', user, `${user.role} to ${role}`))
  }
  if (disabled !== undefined && disabled !== (user.disabledAt !== null)) {
    change.disabledAt = disabled ? by.now : null
    entries.push(entry(by, disabled ? 'user.disabled' : 'user.enabled', user))
  }
  if (entries.length === 0) return user
  return (await by.store.users.change(user.id, change, entries)) ?? raise(user.name)
}

/** Ends all sessions and one-time links of the user. */
export async function signOutUser(by: By, user: User): Promise<void> {
  const done = await by.store.users.change(user.id, { signOut: true }, [entry(by, 'user.signed_out', user)])
  if (!done) raise(user.name)
}

export async function removeUser(by: By, user: User): Promise<void> {
  if (!(await by.store.users.remove(user.id, entry(by, 'user.removed', user)))) raise(user.name)
}

/** A new one-time link, with which the user can choose a new password. Errors  Fault 'api.invalid' when disabled. */
export function linkUser({ store, by, now }: By, user: User, random: Random): Promise<string> {
  if (user.disabledAt !== null)
    throw new Fault('api.invalid', { where: user.name, why: 'This user is disabled.', todo: 'Enable the user first.' })
  return linkFor(store, user, { by, now }, random)
}

function entry({ by, now }: By, action: string, { name }: User, detail: string | null = null): AuditEntry {
  return { at: now, user: by, action, about: name, detail }
}

function raise(where: string): never {
  throw new Fault('api.notfound', { where, why: 'There is no such user.' })
}
