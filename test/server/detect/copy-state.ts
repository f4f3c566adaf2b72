/** A restart without a store: restores the saved state of one pipeline in another, in no particular order. */
import type { Pipeline } from '../../../server/detect/pipeline.ts'

export function copyState(before: Pipeline, after: Pipeline): void {
  const parts = after.kept()
  for (const [name, kept] of before.kept())
    for (const [subject, state] of [...kept.changed()].reverse())
      if (state !== undefined) parts.get(name)!.restore(subject, JSON.parse(JSON.stringify(state)))
  after.restored()
  for (const it of before.findings.all()) after.findings.restore(it)
}
