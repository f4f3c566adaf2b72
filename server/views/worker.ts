/**
 * One worker's page: contract, score with reasons, findings, and what could not be seen.
 *
 * Shape   read row by row, from one evaluation: of other people, only the referrer's band.
 */
import type { Contract } from '../../wire/contract.ts'
import { explained, type ScoreContext } from '../assess/score.ts'
import { caseOf, kindsOf } from '../cases/case.ts'
import type { Cluster, Explained } from '../model/assessment.ts'
import type { Verdict } from '../model/case.ts'
import type { Enrolled } from '../model/device.ts'
import type { Finding } from '../model/finding.ts'
import { COLLEAGUES_PART } from '../model/rarity.ts'
import { FEED_SOURCES, type SeenSources, SOURCES_PART, type WorkerSource } from '../model/sources.ts'
import { activity } from './activity.ts'
import { findingViews } from './findings.ts'
import { laptopsOf } from './laptops.ts'
import { observed } from './observed.ts'
import { fromOne, type Judged, type Reader } from './reader.ts'
import type { FindingView, WorkerPage } from './schema.ts'
import { timeline } from './timeline.ts'
import { unjudged } from './unjudged.ts'
import { unseen } from './unseen.ts'

/** Enough to see what a rule found; the page stays light with hundreds of findings. */
const FINDINGS_A_RULE = 5
const EVENTS_A_FINDING = 3

/** In any letter case, or by another account of theirs. Null: no such worker. */
export function workerPage(reader: Reader, worker: string): Promise<WorkerPage | null> {
  return fromOne(reader, (judged) => page(reader, reader.directory.named(worker), judged))
}

/** All findings about a worker, newest first, as on the page. Null: no such worker. */
export function workerFindings(reader: Reader, name: string): Promise<FindingView[] | null> {
  const worker = reader.directory.named(name)
  return fromOne(reader, async (judged) => {
    if (!(await isKnown(reader, worker, judged))) return null
    const findings = judged ? await reader.store.evaluations.findingsOf(judged.id, worker) : []
    return (await findingViews(reader, findings, judged)).reverse()
  })
}

/** Whether the worker is known from a contract, a laptop or a finding. */
export async function isKnown(reader: Reader, worker: string, judged: Judged | null): Promise<boolean> {
  const { directory, store } = reader
  if (directory.versions(worker).length > 0 || directory.devicesOf(worker).length > 0) return true
  return judged !== null && (await store.evaluations.standing(judged.id, worker)) !== null
}

async function page(reader: Reader, worker: string, judged: Judged | null): Promise<WorkerPage | null> {
  if (!(await isKnown(reader, worker, judged))) return null
  const { directory, store } = reader
  const now = reader.now()
  const [findings, [verdict = null], enrolled] = await Promise.all([
    judged ? store.evaluations.findingsOf(judged.id, worker) : [],
    store.cases.verdictsOf(worker),
    laptopsHeldBy(reader, worker),
  ])
  const devices = enrolled.map((it) => it.device)
  const [assessment, cluster, known, shown, hours, entries, feeds] = await Promise.all([
    assessmentOf(reader, worker, findings, judged, verdict),
    clusterOf(reader, worker, judged),
    laptopsOf(reader, judged, enrolled),
    findingViews(reader, newestOfEach(findings), judged),
    activity(reader, devices),
    timeline(reader, devices, findings),
    feedsSeen(reader, worker, judged),
  ])
  const laptops = known.map((it) => it.laptop)
  return {
    worker,
    contract: shownContract(directory.versions(worker), now),
    assessment,
    case: caseOf(verdict, assessment.band, kindsOf(findings)),
    cluster,
    findings: shown.reverse().map((it) => ({ ...it, events: it.events.slice(0, EVENTS_A_FINDING) })),
    findingsTotal: findings.length,
    laptops,
    sources: sourcesOf(laptops, feeds),
    observed: observed({
      ...{ worker, findings, now, contract: directory.contractAt(worker, now) },
      laptops: known.map(({ laptop: { device, coverage }, sightings }) => ({ device, coverage, sightings })),
    }),
    unseen: unseen(laptops),
    activity: hours,
    timeline: entries,
  }
}

/** In the order of `findings`, which is by time. */
function newestOfEach(findings: readonly Finding[]): Finding[] {
  const left = new Map<string, number>()
  return findings
    .toReversed()
    .filter(({ rule }) => {
      const room = left.get(rule) ?? FINDINGS_A_RULE
      left.set(rule, room - 1)
      return room > 0
    })
    .reverse()
}

/** As it was written, so that the reader sees what lapsed and when. */
function shownContract(versions: readonly Contract[], now: number): Contract | null {
  return versions.findLast((it) => it.from <= now) ?? versions.at(-1) ?? null
}

/** Enrolled laptops that the worker holds now; or the laptop itself, if `worker` is a laptop without a holder. */
async function laptopsHeldBy({ directory, store, now }: Reader, worker: string): Promise<Enrolled[]> {
  const held = directory.devicesOf(worker).filter((it) => directory.holderAt(it, now()) === worker)
  const own = directory.holderAt(worker, now()) === null ? [worker] : []
  const found = await Promise.all([...held, ...own].map((it) => store.devices.get(it)))
  return found.filter((it) => it !== null)
}

/** What the worker is judged by, from the command line and on the page. */
export async function workerSources(
  reader: Reader,
  worker: string,
  judged: Judged | null,
): Promise<WorkerPage['sources']> {
  const enrolled = await laptopsHeldBy(reader, worker)
  const [known, feeds] = await Promise.all([laptopsOf(reader, judged, enrolled), feedsSeen(reader, worker, judged)])
  return sourcesOf(
    known.map((it) => it.laptop),
    feeds,
  )
}

function sourcesOf(laptops: WorkerPage['laptops'], feeds: SeenSources): WorkerSource[] {
  const heard = laptops.flatMap((it) => it.lastSeen ?? [])
  return [
    { source: 'laptop', lastSeen: heard.length > 0 ? Math.max(...heard) : null },
    ...FEED_SOURCES.map((source) => ({ source, lastSeen: feeds[source] ?? null })),
  ]
}

/** When each other system last said something about the worker. */
async function feedsSeen({ store }: Reader, worker: string, judged: Judged | null): Promise<SeenSources> {
  const state = judged && (await store.evaluations.keptOf(judged.id, SOURCES_PART, worker))
  return state === null ? {} : (JSON.parse(state) as SeenSources)
}

/** The score with what each part is worth. `findings` are those of `worker`. */
export async function assessmentOf(
  reader: Reader,
  worker: string,
  findings: readonly Finding[],
  judged: Judged | null,
  verdict: Verdict | null,
): Promise<Explained> {
  if (!judged || findings.length === 0) return { ...unjudged(worker, judged?.id ?? null), withoutSensor: {} }
  return explained(worker, findings, judged.time, await contextOf(reader, worker, judged, verdict))
}

/** What a worker's score depends on, besides the findings. */
export async function contextOf(
  reader: Reader,
  worker: string,
  judged: Judged,
  verdict: Verdict | null,
): Promise<ScoreContext> {
  const contract = reader.directory.contractAt(worker, judged.time)
  const [referrer, rarity] = await Promise.all([referrerOf(reader, contract, judged), rarityOf(reader, judged)])
  return { contract, referrer, rarity, decidedAt: verdict?.at ?? null }
}

/** As recorded last. Null: nobody has been counted. */
async function rarityOf({ store }: Reader, judged: Judged): Promise<ScoreContext['rarity']> {
  const state = await store.evaluations.keptOf(judged.id, COLLEAGUES_PART, '')
  return state === null ? null : (JSON.parse(state) as { record: ScoreContext['rarity'] }).record
}

async function referrerOf(
  reader: Reader,
  contract: Contract | null,
  judged: Judged,
): Promise<ScoreContext['referrer']> {
  const by = contract?.referredBy
  if (!by || by === contract.worker) return null
  const standing = await reader.store.evaluations.standing(judged.id, by)
  return { worker: by, band: standing?.assessment.band ?? 'none' }
}

async function clusterOf(reader: Reader, worker: string, judged: Judged | null): Promise<Cluster | null> {
  if (!judged) return null
  const clusters = await reader.store.evaluations.clusters(judged.id)
  return clusters.find((it) => it.workers.includes(worker)) ?? null
}
