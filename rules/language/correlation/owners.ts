/**
 * Whose groups are whose: groups that agree in the first of several fields, such as one worker's, are one owner's.
 *
 * Shape   an owner that has too many gives up its own, so that one laptop that makes up values costs no other laptop
 *         anything. A correlation that groups by one field or none has an owner a group: nothing is counted.
 */
import { textsOf } from './group-key.ts'

export interface Owners {
  /** The owner's groups when they are more than `max`, this one included; null otherwise. */
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
