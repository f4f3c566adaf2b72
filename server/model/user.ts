/** Who uses the console, and what they did. */
import * as z from 'zod'

export const ROLES = ['admin', 'analyst', 'viewer'] as const
export const Role = z.enum(ROLES)
export type Role = z.infer<typeof Role>

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
