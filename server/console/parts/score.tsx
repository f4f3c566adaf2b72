/**
 * The parts of the score as a table: each part is a bar that begins where the one before ended, so that the sum is
 * visible. They are grouped by the sensor that saw them, with a subtotal. A fact opens to its findings, and each finding
 * to its events.
 *
 * Shape   an overlap is a line of its own below its fact, whose bar shows what is left of it. In narrow windows all
 *         groups but the first fold to their subtotals.
 */

import { signal, useSignal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import type { Explained, Part } from '../../model/assessment.ts'
import { howCommon, signed } from '../../model/points.ts'
import type { FindingView } from '../../views/schema.ts'
import { ask } from '../api.ts'
import { BAND_FROM } from '../limits.ts'
import { useSending } from '../sending.ts'
import { BAND_WORDS, BandChip, isBelow } from './band.tsx'
import { Failure } from './failure.tsx'
import { FindingCard } from './finding.tsx'
import { plain, Text } from './text.tsx'
import './score.css'

export function Score({
  worker,
  assessment,
  findings: newest,
}: {
  worker: string
  assessment: Explained
  findings: readonly FindingView[]
}) {
  const { parts, points, band, withoutSensor } = assessment
  const all = useSignal<readonly FindingView[] | null>(null)
  const { busy, failure, send } = useSending()
  const loadAll = () =>
    send(async () => {
      all.value = await ask<FindingView[]>(`/workers/${encodeURIComponent(worker.toWellFormed())}/findings`)
    })
  if (parts.every((it) => it.kind === 'prior'))
    return <p class="muted">No findings about this worker, as far as we can see.</p>
  // What has come since is only among the newest.
  const findings = [...newest, ...(all.value ?? [])]
  const byId = new Map(findings.toReversed().map((finding) => [finding.id, finding]))
  const shown = parts.filter((it) => !isSilent(it))
  const silent = parts.filter(isSilent)
  const groups = groupsOf(shown)
  const sum = shown.reduce((total, it) => total + it.points, 0)
  const axis = axisOf(groups)
  const evidence = ({ findings: ids }: Part) => (
    <Evidence
      ids={ids}
      byId={byId}
      isWhole={all.value !== null}
      more={
        <button type="button" disabled={busy.value} onClick={loadAll}>
          Show all {ids.length.toLocaleString()} findings
        </button>
      }
    />
  )
  const silentFacts = silent.length > 0 && (
    <details class="faded">
      <summary>{count(silent.length, 'fact')} without points: too old, or common here</summary>
      {silent.map((part) => (
        <div class="faded-fact" key={part.findings[0]}>
          <p>
            <Text value={part.label} max={240} /> <Common part={part} />
          </p>
          {evidence(part)}
        </div>
      ))}
    </details>
  )
  if (band === 'none')
    return (
      <div class="score">
        <p class="muted">Nothing that was found adds points.</p>
        {silentFacts}
      </div>
    )
  let index = 0
  return (
    <div class="score">
      <table class="score-table" style={axis.lines}>
        <colgroup>
          <col />
          <col class="score-of" />
          <col class="score-bars" />
          <col class="score-number" />
          <col class="score-number" />
        </colgroup>
        <thead>
          <tr>
            <th scope="col">Evidence, one fact a line</th>
            <th scope="col">Colleagues</th>
            <th scope="col" class="score-bars">
              <span class="sr-only">Bar</span>
              <span class="score-axis" aria-hidden="true">
                {axis.ticks.map((it) => (
                  <span key={it} style={{ left: axis.at(it) }}>
                    {it < 0 ? `−${-it}` : it}
                  </span>
                ))}
              </span>
            </th>
            <th scope="col" class="score-number">
              Weight
            </th>
            <th scope="col" class="score-number">
              Sum
            </th>
          </tr>
        </thead>
        {groups.map((group, at) => (
          <GroupRows
            key={`${group.heading} ${group.sensor}`}
            group={group}
            without={group.sensor === null ? undefined : withoutSensor[group.sensor]}
            id={`score-group-${at}`}
            isFirst={at < 2}
          >
            {group.lines.map((line) => {
              const { part } = line
              const id = `score-part-${index++}`
              const key = `${part.kind} ${part.label} ${part.findings[0]}`
              return <LineRows key={key} line={line} id={id} axis={axis} byId={byId} evidence={evidence} />
            })}
          </GroupRows>
        ))}
      </table>
      <p class={`score-total band-${band}`}>
        <span>
          {groups
            .filter((it) => it.points !== 0)
            .map((it, index) => summand(it.points, index))
            .join(' ')}
        </span>
        <strong>= {signed(sum)} points</strong>
        <BandChip band={band} />
        {sum !== points && (
          <span class="bad"> The server's total is {points}: these parts do not add up. Please report this.</span>
        )}
      </p>
      <Clears assessment={assessment} />
      {failure.value && <Failure failure={failure.value} />}
      {silentFacts}
    </div>
  )
}

/** The page and the rows of a table cannot say this with `@media` alone: what is folded must be hidden to everybody. */
const narrow = matchMedia('(width <= 760px)')
const isNarrow = signal(narrow.matches)
narrow.addEventListener('change', () => (isNarrow.value = narrow.matches))

interface Line {
  part: Part
  overlap: Part | null
  /** The sums before it, and after it and its overlap. */
  before: number
  after: number
}

interface Group {
  /** Null: its one line says what it is. */
  heading: string | null
  sensor: string | null
  points: number
  lines: Line[]
}

function isSilent({ kind, points }: Part): boolean {
  return kind === 'finding' && points === 0
}

/** In the order of the parts, where those of one sensor follow each other. */
function groupsOf(parts: readonly Part[]): Group[] {
  const groups: Group[] = []
  let sum = 0
  for (const part of parts) {
    const { kind, sensor, points } = part
    const last = groups.at(-1)
    const heading = headingOf(part)
    const group = last && last.heading === heading ? last : { heading, sensor, points: 0, lines: [] }
    if (group !== last) groups.push(group)
    const line = group.lines.at(-1)
    if (kind === 'overlap' && line) {
      line.overlap = part
      line.after += points
    } else group.lines.push({ part, overlap: null, before: sum, after: sum + points })
    group.points += points
    sum += points
  }
  return groups
}

function GroupRows({
  group: { heading, points },
  without,
  id,
  isFirst,
  children,
}: {
  group: Group
  /** What remains without this sensor. */
  without: Explained['withoutSensor'][string] | undefined
  id: string
  isFirst: boolean
  children: ComponentChildren
}) {
  const isOpen = useSignal(isFirst)
  const canFold = isNarrow.value && heading !== null
  const title = (
    <>
      {heading} <span class="score-subtotal number">{signed(points)}</span>
      {without && (
        <span class="score-without">
          {' '}
          · without all of it <span class="number">{signed(without.points)}</span>,{' '}
          {BAND_WORDS[without.band].toLowerCase()}
        </span>
      )}
    </>
  )
  return (
    <>
      {heading !== null && (
        <tbody>
          <tr class="score-group">
            <th scope="rowgroup" colSpan={5}>
              {canFold ? (
                <button
                  type="button"
                  class="score-fold"
                  aria-expanded={isOpen.value}
                  aria-controls={id}
                  onClick={() => (isOpen.value = !isOpen.value)}
                >
                  {title}
                </button>
              ) : (
                title
              )}
            </th>
          </tr>
        </tbody>
      )}
      <tbody id={id} hidden={canFold && !isOpen.value}>
        {children}
      </tbody>
    </>
  )
}

function LineRows({
  line: { part, overlap, before, after },
  id,
  axis,
  byId,
  evidence,
}: {
  line: Line
  id: string
  axis: Axis
  byId: ReadonlyMap<string, FindingView>
  evidence: (part: Part) => ComponentChildren
}) {
  const isOpen = useSignal(false)
  const canOpen = part.kind === 'finding'
  const isHatched = part.kind === 'prior' || part.kind === 'waiting' || part.points < 0
  return (
    <>
      <tr class="score-line">
        <th scope="row" class="score-label">
          <Text value={part.label} />{' '}
          {canOpen && (
            <button
              type="button"
              class="link score-open"
              aria-expanded={isOpen.value}
              aria-controls={id}
              onClick={() => (isOpen.value = !isOpen.value)}
            >
              {evidenceWords(part, byId)}
            </button>
          )}
          {part.kind === 'mitigation' && (
            <span class="score-note">explains {count(part.findings.length, 'finding')} in part</span>
          )}
          {NOTES[part.kind] && <span class="score-note">{NOTES[part.kind]}</span>}
        </th>
        <td class="score-of">
          <Common part={part} />
        </td>
        <td class="score-bars" aria-hidden="true">
          <span class="score-track">
            <span
              class={isHatched ? 'score-bar score-hatched' : 'score-bar'}
              style={axis.between(before, overlap ? after : before + part.points)}
            />
            {overlap && <span class="score-bar score-ghost" style={axis.between(after, before + part.points)} />}
          </span>
        </td>
        <td class="score-number score-points number">{signed(part.points)}</td>
        <td class="score-number score-sum number">{overlap ? null : signed(after)}</td>
      </tr>
      {overlap && (
        <tr class="score-overlap">
          <th scope="row" class="score-label" colSpan={3}>
            <bdi title={plain(overlap.label, 600)}>{plain(overlap.label, OVERLAP_MAX)}</bdi>
          </th>
          <td class="score-number score-points number">{signed(overlap.points)}</td>
          <td class="score-number score-sum number">{signed(after)}</td>
        </tr>
      )}
      {canOpen && (
        <tr class="score-opened" id={id} hidden={!isOpen.value}>
          <td colSpan={5}>
            <div class="score-findings">
              {part.without && (
                <p class="muted">
                  Without this: {signed(part.without.points)}, {BAND_WORDS[part.without.band].toLowerCase()}.
                </p>
              )}
              {part.findings.length === 0 ? <p class="muted">No finding is stored for this part.</p> : evidence(part)}
            </div>
          </td>
        </tr>
      )}
    </>
  )
}

/** The line that it overlaps with is in the table. */
const OVERLAP_MAX = 100

/** '1 of 412' where there is a column for it, the whole sentence elsewhere and for who hears it. */
function Common({ part: { colleagues } }: { part: Part }) {
  const words = howCommon(colleagues)
  if (!colleagues || words === null) return null
  return (
    <span class="score-common muted number" title={words}>
      <span class="score-brief" aria-hidden="true">
        {colleagues.shown.toLocaleString()} of {colleagues.of.toLocaleString()}
      </span>
      <span class="score-sentence">{words}</span>
    </span>
  )
}

/** How many events are behind it, if all its findings are loaded. */
function evidenceWords({ findings }: Part, byId: ReadonlyMap<string, FindingView>): string {
  const [only] = findings
  const single = findings.length === 1 && only !== undefined ? byId.get(only) : undefined
  return single ? count(single.count, 'event') : count(findings.length, 'finding')
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
function Clears({ assessment: { parts, band } }: { assessment: Explained }) {
  const judged = parts.flatMap((it) => (it.without === null || isSilent(it) ? [] : [{ ...it, without: it.without }]))
  if (band === 'none' || judged.length === 0) return null
  const carriers = judged.filter(({ without }) => isBelow(without.band, band))
  const most = judged.reduce((least, it) => (it.without.points < least.without.points ? it : least))
  return (
    <div class="clears">
      <h3>What would clear this</h3>
      {carriers.length === 0 && (
        <p>
          No single fact. Without any one of them it stays {BAND_WORDS[band].toLowerCase()}. At the lowest it would be{' '}
          <strong class="number">{signed(most.without.points)}</strong>, without:{' '}
          <strong>
            <Text value={most.label} />
          </strong>
        </p>
      )}
      {carriers.map(({ label, findings, without }) => (
        <p key={`${label} ${findings[0]}`}>
          It would be <strong class="number">{signed(without.points)}</strong> <BandChip band={without.band} /> without:{' '}
          <strong>
            <Text value={label} />
          </strong>
        </p>
      ))}
    </div>
  )
}

type Axis = ReturnType<typeof axisOf>

/** From the least to the greatest sum, always with zero and the thresholds of the bands. */
function axisOf(groups: readonly Group[]) {
  const edges = groups.flatMap(({ lines }) => lines.flatMap((it) => [it.before, it.before + it.part.points, it.after]))
  const least = Math.min(0, ...edges)
  const most = Math.max(BAND_FROM.critical, ...edges)
  const percent = (points: number) => (points / (most - least)) * 100
  const at = (points: number) => `${percent(points - least)}%`
  return {
    at,
    between: (from: number, to: number) => ({
      left: at(Math.min(from, to)),
      width: `${percent(Math.abs(to - from))}%`,
    }),
    /** For the style sheet, which draws them in each row. */
    lines: {
      '--medium-at': at(BAND_FROM.medium),
      '--high-at': at(BAND_FROM.high),
      '--critical-at': at(BAND_FROM.critical),
    },
    ticks: ticksOf(least, most),
  }
}

/** Numbers closer than this share of the axis would touch. */
const TICK_SHARE = 0.14

/** The thresholds first, then the ends, then what fits between. */
function ticksOf(least: number, most: number): number[] {
  const rounded = Math.floor(most / 20) * 20
  const wanted = [BAND_FROM.medium, BAND_FROM.critical, least, BAND_FROM.high, rounded, 60, 40, 80, 120]
  const ticks: number[] = []
  for (const it of wanted) {
    const fits = ticks.every((other) => Math.abs(other - it) >= TICK_SHARE * (most - least))
    if (it >= least && it <= most && fits) ticks.push(it)
  }
  return ticks
}

const SENSOR_WORDS: Record<string, string> = {
  process: 'Programs',
  software: 'Installed software',
  tool_log: 'Tool’s own log',
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

const KIND_WORDS: Record<Part['kind'], string | null> = {
  prior: null,
  finding: 'Several sensors together',
  overlap: 'Several sensors together',
  mitigation: 'Explained',
  referral: 'Recommendation',
  doubt: 'Doubt',
  floor: 'Pattern',
  waiting: 'Waiting for a verdict',
}

const NOTES: Partial<Record<Part['kind'], string>> = {
  referral: 'Five times likelier.',
  doubt: 'No data support odds of a million to one.',
  waiting: 'Evidence fades, but a case that was high waits as it was.',
}

function headingOf({ kind, sensor }: Part): string | null {
  return sensor === null ? KIND_WORDS[kind] : ((SENSOR_WORDS as Record<string, string>)[sensor] ?? sensor)
}

function summand(points: number, index: number): string {
  if (index === 0) return points < 0 ? `−${-points}` : String(points)
  return points < 0 ? `− ${-points}` : `+ ${points}`
}
