/**
 * Collectors that do not run, because the agent died or overspent with them: bans.json.
 *
 * Shape   a ban is on disk before anything that may need it runs.
 * Units   epoch ms. A ban lasts `BAN_MS`; one from the future ends at once, so that a clock that was set back makes
 *         nobody blind for longer.
 * Errors  a file that cannot be read bans nobody; one that cannot be written bans until the process ends.
 */
import * as z from 'zod'
import { DAY, HOUR } from '../../wire/time.ts'
import { readJson, writeFileAtomically } from '../config.ts'

export const BAN_MS = DAY
const MAX_BANS = 64

const Bans = z.array(z.strictObject({ collector: z.string().max(64), since: z.number(), why: z.string().max(512) }))
export type Ban = z.infer<typeof Bans>[number]

export class BanList {
  readonly #path: string
  readonly #now: () => number
  #bans: Ban[] = []

  constructor(path: string, now: () => number) {
    this.#path = path
    this.#now = now
    try {
      this.#bans = readJson(path, Bans) ?? []
    } catch {
      // Whoever can write it could stop the agent, too.
    }
  }

  /** Those in force. */
  get all(): readonly Ban[] {
    const now = this.#now()
    return this.#bans.filter(({ since }) => now < since + BAN_MS && now > since - HOUR)
  }

  of(collector: string): Ban | null {
    return this.all.findLast((it) => it.collector === collector) ?? null
  }

  add(collectors: readonly string[], why: string): void {
    const since = this.#now()
    const added = collectors.map((collector) => ({ collector: collector.slice(0, 64), since, why: why.slice(0, 512) }))
    this.#bans = [...this.all.filter((it) => !collectors.includes(it.collector)), ...added].slice(-MAX_BANS)
    try {
      writeFileAtomically(this.#path, JSON.stringify(this.#bans))
    } catch {
      // A full disk: the ban holds for this run.
    }
  }
}
