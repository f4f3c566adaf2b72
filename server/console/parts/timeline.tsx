/** Findings and notable events, newest first, by day. */
import { useSignal } from '@preact/signals'
import type { TimelineEntry } from '../../views/schema.ts'
import { day, offset } from '../clock.ts'
import { plain, Text } from './text.tsx'
import { Time } from './time.tsx'
import './timeline.css'

const STEP = 20

export function Timeline({
  entries,
  shown,
  showFinding,
}: {
  entries: readonly TimelineEntry[]
  /** Ids of findings that the page shows. */
  shown: ReadonlySet<string>
  showFinding: (id: string) => void
}) {
  const onlyFindings = useSignal(false)
  const limit = useSignal(STEP)
  const wanted = entries
    .filter((entry) => !onlyFindings.value || entry.finding !== null)
    .toSorted((a, b) => b.time - a.time)
  const days = Map.groupBy(wanted.slice(0, limit.value), (entry) => day(entry.time))
  return (
    <section class="panel" aria-labelledby="timeline-title">
      <div class="panel-head">
        <h2 id="timeline-title">Timeline</h2>
        <label class="check">
          <input
            type="checkbox"
            checked={onlyFindings.value}
            onChange={(event) => (onlyFindings.value = event.currentTarget.checked)}
          />
          Findings only
        </label>
      </div>
      {wanted.length === 0 && <p class="muted">Nothing notable yet.</p>}
      {[...days].map(([name, list]) => (
        <div class="timeline-day" key={name}>
          <h3>
            {name} <span class="muted">{offset(list[0]?.time ?? 0)}</span>
          </h3>
          <ol class="timeline">
            {list.map((entry, index) => (
              <li key={`${entry.time} ${index}`} class={entry.finding === null ? '' : 'is-finding'}>
                <Time ms={entry.time} as="hour" />
                <span class="tag mono">{plain(entry.category, 60)}</span>
                <span class="timeline-text">
                  <Text value={entry.text} />
                  {entry.count > 1 && <span class="muted"> {entry.count.toLocaleString()} times that day</span>}
                </span>
                {entry.finding !== null && shown.has(entry.finding) && (
                  <button type="button" class="link" onClick={() => showFinding(entry.finding ?? '')}>
                    show finding
                  </button>
                )}
              </li>
            ))}
          </ol>
        </div>
      ))}
      {wanted.length > limit.value && (
        <button type="button" onClick={() => (limit.value += STEP)}>
          Show {Math.min(STEP, wanted.length - limit.value)} more of {wanted.length.toLocaleString()}
        </button>
      )}
    </section>
  )
}
