/**
 * Databases that moved many addresses at once: the server stores this, `tellwire feeds list` shows it.
 *
 * Shape   one value in the server's store: the command is another process, and the detector's state is large.
 */
import { Gauge, type Registry } from 'prom-client'
import * as z from 'zod'
import { count, country, epochMs, name } from '../../wire/common.ts'
import type { FeedChange } from '../derive/kit/place-changes.ts'
import { openStore } from '../store/open.ts'
import type { Store } from '../store/store.ts'

const KEY = 'feedChanges'
const Kept = z.array(
  z.object({
    edition: name.nullable(),
    asn: count.nullable(),
    from: country.nullable(),
    to: country.nullable(),
    networks: count,
    since: epochMs,
    until: epochMs,
  }),
)

export function keepFeedChanges({ values }: Pick<Store, 'values'>, changes: readonly FeedChange[]): Promise<void> {
  return values.set(KEY, JSON.stringify(changes))
}

export function feedChangeGauge(registry: Registry, networks: () => number): void {
  new Gauge({
    name: 'tellwire_feed_moved_networks',
    help: 'Networks whose place a database changed by itself; moves there make no findings for a while',
    registers: [registry],
    collect() {
      this.set(networks())
    },
  })
}

/** The changes still in effect at `now`. Errors  Fault 'store.missing' where no server has run yet. */
export async function keptFeedChanges(dataFolder: string, now: number): Promise<FeedChange[]> {
  const store = await openStore({ engine: 'sqlite', folder: dataFolder }, { run: 'inline', readOnly: true })
  try {
    const kept = Kept.safeParse(JSON.parse((await store.values.get(KEY)) ?? '[]'))
    return kept.success ? kept.data.filter((it) => now < it.until) : []
  } finally {
    await store.close()
  }
}

/** 'dbip-city 2026-07-03 put 4 networks of AS64500 elsewhere: US to DE.' */
export function feedChangeWarning({ edition, asn, from, to, networks, until }: FeedChange): string {
  const of = asn === null ? '' : ` of AS${asn}`
  const how = from === to ? `within ${to ?? 'a country'}` : `from ${from ?? 'nowhere'} to ${to ?? 'nowhere'}`
  const day = new Date(until).toISOString().slice(0, 10)
  return (
    `${edition ?? 'A database'} put ${networks} network${networks === 1 ? '' : 's'}${of} elsewhere, ${how}. ` +
    `The workers did not move: places there make no findings until ${day}. Compare with another database, and correct the contracts if the new place is right.`
  )
}
