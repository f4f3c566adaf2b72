/**
 * Workers who share what unrelated people do not share: each cluster is one case with all its people, highest first.
 */

import { pointsOf } from '../../model/points.ts'
import { isOpen } from '../../model/urgency.ts'
import type { ClusterView } from '../../views/schema.ts'
import { useKeys } from '../keys.ts'
import { useLive } from '../live.ts'
import { BandChip } from '../parts/band.tsx'
import { brief, kindsIn, oneOf } from '../parts/cluster.tsx'
import { CaseMark } from '../parts/decide.tsx'
import { Failure } from '../parts/failure.tsx'
import { Loading } from '../parts/loading.tsx'
import { Matrix } from '../parts/matrix.tsx'
import { plain } from '../parts/text.tsx'
import { go, to } from '../route.ts'
import './clusters.css'

export function Clusters({ rest }: { rest: readonly string[] }) {
  const { data, failure } = useLive<ClusterView[]>('/clusters', { concerns: (it) => it.clusters })
  const key = rest[0] ?? ''
  useKeys({ Escape: () => go(key === '' ? '' : 'clusters') })
  if (!data) return failure ? <Failure failure={failure} /> : <Loading>Loading clusters…</Loading>
  const chosen = data.find((it) => it.key.toWellFormed() === key)
  return (
    <>
      {failure && <Failure failure={failure} />}
      {key === '' ? <List clusters={data} /> : chosen ? <One cluster={chosen} /> : <Gone />}
    </>
  )
}

function List({ clusters }: { clusters: readonly ClusterView[] }) {
  return (
    <>
      <div class="page-head">
        <h1>Clusters</h1>
        <span class="muted">
          Workers who share what unrelated people do not share. Declared households are omitted.
        </span>
      </div>
      {clusters.length === 0 && (
        <p class="notice">
          No unrelated workers share an uplink, a Wi-Fi, a monitor or a controller, as far as we can see.
        </p>
      )}
      <ul class="clusters">
        {clusters.map((cluster) => (
          <li key={cluster.key}>
            <a class="panel" href={to('clusters', cluster.key)}>
              <BandChip band={cluster.band} />
              <span class="clusters-what">
                <strong>{cluster.workers.length} people</strong> share {kindsIn(cluster.keys)}
              </span>
              <span class="muted clusters-who">
                {cluster.people.slice(0, 6).map(({ worker, name }, index) => (
                  <span key={worker}>
                    {index > 0 && ', '}
                    <bdi>{plain(name ?? worker, 40)}</bdi>
                  </span>
                ))}
                {cluster.people.length > 6 && ` and ${cluster.people.length - 6} more`}
              </span>
              <span class="clusters-numbers">
                <Open people={cluster.people} /> up to <strong class="number">{pointsOf(cluster)}</strong> points
              </span>
            </a>
          </li>
        ))}
      </ul>
    </>
  )
}

function Open({ people }: { people: ClusterView['people'] }) {
  const open = people.filter(isOpen).length
  return <span class={open > 0 ? '' : 'muted'}>{open === 1 ? '1 open case' : `${open} open cases`},</span>
}

function One({ cluster }: { cluster: ClusterView }) {
  const named = new Map(cluster.people.map(({ worker, name }) => [worker, name ?? worker]))
  return (
    <>
      <div class="page-nav">
        <a class="back" href={to('clusters')}>
          ← Clusters
        </a>
      </div>
      <header class="verdict">
        <h1>{cluster.people.length} people, one case</h1>
        <BandChip band={cluster.band} large />
        <p class="points">
          up to <strong class="number">{pointsOf(cluster)}</strong> points
        </p>
        <p class="reason">
          They share {kindsIn(cluster.keys)}. <Open people={cluster.people} /> decided one by one on each worker's page.
        </p>
      </header>
      <div class="cluster-page">
        <section class="panel" aria-labelledby="matrix-title">
          <h2 id="matrix-title">Who has what</h2>
          <Matrix cluster={cluster} />
        </section>
        <section class="panel" aria-labelledby="people-title">
          <h2 id="people-title">People</h2>
          <table class="plain-table">
            <thead>
              <tr>
                <th scope="col">Band</th>
                <th scope="col">Points</th>
                <th scope="col">Worker</th>
                <th scope="col">Place in the contract</th>
                <th scope="col">Case</th>
                <th scope="col">Shares</th>
              </tr>
            </thead>
            <tbody>
              {cluster.people.map(({ worker, name, band, points, place, case: state }) => (
                <tr key={worker}>
                  <td>
                    <BandChip band={band} />
                  </td>
                  <td class="number" data-title="Points">
                    {pointsOf({ band, points })}
                  </td>
                  <th scope="row">
                    <a href={to('workers', worker)} title={plain(worker)}>
                      <bdi>{plain(name ?? worker, 80)}</bdi>
                    </a>
                  </th>
                  <td data-title="Place">
                    {place === null ? <span class="muted">not known</span> : <bdi>{plain(place, 80)}</bdi>}
                  </td>
                  <td>
                    <CaseMark state={state} />
                  </td>
                  <td data-title="Shares">{kindsIn(cluster.keys.filter((it) => it.workers.includes(worker)))}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
        <section class="panel" aria-labelledby="keys-title">
          <h2 id="keys-title">Keys</h2>
          <table class="plain-table">
            <thead>
              <tr>
                <th scope="col">What</th>
                <th scope="col">Key, hashed</th>
                <th scope="col">Days</th>
                <th scope="col">Strength</th>
                <th scope="col">Who has it</th>
              </tr>
            </thead>
            <tbody>
              {cluster.keys.map(({ key, kind, days, strength, workers }) => (
                <tr key={key}>
                  <th scope="row">{oneOf(kind)}</th>
                  <td data-title="Key, hashed">
                    <span class="mono" title={plain(key, 80)}>
                      {brief(key)}
                    </span>
                  </td>
                  <td class="number" data-title="Days">
                    {days}
                  </td>
                  <td class="number" data-title="Strength">
                    {strength} of 4
                  </td>
                  <td data-title="Who has it">
                    {workers.map((worker, index) => (
                      <span key={worker}>
                        {index > 0 && ', '}
                        <bdi>{plain(named.get(worker) ?? worker, 40)}</bdi>
                      </span>
                    ))}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      </div>
    </>
  )
}

function Gone() {
  return (
    <p class="notice">
      This cluster no longer exists: the shared keys may be too old now, or a stronger key names it.{' '}
      <a href={to('clusters')}>To the list of clusters</a>
    </p>
  )
}
