/**
 * Recordings made by hand after public reports, each with the least and most band of its workers. People and companies
 * are invented, addresses are documentation ranges or public infrastructure.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { asnClass, loadCatalogue, recognise } from '../../rules/catalogue/index.ts'
import { openAddresses } from '../../server/addresses/addresses.ts'
import { type ReplayAnswer, type ReplayDeps, replay } from '../../server/commands/replay.ts'
import { loadRules } from '../../server/detect/program.ts'
import { BANDS, type Band } from '../../server/model/assessment.ts'
import { eventLines } from '../../server/recordings/lines.ts'

interface Expected {
  why: string
  /** By worker, the least and the most. */
  bands: Record<string, [least: Band, most: Band]>
  /** Workers with the same band. */
  same?: string[][]
  /** At most so many workers at a band. */
  most?: Partial<Record<Band, number>>
  workers?: number
  clusters?: number
}

const FOLDER = join(import.meta.dirname, 'fixtures')
const EXPECTED: Record<string, Expected> = JSON.parse(readFileSync(join(FOLDER, 'expected.json'), 'utf8'))

describe('recordings', () => {
  let deps: ReplayDeps

  before(async function () {
    this.timeout(120_000)
    const catalogue = loadCatalogue()
    const ruleset = await loadRules([], (problem) => assert.fail(JSON.stringify(problem)))
    const addresses = await openAddresses({
      rangesFolder: join(FOLDER, 'none'),
      catalogueAsnClass: (asn) => asnClass(catalogue, asn)?.class ?? null,
    })
    deps = {
      ...ruleset,
      recognise: (event) => recognise(catalogue, event),
      lookup: (address, at) => addresses.lookup(address, at),
    }
  })

  it('are all here', () => {
    const files = readdirSync(FOLDER).filter((it) => it.endsWith('.ndjson.gz'))
    assert.deepEqual(
      files.sort(),
      Object.keys(EXPECTED)
        .map((it) => `${it}.ndjson.gz`)
        .sort(),
    )
  })

  for (const [name, { why, ...expected }] of Object.entries(EXPECTED))
    it(`${name}: ${why}`, async () => {
      const problems: string[] = []
      const answer = await replay(eventLines(join(FOLDER, `${name}.ndjson.gz`)), deps, {
        onProblem: (line, problem) => problems.push(`${line}: ${problem}`),
      })
      assert.deepEqual(problems, [])
      assert.deepEqual(differences(answer, expected), [])
    })
})

function differences(
  { workers, clusters }: ReplayAnswer,
  { bands, same = [], most = {}, workers: count, clusters: joined }: Omit<Expected, 'why'>,
): string[] {
  const bandOf = (worker: string) => (workers.find((it) => it.worker === worker)?.band ?? 'none') as Band
  const rank = (band: Band) => BANDS.indexOf(band)
  const wrong = Object.entries(bands)
    .filter(([worker, [least, top]]) => rank(bandOf(worker)) < rank(least) || rank(bandOf(worker)) > rank(top))
    .map(([worker, [least, top]]) => `${worker} is ${bandOf(worker)}, not ${least} to ${top}`)
  for (const alike of same)
    if (new Set(alike.map(bandOf)).size > 1) wrong.push(alike.map((it) => `${it} is ${bandOf(it)}`).join(', '))
  for (const [band, atMost] of Object.entries(most)) {
    const found = workers.filter((it) => it.band === band).length
    if (found > atMost) wrong.push(`${found} at ${band}, at most ${atMost}`)
  }
  if (count !== undefined && workers.length !== count) wrong.push(`${workers.length} workers, not ${count}`)
  if (joined !== undefined && clusters.length !== joined) wrong.push(`${clusters.length} clusters, not ${joined}`)
  return wrong
}
