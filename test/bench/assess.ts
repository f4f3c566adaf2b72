/** What it costs to say how everybody stands: half a dozen findings a worker, and a farm here and there. */

import { Assessments } from '../../server/assess/assessments.ts'
import { loadRules } from '../../server/detect/program.ts'
import { Judgement } from '../../server/detect/runner.ts'
import type { Finding } from '../../server/model/finding.ts'
import { memoryLog, memoryState } from '../../server/store/memory/memory.ts'
import { desk } from '../../server/views/desk.ts'
import { contract, DAY, holding, NOWHERE, T0 } from '../server/events.ts'
import { type BenchOptions, median, type Row } from './row.ts'

const WORKERS = 10_000
const ON_THE_DESK = 5_000
const FINDINGS = 6
const PASSES = 5

export async function bench({ says }: BenchOptions): Promise<Row[]> {
  const { pipeline } = await judged(WORKERS)
  says(`${WORKERS} workers`)
  const worker = (run: (assessments: Assessments, worker: string) => void) =>
    (median(
      passes(() => {
        const fresh = new Assessments(pipeline)
        for (let n = 0; n < WORKERS; n++) run(fresh, `w${n}`)
      }),
    ) *
      1_000) /
    WORKERS
  const each = `${WORKERS.toLocaleString('en')} workers, ${FINDINGS} findings each`
  const rows: Row[] = [
    { name: `assess, ${each}`, unit: 'us/worker', value: worker((it, name) => it.of(name, NOW)), budget: '' },
    {
      name: 'assess, with what each part is worth',
      unit: 'us/worker',
      value: worker((it, name) => it.explained(name, NOW)),
      budget: '',
    },
    {
      name: `clusters, ${each}`,
      unit: 'ms',
      value: median(passes(() => new Assessments(pipeline).clusters(NOW))),
      budget: '',
    },
  ]
  const seat = await judged(ON_THE_DESK)
  const { workers } = desk({
    ...{ judgement: seat, log: memoryLog(), state: memoryState(), online: () => new Set<string>(), now: () => NOW },
    makeToken: () => ({ token: '', expiresAt: 0 }),
    policy: () => ({ version: 1, salt: 'aaaaaaaa', off: [], on: [], watchedRoots: [], spoolBytes: 1, spoolDays: 1 }),
  })
  const [first, ...again] = passes(() => workers())
  const label = `everybody on the desk, ${ON_THE_DESK.toLocaleString('en')} workers`
  return [
    ...rows,
    { name: `${label}, the first time`, unit: 'ms', value: first!, budget: '' },
    { name: `${label}, when nothing changed`, unit: 'ms', value: median(again), budget: '' },
  ]
}

const NOW = T0 + 3 * DAY
const QUIET = { debug() {}, info() {}, warn() {}, error() {} }

async function judged(workers: number): Promise<Judgement> {
  const { program, correlations } = await loadRules([], () => {})
  const needs = { recognise: () => undefined, lookup: () => NOWHERE }
  const deps = { log: memoryLog(), state: memoryState(), needs, horizon: () => 0, says: QUIET }
  const judgement = await Judgement.open({ program, correlations, credit: () => ({}) }, deps)
  for (let n = 0; n < workers; n++)
    for (const [index, record] of [contract(`w${n}`), holding(`d${n}`, `w${n}`)].entries())
      judgement.take([{ position: 2 * n + index + 1, record }])
  judgement.pipeline.findings.load(
    Array.from({ length: workers * FINDINGS }, (_, n) => findingOf(Math.floor(n / FINDINGS), n)),
  )
  return judgement
}

const FAMILIES = ['network', 'remote-access', 'hardware', 'identity', 'exfiltration', 'tampering']

/** Every fourth worker shares an uplink with the two after them. */
function findingOf(who: number, n: number): Finding {
  const kind = n % FINDINGS
  const isShared = kind === 0 && who % 4 < 3
  const time = T0 + kind * 3_600_000
  const event = {
    ...{ category: 'shared_key', id: `00000000-0000-8000-a000-${n.toString(16).padStart(12, '0')}`, seq: null, time },
    ...{ product: 'tellwire', collector: 'shared_key', KeyKind: 'uplink', Workers: 3, Days: 5, Rarity: 1 },
    ...{
      KeyHash: Math.floor(who / 4)
        .toString(16)
        .padStart(32, '0'),
      Corroborated: null,
      Roams: false,
    },
    NetworkClass: 'residential',
  } as Finding['events'][number]
  return {
    ...{ id: `f${n}`, rule: `rule-${kind}`, ruleVersion: '1', title: `Something of kind ${kind}`, level: 'medium' },
    ...{ family: FAMILIES[kind]!, strength: isShared ? 4 : ((1 + ((who + kind) % 3)) as 1 | 2 | 3), halfLifeDays: 30 },
    ...{ pattern: null, ordinaryFor: [], says: 'It was seen.', worker: `w${who}`, device: `d${who}`, group: '' },
    ...{ time, lastTime: time, count: 1, events: isShared ? [event] : [] },
  }
}

/** Milliseconds of each. */
function passes(run: () => void): number[] {
  return Array.from({ length: PASSES }, () => {
    const start = process.threadCpuUsage().user
    run()
    return (process.threadCpuUsage().user - start) / 1_000
  })
}
