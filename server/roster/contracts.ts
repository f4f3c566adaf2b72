/**
 * The contracts: their versions, and the only way that new versions and laptop assignments get into the log.
 *
 * Shape   `take` compares a roster with the directory part by part, and writes the differences. A part is written
 *         completely or not at all, and the next one is compared with the result. So an import that is interrupted,
 *         repeated or run twice at once adds what is missing, and nothing twice.
 * Errors  what `append` rejects with. The parts before it are in the log and in the audit trail; a new import adds the
 *         rest.
 */
import { setImmediate } from 'node:timers/promises'
import { foldName } from '../../wire/common.ts'
import type { Contract } from '../../wire/contract.ts'
import type { Recorded } from '../../wire/recording.ts'
import type { AuditEntry } from '../model/user.ts'
import type { Directory } from './directory.ts'
import { type News, newsOf } from './news.ts'
import { partsOf, type RosterPart } from './parts.ts'

/** How many contract versions and laptop assignments were new. */
export interface Taken {
  contracts: number
  devices: number
}

export interface Contracts {
  /** All versions as written, oldest first. */
  versions(worker: string): Contract[]
  /** The worker whose account it is, as far as the contracts say so now. */
  workerOf(account: string, source: string | null, time: number): string
  /** `by` is null for a command on the server's own machine. */
  take(parts: Iterable<RosterPart> | AsyncIterable<RosterPart>, by: string | null): Promise<Taken>
}

export interface ContractsDeps {
  directory: Pick<Directory, 'versions' | 'holdings' | 'workerOf'>
  /** Appends all records or rejects. When it resolves, they are durable and in the directory. */
  append(records: readonly Recorded[]): Promise<void>
  audit(entry: AuditEntry): void | Promise<void>
  now(): number
}

export function contracts({ directory, append, audit, now }: ContractsDeps): Contracts {
  let turn: Promise<unknown> = Promise.resolve()

  return {
    versions: (worker) => directory.versions(foldName(worker)),
    workerOf: (account, source, time) => directory.workerOf(account, source, time),
    async take(parts, by) {
      const tally = new Tally()
      try {
        for await (const it of parts)
          for (const part of partsOf(it)) {
            tally.add(await inTurn(() => write(part)))
            await setImmediate()
          }
      } finally {
        if (tally.contracts + tally.devices > 0) await audit(tally.entry(by, now()))
      }
      return { contracts: tally.contracts, devices: tally.devices }
    },
  }

  async function write(part: RosterPart): Promise<News> {
    const news = newsOf(part, directory, now())
    if (news.records.length > 0) await append(news.records)
    return news
  }

  /** One part at a time, so that no other import writes between the comparison and the writing of the differences. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = turn.then(work)
    turn = done.catch(() => {})
    return done
  }
}

class Tally implements Taken {
  contracts = 0
  devices = 0
  /** Names that were affected; two are enough to tell one from several. */
  readonly #about = new Set<string>()

  add(news: News): void {
    this.contracts += news.contracts.length
    this.devices += news.devices.length
    const names = [...news.contracts.map((it) => it.worker), ...news.devices.map((it) => it.worker ?? it.device)]
    for (const name of names) if (this.#about.size < 2) this.#about.add(name)
  }

  entry(by: string | null, at: number): AuditEntry {
    const [only, other] = this.#about
    return {
      at,
      user: by,
      action: 'contracts.taken',
      about: other === undefined ? (only ?? null) : null,
      detail: `contracts ${this.contracts}, laptops ${this.devices}`,
    }
  }
}
