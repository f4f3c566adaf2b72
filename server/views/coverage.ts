/** What an evaluation stores about a laptop's coverage, for the views. */
import { CATEGORIES, type Category } from '../../wire/event.ts'
import type { Policy } from '../../wire/messages.ts'

/** The part of an evaluation under which it is stored, by device. */
export const COVERAGE_PART = 'coverage.devices'

/** Categories that the policy excludes: switched off, or sensitive and not switched on. */
export function darkCategories({ off, on }: Pick<Policy, 'off' | 'on'>): string[] {
  const sensitive = (Object.keys(CATEGORIES) as Category[]).filter((it) => CATEGORIES[it].sensitive && !on.includes(it))
  return [...off, ...sensitive]
}
