/** A consumer of the engine: keeps the firings in force, and the saved state. */
import assert from 'node:assert/strict'
import {
  type Changes,
  type Correlator,
  correlator,
  type Firing,
  type LoadedCorrelation,
} from '../../../rules/language/index.ts'

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

/** The content of a store that receives changed rows only. */
export class Ledger {
  readonly #states = new Map<string, [part: string, subject: string, json: string]>()

  collect({ kept }: Correlator): void {
    for (const [part, it] of Object.entries(kept))
      for (const [subject, state] of it.changed())
        if (state === undefined) this.#states.delete(`${part} ${subject}`)
        else this.#states.set(`${part} ${subject}`, [part, subject, JSON.stringify(state)])
  }

  /** Fails unless what was told makes up what there is. */
  check({ kept }: Correlator): void {
    const all = Object.entries(kept).flatMap(([part, it]) =>
      Array.from(it.all(), ([subject, state]) => [`${part} ${subject}`, JSON.stringify(state)] as const),
    )
    assert.deepEqual(
      [...this.#states].map(([name, [, , json]]) => [name, json]).sort(),
      all.map(([name, json]) => [name, json]).sort(),
    )
  }

  /** A new engine from what was told, put back in another order. */
  restored(
    correlations: readonly LoadedCorrelation[],
    turn: number,
    options: Parameters<typeof correlator>[1] = {},
  ): Correlator {
    const engine = correlator(correlations, options)
    const states = [...this.#states.values()]
    const at = states.length === 0 ? 0 : turn % states.length
    for (const [part, subject, json] of [...states.slice(at), ...states.slice(0, at)].reverse())
      engine.kept[part]?.restore(subject, JSON.parse(json))
    return engine
  }
}
