import assert from 'node:assert/strict'
import { budget, type Overspent, SAMPLE_MS } from '../../../agent/supervisor/budget.ts'
import type { Cost } from '../../../agent/supervisor/looks.ts'

type Load = { cpuMs?: number; resident?: number; by?: Record<string, Partial<Cost>> }

/** The verdicts over `seconds`, with the time of each. */
function verdicts(seconds: number, load: (second: number) => Load, start: number): [second: number, ...string[]][] {
  const judge = budget(0, start)
  const found: [number, ...string[]][] = []
  for (let at = SAMPLE_MS; at <= seconds * 1_000; at += SAMPLE_MS) {
    const { cpuMs = 0, resident = 80e6, by = {} } = load(at / 1_000)
    const costs = Object.entries(by).map(([name, it]) => [name, { cpuMs: 0, grownBytes: 0, ...it }] as const)
    const verdict: Overspent | null = judge({ at, cpuMs, residentBytes: resident, by: new Map(costs) })
    if (verdict) found.push([at / 1_000, verdict.what, String(verdict.collector), verdict.detail])
  }
  return found
}

describe('agent/supervisor/budget', () => {
  const third = SAMPLE_MS / 3
  for (const { name, seconds, start = 70e6, load, found } of [
    { name: 'an idle agent', seconds: 600, load: () => ({ cpuMs: 9 }), found: [] },
    {
      name: 'the first look at everything',
      seconds: 119,
      load: () => ({ cpuMs: SAMPLE_MS, by: { software: { cpuMs: SAMPLE_MS } } }),
      found: [],
    },
    {
      name: 'a burst of some seconds',
      seconds: 600,
      load: (at: number) => (at > 200 && at <= 212 ? { cpuMs: third, by: { processes: { cpuMs: third } } } : {}),
      found: [],
    },
    {
      name: 'a collector that takes a third of a core all the time',
      seconds: 177,
      load: (at: number) =>
        at > 100 ? { cpuMs: third, by: { processes: { cpuMs: 10 }, software: { cpuMs: third - 20 } } } : {},
      found: [[120, 'cpu', 'software', '12 % of a core in a minute']],
    },
    {
      name: 'ten that take a little each: no single one is guilty',
      seconds: 123,
      load: () => ({
        cpuMs: third,
        by: Object.fromEntries(Array.from('abcdefghij', (it) => [it, { cpuMs: third / 10 }])),
      }),
      found: [[120, 'cpu', 'null', '33 % of a core in a minute']],
    },
    {
      name: 'a collector that fills the memory',
      seconds: 30,
      load: (at: number) => ({
        resident: at > 9 ? 300e6 : 80e6,
        by: { software: { grownBytes: at === 12 ? 2e8 : 10 } },
      }),
      found: [[21, 'memory', 'software', '300 MB resident']],
    },
    {
      name: 'memory that is given back',
      seconds: 60,
      load: (at: number) => ({ resident: at % 12 === 0 ? 80e6 : 300e6 }),
      found: [],
    },
    {
      name: 'a runtime that is large from its start: ending the process would give nothing back',
      seconds: 600,
      start: 153e6,
      load: () => ({ resident: 160e6 }),
      found: [],
    },
    {
      name: 'growth above that',
      seconds: 21,
      start: 153e6,
      load: (at: number) => ({ resident: at > 6 ? 214e6 : 160e6 }),
      found: [[18, 'memory', 'null', '214 MB resident']],
    },
  ] as { name: string; seconds: number; start?: number; load(at: number): Load; found: unknown[] }[])
    it(name, () => assert.deepEqual(verdicts(seconds, load, start), found))
})
