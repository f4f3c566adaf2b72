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
}

export interface AuditEntry {
  at: number
  user: string | null
  action: string
  about: string | null
  detail: string | null
}
