/** One finding: what it says, what to do, its blind spots, and the events behind it. */
import type { FindingView } from '../../views/schema.ts'
import { EventFields } from './fields.tsx'
import { plain, Text } from './text.tsx'
import { Time } from './time.tsx'
import './finding.css'

const STRENGTHS = ['', 'weak', 'notable', 'strong', 'decisive']

export function FindingCard({ finding, open = false }: { finding: FindingView; open?: boolean }) {
  const { strength, events, count } = finding
  return (
    <details class="finding" id={`finding-${finding.id}`} open={open}>
      <summary>
        <Strength value={strength} />
        <span class="finding-title">
          <bdi>{plain(finding.title, 160)}</bdi>
        </span>
        <span class="tag">{plain(finding.family, 40)}</span>
        <span class="finding-time">
          <Time ms={finding.lastTime} as="brief" />
        </span>
      </summary>
      <div class="finding-body">
        <p class="says">
          <Text value={finding.says} />
        </p>
        <p class="facts">
          {count === 1 ? 'One event, ' : `${count.toLocaleString()} events, `}
          <Time ms={finding.time} as="full" />
          {finding.lastTime !== finding.time && (
            <>
              {' to '}
              <Time ms={finding.lastTime} as="full" />
            </>
          )}
          {finding.device !== null && (
            <>
              {' on '}
              <Text value={finding.device} max={80} />
            </>
          )}
          {finding.level !== null && <> · level {plain(finding.level, 40)}</>}
          {finding.tags.length > 0 && <> · {finding.tags.map((tag) => plain(tag, 60)).join(', ')}</>}
        </p>
        <dl class="advice">
          <div>
            <dt>What to do</dt>
            <dd>{finding.response ? <Text value={finding.response} max={2_000} /> : <Missing what="response" />}</dd>
          </div>
          <div>
            <dt>Blind spots</dt>
            <dd>{finding.blindTo ? <Text value={finding.blindTo} max={2_000} /> : <Missing what="blind spot" />}</dd>
          </div>
          <div>
            <dt>False positives</dt>
            <dd>
              {finding.falsepositives.length === 0 && <Missing what="false positive" />}
              {finding.falsepositives.map((text) => (
                <p key={text}>
                  <Text value={text} max={2_000} />
                </p>
              ))}
            </dd>
          </div>
        </dl>
        <Credit finding={finding} />
        <h3>
          {events.length < count
            ? `Events: the first ${events.length} of ${count.toLocaleString()}`
            : events.length === 1
              ? 'Event'
              : `Events: ${events.length}`}
        </h3>
        {events.map((event, index) => (
          <details class="event" key={String(event.id ?? index)} open={events.length === 1}>
            <summary>
              <span class="mono">{plain(String(event.category ?? 'event'), 60)}</span>
              {typeof event.time === 'number' && <Time ms={event.time} as="full" />}
            </summary>
            <EventFields event={event} />
          </details>
        ))}
        <p class="muted rule-id">
          Rule <Text value={finding.rule} max={80} />
        </p>
      </div>
    </details>
  )
}

function Strength({ value }: { value: number }) {
  const word = STRENGTHS[value] ?? 'unrated'
  return (
    <span class={`strength strength-${value}`} title={`Strength ${value} of 4: ${word}`}>
      <span class="sr-only">
        Strength {value} of 4, {word}.
      </span>
      <span aria-hidden="true">
        {[1, 2, 3, 4].map((step) => (
          <i key={step} class={step <= value ? 'on' : ''} />
        ))}
      </span>
    </span>
  )
}

function Missing({ what }: { what: string }) {
  return <span class="muted">The rule names no {what}.</span>
}

/** A rule's licence requires its author, licence and address with every alert. */
function Credit({ finding: { author, license, link } }: { finding: FindingView }) {
  if (author === null && license === null && link === null) return null
  const isWeb = link?.startsWith('https://') ?? false
  return (
    <p class="facts">
      Rule by {author === null ? 'an author who is not named' : <Text value={author} max={200} />}
      {license !== null && <>, {plain(license, 80)}</>}
      {isWeb && (
        <>
          {', '}
          <a href={link ?? ''} rel="noreferrer noopener" target="_blank">
            its source
          </a>
        </>
      )}
    </p>
  )
}
