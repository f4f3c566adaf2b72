/** The cost of assessments: half a dozen findings per worker, and some farms. */
import { Assessments } from '../../server/assess/assessments.ts'
import { Standings } from '../../server/assess/standings.ts'
import { Pipeline } from '../../server/detect/pipeline.ts'
import { loadRules } from '../../server/detect/program.ts'
import type { Finding } from '../../server/model/finding.ts'
import { contract, DAY, holding, NOWHERE, T0 } from '../server/events.ts'
import { type BenchOptions, median, type Row } from './row.ts'

const WORKERS = 10_000
const FINDINGS = 6
const PASSES = 5

export async function bench({ says }: BenchOptions): Promise<Row[]> {
  const pipeline = await judged(WORKERS)
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
  return [
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
    ...standingRows(pipeline, each),
  ]
}

/** The cost of standings per commit, by what changed since the last one. */
function standingRows(pipeline: Pipeline, each: string): Row[] {
  pipeline.findings.touched()
  const standings = new Standings('bench', pipeline)
  const revised = (touched: readonly string[], now: number, expected: number): number => {
    const start = process.threadCpuUsage().user
    const { standings: revised } = standings.revise(new Set(touched), now, 1)
    const took = (process.threadCpuUsage().user - start) / 1_000
    if (revised.length !== expected) throw new Error(`${revised.length} standings were revised, expected ${expected}`)
    return took
  }
  const first = revised([], NOW, WORKERS)
  // Gives a worker a changed finding.
  const again = (n: number, pass: number) => {
    const [one] = pipeline.findings.of(`w${n}`)
    pipeline.findings.adopt([{ ...one!, lastTime: NOW - PASSES + pass, count: pass + 2 }])
    return `w${n}`
  }
  const some = (count: number) =>
    Array.from({ length: PASSES }, (_, pass) =>
      revised(
        Array.from({ length: count }, (_, n) => again(7 * n + 3, pass + count)),
        NOW,
        count,
      ),
    )
  const one = some(1)
  const hundred = some(100)
  const hours = Array.from({ length: PASSES }, (_, pass) => {
    const start = process.threadCpuUsage().user
    standings.revise(new Set(), NOW + (pass + 1) * HOUR, 1)
    return (process.threadCpuUsage().user - start) / 1_000
  })
  return [
    { name: `standings of ${each}, the first time`, unit: 'ms', value: first, budget: '' },
    { name: 'standings, a finding of one worker changed', unit: 'ms', value: median(one), budget: '' },
    { name: 'standings, findings of a hundred workers changed', unit: 'ms', value: median(hundred), budget: '' },
    { name: 'standings, another hour', unit: 'ms', value: median(hours), budget: '' },
  ]
}

const HOUR = 3_600_000
const NOW = T0 + 3 * DAY

async function judged(workers: number): Promise<Pipeline> {
  const rules = await loadRules([], () => {})
  const pipeline = new Pipeline({ ...rules, recognise: () => undefined, lookup: () => NOWHERE })
  for (let n = 0; n < workers; n++) for (const it of [contract(`w${n}`), holding(`d${n}`, `w${n}`)]) pipeline.take(it)
  for (let n = 0; n < workers * FINDINGS; n++) pipeline.findings.restore(findingOf(Math.floor(n / FINDINGS), n))
  return pipeline
}

const SENSORS = ['address', 'process', 'peripheral', 'identity_provider', 'files', 'agent']
const FAMILIES = ['network', 'remote-access', 'hardware', 'identity', 'exfiltration', 'tampering']

/** Every fourth worker shares an uplink with the next two. */
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
    ...{
      family: FAMILIES[kind]!,
      sensors: [SENSORS[kind]!],
      strength: isShared ? 4 : ((1 + ((who + kind) % 3)) as 1 | 2 | 3),
      halfLifeDays: 30,
    },
    ...{
      pattern: null,
      rate: null,
      what: '',
      decibans: null,
      fact: null,
      ordinaryFor: [],
      says: 'It was seen.',
      worker: `w${who}`,
      device: `d${who}`,
      group: '',
    },
    ...{ time, lastTime: time, count: 1, events: isShared ? [event] : [] },
  }
}

/** Milliseconds of each pass. */
function passes(run: () => void): number[] {
  return Array.from({ length: PASSES }, () => {
    const start = process.threadCpuUsage().user
    run()
    return (process.threadCpuUsage().user - start) / 1_000
  })
}
