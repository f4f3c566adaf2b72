/** What an approval would change, beside the question whether to make it: counts now and after, and whose points move. */
import { signed } from '../../model/points.ts'
import type { EffectView } from '../../views/schema.ts'
import { ask } from '../api.ts'
import { useLook } from '../live.ts'
import { BandChip } from './band.tsx'
import { Failure } from './failure.tsx'
import { Loading } from './loading.tsx'
import { plain } from './text.tsx'
import './effect.css'

type Moved = EffectView['moved'][number]

/** `approval`: the body of a new approval, without its reason. */
export function Effect({ approval }: { approval: object }) {
  const load = () => ask<EffectView>('/approvals/effect', { method: 'POST', body: approval })
  // Asked again only where anything may have changed meanwhile: the connection was lost.
  const { data, failure } = useLook(JSON.stringify(approval), load, {})
  if (failure && !data) return <Failure failure={failure} />
  if (!data) return <Loading>Computing what it would change…</Loading>
  const { before, after, confirmed, moves, moved, stay } = data
  const rows: readonly [string, number, number][] = [
    ['People at high or more', before.high, after.high],
    ['Open cases', before.open, after.open],
    ['Clusters', before.clusters, after.clusters],
  ]
  return (
    <section class="effect" aria-label="What it would change">
      <table class="plain-table">
        <thead>
          <tr>
            <th scope="col">What it would change</th>
            <th scope="col">Now</th>
            <th scope="col">After</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(([name, now, then]) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td class="number">{now.toLocaleString()}</td>
              <td class="number">
                <strong>{then.toLocaleString()}</strong>
              </td>
            </tr>
          ))}
          {confirmed > 0 && (
            <tr class={after.confirmed < before.confirmed ? 'effect-lost' : ''}>
              <th scope="row">Confirmed infiltrators at high or more</th>
              <td class="number">
                {before.confirmed} of {confirmed}
              </td>
              <td class="number">
                <strong>
                  {after.confirmed} of {confirmed}
                </strong>
              </td>
            </tr>
          )}
        </tbody>
      </table>
      <p class="muted">
        {moves === 0
          ? "Nobody's points change."
          : `The points of ${moves.toLocaleString()} ${moves === 1 ? 'person' : 'people'} change${moves > moved.length ? '; the highest of them:' : ':'}`}
      </p>
      {moved.length > 0 && <People title="Whose points change" rows={moved} />}
      {moves > 0 && stay.length > 0 && (
        <>
          <p class="muted">At high or more, and unchanged:</p>
          <People title="Who stays" rows={stay} />
        </>
      )}
    </section>
  )
}

function People({ title, rows }: { title: string; rows: readonly Moved[] }) {
  return (
    <table class="plain-table" aria-label={title}>
      <tbody>
        {rows.map(({ worker, name, from, to }) => (
          <tr key={worker}>
            <th scope="row">
              <bdi>{plain(name ?? worker, 40)}</bdi>
            </th>
            <td class="number">{signed(from.points)}</td>
            <td aria-hidden="true">→</td>
            <td class="number">{signed(to.points)}</td>
            <td>
              <BandChip band={to.band} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
