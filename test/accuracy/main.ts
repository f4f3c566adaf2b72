/**
 * `npm run accuracy`: measures on simulated fleets whether the shipped rules find the patterns and not the look-alikes.
 *
 *   npm run accuracy -- --write                        the published figures: rules/content/accuracy.json, ACCURACY.md
 *   npm run accuracy -- --check                        exit 3 when the page does not match the figures
 *   npm run accuracy -- --tuning --seeds 2 --companies 4            on the seeds for tuning rules
 *   npm run accuracy -- --tuning --kind company --companies 10      only companies; scenes, drift, aging
 *   npm run accuracy -- --tuning --only P12,N9 --alone --seeds 4    only these scenes and variants: fast
 *   npm run accuracy -- --seed 100007 --only P12 --explain          the findings about P12's people, in order of time
 *   npm run accuracy -- dump --tuning --kind company --companies 10 every finding of each fleet as JSON (dump.ts):
 *                                                      prints the files
 *   npm run accuracy -- rescore FILE…                  the page of dumps, by the score and the rules' weights as they are
 *                                                      now: for trying constants, in seconds (rescore.ts)
 *
 * Shape   the page goes to standard output, progress to standard error. `--only` takes scenes, 'P12/thin' or workers;
 *         without `--alone` the fleet is complete, so the people are those of the published run.
 * Resume  each finished fleet is kept in --results, by the code that made it: a stopped run goes on with the others,
 *         and one that needs fleets which are there takes them from there. --fresh removes all of them first.
 * Size    20 seeds of scenes and 92 companies of 200 workers, 33 days (the longest scene takes 32); 3 seeds of each of
 *         the long ones. 92 companies have about 139 scenes of infiltrators, with which a recall of 90 % is known to
 *         within 5 points (196 scenes for 85 %, 73 for 95 %): 1.96² p (1 - p) / 0.05². In all 176 million events; at 30
 *         to 70 µs of processor an event (November 2026) that is one to two hours on two cores.
 * Errors  a fleet that fails ends the run with exit 1; bad usage with 2.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { loadRules } from '../../server/detect/program.ts'
import { SCENARIOS } from '../../server/simulate/scenarios/index.ts'
import { workersFor } from '../../server/simulate/simulate.ts'
import type { Course } from './course.ts'
import { type Accuracy, figures } from './figures.ts'
import type { Task } from './fleet-process.ts'
import {
  aloneFleet,
  companyFleet,
  type Fleet,
  isAmong,
  KINDS,
  type Kind,
  REPORTING,
  scenesFleet,
  seedsOf,
  TUNING,
} from './fleets.ts'
import { accuracyPage } from './page.ts'
import { courses, type Progress } from './processes.ts'
import { readDump, rescored } from './rescore.ts'
import { nameOf, results } from './results.ts'

const CONTENT = join(import.meta.dirname, '../../rules/content')
const FIGURES = join(CONTENT, 'accuracy.json')
const PAGE = join(CONTENT, 'ACCURACY.md')
/** The crowd for each person of a scene, with --alone. */
const CROWD = 10
/** Ordinary people of a fleet of scenes, besides those of its scenes. */
const BYSTANDERS = 40
const DAY = 86_400_000
const REPORT_AFTER_MS = 2_000
const REPORT_EVERY_MS = 60_000

const SCENES = SCENARIOS.flatMap(({ id, variants = [] }) => [id, ...variants.map((it) => `${id}/${it}`)]).map((it) =>
  it.toLowerCase(),
)

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seeds: { type: 'string', default: '20' },
    seed: { type: 'string' },
    tuning: { type: 'boolean', default: false },
    kind: { type: 'string', default: 'all' },
    workers: { type: 'string' },
    company: { type: 'string', default: '200' },
    companies: { type: 'string', default: '92' },
    long: { type: 'string', default: '3' },
    days: { type: 'string', default: '33' },
    start: { type: 'string', default: '2026-09-21' },
    processes: { type: 'string', default: `${Math.min(2, availableParallelism())}` },
    results: { type: 'string', default: join(import.meta.dirname, 'results') },
    fresh: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    alone: { type: 'boolean', default: false },
    explain: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    check: { type: 'boolean', default: false },
  },
})

if (values.check) check()
else if (positionals[0] === 'rescore') await rescore(positionals.slice(1))
else await measure()

function check(): void {
  const known = [FIGURES, PAGE].every((it) => existsSync(it))
  if (known && readFileSync(PAGE, 'utf8') === accuracyPage(JSON.parse(readFileSync(FIGURES, 'utf8')) as Accuracy))
    return
  console.error(`${PAGE} does not match ${FIGURES}. Run \`npm run accuracy -- --write\`.`)
  process.exitCode = 3
}

async function rescore(files: readonly string[]): Promise<void> {
  if (files.length === 0) usage('rescore needs files that dump wrote')
  const { program, correlations } = await loadRules([], () => {})
  const rules = [...program.rules, ...correlations]
  const all = files.map((it) => rescored(readDump(it), rules))
  const found = figures(all, all.some(({ fleet }) => fleet.seed < REPORTING.from) ? 'tuning' : 'reporting')
  console.log(values.json ? JSON.stringify(found) : accuracyPage(found))
}

async function measure(): Promise<void> {
  const only = values.only.split(',').filter((it) => it !== '')
  const dump = positionals[0] === 'dump'
  if (positionals.length > Number(dump)) usage(`there is no command ${positionals.join(' ')}`)
  if (values.write && (values.tuning || values.seed !== undefined || only.length > 0 || values.kind !== 'all'))
    usage('--write needs whole fleets with reporting seeds')
  if (only.length === 0 && (values.alone || values.explain)) usage('--alone and --explain need --only')
  const unknown = only.find((it) => !/^w\d+$/.test(it) && !SCENES.includes(it.toLowerCase()))
  if (unknown !== undefined) usage(`--only ${unknown}: there is no such scene, variant or worker`)
  const tasks: Task[] = planned(only).map((fleet) => ({ fleet, explain: values.explain ? only : [], dump }))
  const kept = results(values.results, { fresh: values.fresh })
  if (kept.stale > 0) console.error(`${kept.stale} older results are of other code and not used; --fresh removes them`)
  const all = await courses(tasks, whole('processes', values.processes, 1), progress(), kept)
  if (dump) {
    for (const it of tasks) console.log(join(kept.folder, nameOf(it)))
    return
  }
  if (values.explain) {
    for (const { fleet, explained } of all)
      if (explained.length > 0) console.log(`seed ${fleet.seed}, ${fleet.kind}\n\n${explained.join('\n')}`)
    return
  }
  const asked = only.length === 0 ? () => true : (scenario: string) => isAmong(scenario, only)
  const isTuning = tasks.some(({ fleet }) => fleet.seed < REPORTING.from)
  const found = figures(all, isTuning ? 'tuning' : 'reporting', { asked })
  const page = accuracyPage(found)
  if (values.write) {
    writeFileSync(FIGURES, `${JSON.stringify(found, null, 1)}\n`)
    writeFileSync(PAGE, page)
  } else console.log(values.json ? JSON.stringify(found) : page)
}

function planned(only: readonly string[]): Fleet[] {
  const range = values.tuning ? TUNING : REPORTING
  const most = range.to - range.from + 1
  const seedsFor = (name: 'seeds' | 'companies' | 'long') =>
    values.seed === undefined ? seedsOf(range, whole(name, values[name], 0, most)) : [whole('seed', values.seed, 0)]
  const kinds = KINDS.filter((it) => values.kind === 'all' || values.kind.split(',').includes(it))
  if (kinds.length === 0) usage(`--kind ${values.kind}: ${KINDS.join(', ')} or all`)
  const start = Date.parse(values.start)
  if (Number.isNaN(start) || start % DAY !== 0) usage(`--start ${values.start}: give a date, 2026-09-21`)
  const days = whole('days', values.days, 1)
  if (values.alone) {
    const size = { workers: whole('workers', values.workers ?? '1', 1), days, start }
    return seedsFor('seeds').map((seed) => {
      const fleet = aloneFleet(seed, size, only)
      if (fleet.scenarios.length === 0) usage(`--only ${values.only}: there is no such scene`)
      const crowd = Math.max(100, workersFor(fleet.scenarios) * CROWD)
      return values.workers === undefined ? { ...fleet, workers: crowd } : fleet
    })
  }
  const scenes = (seed: number, days: number): Fleet => {
    const fleet = scenesFleet(seed, { workers: 0, days, start })
    const workers =
      values.workers === undefined ? workersFor(fleet.scenarios) + BYSTANDERS : whole('workers', values.workers, 1)
    return { ...fleet, workers }
  }
  const company = (seed: number, workers: number, days: number) => companyFleet(seed, { workers, days, start })
  const make: Readonly<Record<Kind, () => Fleet[]>> = {
    scenes: () => seedsFor('seeds').map((seed) => scenes(seed, days)),
    company: () => seedsFor('companies').map((seed) => company(seed, whole('company', values.company, 1), days)),
    drift: () => seedsFor('long').map((seed) => ({ ...company(seed, 109, 121), kind: 'drift' })),
    aging: () => seedsFor('long').map((seed) => ({ ...scenes(seed, 91), kind: 'aging' })),
  }
  // The longest first, so that the processes end together.
  return kinds.flatMap((it) => make[it]()).sort((a, b) => b.workers * b.days - a.workers * a.days)
}

function progress(): (progress: Progress, finished: Course | null) => void {
  const began = performance.now()
  const isTerminal = process.stderr.isTTY
  let told = began
  return ({ done, of, share, before }, finished) => {
    const passed = performance.now() - began
    const isDue = finished || isTerminal || performance.now() - told > REPORT_EVERY_MS
    if (passed < REPORT_AFTER_MS || !isDue) return
    told = performance.now()
    const left = share > before ? (passed / (share - before)) * (1 - share) : null
    const line = `${done} of ${of} fleets, ${Math.floor(share * 100)} %${left === null ? '' : `, about ${duration(left)} left`}`
    const of1 = finished
      ? `seed ${finished.fleet.seed} ${finished.fleet.kind}: ${finished.events} events, ${Math.round(finished.events / finished.seconds)} a second`
      : null
    if (isTerminal) process.stderr.write(`\r\u001b[K${of1 === null ? '' : `${of1}\n`}${line}${share === 1 ? '\n' : ''}`)
    else console.error(of1 === null ? line : `${of1}; ${line}`)
  }
}

function duration(ms: number): string {
  const minutes = Math.round(ms / 60_000)
  if (minutes < 2) return `${Math.round(ms / 1_000)} s`
  return minutes < 90 ? `${minutes} min` : `${(minutes / 60).toFixed(1)} h`
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
