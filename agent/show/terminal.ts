/** What `tellwire agent show` prints. */
import { printable } from '../../wire/printable.ts'
import { type Language, TEXTS } from './languages.ts'
import { type Collected, fieldsOf, type ShowReport } from './report.ts'
import { filled, type Texts } from './texts.ts'
import { offReason, statements } from './wording.ts'

/** `last`: how many of the events sent last. */
export function formatShowReport(report: ShowReport, language: Language, now: number, last: number): string {
  const texts: Texts = TEXTS[language]
  const { collected, watchedFolders, lastSent, contact } = report
  const [on, off] = [true, false].map((is) => collected.filter((it) => it.on === is)) as [Collected[], Collected[]]
  const said = statements(report, language, now)
  const width = Math.max(...collected.map((it) => it.category.length)) + 2
  const row = (it: Collected, more: string) =>
    `  ${it.category.padEnd(width)}${texts.about[it.category]}${more && `\n  ${' '.repeat(width)}${more}`}`
  const block = (heading: string, lines: readonly string[]) => (lines.length > 0 ? ['', `${heading}:`, ...lines] : [])
  const folders = watchedFolders.map((it) => printable(`  ${it.path}`))
  return [
    ...[said.reportsTo, said.connection, ...said.delivery].map(printable),
    ...block(texts.contact, [printable(`  ${contact ?? texts.noContact}`)]),
    ...block(texts.policy, [...said.policy.map((it) => printable(`  ${it}`)), `  ${texts.policyBounds}`]),
    ...block(texts.today, [
      `  ${said.today}`,
      ...collected.filter((it) => it.sentToday > 0).map((it) => `  ${it.category.padEnd(width)}${it.sentToday}`),
    ]),
    ...block(
      texts.on,
      on.map((it) => row(it, texts.purpose[it.category])),
    ),
    ...block(
      texts.off,
      off.map((it) => row(it, offReason(it, texts))),
    ),
    ...block(texts.folders, folders.length > 0 ? [...folders, `  ${texts.foldersNote}`] : []),
    ...block(
      texts.neverCollected,
      texts.neverList.map((it) => `  ${it}`),
    ),
    '',
    texts.caveat,
    '',
    filled(texts.kept, { days: String(report.keptDays) }),
    ...block(
      texts.lastSent,
      lastSent.slice(0, last).map((it) => `  ${plain(it)}`),
    ),
  ].join('\n')
}

function plain(event: Record<string, unknown>): string {
  const { category, time } = event
  const text = fieldsOf(event).map(([name, value]) => `${name}=${value}`)
  const when = typeof time === 'number' ? new Date(time).toISOString().slice(0, 19).replace('T', ' ') : ''
  return printable(`${when} ${String(category)}: ${text.join(' ')}`)
}
