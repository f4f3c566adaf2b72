/** What the views return: types for people to read, built on `server/model`. */
import * as z from 'zod'
import { Approval } from '../../wire/contract.ts'
import { CENSUS_KINDS } from '../derive/kit/census-kinds.ts'
import { Band, Cluster, Explained } from '../model/assessment.ts'
import { CaseView } from '../model/case.ts'
import { Coverage, Gap, StartsSeen } from '../model/coverage.ts'
import { Effect, Moved } from '../model/effect.ts'
import { RuleFacts } from '../model/rule.ts'
import { WorkerSource } from '../model/sources.ts'

/** Where to go on from one worker. */
export const NextCase = z.object({
  /** The open case below this worker in the queue, otherwise its first one; null: no other case is open. */
  next: z.object({ worker: z.string(), name: z.string().nullable() }).nullable(),
  /** The open cases of others. */
  open: z.int(),
})
export type NextCase = z.infer<typeof NextCase>

/** A cluster with its people, highest band first. */
export const ClusterView = Cluster.extend({
  people: z.array(
    z.object({
      worker: z.string(),
      name: z.string().nullable(),
      band: Band,
      points: z.int(),
      /** From the contract; null: not known. */
      place: z.string().nullable(),
      case: CaseView.shape.state,
    }),
  ),
})
export type ClusterView = z.infer<typeof ClusterView>

/** A finding with the facts about its rule. */
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
  /** The events as the rules read them: flat, with hostile text. */
  events: z.array(z.record(z.string(), z.unknown())),
})
export type FindingView = z.infer<typeof FindingView>

const laptop = {
  device: z.string(),
  /** Who holds it now; null: not known. */
  worker: z.string().nullable(),
  platform: z.string(),
  /** The agent's version. */
  version: z.string(),
  online: z.boolean(),
  enrolledAt: z.int(),
  revokedAt: z.int().nullable(),
  /** Null also for a revocation from the command line. */
  revokedBy: z.string().nullable(),
  revokedWhy: z.string().nullable(),
  /** When the server last received anything from it; null: never. */
  lastSeen: z.int().nullable(),
  place: z.string().nullable(),
  events: z.int(),
  /** Event numbers that never arrived, except those that the agent reported as dropped. */
  missing: z.int(),
  rejected: z.int(),
  /** Categories that the policy wants, how many of them can be seen, and how many only in part or not at all. */
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
  /** By id. */
  laptops: z.array(LaptopRow),
  /** For the next page, request `after=` this; null: no more. */
  next: z.string().nullable(),
  /** Counts of all laptops, not of this page. */
  total: z.int(),
  online: z.int(),
})
export type LaptopPage = z.infer<typeof LaptopPage>

/** A laptop with all that is known about it. */
export const Laptop = z.object({
  ...laptop,
  lastAddress: z.string().nullable(),
  /** From its last summary; null before the first. */
  spoolBytes: z.int().nullable(),
  residentBytes: z.int().nullable(),
  /** SHA-256 over the agent's files, and over its policy's text, from its last summary; null: it did not say. */
  programHash: z.string().nullable(),
  policyHash: z.string().nullable(),
  starts: StartsSeen.nullable(),
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
  /** A sentence: since when a case keeps its points although the evidence faded, because nobody decided. Null: none does. */
  waiting: z.string().nullable(),
  /** Key of the worker's cluster; null: none. */
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
  /** For later changes, request `since=` this. */
  revision: z.int(),
  /** True: these are the first rows in the order of the queue; discard all earlier rows. */
  reset: z.boolean(),
  /** Rows that changed after `since`, oldest change first. */
  rows: z.array(WorkerRow),
  /** Workers whose rows were removed. */
  gone: z.array(z.string()),
  /** True: request again at once, with the `revision` of this answer. */
  more: z.boolean(),
})
export type QueuePage = z.infer<typeof QueuePage>

/** What the live stream sends: what may have changed. */
export const Notice = z.object({
  /** The queue's revision. */
  revision: z.int(),
  /** Workers, and laptops without a holder; null: too many to name. */
  workers: z.array(z.string()).nullable(),
  /** Whether a cluster changed, or somebody in one. */
  clusters: z.boolean(),
  /** Whether a laptop connected, disconnected, enrolled or changed hands. */
  laptops: z.boolean(),
})
export type Notice = z.infer<typeof Notice>

const Agreement = z.enum(['agrees', 'differs', 'unknown'])
/** One line of the contract, compared with what was seen. */
export const Compared = z.object({
  what: z.enum(['country', 'region', 'time_zone', 'network', 'remote_tools', 'hardware']),
  state: Agreement,
  agreed: z.array(z.string()),
  /** Text to show when nothing was agreed. */
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
  /** Text to show when nothing was seen. */
  unseen: z.string().nullable(),
})
export type Compared = z.infer<typeof Compared>

/** For one family of signals: what would be missed, because a laptop cannot report it, or not all of it. */
export const Unseen = z.object({
  family: z.string(),
  missed: z.array(
    z.object({
      category: z.string(),
      /** What the rules would miss, in words. */
      words: z.string(),
      state: Coverage.shape.state,
      detail: z.string().nullable(),
      /** On which laptops; empty: the worker has no laptop. */
      devices: z.array(z.string()),
    }),
  ),
  /** Fields that are always null on a laptop's system, though it reports their events. */
  blank: z.array(
    z.object({
      /** 'network_connection.DestinationHostname' */
      field: z.string(),
      /** How many known tools nothing else gives away. */
      tools: z.int(),
      /** Titles of shipped rules that cannot fire without it. */
      silent: z.array(z.string()),
      /** Titles of those that can, and see less. */
      weaker: z.array(z.string()),
      devices: z.array(z.string()),
    }),
  ),
})
export type Unseen = z.infer<typeof Unseen>

export const LearningView = z.object({
  /** Null: nothing was heard yet. `due`: when people are asked to end it; `until` null: nobody has said. */
  period: z
    .object({
      from: z.int(),
      due: z.int(),
      until: z.int().nullable(),
      saidBy: z.string().nullable(),
      isOver: z.boolean(),
    })
    .nullable(),
  /** The time of the log. */
  now: z.int(),
  workers: z.int(),
  candidates: z.array(
    z.object({
      kind: z.enum(CENSUS_KINDS),
      /** A tool's id, an AS number, 'capture 534d:2109', 'DEL 0x40f4', '046d:c52b', a program's name, 'github.com/acme'. */
      value: z.string(),
      /** As laptops name it: hostile text. */
      label: z.string(),
      tenant: z.string().nullable(),
      workers: z.int(),
      of: z.int(),
      examples: z.array(z.object({ worker: z.string(), name: z.string().nullable() })),
      since: z.int(),
      /** Of which roles they are, the greatest share first: `workers` of the `of` who have the role. */
      roles: z.array(z.object({ role: z.string(), workers: z.int(), of: z.int() })),
      /** The role whose own it is, because hardly anybody else has it; null: it is offered for the company. */
      role: z.string().nullable(),
      /** Whether it is common enough to be the company's, or the role's. */
      offered: z.boolean(),
      /** The approval that covers it; null: none. */
      approved: z.string().nullable(),
    }),
  ),
  approvals: z.array(Approval.extend({ isOver: z.boolean() })),
})
export type LearningView = z.infer<typeof LearningView>

/** What an approval would change. `name`: null where the worker has none. */
export const EffectView = Effect.extend({
  moved: z.array(Moved.extend({ name: z.string().nullable() })),
  stay: z.array(Moved.extend({ name: z.string().nullable() })),
})
export type EffectView = z.infer<typeof EffectView>

export const TimelineEntry = z.object({
  time: z.int(),
  device: z.string().nullable(),
  category: z.string(),
  /** One line of text, with hostile text inside. */
  text: z.string(),
  finding: z.string().nullable(),
  /** How often on that day (UTC); `time` is the last. */
  count: z.int(),
})
export type TimelineEntry = z.infer<typeof TimelineEntry>

export const WorkerPage = z.object({
  worker: z.string(),
  /** Null: no contract is known. */
  contract: z.record(z.string(), z.unknown()).nullable(),
  assessment: Explained,
  case: CaseView,
  /** The worker's cluster; null: none. */
  cluster: Cluster.nullable(),
  /** The newest few of each rule, with a few events each; GET /workers/{id}/findings has all. */
  findings: z.array(FindingView),
  /** Of all rules together. */
  findingsTotal: z.int(),
  laptops: z.array(Laptop),
  /** What the worker is judged by: our laptop, and the other systems that have said something. */
  sources: z.array(WorkerSource),
  observed: z.array(Compared),
  unseen: z.array(Unseen),
  /** Events per hour in the last 7 days, for the chart and its table. */
  activity: z.array(z.object({ hour: z.int(), events: z.int() })),
  timeline: z.array(TimelineEntry),
})
export type WorkerPage = z.infer<typeof WorkerPage>
