/**
 * Who was seen when, and how many of them show each kind of evidence: what is common in a company proves little.
 *
 * Shape   counted from the findings at one moment and recorded in the log; until the next record it does not change. A
 *         worker who is high or confirmed is not counted, so that a ring does not make its own evidence common; unless
 *         more than a tenth of a role show it: no company has that many infiltrators.
 * Memory  the last day of each worker, and the last record.
 */

import type { Contract } from '../../wire/contract.ts'
import type { RecordedRarity } from '../../wire/recording.ts'
import { DAY, HOUR } from '../../wire/time.ts'
import { kindOf, roleOf } from '../assess/rarity.ts'
import { type Keeper, type Parts, Subjects, single } from '../derive/kit/kept.ts'
import type { Finding } from '../model/finding.ts'

/** A worker, and a finding, counts for so long after it was seen. */
const COUNTED_MS = 30 * DAY
/** Of a role, those who may be infiltrators: not more than a tenth, or three. */
const SUSPECT_SHARE = 0.1
const SUSPECTS = 3
/** So many kinds of evidence are recorded, the most common first: the others count as shown by nobody. */
const MAX_KINDS = 5_000
const MAX_ROLES = 256

export interface Counted {
  findings: { of(worker: string): readonly Finding[] }
  world: { contractAt(worker: string, time: number): Contract | null }
  isFlagged(worker: string): boolean
}

export class ColleagueBook implements Keeper {
  /** By worker, the last UTC day on which they were seen. */
  readonly #days = new Subjects<number>()
  #since = Number.MAX_SAFE_INTEGER
  #record: RecordedRarity | null = null
  #revision = 0

  readonly kept: Parts = {
    days: this.#days,
    record: single(
      () => ({ since: this.#since, record: this.#record }),
      (state) => {
        this.#since = state.since
        this.#record = state.record
      },
    ),
  }

  /** The last record; null: nobody has been counted. */
  get record(): RecordedRarity | null {
    return this.#record
  }

  /** Increases with every record. */
  get revision(): number {
    return this.#revision
  }

  saw(worker: string, time: number): void {
    if (time < this.#since) this.#since = time
    const day = Math.floor(time / DAY)
    if (day > (this.#days.get(worker) ?? -1)) this.#days.set(worker, day)
  }

  take(record: RecordedRarity): void {
    if (this.#record && record.time < this.#record.time) return
    this.#record = record
    this.#revision++
  }

  /** Whether people should be counted again: every day, and every hour of the log's first day. */
  isDue(now: number): boolean {
    if (this.#days.size === 0 || now < this.#since) return false
    const step = now < this.#since + DAY ? HOUR : DAY
    return Math.floor(now / step) > Math.floor((this.#record?.time ?? this.#since) / step)
  }

  /** Counts everybody as of `now`. */
  count(now: number, { findings, world, isFlagged }: Counted): RecordedRarity {
    const roles = new Map<string, { workers: number; all: Map<string, number>; plain: Map<string, number> }>()
    const from = now - COUNTED_MS
    for (const [worker, day] of this.#days) {
      if ((day + 1) * DAY <= from) continue
      const name = roleOf(world.contractAt(worker, now))
      const role = roles.get(name) ?? { workers: 0, all: new Map(), plain: new Map() }
      roles.set(name, role)
      role.workers++
      const kinds = new Set(
        findings
          .of(worker)
          .filter((it) => it.lastTime >= from)
          .map(kindOf),
      )
      const flagged = kinds.size > 0 && isFlagged(worker)
      for (const kind of kinds) {
        role.all.set(kind, (role.all.get(kind) ?? 0) + 1)
        if (!flagged) role.plain.set(kind, (role.plain.get(kind) ?? 0) + 1)
      }
    }
    const largest = [...roles].sort(([a, x], [b, y]) => y.workers - x.workers || (a < b ? -1 : 1)).slice(0, MAX_ROLES)
    return {
      type: 'rarity',
      time: now,
      roles: largest
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([role, { workers, all, plain }]) => ({ role, workers, shown: shownBy(workers, all, plain) })),
    }
  }
}

function shownBy(
  workers: number,
  all: ReadonlyMap<string, number>,
  plain: ReadonlyMap<string, number>,
): Record<string, number> {
  const suspects = Math.max(SUSPECTS, Math.floor(workers * SUSPECT_SHARE))
  const counts = [...all]
    .map(([kind, shown]) => [kind, Math.max(plain.get(kind) ?? 0, shown - suspects)] as const)
    .filter(([, shown]) => shown > 0)
    .sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
  return Object.fromEntries(counts.slice(0, MAX_KINDS).sort(([a], [b]) => (a < b ? -1 : 1)))
}
