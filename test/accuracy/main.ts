/**
 * `npm run accuracy`: measures on simulated fleets whether the shipped rules find the patterns and not the look-alikes.
 *
 *   npm run accuracy -- --write                        the published figures: rules/content/accuracy.json, ACCURACY.md
 *   npm run accuracy -- --check                        exit 3 when the page does not match the figures
 *   npm run accuracy -- --tuning --seeds 2             on the seeds for tuning rules
 *   npm run accuracy -- --tuning --only P12,N9 --alone --seeds 4    only these scenes and variants: fast
 *   npm run accuracy -- --seed 100007 --only P12 --explain          the findings about P12's people, in order of time
 *
 * Shape   the page goes to standard output, progress to standard error. `--only` takes scenes, 'P12/thin' or workers;
 *         without `--alone` the fleet is complete, so the people are those of the published run.
 * Size    20 seeds of 175 workers in scenes and 40 in a company, 33 days (the longest scene takes 32): 29 million
 *         events. At 75 µs of processor an event (November 2026, 2 cores, with the simulator's 13) it takes 26 minutes
 *         on both.
 * Errors  a fleet that fails ends the run with exit 1; bad usage with 2.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { SCENARIOS } from '../../server/simulate/scenarios/index.ts'
import { workersFor } from '../../server/simulate/simulate.ts'
import type { Course } from './course.ts'
import { type Accuracy, figures } from './figures.ts'
import { aloneFleet, companyFleet, type Fleet, isAmong, REPORTING, scenesFleet, seedsOf, TUNING } from './fleets.ts'
import { accuracyPage } from './page.ts'
import { courses, type Progress } from './processes.ts'

const CONTENT = join(import.meta.dirname, '../../rules/content')
const FIGURES = join(CONTENT, 'accuracy.json')
const PAGE = join(CONTENT, 'ACCURACY.md')
/** The crowd for each person of a scene, with --alone. */
const CROWD = 10
const DAY = 86_400_000
const REPORT_AFTER_MS = 2_000

const SCENES = SCENARIOS.flatMap(({ id, variants = [] }) => [id, ...variants.map((it) => `${id}/${it}`)]).map((it) =>
  it.toLowerCase(),
)

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '20' },
    seed: { type: 'string' },
    tuning: { type: 'boolean', default: false },
    kind: { type: 'string', default: 'both' },
    workers: { type: 'string' },
    company: { type: 'string', default: '40' },
    days: { type: 'string', default: '33' },
    start: { type: 'string', default: '2026-09-21' },
    processes: { type: 'string', default: `${Math.min(2, availableParallelism())}` },
    only: { type: 'string', default: '' },
    alone: { type: 'boolean', default: false },
    explain: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    check: { type: 'boolean', default: false },
  },
})

if (values.check) check()
else await measure()

function check(): void {
  const known = [FIGURES, PAGE].every((it) => existsSync(it))
  if (known && readFileSync(PAGE, 'utf8') === accuracyPage(JSON.parse(readFileSync(FIGURES, 'utf8')) as Accuracy))
    return
  console.error(`${PAGE} does not match ${FIGURES}. Run \`npm run accuracy -- --write\`.`)
  process.exitCode = 3
}

async function measure(): Promise<void> {
  const only = values.only.split(',').filter((it) => it !== '')
  if (values.write && (values.tuning || values.seed !== undefined || only.length > 0 || values.kind !== 'both'))
    usage('--write needs whole fleets with reporting seeds')
  if (only.length === 0 && (values.alone || values.explain)) usage('--alone and --explain need --only')
  const unknown = only.find((it) => !/^w\d+$/.test(it) && !SCENES.includes(it.toLowerCase()))
  if (unknown !== undefined) usage(`--only ${unknown}: there is no such scene, variant or worker`)
  const fleets = planned(only)
  const tell = progress()
  const all = await courses(
    fleets.map((fleet) => ({ fleet, explain: values.explain ? only : [] })),
    whole('processes', values.processes, 1),
    tell,
  )
  if (values.explain) {
    for (const { fleet, explained } of all)
      if (explained.length > 0) console.log(`seed ${fleet.seed}, ${fleet.kind}\n\n${explained.join('\n')}`)
    return
  }
  const asked = only.length === 0 ? () => true : (scenario: string) => isAmong(scenario, only)
  const isTuning = fleets.some(({ seed }) => seed < REPORTING.from)
  const found = figures(all, isTuning ? 'tuning' : 'reporting', { asked })
  const page = accuracyPage(found)
  if (values.write) {
    writeFileSync(FIGURES, `${JSON.stringify(found, null, 1)}\n`)
    writeFileSync(PAGE, page)
  } else console.log(values.json ? JSON.stringify(found) : page)
}

function planned(only: readonly string[]): Fleet[] {
  const range = values.tuning ? TUNING : REPORTING
  const seeds =
    values.seed === undefined
      ? seedsOf(range, whole('seeds', values.seeds, 1, range.to - range.from + 1))
      : [whole('seed', values.seed, 0)]
  if (!['scenes', 'company', 'both'].includes(values.kind)) usage(`--kind ${values.kind}: scenes, company or both`)
  const start = Date.parse(values.start)
  if (Number.isNaN(start) || start % DAY !== 0) usage(`--start ${values.start}: give a date, 2026-09-21`)
  const days = whole('days', values.days, 1)
  const size = { workers: whole('workers', values.workers ?? '175', 1), days, start }
  if (values.alone)
    return seeds.map((seed) => {
      const fleet = aloneFleet(seed, size, only)
      if (fleet.scenarios.length === 0) usage(`--only ${values.only}: there is no such scene`)
      const crowd = Math.max(100, workersFor(fleet.scenarios) * CROWD)
      return values.workers === undefined ? { ...fleet, workers: crowd } : fleet
    })
  const company = { ...size, workers: whole('company', values.company, 1) }
  return seeds.flatMap((seed) => [
    ...(values.kind === 'company' ? [] : [scenesFleet(seed, size)]),
    ...(values.kind === 'scenes' ? [] : [companyFleet(seed, company)]),
  ])
}

function progress(): (progress: Progress, finished: Course | null) => void {
  const began = performance.now()
  const isTerminal = process.stderr.isTTY
  return ({ done, of, share }, finished) => {
    const passed = performance.now() - began
    if (passed < REPORT_AFTER_MS || (!finished && !isTerminal)) return
    const left = share > 0 ? Math.round(((passed / share) * (1 - share)) / 1_000) : null
    const line = `${done} of ${of} fleets, ${Math.floor(share * 100)} %${left === null ? '' : `, about ${left} s left`}`
    const of1 = finished
      ? `seed ${finished.fleet.seed} ${finished.fleet.kind}: ${finished.events} events, ${Math.round(finished.events / finished.seconds)} a second`
      : null
    if (isTerminal) process.stderr.write(`\r\u001b[K${of1 === null ? '' : `${of1}\n`}${line}${share === 1 ? '\n' : ''}`)
    else console.error(`${of1}; ${line}`)
  }
}

function whole(name: string, text: string, least: number, most = 2 ** 32 - 1): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < least || value > most)
    usage(`--${name} ${text}: give a whole number from ${least} to ${most}`)
  return value
}

function usage(why: string): never {
  console.error(`accuracy: ${why}. See the top of test/accuracy/main.ts.`)
  process.exit(2)
}
