/** Choosing a group of laptops. */
import type { Groups } from '../../api/schema.ts'
import { ask } from '../api.ts'
import { plain } from './text.tsx'

/** Empty also when they cannot be read: then a laptop can still be enrolled, or moved out of its group. */
export async function groupNames(): Promise<string[]> {
  const { groups } = await ask<Groups>('/laptop-groups').catch((): Groups => ({ groups: [] }))
  return groups
}

export function GroupField({ groups, chosen }: { groups: readonly string[]; chosen: string | null }) {
  return (
    <label>
      Group <span class="muted">(decides which policy it gets)</span>
      <select name="group">
        <option value="">No group</option>
        {groups.map((name) => (
          <option key={name} value={name} selected={name === chosen}>
            {plain(name, 32)}
          </option>
        ))}
      </select>
    </label>
  )
}
