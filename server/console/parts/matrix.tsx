/**
 * Who has which key, as a picture: one row per person, one column per key, a dot where they meet, larger for more days.
 *
 * The page's tables say the same. Names are links, so the Tab key walks through the picture.
 */
import type { ClusterView } from '../../views/schema.ts'
import { to } from '../route.ts'
import { SHAPES } from './band.tsx'
import { brief, oneOf, shortOf } from './cluster.tsx'
import { plain } from './text.tsx'
import './matrix.css'

const NAMES = 200
const COLUMN = 76
const ROW = 30
const HEAD = 52
/** More would not be readable; the tables have all. */
const MAX_PEOPLE = 40
const MAX_KEYS = 20

export function Matrix({ cluster }: { cluster: ClusterView }) {
  const people = cluster.people.slice(0, MAX_PEOPLE)
  const keys = cluster.keys.slice(0, MAX_KEYS)
  const width = NAMES + keys.length * COLUMN
  const height = HEAD + people.length * ROW
  const left = cluster.people.length - people.length + cluster.keys.length - keys.length
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls sideways, and must do so from the keyboard too. */}
      <section class="scroll matrix" tabIndex={0} aria-label="Who has which key: a picture">
        {/* biome-ignore lint/a11y/useSemanticElements: a picture with links in it is a group; no element says so in SVG. */}
        <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`} role="group" aria-label="People and keys">
          {keys.map(({ key, kind }, column) => (
            <g key={key} transform={`translate(${NAMES + (column + 0.5) * COLUMN} 0)`}>
              <line class="matrix-line" y1={HEAD - 6} y2={height - ROW / 2} />
              <text class="matrix-kind" y={18} text-anchor="middle">
                {shortOf(kind)}
              </text>
              <text class="matrix-key" y={36} text-anchor="middle">
                {brief(key)}
              </text>
            </g>
          ))}
          {people.map(({ worker, name, band }, index) => {
            const y = HEAD + (index + 0.5) * ROW
            return (
              <g key={worker} transform={`translate(0 ${y})`}>
                <line class="matrix-line" x1={NAMES - 8} x2={width} />
                <path class={`band-${band} matrix-band`} transform="translate(2 -8)" d={SHAPES[band]} />
                <a class="matrix-name" href={to('workers', worker)}>
                  <text x={26} y={5}>
                    {plain(name ?? worker, 22)}
                  </text>
                </a>
                {keys.map(({ key, kind, workers, days }, column) =>
                  workers.includes(worker) ? (
                    <circle
                      key={key}
                      class={`band-${band}`}
                      cx={NAMES + (column + 0.5) * COLUMN}
                      r={Math.min(11, 5 + Math.sqrt(days))}
                    >
                      <title>{`${plain(name ?? worker, 40)}: ${oneOf(kind)}, ${days === 1 ? '1 day' : `${days} days`}`}</title>
                    </circle>
                  ) : null,
                )}
              </g>
            )
          })}
        </svg>
      </section>
      <p class="muted note">
        A row is a person, a column is one key; the dot grows with the days on which at least two had it.
        {left > 0 && ` ${left} more are in the tables only.`}
      </p>
    </>
  )
}
