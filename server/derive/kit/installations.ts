/**
 * Which tenants of a tool were seen on a laptop: they belong to the whole installation, not to the event that names
 * them.
 *
 * Shape   a tenant counts from the lateness bound before it was first seen until `KEPT_DAYS` after it was last seen.
 * Memory  per laptop two days for each tool and tenant, `MAX_TENANTS` at most: the alphabetically first, so that their
 *         order of arrival makes no difference.
 */
import type { Event } from '../../../wire/event.ts'
import type { AddressFacts, CatalogueFacts } from '../../../wire/recording.ts'
import { DAY } from '../../../wire/time.ts'
import { mapCodec, type Parts, Subjects } from './kept.ts'
import { LATENESS_MS } from './lateness.ts'
import { type Tenants, tenantsIn } from './tenant.ts'

const KEPT_DAYS = 30
const LATE_DAYS = LATENESS_MS / DAY
const MAX_TENANTS = 64

/** A record, as derivers see it. */
export interface Sighting {
  event: Event | null
  device: string | null
  facts: CatalogueFacts | undefined
  peer: AddressFacts | null
  time: number
  receivedAt: number
  conflict: boolean
}

/** The first and last UTC day. */
type Days = [first: number, last: number]

export class Installations {
  readonly #tenants = new Subjects<Map<string, Days>>(mapCodec())
  readonly kept: Parts = { tenants: this.#tenants }
  #swept = 0

  /** True when a laptop is now known to have a tenant on days on which it was not. */
  take({ device, event, facts, time, receivedAt, conflict }: Sighting): boolean {
    if (!event || device === null || conflict || !facts?.tools || time > receivedAt + DAY) return false
    const shown = tenantsIn(event)
    if (shown.length === 0) return false
    const day = Math.floor(time / DAY)
    let isNews = false
    for (const { id } of facts.tools) for (const it of shown) isNews = this.#add(device, `${id} ${it}`, day) || isNews
    return isNews
  }

  #add(device: string, key: string, day: number): boolean {
    const tenants = this.#tenants.ensure(device, () => new Map())
    const known = tenants.get(key)
    if (known && known[0] <= day && known[1] >= day) return false
    tenants.set(key, known ? [Math.min(known[0], day), Math.max(known[1], day)] : [day, day])
    if (tenants.size > MAX_TENANTS) tenants.delete([...tenants.keys()].sort().at(-1)!)
    this.#tenants.touch(device)
    // Seen again on the next day changes nothing about the days before.
    return !known || day < known[0] || day > known[1] + KEPT_DAYS
  }

  /** For an event of the tool `id` on the laptop: the tenants it shows, and those of the installation. */
  tenants(device: string | null, id: string, time: number, shown: readonly string[]): Tenants {
    const tenants = device === null ? undefined : this.#tenants.get(device)
    if (!tenants || shown.length > 0) return { shown, installed: [] }
    const day = Math.floor(time / DAY)
    const installed: string[] = []
    for (const [key, [first, last]] of tenants)
      if (key.startsWith(`${id} `) && day >= first - LATE_DAYS && day <= last + KEPT_DAYS)
        installed.push(key.slice(id.length + 1))
    return { shown, installed }
  }

  advance(now: number): void {
    const day = Math.floor(now / DAY)
    if (day === this.#swept) return
    this.#swept = day
    for (const [device, tenants] of this.#tenants)
      for (const [key, [, last]] of tenants)
        if (last < day - KEPT_DAYS - 2 * LATE_DAYS) {
          tenants.delete(key)
          this.#tenants.touch(device)
          if (tenants.size === 0) this.#tenants.delete(device)
        }
  }
}
