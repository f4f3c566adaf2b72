/** The list: people, not alerts; worst first, one line of why. */
import { signal, useComputed, useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import type { ClusterView, Laptop, WorkerRow } from '../../api/schema.ts'
import type { Band } from '../../model/assessment.ts'
import { useKeys } from '../keys.ts'
import { useLive } from '../live.ts'
import { BAND_WORDS, BandChip, BandIcon } from '../parts/band.tsx'
import { ClusterTag } from '../parts/cluster.tsx'
import { CaseMark } from '../parts/decide.tsx'
import { EnrolButton } from '../parts/enrol.tsx'
import { Failure } from '../parts/failure.tsx'
import { type Column, Grid, type GridPlace } from '../parts/grid.tsx'
import { CoverageMeter } from '../parts/meter.tsx'
import { plain } from '../parts/text.tsx'
import { TimeOrNever } from '../parts/time.tsx'
import { go, to } from '../route.ts'

const BANDS: readonly Band[] = ['critical', 'high', 'medium', 'low', 'none']

/** Kept while the page lives, so that the way back from a worker leads to the same list. */
const search = signal('')
const bands = signal<ReadonlySet<Band>>(new Set())
const onlyOpen = signal(false)
/** People by cluster: rows carry the key only. */
const sizes = signal<ReadonlyMap<string, number>>(new Map())
const place = signal<GridPlace>({ active: null, top: 0 })

export function Workers() {
  const { data, failure } = useLive<WorkerRow[]>('/workers')
  const field = useRef<HTMLInputElement>(null)
  const rows = useSignal<readonly WorkerRow[]>([])
  rows.value = data ?? []
  const counts = useComputed(() => {
    const found: Record<Band, number> = { none: 0, low: 0, medium: 0, high: 0, critical: 0 }
    for (const { band } of rows.value) found[band]++
    return found
  })
  const open = useComputed(() => rows.value.filter(isOpen).length)
  const shown = useComputed(() => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean)
    return rows.value.filter(
      (row) =>
        (bands.value.size === 0 || bands.value.has(row.band)) &&
        (!onlyOpen.value || isOpen(row)) &&
        words.every((word) => `${row.worker} ${row.name ?? ''} ${row.reason}`.toLowerCase().includes(word)),
    )
  })
  useKeys({
    '/': () => field.current?.select(),
    Escape: everybody,
  })

  if (!data) return failure ? <Failure failure={failure} /> : <p class="loading">Loading workers…</p>
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
      {data.every(({ points }) => points === 0) && <FirstEvents />}
      {data.some(({ cluster }) => cluster !== null) && <ClusterSizes />}
      <p class="sr-only" aria-live="polite">
        {shown.value.length.toLocaleString()} workers shown; {counts.value.critical} critical, {counts.value.high} high.
      </p>
      {shown.value.length === 0 ? (
        <p class="notice">
          Nobody fits.{' '}
          <button type="button" class="link" onClick={everybody}>
            Show everybody
          </button>
        </p>
      ) : (
        <Grid
          rows={shown.value}
          columns={COLUMNS}
          keyOf={keyOf}
          open={openRow}
          label="Workers, worst first"
          place={place}
        />
      )}
    </div>
  )
}

function everybody(): void {
  search.value = ''
  bands.value = new Set()
  onlyOpen.value = false
}

function isOpen(row: WorkerRow): boolean {
  return row.case === 'open' || row.case === 'reopened'
}

function toggle(band: Band): void {
  const chosen = new Set(bands.value)
  if (!chosen.delete(band)) chosen.add(band)
  bands.value = chosen
}

const keyOf = (row: WorkerRow) => row.worker
const openRow = (row: WorkerRow) => go('workers', row.worker)

const COLUMNS: readonly Column<WorkerRow>[] = [
  { title: 'Band', name: 'col-band', cell: ({ band }) => <BandChip band={band} /> },
  { title: 'Points', name: 'col-points number', cell: ({ points }) => points },
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
    cell: ({ reason, cluster }) => (
      <>
        {cluster !== null && <ClusterTag clusterKey={cluster} people={sizes.value.get(cluster) ?? null} />}
        <bdi title={plain(reason, 600)}>{plain(reason)}</bdi>
      </>
    ),
  },
  {
    title: 'Case',
    name: 'col-case',
    cell: ({ case: state }) => (state === 'none' ? <span class="muted">–</span> : <CaseMark state={state} short />),
  },
  { title: 'Last finding', name: 'col-finding', cell: ({ lastFinding }) => <TimeOrNever ms={lastFinding} /> },
  { title: 'Last seen', name: 'col-seen', cell: ({ lastSeen }) => <TimeOrNever ms={lastSeen} /> },
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

/** Asked for once the list stands: the first row does not wait for it. */
function ClusterSizes() {
  const { data } = useLive<ClusterView[]>('/clusters')
  useEffect(() => {
    if (data) sizes.value = new Map(data.map((it) => [it.key, it.workers.length]))
  }, [data])
  return null
}

function NobodyYet() {
  const laptops = useLive<Laptop[]>('/laptops').data
  return (
    <div class="empty">
      <h1>{laptops && laptops.length > 0 ? 'No worker to judge yet' : 'Nothing to watch yet'}</h1>
      <p>
        {laptops && laptops.length > 0
          ? 'Laptops are enrolled, but no worker is known to hold one. Import your roster, or enrol a laptop for a worker.'
          : 'Tellwire judges workers by what their laptops report. Enrol a first laptop to begin.'}
      </p>
      <Progress laptops={laptops} />
      <ol class="steps">
        <li>
          Make a token: <EnrolButton />
        </li>
        <li>Run the command that you are shown on the laptop. It appears here within seconds.</li>
        <li>
          Tell Tellwire what was agreed with each worker: <code>npx tellwire roster import roster.csv</code>
        </li>
      </ol>
    </div>
  )
}

/** Until there is something to judge, the numbers show that something is happening. */
function FirstEvents() {
  return <Progress laptops={useLive<Laptop[]>('/laptops').data} />
}

function Progress({ laptops }: { laptops: readonly Laptop[] | null }) {
  if (!laptops || laptops.length === 0) return null
  const online = laptops.filter((laptop) => laptop.online).length
  const events = laptops.reduce((sum, laptop) => sum + laptop.events, 0)
  return (
    <p class="progress" role="status">
      <i aria-hidden="true" />
      {online < laptops.length && `${online} of `}
      {laptops.length} {laptops.length === 1 ? 'laptop' : 'laptops'} connected, {events.toLocaleString()}{' '}
      {events === 1 ? 'event' : 'events'} so far; nothing speaks against anybody yet.
    </p>
  )
}
