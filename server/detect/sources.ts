/**
 * Which other systems have said something about each worker: who has no laptop of ours is judged by the rest, and the
 * page must say by what.
 *
 * Memory  per worker three times, kept to the hour, so that a busy feed does not write a row for every event.
 */
import type { Event } from '../../wire/event.ts'
import { HOUR } from '../../wire/time.ts'
import { type Keeper, Subjects } from '../derive/kit/kept.ts'
import type { FeedSource, SeenSources } from '../model/sources.ts'

export class Sources implements Keeper {
  readonly #seen = new Subjects<SeenSources>()
  readonly kept = { seen: this.#seen }

  take(worker: string | null, event: Event, time: number): void {
    const source = SOURCE_OF[event.category]
    // What the roster implies is no word of HR's.
    if (worker === null || source === undefined || event.collector === 'roster') return
    const hour = Math.floor(time / HOUR) * HOUR
    const known = this.#seen.get(worker)
    if ((known?.[source] ?? 0) < hour) this.#seen.set(worker, { ...known, [source]: hour })
  }
}

const SOURCE_OF: Partial<Record<Event['category'], FeedSource>> = {
  idp_login: 'identity_provider',
  repo_audit: 'code_host',
  contract_event: 'hr',
}
