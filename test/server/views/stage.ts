/**
 * What views read, in memory: a store, a directory, telemetry, and evaluation on request.
 *
 * Shape   a test sets findings, contracts, laptops and their coverage; `judge` makes standings and clusters of them
 *         with the server's own code, commits, and notifies the queue.
 */

import { Standings } from '../../../server/assess/standings.ts'
import { decide } from '../../../server/cases/decide.ts'
import { bookOf, type DeviceBook } from '../../../server/derive/coverage.ts'
import { subjectOf } from '../../../server/detect/findings.ts'
import type { Verdict } from '../../../server/model/case.ts'
import type { Enrolled } from '../../../server/model/device.ts'
import type { Finding } from '../../../server/model/finding.ts'
import { RULES_PART, type RuleFacts } from '../../../server/model/rule.ts'
import { type SeenSources, SOURCES_PART } from '../../../server/model/sources.ts'
import { Directory } from '../../../server/roster/directory.ts'
import { memoryStore } from '../../../server/store/memory/store.ts'
import { memoryTelemetry } from '../../../server/store/memory/telemetry.ts'
import type { Commit, KeptRow, Store } from '../../../server/store/store.ts'
import type { Rejected } from '../../../server/store/stream.ts'
import { COVERAGE_PART } from '../../../server/views/coverage.ts'
import { Queue } from '../../../server/views/queue.ts'
import type { Reader } from '../../../server/views/reader.ts'
import type { QueuePage } from '../../../server/views/schema.ts'
import type { Policy } from '../../../wire/messages.ts'
import type { Recorded } from '../../../wire/recording.ts'

export type Stage = Awaited<ReturnType<typeof stage>>

export const POLICY: Policy = {
  ...{ version: 1, salt: 'aaaaaaaa', off: [], on: [], watchedRoots: [], spoolBytes: 1_000_000, spoolDays: 7 },
}

export async function stage({ now, store = memoryStore() }: { now: () => number; store?: Store }) {
  const { stream, history } = memoryTelemetry()
  const directory = new Directory()
  const online = new Set<string>()
  const findings = new Map<string, Finding>()
  const kept = new Map<string, KeptRow>()
  const policy = { ...POLICY }
  let active: { id: string; time: number } | null = null
  let standings = new Standings('stage', known())
  let position = 0
  /** The subjects of the last commit's findings, by id. */
  let committed = new Map<string, string>()

  const reader: Reader = {
    ...{ now, store, history, directory },
    evaluation: () => active?.id ?? null,
    judgedAt: () => active?.time ?? 0,
    online: () => online,
    policy: () => policy,
  }
  const queue = await Queue.open(reader, 0)

  return {
    ...{ reader, queue, store, directory, stream, policy, judge, reevaluate, records, find, enroll, connect, keep },

    /** Removes a finding. */
    retract: (id: string) => void findings.delete(id),

    /** Sets the stored state of a laptop. */
    book: (device: string, about: Partial<DeviceBook>) => {
      keep({ part: COVERAGE_PART, subject: device, state: JSON.stringify({ ...bookOf(null), ...about }) })
    },

    /** Sets when other systems last said something about a worker. */
    sources: (worker: string, seen: SeenSources) =>
      keep({ part: SOURCES_PART, subject: worker, state: JSON.stringify(seen) }),

    /** Sets the facts of a rule. */
    facts: (rule: string, about: RuleFacts) => keep({ part: RULES_PART, subject: rule, state: JSON.stringify(about) }),

    reject: async (rejected: readonly Rejected[]) => void (await stream.publish([], rejected)),

    disconnect: async (device: string) => {
      online.delete(device)
      await queue.connection(device)
    },

    decide: (worker: string, verdict: Pick<Verdict, 'verdict' | 'reason'>, by: string) =>
      decide({ store, isWorker: (it) => queue.row(it) !== null, now, decided }, worker, verdict, by),

    /** Rows in the order of the queue, as in a first request. */
    rows: () => (JSON.parse(queue.page(null, 100_000)) as QueuePage).rows,
  }

  function known() {
    return {
      colleagues: { record: null, revision: 0 },
      findings: {
        of: (subject: string) => ofSubject(subject),
        all: () => findings.values(),
        subjects: () => [...new Set([...findings.values()].map(subjectOf))],
      },
      world: directory,
    }
  }

  function ofSubject(subject: string): Finding[] {
    const theirs = [...findings.values()].filter((it) => subjectOf(it) === subject)
    return theirs.sort((a, b) => a.time - b.time || (a.id < b.id ? -1 : 1))
  }

  function keep(row: KeptRow): void {
    kept.set(`${row.part}\n${row.subject}`, row)
  }

  function find(...found: Finding[]): void {
    for (const it of found) findings.set(it.id, it)
  }

  async function records(...lines: Recorded[]): Promise<void> {
    const { first } = await stream.publish(lines)
    for (const it of lines) directory.take(it)
    await queue.took(lines.map((record, index) => ({ position: first + index, record })))
  }

  /** Enrolls a laptop; its holder is a record of its own. */
  async function enroll(device: string, about: Partial<Enrolled> = {}): Promise<void> {
    await store.devices.save({
      ...{ device, publicKey: 'key', platform: 'linux', version: '0.1.0', fingerprint: null },
      ...{ enrolledAt: now(), revokedAt: null, firstBoot: now(), ...about },
    })
  }

  async function connect(device: string): Promise<void> {
    online.add(device)
    await queue.connection(device)
  }

  /** Does what a detector does for each commit. */
  async function judge(): Promise<void> {
    if (active === null) {
      await store.evaluations.begin({ id: 'e1', ruleset: '{}', stream: stream.id })
      await store.evaluations.activate('e1', [])
      active = { id: 'e1', time: now() }
    }
    active = { id: active.id, time: now() }
    await store.evaluations.commit(active.id, commitOf(standings))
    await queue.judged()
  }

  /** Activates another evaluation with the current findings. */
  async function reevaluate(id: string): Promise<void> {
    standings = new Standings('stage', known())
    committed = new Map()
    await store.evaluations.begin({ id, ruleset: '{}', stream: stream.id })
    await store.evaluations.commit(id, commitOf(standings))
    await store.evaluations.activate(id, [])
    active = { id, time: now() }
    await queue.judged()
  }

  function commitOf(made: Standings): Commit {
    const time = now()
    const before = committed
    committed = new Map([...findings].map(([id, it]) => [id, subjectOf(it)]))
    const gone = [...before.keys()].filter((it) => !findings.has(it))
    const revision = made.revise(new Set([...before.values(), ...committed.values()]), time, ++position)
    return {
      ...{ position, digest: null, time, kept: [...kept.values()], findings: [...findings.values()], gone },
      standings: revision.standings,
      standingsGone: revision.gone,
      ...(revision.clusters && { clusters: revision.clusters }),
      changes: revision.changes,
    }
  }

  function decided(verdict: Verdict): Promise<void> {
    standings.decided(verdict)
    return queue.decided(verdict)
  }
}
