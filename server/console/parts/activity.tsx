/** Events per hour over seven days: as a chart, and the same numbers as a table. */
import { useSignal } from '@preact/signals'
import { now, offset } from '../clock.ts'
import './activity.css'

const HOUR = 3_600_000
const HOURS = 168
const WIDTH = 6
const HEIGHT = 84

const dayName = new Intl.DateTimeFormat(undefined, { weekday: 'short', day: 'numeric', month: 'short' })
const hourName = new Intl.DateTimeFormat(undefined, { hour: '2-digit', hourCycle: 'h23' })

export function Activity({ hours }: { hours: readonly { hour: number; events: number }[] }) {
  const asTable = useSignal(false)
  const counts = new Map(hours.map(({ hour, events }) => [hour, events]))
  const end = Math.floor(now.value / HOUR) * HOUR
  const bars = Array.from({ length: HOURS }, (_, index) => {
    const hour = end - (HOURS - 1 - index) * HOUR
    return { hour, events: counts.get(hour) ?? 0 }
  })
  const most = Math.max(0, ...bars.map(({ events }) => events))
  const total = bars.reduce((sum, { events }) => sum + events, 0)
  return (
    <section class="panel" aria-labelledby="activity-title">
      <div class="panel-head">
        <h2 id="activity-title">Activity</h2>
        <span class="muted">
          {total.toLocaleString()} events in 7 days, at most {most.toLocaleString()} in an hour; hours in {offset(end)}
        </span>
        <button type="button" aria-pressed={asTable.value} onClick={() => (asTable.value = !asTable.value)}>
          {asTable.value ? 'As picture' : 'As table'}
        </button>
      </div>
      {asTable.value ? <Table bars={bars} /> : <Picture bars={bars} most={most} />}
    </section>
  )
}

type Bar = { hour: number; events: number }

function Picture({ bars, most }: { bars: readonly Bar[]; most: number }) {
  const midnights = bars.flatMap(({ hour }, index) => (new Date(hour).getHours() === 0 ? [{ hour, index }] : []))
  return (
    <div class="activity">
      <svg viewBox={`0 0 ${HOURS * WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img">
        <title>Events per hour over the last seven days. The table shows the same numbers.</title>
        {midnights.map(({ hour, index }) => (
          <line key={hour} class="midnight" x1={index * WIDTH} x2={index * WIDTH} y1={0} y2={HEIGHT} />
        ))}
        {bars.map(({ hour, events }, index) => {
          // A square root: an hour with 20 events must not vanish beside one with 20,000.
          const height = most === 0 || events === 0 ? 0 : Math.max(2, Math.sqrt(events / most) * (HEIGHT - 4))
          return (
            <rect key={hour} x={index * WIDTH + 0.5} y={HEIGHT - height} width={WIDTH - 1} height={height}>
              <title>{`${dayName.format(hour)}, ${hourName.format(hour)} h ${offset(hour)}: ${events.toLocaleString()}`}</title>
            </rect>
          )
        })}
      </svg>
      <div class="activity-days" aria-hidden="true">
        {midnights.filter(hasRoom).map(({ hour, index }) => (
          <span key={hour} style={{ left: `${(index / HOURS) * 100}%` }}>
            {dayName.format(hour)}
          </span>
        ))}
      </div>
      <p class="muted note">Height grows with the square root of the count.</p>
    </div>
  )
}

/** A label at the right edge would be cut. */
const hasRoom = ({ index }: { index: number }) => index < HOURS * 0.88

function Table({ bars }: { bars: readonly Bar[] }) {
  const days = new Map<string, Map<number, number>>()
  for (const { hour, events } of bars) {
    const name = dayName.format(hour)
    const row = days.get(name) ?? new Map<number, number>()
    const clock = new Date(hour).getHours()
    // When clocks go back, one hour occurs twice.
    row.set(clock, (row.get(clock) ?? 0) + events)
    days.set(name, row)
  }
  const clocks = Array.from({ length: 24 }, (_, clock) => clock)
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls sideways, and must do so from the keyboard too.
    <section class="scroll" tabIndex={0} aria-label="Events per hour, by day">
      <table class="hours">
        <thead>
          <tr>
            <th scope="col">Day</th>
            {clocks.map((clock) => (
              <th scope="col" key={clock}>
                {String(clock).padStart(2, '0')}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {[...days].map(([name, row]) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              {clocks.map((clock) => (
                <td key={clock} class="number">
                  {row.has(clock) ? row.get(clock)?.toLocaleString() : ''}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}
