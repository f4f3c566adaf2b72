/** The fields that are always null on a system, and what is missed for it: rules/content/fields.json, for the console. */
import { deadOn, missing } from './dead-rules.ts'
import { bySystem, fieldTable, isCategory, isMade, type System } from './makers.ts'
import type { Ruleset } from './ruleset.ts'
import { toolsMissed } from './tool-marks.ts'

/** A field that rules or derivers read and that is always null on a system, though its events are made there. */
export interface BlankField {
  field: string
  /** The rules that read it, by title, and whether they can fire without it. */
  rules: readonly { title: string; family: string; canFire: boolean }[]
  /** How many tools of the catalogue nothing else gives away. */
  tools: number
}

/** As rules/content/fields.json has it. */
export function blankFields(ruleset: Ruleset): Record<System, BlankField[]> {
  return bySystem((system) => blankOn(ruleset, system))
}

/** In the order of the table. */
function blankOn(ruleset: Ruleset, system: System): BlankField[] {
  const dead = deadOn(ruleset, system)
  const needing = ruleset.rules.map((rule) => ({ rule, fields: missing(rule, system) }))
  return fieldTable(ruleset).flatMap(({ category, field, makers }): BlankField[] => {
    if (makers[system].length > 0 || !isCategory(category) || !isMade(category, system)) return []
    const name = `${category}.${field}`
    const rules = needing
      .filter(({ fields }) => fields.includes(name))
      .map(({ rule: { id, title, tellwire } }) => ({
        ...{ title, family: tellwire?.family ?? '', canFire: !dead.has(id) },
      }))
    return [{ field: name, rules, tools: toolsMissed(name, system).length }]
  })
}
