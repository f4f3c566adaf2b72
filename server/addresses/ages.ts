/**
 * How old what we know of addresses is, and what to do about it.
 *
 * Units   whole days since the day it was made (UTC), which its maker says: a database's build, a list's date, a
 *         package's version. Null where it does not say; that is shown, and is not called stale.
 */
import { Gauge, type Registry } from 'prom-client'
import type { Addresses } from './addresses.ts'
import { ageDays, STALE_DAYS } from './ranges.ts'

/** Blocks change hands all the time; the makers publish at least monthly, and after a quarter the difference shows. */
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
    ? `Take a newer edition: npm install --no-save ${source}@latest`
    : `Fetch a newer edition from its maker and put it in the place of ${source}.`
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

/** One sentence for each that is stale. */
export function staleWarnings(ages: readonly FeedAge[]): string[] {
  return ages
    .filter((it) => it.stale)
    .map(({ kind, name, date, days, todo }) => `The ${kind} '${name}' was made on ${date}, ${days} days ago. ${todo}`)
}

/** Ages at the time of each scrape. */
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
    help: '1 for what is older than its kind should be',
    labelNames,
    registers: [registry],
    collect() {
      this.reset()
      for (const { kind, name, stale } of ages()) this.set({ kind, name }, stale ? 1 : 0)
    },
  })
}
