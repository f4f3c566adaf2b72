/**
 * The parts of the score: each is a bar that begins where the one before ended, so that the sum is visible. They are
 * grouped by the sensor that saw them. Each part opens to its findings, and each finding to its events.
 */

import { useSignal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import type { Assessment, Part } from '../../model/assessment.ts'
import type { FindingView } from '../../views/schema.ts'
import { ask } from '../api.ts'
import { useSending } from '../sending.ts'
import { BAND_WORDS, BandChip, BandIcon, isBelow } from './band.tsx'
import { Failure } from './failure.tsx'
import { FindingCard } from './finding.tsx'
import { signed } from './points.ts'
import { plain, Text } from './text.tsx'
import './score.css'

export function Score({
  worker,
  assessment: { parts, points, band },
  findings: newest,
}: {
  worker: string
  assessment: Assessment
  findings: readonly FindingView[]
}) {
  const all = useSignal<readonly FindingView[] | null>(null)
  const { busy, failure, send } = useSending()
  const loadAll = () =>
    send(async () => {
      all.value = await ask<FindingView[]>(`/workers/${encodeURIComponent(worker.toWellFormed())}/findings`)
    })
  // What has come since is only among the newest.
  const findings = [...newest, ...(all.value ?? [])]
  const byId = new Map(findings.toReversed().map((finding) => [finding.id, finding]))
  if (parts.every((it) => it.kind === 'prior'))
    return <p class="muted">No findings about this worker, as far as we can see.</p>
  let sum = 0
  let group: string | null = null
  const rows = parts.map((part) => {
    const before = sum
    sum += part.points
    const of = groupOf(part)
    const heading = of === group ? null : of
    group = of
    return { part, before, after: sum, heading }
  })
  const edges = rows.flatMap(({ before, after }) => [before, after])
  const least = Math.min(0, ...edges)
  const scale = Math.max(1, Math.max(...edges) - least)
  const evidence = (part: Part) => (
    <Evidence
      ids={part.findings}
      byId={byId}
      isWhole={all.value !== null}
      more={
        <button type="button" disabled={busy.value} onClick={loadAll}>
          Show all {part.findings.length.toLocaleString()} findings
        </button>
      }
    />
  )
  const isFaded = ({ kind, points }: Part) => kind === 'finding' && points === 0
  const faded = parts.filter(isFaded)
  return (
    <>
      <ul class="score">
        {rows
          .filter(({ part }) => !isFaded(part))
          .map(({ part, before, after, heading }) => (
            <li key={`${part.kind} ${part.sensor} ${part.label} ${part.findings[0]}`}>
              {heading !== null && <h3 class="score-group">{heading}</h3>}
              <details>
                <summary>
                  <span class="score-label">
                    <bdi title={plain(part.label, 600)}>{plain(part.label)}</bdi>
                    {part.kind === 'finding' && part.findings.length > 1 && (
                      <span class="score-count">{count(part.findings.length, 'finding')} of this fact</span>
                    )}
                    {part.colleagues && (
                      <span class="score-count">
                        {part.colleagues.shown.toLocaleString()} of {part.colleagues.of.toLocaleString()} colleagues
                        {part.colleagues.shown === 1 ? ' shows this' : ' show this'}
                      </span>
                    )}
                    {part.without && (
                      <span
                        class={
                          isBelow(part.without.band, band)
                            ? `without without-less band-${part.without.band}`
                            : 'without'
                        }
                      >
                        without this: {signed(part.without.points)}, {BAND_WORDS[part.without.band].toLowerCase()}
                        {isBelow(part.without.band, band) && <BandIcon band={part.without.band} />}
                      </span>
                    )}
                  </span>
                  <span class="score-track" aria-hidden="true">
                    <span
                      class={`score-bar score-${part.kind}${part.points < 0 ? ' minus' : ''}`}
                      style={{
                        left: `${((Math.min(before, after) - least) / scale) * 100}%`,
                        width: `${(Math.abs(part.points) / scale) * 100}%`,
                      }}
                    />
                  </span>
                  <span class="score-points number">{signed(part.points)}</span>
                  <span class="score-sum number" title="The sum so far">
                    {signed(after)}
                  </span>
                </summary>
                <div class="score-findings">
                  {(part.kind !== 'finding' || part.findings.length === 0) && <p class="muted">{WHY[part.kind]}</p>}
                  {part.kind === 'mitigation' ? (
                    // The card itself is under its own part, once.
                    <p>
                      {count(part.findings.length, 'finding')} of this worker{' '}
                      {part.findings.length === 1 ? 'is' : 'are'} explained by it.
                    </p>
                  ) : (
                    evidence(part)
                  )}
                </div>
              </details>
            </li>
          ))}
      </ul>
      <p class="score-total">
        <span>
          {rows
            .filter(({ part }) => part.points !== 0)
            .map(({ part }, index) => summand(part.points, index))
            .join(' ')}
        </span>
        <strong>= {signed(sum)} points</strong>
        {sum !== points && (
          <span class="bad"> The server's total is {points}: these parts do not add up. Please report this.</span>
        )}
      </p>
      <Clears assessment={{ parts, points, band }} />
      {failure.value && <Failure failure={failure.value} />}
      {faded.length > 0 && (
        <details class="faded">
          <summary>{count(faded.length, 'older fact')} that add no points now</summary>
          {faded.map((part) => (
            <div class="faded-fact" key={part.findings[0]}>
              <p>
                <Text value={part.label} max={240} />
              </p>
              {evidence(part)}
            </div>
          ))}
        </details>
      )}
    </>
  )
}

/** The findings of a part that are loaded, and the way to the others. */
function Evidence({
  ids,
  byId,
  isWhole,
  more,
}: {
  ids: readonly string[]
  byId: ReadonlyMap<string, FindingView>
  isWhole: boolean
  more: ComponentChildren
}) {
  const shown = ids.flatMap((id) => byId.get(id) ?? []).sort((a, b) => b.lastTime - a.lastTime)
  const missing = ids.length - shown.length
  return (
    <>
      {shown.map((finding) => (
        <FindingCard key={finding.id} finding={finding} open={ids.length === 1} />
      ))}
      {missing > 0 && (isWhole ? <p class="muted">{count(missing, 'finding')} no longer kept.</p> : <p>{more}</p>)}
    </>
  )
}

function count(number: number, noun: string): string {
  return number === 1 ? `1 ${noun}` : `${number.toLocaleString()} ${noun}s`
}

/** The parts that carry the band: without one of them, it would be lower. */
function Clears({ assessment: { parts, band } }: { assessment: Pick<Assessment, 'parts' | 'points' | 'band'> }) {
  const judged = parts.filter((it) => it.without !== null)
  if (band === 'none' || judged.length === 0) return null
  const carriers = judged.flatMap((it) =>
    it.without && isBelow(it.without.band, band) ? [{ ...it, without: it.without }] : [],
  )
  return (
    <div class="clears">
      <h3>What would clear this</h3>
      {carriers.length === 0 ? (
        <p>No single part: without any one of them it stays {BAND_WORDS[band].toLowerCase()}.</p>
      ) : (
        <ul>
          {carriers.map(({ label, findings, without }) => (
            <li key={`${label} ${findings[0]}`}>
              <BandChip band={without.band} /> with {signed(without.points)}, without this part:{' '}
              <strong>
                <Text value={label} max={120} />
              </strong>
            </li>
          ))}
        </ul>
      )}
    </div>
  )
}

const SENSOR_WORDS: Record<string, string> = {
  process: 'Programs',
  software: 'Installed software',
  tool_log: "Remote tools' own logs",
  address: 'Address and router',
  round_trip: 'Round trip',
  clock: 'Clock',
  peripheral: 'USB devices',
  display: 'Displays',
  input: 'Keyboard and pointer',
  presence: 'Presence',
  files: 'Files and disks',
  code_host: 'Code host',
  identity_provider: 'Identity provider',
  hr: 'HR',
  agent: 'The agent itself',
}

const GROUP_WORDS: Record<Part['kind'], string> = {
  prior: 'Before anything is seen',
  finding: 'Several sensors together',
  overlap: 'Several sensors together',
  mitigation: 'Explained',
  referral: 'Recommended by',
  doubt: 'Doubt',
  floor: 'A pattern',
  waiting: 'Waiting for a verdict',
}

function groupOf({ kind, sensor }: Part): string {
  return sensor === null ? GROUP_WORDS[kind] : (SENSOR_WORDS[sensor] ?? sensor)
}

const WHY: Record<Part['kind'], string> = {
  prior: 'Ten points are ten times likelier. At −20, one in a hundred; at 0, as many infiltrators as others.',
  finding: 'No finding is stored for this part.',
  overlap: 'Two facts of one sensor may be one fact that is told twice, so the weaker counts for a third.',
  mitigation: 'Something known and agreed explains part of this.',
  referral: 'A flagged worker recommended this one: five times likelier.',
  doubt: 'No data support odds of a million to one, so what exceeds +30 counts for a third.',
  floor: 'This pattern decides the band by itself.',
  waiting: 'Evidence fades with time, but a case that was high stays as it was until somebody decides.',
}

function summand(points: number, index: number): string {
  if (index === 0) return points < 0 ? `−${-points}` : String(points)
  return points < 0 ? `− ${-points}` : `+ ${points}`
}
