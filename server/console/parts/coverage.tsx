/** What can be seen on a laptop, by category: in words, with a mark beside each. */
import type { Coverage } from '../../model/coverage.ts'
import { plain } from './text.tsx'
import { Time } from './time.tsx'
import './coverage.css'

export const STATES: Record<Coverage['state'], { mark: string; word: string; about: string }> = {
  seen: { mark: '●', word: 'seen', about: 'Events arrived.' },
  quiet: { mark: '○', word: 'quiet', about: 'The collector runs; nothing happened.' },
  partial: { mark: '◐', word: 'partial', about: 'Some of it could not be read.' },
  blind: { mark: '✕', word: 'blind', about: 'The agent cannot read it.' },
  off: { mark: '–', word: 'off', about: 'Switched off by policy.' },
  unknown: { mark: '?', word: 'unknown', about: 'Nothing was reported about it.' },
}

export function CoverageGrid({ coverage }: { coverage: readonly Coverage[] }) {
  if (coverage.length === 0) return <p class="muted">This laptop has not reported yet what it can see.</p>
  return (
    <ul class="coverage">
      {coverage.map(({ category, state, detail, lastEvent }) => {
        const { mark, word, about } = STATES[state]
        return (
          <li key={category} class={`coverage-${state}`} title={detail ? `${about} ${plain(detail)}` : about}>
            <span class="coverage-mark" aria-hidden="true">
              {mark}
            </span>
            <span class="mono coverage-name">{plain(category, 60)}</span>
            <span class="coverage-word">{word}</span>
            <span class="muted coverage-last">{lastEvent === null ? '' : <Time ms={lastEvent} />}</span>
            {detail !== null && <span class="coverage-detail">{plain(detail)}</span>}
          </li>
        )
      })}
    </ul>
  )
}
