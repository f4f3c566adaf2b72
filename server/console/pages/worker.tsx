/** One worker: contract, score with its reasons, findings and what could not be seen. */

import { pointsOf, signed } from '../../model/points.ts'
import { isOpen } from '../../model/urgency.ts'
import type { NextCase, WorkerPage } from '../../views/schema.ts'
import { zoneOf } from '../clock.ts'
import { useKeys } from '../keys.ts'
import { listed, nextOpen, openCase } from '../listing.ts'
import { useLive } from '../live.ts'
import { Activity } from '../parts/activity.tsx'
import { BandChip } from '../parts/band.tsx'
import { ClusterNote } from '../parts/cluster.tsx'
import { ContractFacts } from '../parts/contract.tsx'
import { Decide } from '../parts/decide.tsx'
import { EvidencePack } from '../parts/evidence.tsx'
import { Failure } from '../parts/failure.tsx'
import { LaptopCard } from '../parts/laptop.tsx'
import { Loading } from '../parts/loading.tsx'
import { Observed } from '../parts/observed.tsx'
import { Score } from '../parts/score.tsx'
import { Sources } from '../parts/sources.tsx'
import { Starts } from '../parts/starts.tsx'
import { plain, Text } from '../parts/text.tsx'
import { WorkersZone } from '../parts/time.tsx'
import { Timeline } from '../parts/timeline.tsx'
import { WouldNotSee } from '../parts/unseen.tsx'
import { isHeld, useQueue } from '../queue.ts'
import { go, to } from '../route.ts'
import './worker.css'

/** Events that change no score send no notice, so a page with a laptop online is reloaded once a minute. */
const AT_WORK_MS = 60_000

export function Worker({ rest }: { rest: readonly string[] }) {
  const id = rest[0] ?? ''
  const { data, failure } = useLive<WorkerPage>(`/workers/${encodeURIComponent(id.toWellFormed())}`, {
    concerns: ({ workers, clusters }, page) =>
      workers === null || workers.includes(id) || (clusters && Boolean(page?.cluster)),
    everyMs: ({ laptops }) => (laptops.some((it) => it.online) ? AT_WORK_MS : null),
  })
  useKeys({ Escape: () => go('') })

  if (failure && failure.status === 404)
    return (
      <p class="notice">
        No worker has this id. <a href={to('')}>To the list of workers</a>
      </p>
    )
  if (!data) return failure ? <Failure failure={failure} /> : <Loading>Loading…</Loading>
  const { assessment, contract, findings } = data
  const name = typeof contract?.name === 'string' ? contract.name : null
  return (
    <WorkersZone.Provider value={zoneOf(contract?.timeZone)}>
      {failure && <Failure failure={failure} />}
      <div class="page-nav">
        <a class="back" href={to('')}>
          ← Workers
        </a>
        {isHeld.value ? <NextInList worker={data.worker} /> : <NextInQueue worker={data.worker} />}
      </div>
      <header class="verdict">
        <div>
          <h1>
            <Text value={name ?? data.worker} max={80} />
          </h1>
          {name !== null && (
            <span class="muted mono">
              <Text value={data.worker} max={80} />
            </span>
          )}
        </div>
        <BandChip band={assessment.band} large />
        <p class="points">
          <strong class="number">{pointsOf(assessment)}</strong> points
        </p>
        <Starts of={data.laptops.map((it) => it.starts)} />
        <p class="reason">
          <Text value={assessment.reason} />
        </p>
      </header>
      {data.cluster && <ClusterNote worker={data.worker} cluster={data.cluster} />}
      <Decide key={data.worker} worker={data.worker} state={data.case} />
      <div class="columns">
        <div class="column-wide">
          <section class="panel" aria-labelledby="score-title">
            <div class="panel-head">
              <h2 id="score-title">
                {assessment.band === 'none' ? 'Why no points' : `Why ${signed(assessment.points)}`}
              </h2>
              {assessment.band !== 'none' && (
                <span class="muted">Ten points are ten times likelier. All parts are whole numbers and add up.</span>
              )}
            </div>
            <Score worker={data.worker} assessment={assessment} findings={findings} />
          </section>
          <Observed rows={data.observed} />
          <WouldNotSee unseen={data.unseen} findings={findings} laptops={data.laptops.length} />
          <Activity hours={data.activity} />
          <Timeline entries={data.timeline} shown={new Set(findings.map((it) => it.id))} showFinding={showFinding} />
        </div>
        <div class="column-side">
          <ContractFacts contract={contract} />
          <Sources sources={data.sources} />
          <section class="panel" aria-labelledby="laptops-title">
            <h2 id="laptops-title">Laptops</h2>
            {data.laptops.length === 0 && <p class="muted">No laptop is known to be with this worker.</p>}
            {data.laptops.map((laptop) => (
              <LaptopCard key={laptop.device} laptop={laptop} />
            ))}
          </section>
          <EvidencePack worker={data.worker} />
        </div>
      </div>
    </WorkersZone.Provider>
  )
}

/** After the list was shown: its filters hold here too. */
function NextInList({ worker }: { worker: string }) {
  const rows = useQueue().rows ?? []
  const open = listed(rows).filter((it) => isOpen(it) && it.worker !== worker).length
  return <NextButton next={nextOpen(rows, worker)} open={open} />
}

/** On a page that was opened directly: one small answer instead of the whole queue. */
function NextInQueue({ worker }: { worker: string }) {
  const path = `/workers/${encodeURIComponent(worker.toWellFormed())}/next-case`
  const { data } = useLive<NextCase>(path, { concerns: () => true })
  return data && <NextButton {...data} />
}

/** The way on, whatever became of this case. `open` counts the cases of others. */
function NextButton({ next, open }: NextCase) {
  useKeys({ n: () => next && openCase(next.worker) })
  if (!next) return <span class="muted">No other open case in the list.</span>
  return (
    <button type="button" class="next-case" onClick={() => openCase(next.worker)}>
      Next open case <kbd>n</kbd>{' '}
      <span class="muted">
        <bdi>{plain(next.name ?? next.worker, 40)}</bdi>, {open.toLocaleString()} open
      </span>
    </button>
  )
}

/** Opens a finding and everything around it, and scrolls to it. */
function showFinding(id: string): void {
  const target = document.getElementById(`finding-${id}`)
  for (let element = target; element; element = element.parentElement) {
    if (element instanceof HTMLDetailsElement) element.open = true
    if (element.hidden) document.querySelector<HTMLElement>(`[aria-controls="${element.id}"]`)?.click()
  }
  // What was hidden is drawn before the next frame.
  requestAnimationFrame(() => {
    target?.scrollIntoView({ block: 'start' })
    target?.querySelector('summary')?.focus({ preventScroll: true })
  })
}
