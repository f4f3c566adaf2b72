/**
 * Owners of groups: groups with the same value in the first of several fields, such as one worker's, have one owner.
 *
 * Shape   an owner with too many groups loses its own, so that a laptop that invents values affects no other laptop.
 *         With at most one field to group by, every group has an owner of its own, and nothing is counted.
 */
import { textsOf } from './group-key.ts'

export interface Owners {
  /** The owner's groups, including this one, when they are more than `max`; null otherwise. */
  add(key: string, group: number): ReadonlySet<number> | null
  remove(key: string, group: number): void
}

export function ownersOf(fields: number, max: number): Owners {
  if (fields < 2) return { add: () => null, remove() {} }
  const groupsOf = new Map<string, Set<number>>()
  const nameOf = (key: string) => textsOf(key, fields)[0]!
  return {
    add(key, group) {
      const owner = nameOf(key)
      const groups = groupsOf.get(owner) ?? new Set()
      groupsOf.set(owner, groups.add(group))
      return groups.size > max ? groups : null
    },
    remove(key, group) {
      const owner = nameOf(key)
      const groups = groupsOf.get(owner)
      groups?.delete(group)
      if (groups?.size === 0) groupsOf.delete(owner)
    },
  }
}
