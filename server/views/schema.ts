/** What the views answer, built on the words of `server/model`: what people read. */
import * as z from 'zod'
import { Assessment, Band, Cluster } from '../model/assessment.ts'
import { CaseView } from '../model/case.ts'
import { Coverage, Gap } from '../model/coverage.ts'
import { RuleFacts } from '../model/rule.ts'

/** A cluster with what people need to know of everybody in it, worst first. */
export const ClusterView = Cluster.extend({
  people: z.array(
    z.object({
      worker: z.string(),
      name: z.string().nullable(),
      band: Band,
      points: z.int(),
      /** By the contract; null: not known. */
      place: z.string().nullable(),
      case: CaseView.shape.state,
    }),
  ),
})
export type ClusterView = z.infer<typeof ClusterView>

/** A finding with the facts of its rule. */
export const FindingView = z.object({
  id: z.string(),
  rule: z.string(),
  title: z.string(),
  level: z.string().nullable(),
  family: z.string(),
  strength: z.int(),
  device: z.string().nullable(),
  time: z.int(),
  lastTime: z.int(),
  count: z.int(),
  says: z.string(),
  ...RuleFacts.shape,
  /** The events as rules saw them: flat, hostile text inside. */
  events: z.array(z.record(z.string(), z.unknown())),
})
export type FindingView = z.infer<typeof FindingView>

const laptop = {
  device: z.string(),
  /** Who holds it now; null: nobody is known to. */
  worker: z.string().nullable(),
  platform: z.string(),
  /** Of the agent. */
  version: z.string(),
  online: z.boolean(),
  enrolledAt: z.int(),
  revokedAt: z.int().nullable(),
  /** When the server last received anything from it; null: never. */
  lastSeen: z.int().nullable(),
  place: z.string().nullable(),
  events: z.int(),
  /** Numbers that never came, besides those the agent itself reported as dropped. */
  missing: z.int(),
  rejected: z.int(),
  /** Categories that the policy wants, how many of those are seen, and how many partly or not at all. */
  visible: z.object({ wanted: z.int(), seen: z.int(), impaired: z.int() }),
}

/** A laptop in the list. */
export const LaptopRow = z.object({
  ...laptop,
  /** How many kinds of gaps its agent reported. */
  gaps: z.int(),
})
export type LaptopRow = z.infer<typeof LaptopRow>

export const LaptopPage = z.object({
  /** In order of the id. */
  laptops: z.array(LaptopRow),
  /** Ask on with `after=` this; null: that was all. */
  next: z.string().nullable(),
  /** Of all laptops, not of this page. */
  total: z.int(),
  online: z.int(),
})
export type LaptopPage = z.infer<typeof LaptopPage>

/** A laptop with all that is known of it. */
export const Laptop = z.object({
  ...laptop,
  lastAddress: z.string().nullable(),
  /** As its last summary said; null before the first. */
  spoolBytes: z.int().nullable(),
  residentBytes: z.int().nullable(),
  clockSkewMs: z.int().nullable(),
  gaps: z.array(Gap),
  coverage: z.array(Coverage),
})
export type Laptop = z.infer<typeof Laptop>

export const WorkerRow = z.object({
  worker: z.string(),
  name: z.string().nullable(),
  band: Band,
  points: z.int(),
  reason: z.string(),
  case: CaseView.shape.state,
  /** Key of the cluster the worker is in; null: none. */
  cluster: z.string().nullable(),
  /** Exact to ten minutes while nothing else changes. */
  lastFinding: z.int().nullable(),
  /** Exact to the hour while a laptop is online. */
  lastSeen: z.int().nullable(),
  laptops: z.int(),
  online: z.int(),
  /** Share of the wanted categories that its laptops' agents can see, 0-1; null when nothing was heard. */
  coverage: z.number().nullable(),
})
export type WorkerRow = z.infer<typeof WorkerRow>

export const QueuePage = z.object({
  /** Ask on with `since=` this. */
  revision: z.int(),
  /** True: these are the first of all rows, in the order of the queue; forget what you had. */
  reset: z.boolean(),
  /** Rows that changed after `since`, oldest change first. */
  rows: z.array(WorkerRow),
  /** Workers whose rows are no more. */
  gone: z.array(z.string()),
  /** True: ask again at once, with the `revision` of this answer. */
  more: z.boolean(),
})
export type QueuePage = z.infer<typeof QueuePage>

/** What the live stream sends: who may read differently now. */
export const Notice = z.object({
  /** Of the queue. */
  revision: z.int(),
  /** Workers, and laptops that nobody holds; null: too many to name. */
  workers: z.array(z.string()).nullable(),
  /** Whether a cluster, or somebody in one, changed. */
  clusters: z.boolean(),
  /** Whether a laptop connected, left, enrolled or changed hands. */
  laptops: z.boolean(),
})
export type Notice = z.infer<typeof Notice>

const Agreement = z.enum(['agrees', 'differs', 'unknown'])
/** One line of the contract beside what was seen of it. */
export const Compared = z.object({
  what: z.enum(['country', 'region', 'time_zone', 'network', 'remote_tools', 'hardware']),
  state: Agreement,
  agreed: z.array(z.string()),
  /** What to say where nothing was agreed. */
  agreedSays: z.string().nullable(),
  seen: z.array(
    z.object({
      text: z.string(),
      state: Agreement,
      device: z.string().nullable(),
      time: z.int(),
      why: z.string().nullable(),
    }),
  ),
  /** What to say where nothing was seen. */
  unseen: z.string().nullable(),
})
export type Compared = z.infer<typeof Compared>

/** Of one family of signals: what would not be noticed, because a laptop cannot tell of it. */
export const Unseen = z.object({
  family: z.string(),
  missed: z.array(
    z.object({
      category: z.string(),
      /** What rules would miss, in words. */
      words: z.string(),
      state: Coverage.shape.state,
      detail: z.string().nullable(),
      /** On which laptops; empty: the worker has none. */
      devices: z.array(z.string()),
    }),
  ),
})
export type Unseen = z.infer<typeof Unseen>

export const TimelineEntry = z.object({
  time: z.int(),
  device: z.string().nullable(),
  category: z.string(),
  /** One line in words, hostile text inside. */
  text: z.string(),
  finding: z.string().nullable(),
})
export type TimelineEntry = z.infer<typeof TimelineEntry>

export const WorkerPage = z.object({
  worker: z.string(),
  /** Null: no contract is known, and the page says so. */
  contract: z.record(z.string(), z.unknown()).nullable(),
  assessment: Assessment,
  case: CaseView,
  /** With whom the worker shares what unrelated people do not; null: with nobody. */
  cluster: Cluster.nullable(),
  findings: z.array(FindingView),
  laptops: z.array(Laptop),
  observed: z.array(Compared),
  unseen: z.array(Unseen),
  /** Events per hour, newest 7 days: the picture; its table twin is made from the same rows. */
  activity: z.array(z.object({ hour: z.int(), events: z.int() })),
  timeline: z.array(TimelineEntry),
})
export type WorkerPage = z.infer<typeof WorkerPage>
