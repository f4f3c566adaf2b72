/**
 * What `tellwire agent show` prints for the laptop's user: what is collected, what never is, and what was sent last.
 */
import type { Product } from '../wire/common.ts'
import { CATEGORIES, type Category } from '../wire/event.ts'
import type { Policy } from '../wire/messages.ts'
import { printable } from '../wire/printable.ts'
import { CAVEAT, NEVER_COLLECTED } from '../wire/privacy.ts'
import type { Config } from './config.ts'
import { categoriesOff } from './policy.ts'

export interface ShowReport {
  server: string
  device: string
  collected: { category: string; about: string; sensitive: boolean; on: boolean }[]
  never: readonly string[]
  watchedFolders: string[]
  /** Newest first. */
  lastSent: Record<string, unknown>[]
}

/** `product`: this operating system. Categories that its agent does not collect are omitted. */
export function showReport(
  config: Config,
  policy: Policy | null,
  lastSent: Record<string, unknown>[],
  product: Product,
): ShowReport {
  const off = policy ? categoriesOff(policy) : []
  const fromAgent = (Object.keys(CATEGORIES) as Category[]).filter((it) => CATEGORIES[it].on.includes(product))
  return {
    server: config.url,
    device: config.device,
    collected: fromAgent.map((category) => {
      const { about, sensitive } = CATEGORIES[category]
      return { category, about, sensitive, on: !off.includes(category) }
    }),
    never: NEVER_COLLECTED,
    watchedFolders: policy?.watchedRoots.map((it) => it.path) ?? [],
    lastSent,
  }
}

export function formatShowReport({ server, device, collected, never, watchedFolders, lastSent }: ShowReport): string {
  const rows = (on: boolean) =>
    collected.filter((it) => it.on === on).map((it) => `  ${it.category.padEnd(20)}${it.about}`)
  const off = rows(false)
  return [
    printable(`This laptop reports to ${server} as ${device}.`),
    '',
    'Collected:',
    ...rows(true),
    ...(off.length > 0 ? ['', 'Switched off by your company:', ...off] : []),
    ...(watchedFolders.length > 0
      ? ['', 'Folders watched for bulk copies:', ...watchedFolders.map((it) => printable(`  ${it}`))]
      : []),
    '',
    'Never collected:',
    ...never.map((it) => `  ${it}`),
    '',
    CAVEAT,
    '',
    lastSent.length > 0 ? `Last sent (newest first, ${lastSent.length}):` : 'Nothing has been sent yet.',
    ...lastSent.map((it) => `  ${plain(it)}`),
  ].join('\n')
}

function plain(event: Record<string, unknown>): string {
  const { category, time, id: _id, seq: _seq, product: _product, collector: _collector, ...fields } = event
  const known = Object.entries(fields).filter(([, value]) => value !== null)
  const text = known.map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
  const when = typeof time === 'number' ? new Date(time).toISOString().slice(0, 19).replace('T', ' ') : ''
  return printable(`${when} ${category}: ${text.join(' ')}`)
}
