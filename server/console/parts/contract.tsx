/** The contract of a worker. Missing entries are shown as not known. */
import { utcDay } from '../clock.ts'
import { Text } from './text.tsx'
import './contract.css'

type Facts = Readonly<Record<string, unknown>>

export function ContractFacts({ contract }: { contract: Facts | null }) {
  return (
    <section class="panel" aria-labelledby="contract-title">
      <div class="panel-head">
        <h2 id="contract-title">Contract</h2>
        <span class="muted">Days in UTC.</span>
      </div>
      {contract ? (
        <dl class="facts-list">
          {ROWS.map(({ label, of }) => {
            const words = of(contract)
            return (
              <div key={label}>
                <dt>{label}</dt>
                <dd>
                  {words.length === 0 ? (
                    <span class="muted">not known</span>
                  ) : (
                    words.map((it) => (
                      <p key={it}>
                        <Text value={it} max={200} />
                      </p>
                    ))
                  )}
                </dd>
              </div>
            )
          })}
        </dl>
      ) : (
        <div class="notice notice-warn">
          <p>
            <strong>No contract is known: the place cannot be checked.</strong>
          </p>
          <p>
            Tools and egress cannot be known to be approved either. Import what was agreed:{' '}
            <code>npx tellwire roster import roster.csv</code>
          </p>
        </div>
      )}
    </section>
  )
}

const ROWS: readonly { label: string; of: (contract: Facts) => string[] }[] = [
  { label: 'Place', of: (it) => place(it) },
  { label: 'Time zone', of: (it) => text(it.timeZone) },
  { label: 'Roles', of: (it) => joined(list(it.roles).flatMap(text)) },
  { label: 'Runs', of: (it) => span(it.start, it.end, 'open end') },
  { label: 'Laptop sent to', of: (it) => (isFacts(it.shipTo) ? place(it.shipTo) : []) },
  {
    label: 'Approved tools',
    of: (it) =>
      list(it.approvedTools)
        .filter(isFacts)
        .map((tool) => [...text(tool.tool), ...text(tool.tenant), ...until(tool.to)].join(', ')),
  },
  {
    label: 'Approved egress',
    of: (it) =>
      list(it.approvedEgress)
        .filter(isFacts)
        .map((entry) =>
          [...text(entry.address), ...text(entry.domain), ...asn(entry.asn), ...until(entry.to)].join(', '),
        ),
  },
  {
    label: 'Travel notices',
    of: (it) =>
      list(it.travelNotices)
        .filter(isFacts)
        .map((notice) => [...place(notice), ...span(notice.from, notice.to, '')].join(': ')),
  },
  {
    label: 'Declared hours',
    of: (it) =>
      list(it.declaredHours)
        .filter(isFacts)
        .map((entry) => hours(entry, text(it.timeZone))),
  },
  {
    label: 'Same household',
    of: (it) =>
      list(it.household).flatMap((member) =>
        isFacts(member) ? joined([...text(member.worker), ...until(member.to)]) : text(member),
      ),
  },
  { label: 'Referred by', of: (it) => text(it.referredBy) },
  {
    label: 'Other accounts',
    of: (it) =>
      list(it.accounts)
        .filter(isFacts)
        .map((entry) =>
          [...joined([...text(entry.source), ...text(entry.account)], ':'), ...until(entry.to)].join(', '),
        ),
  },
  {
    label: 'Declared hardware',
    of: (it) =>
      list(it.peripherals)
        .filter(isFacts)
        .map((thing) =>
          [
            ...text(thing.kind),
            ...joined([...text(thing.vendorId), ...text(thing.productId)], ':'),
            ...until(thing.to),
          ].join(', '),
        ),
  },
]

const DAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun']

/** Agreed in the contract's time zone. */
function hours(facts: Facts, zone: readonly string[]): string {
  const days = list(facts.days).flatMap((day) => (typeof day === 'number' ? (DAYS[day - 1] ?? []) : []))
  return [
    `${days.join(' ')} ${text(facts.start).join('')}-${text(facts.end).join('')} ${zone[0] ?? 'local time'}`,
    ...until(facts.to),
  ].join(', ')
}

function place(facts: Facts): string[] {
  return joined([...text(facts.city), ...text(facts.region), ...text(facts.country)])
}

function span(from: unknown, to: unknown, open: string): string[] {
  const start = moment(from)
  const end = moment(to)
  if (start === null && end === null) return []
  return [`${start === null ? 'not known' : utcDay(start)} to ${end === null ? open : utcDay(end)}`]
}

function until(to: unknown): string[] {
  const end = moment(to)
  return end === null ? [] : [`until ${utcDay(end)}`]
}

function asn(value: unknown): string[] {
  return typeof value === 'number' ? [`AS${value}`] : []
}

function moment(value: unknown): number | null {
  return typeof value === 'number' && Math.abs(value) < 8.64e15 ? value : null
}

function text(value: unknown): string[] {
  return typeof value === 'string' && value !== '' ? [value] : []
}

function joined(words: string[], by = ', '): string[] {
  return words.length === 0 ? [] : [words.join(by)]
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}

function isFacts(value: unknown): value is Facts {
  return typeof value === 'object' && value !== null
}
