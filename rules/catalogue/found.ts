/** What was recognised, in the form that is recorded with the event. */
import type { CatalogueFacts } from '../../wire/recording.ts'
import type { ToolEntry } from './entry.ts'

export type FoundTool = NonNullable<CatalogueFacts['tools']>[number]
export type By = FoundTool['by']

/** What `wire/` allows in one event. */
const MAX_FOUND = 16

export function one(tool: ToolEntry, by: By, renamed = false, unattended: boolean | null = null): FoundTool {
  return { id: tool.id, name: tool.name, category: tool.category, by, renamed, unattended }
}

/** Undefined instead of an empty list, so that attempts chain with '??'. */
export function found(
  tools: readonly ToolEntry[] | undefined | false,
  by: By,
  renamed = false,
  unattended: boolean | null = null,
): FoundTool[] | undefined {
  if (!tools || tools.length === 0) return undefined
  return tools.slice(0, MAX_FOUND).map((tool) => one(tool, by, renamed, unattended))
}

/** A tool is reported once per event, by the first fact that matched. */
export function merged(list: FoundTool[] | undefined, more: FoundTool[] | undefined): FoundTool[] | undefined {
  if (!list || !more) return list ?? more
  return [...list, ...more.filter((it) => !list.some((other) => other.id === it.id))].slice(0, MAX_FOUND)
}
