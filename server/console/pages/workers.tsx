/** The list: people, not alerts; highest band first, with one line of reason. */

import { useComputed, useSignal } from '@preact/signals'
import { useRef } from 'preact/hooks'
import type { Band } from '../../model/assessment.ts'
import { pointsOf } from '../../model/points.ts'
import { isOpen } from '../../model/urgency.ts'
import type { LaptopPage, WorkerRow } from '../../views/schema.ts'
import { useKeys } from '../keys.ts'
import { bands, listed, nextOpen, onlyOpen, openCase, place, search, showAll } from '../listing.ts'
import { useLive } from '../live.ts'
import { BAND_WORDS, BandChip, BandIcon } from '../parts/band.tsx'
import { ClusterTag, clusterWords } from '../parts/cluster.tsx'
import { CaseMark } from '../parts/decide.tsx'
import { EnrollButton } from '../parts/enroll.tsx'
import { Failure } from '../parts/failure.tsx'
import { type Column, Grid } from '../parts/grid.tsx'
import { Loading } from '../parts/loading.tsx'
import { CoverageMeter } from '../parts/meter.tsx'
import { plain } from '../parts/text.tsx'
import { LastSeen, TimeOrNever } from '../parts/time.tsx'
import { clusterSizes, useQueue } from '../queue.ts'
import { go, to } from '../route.ts'
import '../parts/dot.css'
import './workers.css'

const BANDS: readonly Band[] = ['critical', 'high', 'medium', 'low', 'none']

export function Workers() {
  const { rows: data, isWhole, failure } = useQueue()
  const field = useRef<HTMLInputElement>(null)
  const rows = useSignal<readonly WorkerRow[]>([])
  rows.value = data ?? []
  const counts = useComputed(() => {
    const found: Record<Band, number> = { none: 0, low: 0, medium: 0, high: 0, critical: 0 }
    for (const { band } of rows.value) found[band]++
    return found
  })
  const open = useComputed(() => rows.value.filter(isOpen).length)
  const shown = useComputed(() => listed(rows.value))
  useKeys({
    '/': () => field.current?.select(),
    Escape: showAll,
    n: () => {
      const next = nextOpen(rows.value, place.value.active)
      if (next) openCase(next.worker)
    },
  })

  if (!data) return failure ? <Failure failure={failure} /> : <Loading>Loading workers…</Loading>
  if (data.length === 0) return <NobodyYet />
  return (
    <div class="page-fill">
      {failure && <Failure failure={failure} />}
      <div class="page-head">
        <h1>Workers</h1>
        <fieldset class="bands" aria-label="Show only these bands">
          {BANDS.map((band) => (
            <button
              key={band}
              type="button"
              class={`band-filter band-${band}`}
              aria-pressed={bands.value.has(band)}
              onClick={() => toggle(band)}
            >
              <BandIcon band={band} />
              {BAND_WORDS[band]} <span class="number">{counts.value[band].toLocaleString()}</span>
            </button>
          ))}
        </fieldset>
        <button
          type="button"
          class="open-filter"
          aria-pressed={onlyOpen.value}
          onClick={() => (onlyOpen.value = !onlyOpen.value)}
        >
          Open cases <span class="number">{open.value.toLocaleString()}</span>
        </button>
        <label class="search">
          <span class="sr-only">Search by worker, name or reason</span>
          <input
            ref={field}
            type="search"
            placeholder="Search worker, name, reason"
            value={search.value}
            onInput={(event) => (search.value = event.currentTarget.value)}
            onKeyDown={(event) => {
              if (event.key !== 'Escape') return
              search.value = ''
              event.currentTarget.blur()
            }}
          />
        </label>
      </div>
      {isWhole && data.every(({ band }) => band === 'none') && <FirstEvents />}
      <p class="sr-only" aria-live="polite">
        {shown.value.length.toLocaleString()} workers shown; {counts.value.critical} critical, {counts.value.high} high.
      </p>
      {shown.value.length === 0 ? (
        <p class="notice">
          No workers match.{' '}
          <button type="button" class="link" onClick={showAll}>
            Show all workers
          </button>
        </p>
      ) : (
        <Grid
          rows={shown.value}
          columns={COLUMNS}
          keyOf={keyOf}
          textOf={textOf}
          open={openRow}
          label="Workers, highest band first"
          place={place}
        />
      )}
    </div>
  )
}

function toggle(band: Band): void {
  const chosen = new Set(bands.value)
  if (!chosen.delete(band)) chosen.add(band)
  bands.value = chosen
}

/** Two long sentences. The narrow list shows them whole. */
const REASON_MAX = 330

const keyOf = (row: WorkerRow) => row.worker
const peopleIn = (cluster: string) => clusterSizes.value.get(cluster) ?? null
/** Two letters are as wide as the border of the tag and the room around it. */
const textOf = (row: WorkerRow) => {
  const tag = row.cluster === null ? '' : `${clusterWords(peopleIn(row.cluster)).replaceAll(' ', '_')}WW `
  return tag + plain(row.reason, REASON_MAX)
}
const openRow = (row: WorkerRow) => go('workers', row.worker)

const COLUMNS: readonly Column<WorkerRow>[] = [
  { title: 'Band', name: 'col-band', cell: ({ band }) => <BandChip band={band} /> },
  { title: 'Points', name: 'col-points number', cell: pointsOf },
  {
    title: 'Worker',
    name: 'col-worker',
    cell: ({ worker, name }) => (
      <>
        <a href={to('workers', worker)} tabIndex={-1} title={plain(worker)}>
          <bdi>{plain(name ?? worker, 80)}</bdi>
        </a>
        {name !== null && (
          <span class="muted mono">
            <bdi>{plain(worker, 80)}</bdi>
          </span>
        )}
      </>
    ),
  },
  {
    title: 'Why',
    name: 'col-why',
    cell: (row) => (
      <>
        {row.cluster !== null && <ClusterTag clusterKey={row.cluster} people={peopleIn(row.cluster)} />}
        <bdi title={plain(row.reason, 600)}>{plain(row.reason, REASON_MAX)}</bdi>
      </>
    ),
  },
  {
    title: 'Case',
    name: 'col-case',
    cell: ({ case: state, waiting }) => (
      <>
        {state === 'none' ? <span class="muted">–</span> : <CaseMark state={state} />}
        {waiting !== null && (
          <span class="waits muted" title={plain(waiting, 200)}>
            waits<span class="waits-long"> undecided</span>
          </span>
        )}
      </>
    ),
  },
  { title: 'Last finding', name: 'col-finding', cell: ({ lastFinding }) => <TimeOrNever ms={lastFinding} /> },
  {
    title: 'Last seen',
    name: 'col-seen',
    cell: ({ lastSeen, online }) => <LastSeen ms={lastSeen} online={online > 0} />,
  },
  {
    title: 'Laptops',
    name: 'col-laptops',
    cell: ({ laptops, online }) =>
      laptops === 0 ? (
        <span class="muted">none</span>
      ) : (
        <span class={online > 0 ? 'online' : 'offline'}>
          <i aria-hidden="true" />
          {online} of {laptops} online
        </span>
      ),
  },
  { title: 'Coverage', name: 'col-coverage', cell: ({ coverage }) => <CoverageMeter share={coverage} /> },
]

/** The first laptops: reloaded often while there are few, so that the first events are seen to arrive. */
function useFirstLaptops(): LaptopPage | null {
  return useLive<LaptopPage>('/laptops', {
    concerns: (it) => it.laptops,
    everyMs: ({ next }) => (next === null ? FIRST_EVENTS_EVERY_MS : null),
  }).data
}
const FIRST_EVENTS_EVERY_MS = 5_000

function NobodyYet() {
  const page = useFirstLaptops()
  const hasLaptops = page !== null && page.total > 0
  return (
    <div class="empty">
      <h1>{hasLaptops ? 'No worker yet' : 'Nothing to watch yet'}</h1>
      <p>
        {hasLaptops
          ? 'Laptops are enrolled, but no worker is known to hold one. Import your roster, or enroll a laptop for a worker.'
          : 'Tellwire assesses workers by what their laptops report. Enroll a first laptop to begin.'}
      </p>
      <Progress page={page} />
      <ol class="steps">
        <li>
          Create a token: <EnrollButton />
        </li>
        <li>Run the command shown with it on the laptop. It appears here within seconds.</li>
        <li>
          Import what was agreed with each worker: <code>npx tellwire roster import roster.csv</code>
        </li>
      </ol>
    </div>
  )
}

/** Until there is a first finding, these numbers show that events arrive. */
function FirstEvents() {
  return <Progress page={useFirstLaptops()} />
}

function Progress({ page }: { page: LaptopPage | null }) {
  // In a large fleet the first page is not representative, and events visibly arrive anyway.
  if (!page || page.total === 0 || page.next !== null) return null
  const { total, online, laptops } = page
  const events = laptops.reduce((sum, laptop) => sum + laptop.events, 0)
  return (
    <p class="progress" role="status">
      <i aria-hidden="true" />
      {online < total && `${online} of `}
      {total} {total === 1 ? 'laptop' : 'laptops'} connected, {events.toLocaleString()}{' '}
      {events === 1 ? 'event' : 'events'} so far; no findings yet.
    </p>
  )
}
