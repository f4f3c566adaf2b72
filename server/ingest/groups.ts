/** Groups of laptops: which policy a laptop gets. What a group asks for is in the configuration. */
import { Fault } from '../../wire/fault.ts'
import type { Store } from '../store/store.ts'

/**
 * `group` null: none. `by` null: the command line.
 *
 * Errors  false: no such laptop.
 */
export async function regroup(
  store: { devices: Pick<Store['devices'], 'get' | 'save'>; audit: Pick<Store['audit'], 'add'> },
  device: string,
  group: string | null,
  { by, at }: { by: string | null; at: number },
): Promise<boolean> {
  const enrolled = await store.devices.get(device)
  if (!enrolled) return false
  await store.devices.save({ ...enrolled, group })
  await store.audit.add({ at, user: by, action: 'laptop.group', about: device, detail: group })
  return true
}

/** Errors  Fault 'api.invalid': what a policy asks for is decided in the configuration, and never by a session. */
export function knownGroup(group: string | null, groups: readonly string[]): void {
  if (group === null || groups.includes(group)) return
  const todo =
    groups.length > 0
      ? `Use one of: ${groups.join(', ')}.`
      : "Define it under agents.groups in the server's configuration."
  throw new Fault('api.invalid', { where: 'group', why: 'There is no such group.', todo })
}
