/** What a consumer of the engine does: keeps the firings that stand. */
import type { Changes, Firing } from '../../../rules/language/index.ts'

export function standing() {
  const byId = new Map<string, Firing>()
  return {
    tell({ fired, retracted }: Changes): void {
      for (const id of retracted) byId.delete(id)
      for (const firing of fired) byId.set(firing.id, firing)
    },
    firings: (): Firing[] => [...byId.values()],
  }
}
