/** One event, field by field, as the rules read it: its own fields in their order, then the envelope. */
import { utc } from '../clock.ts'
import { size } from './size.ts'
import { Text } from './text.tsx'
import { Time } from './time.tsx'
import './fields.css'

const ENVELOPE = new Set(['category', 'time', 'id', 'seq', 'product', 'collector', 'receivedAt', 'device', 'worker'])
/** An event has about 20 fields; a hostile one may have any number. */
const FIELDS_MAX = 200

export function EventFields({ event }: { event: Readonly<Record<string, unknown>> }) {
  const entries = Object.entries(event)
  const own = entries.filter(([name]) => !ENVELOPE.has(name))
  const envelope = entries.filter(([name]) => ENVELOPE.has(name))
  const shown = [...own, ...envelope].slice(0, FIELDS_MAX)
  return (
    <table class="fields">
      <tbody>
        {shown.map(([name, value]) => (
          <tr key={name} class={ENVELOPE.has(name) ? 'envelope' : ''}>
            <th scope="row">
              <Text value={name} max={80} />
            </th>
            <td>
              <Value name={name} value={value} />
            </td>
          </tr>
        ))}
      </tbody>
      {entries.length > FIELDS_MAX && <caption>{entries.length - FIELDS_MAX} more fields are not shown.</caption>}
    </table>
  )
}

export function Value({ name, value }: { name: string; value: unknown }) {
  if (value === null) return <span class="muted">null: not known</span>
  if (typeof value === 'number' && isMoment(name, value))
    return (
      <>
        <Time ms={value} as="full" /> <span class="muted">{utc(value)}</span>
      </>
    )
  if (typeof value === 'number')
    return (
      <>
        {String(value)}
        {/Bytes/.test(name) && value >= 1_024 && <span class="muted"> {size(value)}</span>}
      </>
    )
  if (typeof value === 'string') return value === '' ? <span class="muted">empty</span> : <Text value={value} />
  return <Text value={JSON.stringify(value) ?? String(value)} />
}

function isMoment(name: string, value: number): boolean {
  return /([Tt]ime|At|^from|^to)$/.test(name) && value > 946_684_800_000 && value < 4_102_444_800_000
}
