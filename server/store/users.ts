/** What changes of users do: the same in every engine. */
import { Fault } from '../../wire/fault.ts'
import type { NewUser, User, UserChange } from '../model/user.ts'

/** A user as stored, without id. Older versions stored no more than a `NewUser`. */
export type StoredUser = NewUser & Partial<Pick<User, 'disabledAt' | 'generation'>>

export function userOf(id: number, stored: StoredUser): User {
  return { id, disabledAt: null, generation: 0, ...stored }
}

export function changed(user: User, { role, disabledAt, signOut = false }: UserChange): User {
  const ends = signOut || (disabledAt !== undefined && disabledAt !== null)
  return {
    ...user,
    ...(role && { role }),
    ...(disabledAt !== undefined && { disabledAt }),
    generation: user.generation + (ends ? 1 : 0),
  }
}

/**
 * An admin who can sign in must remain: one with a password, if there was one. Before the first password, any admin
 * who is not disabled is enough.
 *
 * Errors  Fault 'api.forbidden'. `after` null: removed.
 */
export function keepAdmin(users: readonly User[], before: User, after: User | null): void {
  if (!isAdmin(before) || (after && isAdmin(after))) return
  const others = users.filter((it) => it.id !== before.id && isAdmin(it))
  if (others.some((it) => it.passwordHash !== null || before.passwordHash === null)) return
  throw new Fault('api.forbidden', {
    where: before.name,
    why: 'This is the last admin who can sign in.',
    todo: 'Let another admin set a password first.',
  })
}

function isAdmin({ role, disabledAt }: User): boolean {
  return role === 'admin' && disabledAt === null
}
