/** The findings for collected events: the shipped rules and catalogue, through `tellwire replay`. */
import assert from 'node:assert/strict'
import { basename, dirname } from 'node:path'
import { loadCatalogue, recognise } from '../../rules/catalogue/index.ts'
import { replay } from '../../server/commands/replay.ts'
import { loadRules } from '../../server/detect/program.ts'
import type { Event } from '../../wire/event.ts'
import { HOUR } from '../../wire/time.ts'

const catalogue = loadCatalogue()
const ruleset = loadRules([], (it) => assert.fail(`${it.path}:${it.line}: ${it.message}`))

/** The rules with findings, such as 'hardware/ip-kvm-by-usb-id', for a laptop that was handed over an hour before. */
export async function rulesFor(events: readonly Event[]): Promise<string[]> {
  const { program, correlations } = await ruleset
  const first = Math.min(...events.map((it) => it.time))
  const from = first - HOUR
  const records = [
    { type: 'contract', worker: 'w1', from, country: 'US', roles: ['developer'], start: from },
    { type: 'device', device: 'd1', worker: 'w1', from, to: null, firstBoot: from },
    ...[...events]
      .sort((a, b) => a.time - b.time)
      .map((event) => ({ type: 'event', device: 'd1', epoch: 1, receivedAt: event.time, event })),
  ]
  const problems: string[] = []
  const result = await replay(
    lines(records),
    {
      program,
      correlations,
      recognise: (event) => recognise(catalogue, event),
      lookup: () => ({ country: null, region: null, city: null, lat: null, lon: null, asn: null, class: 'unknown' }),
    },
    { onProblem: (line, why) => void problems.push(`${line}: ${why}`) },
  )
  assert.deepEqual(problems, [])
  const paths = new Map([...program.rules, ...correlations].map((it) => [it.id, it.path]))
  const found = result.workers.flatMap((it) => it.findings).map((it) => paths.get(it.rule) ?? it.rule)
  return [...new Set(found.map((it) => `${basename(dirname(it))}/${basename(it, '.yml')}`))].sort()
}

async function* lines(records: readonly object[]) {
  for (const it of records) yield JSON.stringify(it)
}

export function assertFound(found: readonly string[], ...rules: string[]): void {
  assert.deepEqual(
    rules.filter((it) => !found.includes(it)),
    [],
    `found only ${found.join(', ') || 'nothing'}`,
  )
}
