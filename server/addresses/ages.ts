/**
 * How old the data about addresses is, and how to get newer data.
 *
 * Units   whole days since the data's own date (UTC): a database's build, a list's date, a package's version. Null
 *         where the data has no date; that is shown, and does not count as stale.
 */
import { Gauge, type Registry } from 'prom-client'
import type { Addresses } from './addresses.ts'
import { ageDays, STALE_DAYS } from './ranges.ts'

/** Address blocks change owners all the time. Makers publish monthly or more often; after 90 days errors show. */
export const DATABASE_STALE_DAYS = 90

export interface FeedAge {
  kind: 'database' | 'list' | 'catalogue'
  name: string
  date: string | null
  days: number | null
  staleAfterDays: number
  stale: boolean
  /** How to get a newer one. */
  todo: string
}

export function feedAges(from: Pick<Addresses, 'databases' | 'lists'>, catalogueDate: string, now: number): FeedAge[] {
  return [
    ...from.lists().map((it) => listAge(it, now)),
    ...from.databases().map((it) => databaseAge(it, now)),
    catalogueAge(catalogueDate, now),
  ]
}

export function listAge({ name, class: kind, date }: ReturnType<Addresses['lists']>[number], now: number): FeedAge {
  const todo = `Import a newer one: tellwire feeds import FILE --class ${kind} --name ${name}`
  return { kind: 'list', name, ...aged(date, STALE_DAYS, now), todo }
}

export function databaseAge({ source, name, date }: ReturnType<Addresses['databases']>[number], now: number): FeedAge {
  const todo = source.startsWith('@')
    ? `Install a newer edition: npm install --no-save ${source}@latest`
    : `Get a newer edition from its publisher and replace ${source} with it.`
  return { kind: 'database', name, ...aged(date, DATABASE_STALE_DAYS, now), todo }
}

export function catalogueAge(date: string, now: number): FeedAge {
  const todo = 'Update Tellwire: the catalogue of tools, hardware and networks comes with it.'
  return { kind: 'catalogue', name: 'catalogue', ...aged(date, DATABASE_STALE_DAYS, now), todo }
}

function aged(date: string | null, staleAfterDays: number, now: number) {
  const days = date === null ? null : ageDays(date, now)
  return { date, days, staleAfterDays, stale: days !== null && days > staleAfterDays }
}

/** One sentence for each stale source. */
export function staleWarnings(ages: readonly FeedAge[]): string[] {
  return ages
    .filter((it) => it.stale)
    .map(({ kind, name, date, days, todo }) => `The ${kind} '${name}' was made on ${date}, ${days} days ago. ${todo}`)
}

/** Computed at each scrape. */
export function ageGauges(registry: Registry, ages: () => readonly FeedAge[]): void {
  const labelNames = ['kind', 'name'] as const
  new Gauge({
    name: 'tellwire_feed_age_days',
    help: 'Days since an address database, a range list or the catalogue was made',
    labelNames,
    registers: [registry],
    collect() {
      this.reset()
      for (const { kind, name, days } of ages()) if (days !== null) this.set({ kind, name }, days)
    },
  })
  new Gauge({
    name: 'tellwire_feed_stale',
    help: '1 if older than recommended for its kind',
    labelNames,
    registers: [registry],
    collect() {
      this.reset()
      for (const { kind, name, stale } of ages()) this.set({ kind, name }, stale ? 1 : 0)
    },
  })
}
