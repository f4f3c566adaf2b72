/**
 * The contracts in force: what is read of them, and the one way in which new versions and hand-overs get into the log.
 *
 * Shape   `take` writes what says something new, and for each change that signals ask about a `contract_event` beside it:
 *         a moved address or ship-to, an end that was set or moved, a referral. A first version changes nothing.
 * Units   a change has happened when its version begins, and not after we learnt of it.
 * Errors  what `append` rejects with: nothing was kept, and nothing is in the audit trail.
 */
import type { Contract, Device } from '../../wire/contract.ts'
import { FeedEvent } from '../../wire/events/feeds.ts'
import { wholeFeedEvent } from '../../wire/feed-line.ts'
import type { Recorded, RecordedOf } from '../../wire/recording.ts'
import type { World } from '../derive/kit/world.ts'
import type { AuditEntry } from '../model/user.ts'
import { heldAt, onlyNew, type Roster } from './roster.ts'

export interface Contracts {
  /** As they were written, oldest first. */
  versions(worker: string): Contract[]
  /** How many were news. `by` null: a command on the server's own machine. */
  take(
    roster: Pick<Roster, 'contracts' | 'devices'>,
    by: string | null,
  ): Promise<{ contracts: number; devices: number }>
}

export interface ContractsDeps {
  world(): World
  /** Durable when it resolves, and handed on to the pipeline. */
  append(records: readonly Recorded[]): Promise<void>
  audit(entry: AuditEntry): void
  now(): number
}

export function contracts({ world, append, audit, now }: ContractsDeps): Contracts {
  return {
    versions: (worker) => world().versionsOf(worker),
    async take(roster, by) {
      const known = {
        contracts: unique(roster.contracts.map((it) => it.worker)).flatMap((worker) => world().versionsOf(worker)),
        devices: unique(roster.devices.map((it) => it.device)).flatMap((device) => world().holdingsOf(device)),
      }
      const news = onlyNew(roster, known)
      const receivedAt = now()
      const versions = Map.groupBy([...known.contracts, ...news.contracts], (it) => it.worker)
      const changes = news.contracts.flatMap((it) => {
        const before = heldAt(versions.get(it.worker) ?? [], it.from - 1)
        return before ? changeLines(before, it, receivedAt) : []
      })
      await append([
        ...news.contracts.map((it) => ({ ...it, type: 'contract' as const, receivedAt })),
        ...news.devices.map((it) => ({ ...it, type: 'device' as const, receivedAt })),
        ...changes,
      ])
      const counted = { contracts: news.contracts.length, devices: news.devices.length }
      if (counted.contracts + counted.devices > 0) audit(entry(news, counted, by, receivedAt))
      return counted
    },
  }
}

/** What a new version says happened. */
export function changeLines(before: Contract, after: Contract, receivedAt: number): RecordedOf<'feed'>[] {
  const time = Math.min(after.from, receivedAt)
  const line = (fields: Record<string, unknown>): RecordedOf<'feed'> => {
    const { worker } = after
    const facts = { worker, time, collector: 'roster', id: null, country: null }
    const event = FeedEvent.parse(wholeFeedEvent({ category: 'contract_event', ...fields }, facts))
    return { type: 'feed', worker, time, receivedAt, event }
  }
  const address = moved(before, after) ? [line({ Action: 'address_changed' })] : []
  const shipTo = moved(before.shipTo ?? {}, after.shipTo ?? {}) ? [line({ Action: 'ship_to_changed' })] : []
  const end = after.end != null && after.end !== before.end
  const referral = after.referredBy != null && after.referredBy !== before.referredBy
  return [
    ...address,
    ...shipTo,
    ...(end ? [line({ Action: 'ending', EffectiveAt: after.end })] : []),
    ...(referral ? [line({ Action: 'referral', Relation: after.referredBy })] : []),
  ]
}

type Place = Partial<Pick<Contract, 'country' | 'region' | 'city'>>

/** By name: positions are rounded one way today and another tomorrow. To learn what was not known is no move. */
function moved(before: Place, after: Place): boolean {
  return (['country', 'region', 'city'] as const).some((key) => {
    const [was, is] = [before[key]?.toLowerCase(), after[key]?.toLowerCase()]
    return was !== undefined && is !== undefined && was !== is
  })
}

function entry(
  news: { contracts: readonly Contract[]; devices: readonly Device[] },
  counted: { contracts: number; devices: number },
  by: string | null,
  at: number,
): AuditEntry {
  const about = unique([
    ...news.contracts.map((it) => it.worker),
    ...news.devices.flatMap((it) => it.worker ?? it.device),
  ])
  return {
    at,
    user: by,
    action: 'contracts.taken',
    about: about.length === 1 ? about[0]! : null,
    detail: `contracts ${counted.contracts}, laptops ${counted.devices}`,
  }
}

function unique(words: readonly string[]): string[] {
  return [...new Set(words)]
}
