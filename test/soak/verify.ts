/**
 * Verifies a data folder after its server and agents were killed: the log has every acknowledged number once, and the
 * stored findings are those of a fresh replay of the log.
 *
 * Shape   works on a copy of the folder. The state is opened as a starting server opens it, and evaluates the records
 *         that were not evaluated yet.
 */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { catalogueHash, loadCatalogue, recognise } from '../../rules/catalogue/index.ts'
import { Assessments } from '../../server/assess/assessments.ts'
import { Standings } from '../../server/assess/standings.ts'
import { identityOf } from '../../server/detect/identity.ts'
import { openEvaluation } from '../../server/detect/opening.ts'
import { Pipeline } from '../../server/detect/pipeline.ts'
import { loadRules, SHIPPED_RULES } from '../../server/detect/program.ts'
import type { Logger } from '../../server/log.ts'
import { openStore } from '../../server/store/open.ts'
import { openTelemetry } from '../../server/store/sqlite/telemetry.ts'
import type { Evaluation as Saved, Store } from '../../server/store/store.ts'
import type { Stream } from '../../server/store/stream.ts'
import type { Event } from '../../wire/event.ts'
import { NOWHERE } from '../server/events.ts'
import type { AgentProgress } from './rig.ts'

export interface Verified {
  /** Event records in the log. */
  events: number
  /** Numbers that are missing in it, and events that it rejected. */
  missing: number
  rejected: number
  findings: number
  standings: number
  /** Evaluations in the store before the check, and the position of the active one. */
  evaluations: number
  evaluated: number
  last: number
}

/**
 * `onEvent`: gets each event of the log; then numbers may be missing, and the caller compares them with what was lost.
 *
 * Errors  throws at the first failure. The server must not be running.
 */
export async function verify(
  folder: string,
  rules: string,
  agents: readonly AgentProgress[],
  onEvent?: (event: Event) => void,
): Promise<Verified> {
  const copy = mkdtempSync(join(tmpdir(), 'tellwire-verify-'))
  cpSync(folder, copy, { recursive: true })
  const telemetry = await openTelemetry({ folder: copy })
  const store = await openStore({ engine: 'sqlite', folder: copy }, { run: 'inline' })
  try {
    const { stream, history } = telemetry
    assert.equal(stream.missing, null, 'records that were stored are missing')
    const numbers = await verifyNumbers(stream, agents, onEvent)
    const devices = (await store.devices.list()).map((it) => it.device)
    const rejected = (await history.rejectedTotals(devices)).values().reduce((sum, it) => sum + it, 0)
    const found = await store.evaluations.list()
    const evaluated = found.find((it) => it.active)?.position ?? 0
    const state = await verifyState({ stream, history, store, rules })
    return { ...numbers, rejected, evaluations: found.length, evaluated, last: await stream.last(), ...state }
  } finally {
    await store.close()
    await telemetry.close()
    rmSync(copy, { recursive: true, force: true })
  }
}

/** Every acknowledged number is in the log once, in order, without gaps, and no number was used for two events. */
async function verifyNumbers(
  stream: Stream,
  agents: readonly AgentProgress[],
  onEvent: ((event: Event) => void) | undefined,
): Promise<{ events: number; missing: number }> {
  const last = new Map<number, number>(agents.map(({ epoch }) => [epoch, 0]))
  const ids = new Set<string>()
  let events = 0
  let missing = 0
  for await (const block of stream.read(0))
    for (const { position, record } of block) {
      if (record.type !== 'event') continue
      events++
      const { epoch = -1, conflict, event } = record
      const seq = event.seq ?? 0
      assert.ok(!conflict, `position ${position}: number ${seq} was used for two events`)
      const before = last.get(epoch)
      assert.ok(before !== undefined, `position ${position}: epoch ${epoch} belongs to no spool`)
      if (onEvent) assert.ok(seq > before, `position ${position}: out of order`)
      else assert.equal(seq, before + 1, `position ${position}: out of order`)
      missing += seq - before - 1
      onEvent?.(event)
      last.set(epoch, seq)
      ids.add(event.id)
    }
  assert.equal(ids.size, events, 'an event is duplicated')
  for (const { epoch, acked } of agents)
    assert.ok(last.get(epoch)! >= acked, `${acked} acknowledged, ${last.get(epoch)} stored`)
  return { events, missing }
}

interface State {
  stream: Stream
  history: Awaited<ReturnType<typeof openTelemetry>>['history']
  store: Store
  rules: string
}

async function verifyState({ stream, history, store, rules }: State): Promise<{ findings: number; standings: number }> {
  const ruleset = await loadRules([SHIPPED_RULES, rules], ({ severity, path, message }) =>
    assert.notEqual(severity, 'error', `${path}: ${message}`),
  )
  const catalogue = loadCatalogue()
  const needs = {
    thresholds: {},
    recognise: (event: Event) => recognise(catalogue, event),
    lookup: () => NOWHERE,
  }
  const evaluation = await openEvaluation({
    ...{ stream, history, store, ruleset, ...needs, log: THROWS_ERRORS },
    identity: identityOf(ruleset, { thresholds: {}, catalogueHash }),
    horizon: () => 0,
    makeId: randomUUID,
    signal: new AbortController().signal,
    onProgress: () => {},
  })
  for await (const block of stream.read(evaluation.position)) evaluation.take(block)
  evaluation.pipeline.advance(evaluation.pipeline.time)
  if (evaluation.isActive) await evaluation.commit()
  else await evaluation.activate()

  const fresh = new Pipeline({ ...ruleset, ...needs })
  for await (const block of stream.read(0)) for (const { position, record } of block) fresh.take(record, position)
  fresh.advance(evaluation.pipeline.time)
  const replayed = resultsIn(fresh)
  const stored = await storedResults(store, (await store.evaluations.active())!)
  for (const kind of ['findings', 'standings', 'clusters'] as const)
    assert.deepEqual(stored[kind], replayed[kind], `${kind} differ from a replay of the log`)
  return { findings: replayed.findings.length, standings: replayed.standings.length }
}

function resultsIn(pipeline: Pipeline) {
  const { standings } = new Standings('replay', pipeline).revise(new Set(), pipeline.time, pipeline.position)
  const clusters = new Assessments(pipeline).clusters(pipeline.time)
  return sorted([...pipeline.findings.all()], standings, clusters)
}

async function storedResults({ evaluations }: Store, { id }: Saved) {
  const findings = []
  for await (const block of evaluations.findings(id)) findings.push(...block)
  const { standings } = await evaluations.standingsSince(id, 0)
  return sorted(findings, standings, await evaluations.clusters(id))
}

function sorted(
  findings: readonly { id: string }[],
  standings: readonly { worker: string }[],
  clusters: readonly unknown[],
) {
  const plain = (value: unknown) => JSON.parse(JSON.stringify(value)) as unknown[]
  return {
    findings: plain(findings.toSorted((a, b) => (a.id < b.id ? -1 : 1))),
    standings: plain(standings.toSorted((a, b) => (a.worker < b.worker ? -1 : 1))),
    clusters: plain(clusters),
  }
}

const THROWS_ERRORS: Logger = {
  debug() {},
  info() {},
  warn() {},
  error(facts, message) {
    throw new Error(`${message}: ${String(facts.err ?? JSON.stringify(facts))}`)
  },
}
