/**
 * The score, taken apart: each part is a bar that begins where the one before ended, so that the eye can add.
 * Caps and mitigations take away. Each part opens to its findings, and each finding to its events.
 */
import type { FindingView, Part } from '../../api/schema.ts'
import { FindingCard } from './finding.tsx'
import { plain, Text } from './text.tsx'

export function Score({
  parts,
  points,
  findings,
}: {
  parts: readonly Part[]
  points: number
  findings: readonly FindingView[]
}) {
  if (parts.length === 0) return <p class="muted">Nothing speaks against this worker, as far as we can see.</p>
  const byId = new Map(findings.map((finding) => [finding.id, finding]))
  let sum = 0
  const rows = parts.map((part) => {
    const before = sum
    sum += part.points
    return { part, before, after: sum }
  })
  const scale = Math.max(1, ...rows.flatMap(({ before, after }) => [before, after]))
  const counted = new Set(parts.flatMap((part) => part.findings))
  const faded = findings.filter(({ id }) => !counted.has(id))
  return (
    <>
      <ul class="score">
        {rows.map(({ part, before, after }) => (
          <li key={`${part.kind} ${part.family} ${part.label}`}>
            <details>
              <summary>
                <span class="score-label">
                  <bdi>{plain(part.label, 120)}</bdi>
                </span>
                <span class="score-track" aria-hidden="true">
                  <span
                    class={part.points < 0 ? 'score-bar minus' : 'score-bar'}
                    style={{
                      left: `${(Math.max(0, Math.min(before, after)) / scale) * 100}%`,
                      width: `${(Math.abs(part.points) / scale) * 100}%`,
                    }}
                  />
                </span>
                <span class="score-points number">{signed(part.points)}</span>
                <span class="score-sum number" title="The sum so far">
                  {after}
                </span>
              </summary>
              <div class="score-findings">
                {(part.kind !== 'finding' || part.findings.length === 0) && <p class="muted">{WHY[part.kind]}</p>}
                {part.kind === 'finding' ? (
                  part.findings.map((id) => {
                    const finding = byId.get(id)
                    return finding ? (
                      <FindingCard key={id} finding={finding} open={part.findings.length === 1} />
                    ) : (
                      <p class="muted" key={id}>
                        A finding that is no longer kept.
                      </p>
                    )
                  })
                ) : (
                  // The cards themselves stand under their own parts, once.
                  <ul>
                    {part.findings.map((id) => (
                      <li key={id}>
                        <Text value={byId.get(id)?.title ?? 'A finding that is no longer kept.'} max={160} />
                      </li>
                    ))}
                  </ul>
                )}
              </div>
            </details>
          </li>
        ))}
      </ul>
      <p class="score-total">
        <span>{rows.map(({ part }, index) => summand(part.points, index)).join(' ')}</span>
        <strong>= {sum} points</strong>
        {sum !== points && (
          <span class="bad"> The server says {points}: these parts do not add up. Please report this.</span>
        )}
      </p>
      {faded.length > 0 && (
        <details class="faded">
          <summary>
            {faded.length === 1 ? 'One more finding that adds' : `${faded.length} more findings that add`} no points now
          </summary>
          {faded.map((finding) => (
            <FindingCard key={finding.id} finding={finding} />
          ))}
        </details>
      )}
    </>
  )
}

const WHY: Record<Part['kind'], string> = {
  finding: 'No finding is kept for this part.',
  family_cap: 'One family of signals counts up to a limit only, so that one noisy rule cannot fill the score.',
  total_cap: 'The score ends at its limit.',
  mitigation: 'Something known and agreed explains a part of this.',
  referral: 'Somebody who is flagged recommended this worker, so what was found counts one and a half times.',
}

function signed(points: number): string {
  return points < 0 ? `−${-points}` : `+${points}`
}

function summand(points: number, index: number): string {
  if (index === 0) return points < 0 ? `−${-points}` : String(points)
  return points < 0 ? `− ${-points}` : `+ ${points}`
}
