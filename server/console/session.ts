/** The signed-in user. `undefined`: not requested yet; null: nobody. */
import { signal } from '@preact/signals'
import type { Permission, SessionView } from '../api/schema.ts'
import { ApiFailure, ask } from './api.ts'

export const session = signal<SessionView | null | undefined>(undefined)

/** Whether the server will allow it: actions that are not allowed are not offered. */
export function may(permission: Permission): boolean {
  return session.value?.may.includes(permission) ?? false
}

export async function findSession(): Promise<void> {
  try {
    session.value = await ask<SessionView>('/session')
  } catch (cause) {
    if (cause instanceof ApiFailure && cause.status === 401) session.value = null
    else throw cause
  }
}

export async function signOut(): Promise<void> {
  await ask('/session', { method: 'DELETE' }).catch(() => {})
  session.value = null
}
