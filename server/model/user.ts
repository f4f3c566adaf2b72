/** Who uses the console, and what they did. */
import * as z from 'zod'

export const ROLES = ['admin', 'analyst', 'viewer'] as const
export const Role = z.enum(ROLES)
export type Role = z.infer<typeof Role>

export const UserName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/, 'must be 1 to 64 letters, digits, dots, dashes or @, and begin with one')
/** Length matters more than complexity: no rule about which characters. */
export const PASSWORD_MIN = 12
export const NewPassword = z.string().min(PASSWORD_MIN, `must be at least ${PASSWORD_MIN} characters`).max(256)

export interface User {
  id: number
  name: string
  role: Role
  passwordHash: string | null
  createdAt: number
  /** Since then the user cannot sign in; null: the user can. */
  disabledAt: number | null
  /** Part of the hash of each secret: raising it ends all sessions and links of the user. */
  generation: number
}

export type NewUser = Pick<User, 'name' | 'role' | 'passwordHash' | 'createdAt'>

/** Omitted: unchanged. */
export interface UserChange {
  role?: Role
  /** A disabled user's sessions and links end too. */
  disabledAt?: number | null
  /** Ends all sessions and links. */
  signOut?: boolean
}

/** Why somebody decided something: for whoever reads it later. */
export const Reason = z.string().trim().min(3, 'must say why, in at least 3 characters').max(2_000)

export interface AuditEntry {
  at: number
  user: string | null
  action: string
  about: string | null
  detail: string | null
}
