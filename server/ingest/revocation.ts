/** Revoking a laptop: its agent is refused from then on. What was acknowledged stays. */
import type { Store } from '../store/store.ts'

export interface RevocationStore {
  devices: Pick<Store['devices'], 'revoke'>
}

/**
 * Undone by enrolling the laptop with a token made afterwards. `by` null: the command line.
 *
 * Errors  false: no such laptop.
 */
export async function revoke(
  store: RevocationStore,
  device: string,
  { by, why, at }: { by: string | null; why: string; at: number },
): Promise<boolean> {
  const entry = { at, user: by, action: 'laptop.revoked', about: device, detail: why }
  return (await store.devices.revoke(device, { at, by, why }, entry)) !== null
}
