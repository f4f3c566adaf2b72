/** Who may do what. A route asks for a permission, never for a role; only this file says what a role may do. */
import type { Role } from '../model/user.ts'

export const PERMISSIONS = [
  'worker.read',
  'laptop.read',
  'metrics.read',
  'case.decide',
  'evidence.make',
  'contract.read',
  'contract.write',
  'laptop.enroll',
  'laptop.revoke',
  'laptop.group',
  'audit.read',
  'user.manage',
] as const
export type Permission = (typeof PERMISSIONS)[number]

const EVERYBODY: readonly Role[] = ['admin', 'analyst', 'viewer']
const ANALYSTS: readonly Role[] = ['admin', 'analyst']

export const ROLES_WITH: Record<Permission, readonly Role[]> = {
  'worker.read': EVERYBODY,
  'laptop.read': EVERYBODY,
  'metrics.read': EVERYBODY,
  'case.decide': ANALYSTS,
  // It leaves the server.
  'evidence.make': ANALYSTS,
  // Personal data (names, places) beyond what assessing a worker needs.
  'contract.read': ANALYSTS,
  'contract.write': ANALYSTS,
  'laptop.enroll': ANALYSTS,
  'laptop.revoke': ANALYSTS,
  'laptop.group': ANALYSTS,
  'audit.read': ['admin'],
  'user.manage': ['admin'],
}

export function mayDo(role: Role, permission: Permission): boolean {
  return ROLES_WITH[permission].includes(role)
}

export function permissionsOf(role: Role): Permission[] {
  return PERMISSIONS.filter((it) => mayDo(role, it))
}
