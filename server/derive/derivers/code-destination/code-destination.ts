/**
 * Where code was sent to, and whether that is the company's: no agent and few code hosts can say (#71).
 *
 * Shape   one `code_destination` per worker, UTC day, act, host with namespace, and who saw it, unless it is ours or a
 *         well-known public project. Ours is what the configuration lists, and what many use: a namespace from which three workers
 *         and a tenth of all who use code hosts take code; or a whole host, unless anybody can have a namespace there.
 *         `Inside` false: not ours, while it is known what is; null: it is not known what is ours. A code host's own
 *         word (`InsideOrganisation`) goes first, and is not repeated.
 * Silent  local folders; clones; bundles.
 * Memory  per worker and day at most 16 destinations, for 24 days; per namespace or host the alphabetically first 64
 *         workers, at most `MAX_NAMESPACES` of them.
 */
import * as z from 'zod'
import { DAY } from '../../../../wire/time.ts'
import { type Draft, deriverKind, type Emit, LATENESS_MS, type Seen } from '../../deriver.ts'
import { buckets } from '../../kit/buckets.ts'
import { Names, Subjects } from '../../kit/kept.ts'
import { type Statement, statements } from '../../kit/statements.ts'
import { isPublicProject, OPEN_HOSTS } from './public-projects.ts'

const WINDOW_DAYS = 14
const MAX_NAMESPACES = 20_000
const WORKERS_KEPT = 64

const thresholds = z.strictObject({
  /** Hosts ('git.acme.example') and namespaces ('github.com/acme') that are the company's. */
  ours: z.array(z.string().min(1).max(512)).max(1_000).default([]),
  /** Workers who take code from a namespace, from which it counts as the company's. */
  learntFrom: z.int().min(2).max(WORKERS_KEPT).default(3),
  /** And their share of all workers who use code hosts. */
  learntShare: z.number().min(0).max(1).default(0.1),
})

type Action = Extract<Draft, { category: 'code_destination' }>['Action']
type SeenBy = NonNullable<Extract<Draft, { category: 'code_destination' }>['SeenBy']>
interface Sent {
  action: Action
  host: string
  namespace: string | null
  /** What the laptop and the code host both saw is not counted twice. */
  seenBy: SeenBy
}

export const codeDestination = deriverKind('code_destination', thresholds, (limits, world) => {
  const configured = new Set(limits.ours.map((it) => it.toLowerCase().replace(/\/+$/, '')))
  const sent = buckets({
    keepMs: LATENESS_MS + (WINDOW_DAYS + 2) * DAY,
    bucketMs: DAY,
    width: 2,
    // Every record is added once, so that acts can be counted.
    merge: ([a, n], [b, m]) => [Math.min(a!, b!), n! + m!],
  })
  /** By 'host/namespace', and by 'host/': who takes code from there. Of an audit log, which names no host: '/namespace'. */
  const users = new Subjects<string[]>()
  const coders = new Names()
  const reported = statements()
  const stale = new Names()
  /** What is ours may have changed. Not saved: after a restart everybody is judged once more. */
  let isChanged = true

  return {
    reads: ['repository', 'repo_audit'],
    take(seen) {
      const { worker, conflict } = seen
      if (worker === null || conflict) return
      for (const it of takenFrom(seen)) addUser(it, worker)
      const destination = sentTo(seen)
      if (!destination || isPublicProject(destination.host, destination.namespace)) return
      const { action, host, namespace, seenBy } = destination
      const time = Math.min(seen.time, seen.receivedAt)
      if (sent.add(worker, time, JSON.stringify([action, host, namespace, seenBy]), [time, 1])) stale.add(worker)
    },
    changed({ worker, device }) {
      // Of approvals of the company or a role, everybody is judged again.
      if (worker !== null) stale.add(worker)
      else if (device === null) for (const it of sent.subjects()) stale.add(it)
    },
    advance(_, emit) {
      if (isChanged) for (const worker of sent.subjects()) stale.add(worker)
      isChanged = false
      for (const worker of stale) judge(worker, emit)
      stale.clear()
    },
    kept: { sent: sent.kept, users, coders, reported: reported.kept, stale },
  }

  function addUser(place: string, worker: string): void {
    if (!coders.has(worker)) {
      coders.add(worker)
      isChanged = true
    }
    const known = users.get(place) ?? []
    if (known.includes(worker) || (known.length === 0 && users.size >= MAX_NAMESPACES)) return
    users.set(place, [...known, worker].sort().slice(0, WORKERS_KEPT))
    isChanged = true
  }

  function judge(worker: string, emit: Emit): void {
    const firstDay = Math.floor((sent.reached(worker) - LATENESS_MS) / DAY)
    const all = sent.of(worker)
    const found: Statement[] = []
    for (const { bucket: day, key, values } of all) {
      if (day < firstDay) continue
      const [action, host, namespace, seenBy] = JSON.parse(key) as [Action, string, string | null, SeenBy]
      const inside = isApproved(worker, values[0]!, host, namespace) || isOurs(host, namespace)
      if (inside === true) continue
      const same = all.filter((it) => it.key === key && it.bucket <= day && it.bucket > day - WINDOW_DAYS)
      found.push({
        about: { device: null, worker, time: values[0]! },
        key,
        draft: {
          category: 'code_destination',
          Action: action,
          Host: host,
          Namespace: namespace,
          Inside: inside,
          Count: values[1]!,
          CountInWindow: same.reduce((sum, it) => sum + it.values[1]!, 0),
          Days: same.length,
          SeenBy: seenBy,
        },
      })
    }
    reported.revise(worker, firstDay * DAY, found, emit)
  }

  function isApproved(worker: string, time: number, host: string, namespace: string | null): boolean {
    const entries = world.contractAt(worker, time)?.approvedRepositories
    return (
      entries?.some((it) => {
        const ours = it.namespace?.toLowerCase() ?? null
        return it.host.toLowerCase() === host && (ours === null || ours === namespace)
      }) ?? false
    )
  }

  /** Null: nobody knows what is ours. */
  function isOurs(host: string, namespace: string | null): boolean | null {
    if (configured.has(host) || (namespace !== null && configured.has(`${host}/${namespace}`))) return true
    if (!OPEN_HOSTS.has(host) && isLearnt(`${host}/`)) return true
    if (namespace !== null && (isLearnt(`${host}/${namespace}`) || isLearnt(`/${namespace}`))) return true
    return configured.size > 0 || isAnythingLearnt() ? false : null
  }

  function isLearnt(place: string): boolean {
    const count = users.get(place)?.length ?? 0
    return count >= limits.learntFrom && count >= Math.min(WORKERS_KEPT, limits.learntShare * coders.size)
  }

  function isAnythingLearnt(): boolean {
    for (const place of users.keys()) if (isLearnt(place) && !OPEN_HOSTS.has(place.slice(0, -1))) return true
    return false
  }
})

/** The places that the event shows as used for work: where code was taken from. */
function takenFrom({ event }: Seen): string[] {
  if (event?.category === 'repository' && event.Action === 'clone' && event.Host !== null) {
    const host = event.Host.toLowerCase()
    if (isPublicProject(host, event.Namespace?.toLowerCase() ?? null)) return []
    return event.Namespace === null ? [`${host}/`] : [`${host}/`, `${host}/${event.Namespace.toLowerCase()}`]
  }
  if (event?.category !== 'repo_audit' || !TAKEN.has(event.Action)) return []
  const [namespace, repository] = event.Repository?.toLowerCase().split('/') ?? []
  return namespace && repository ? [`/${namespace}`] : []
}

const TAKEN: ReadonlySet<string> = new Set(['clone', 'fetch', 'download'])
const SENT: ReadonlySet<string> = new Set(['push', 'force_push', 'fork', 'transfer'])

function sentTo({ event }: Seen): Sent | null {
  if (event?.category === 'repository') {
    const { Action: action, Host, Namespace } = event
    if (Host === null || action === 'clone' || action === 'bundle') return null
    return { action, host: Host.toLowerCase(), namespace: Namespace?.toLowerCase() ?? null, seenBy: 'laptop' }
  }
  if (event?.category !== 'repo_audit' || !SENT.has(event.Action) || event.InsideOrganisation !== null) return null
  const [host, namespace = null] = event.Destination?.toLowerCase().split('/') ?? []
  if (!host?.includes('.')) return null
  const action = event.Action === 'force_push' ? 'push' : (event.Action as Action)
  return { action, host, namespace, seenBy: 'code_host' }
}
