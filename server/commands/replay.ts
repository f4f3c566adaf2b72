/** `tellwire replay`: runs recorded telemetry through derive, detect and assess, in memory only. */
import { defineCommand } from 'citty'
import { asnClass, loadCatalogue, recognise } from '../../rules/catalogue/index.ts'
import type { LoadedCorrelation, Program } from '../../rules/language/index.ts'
import type { Event } from '../../wire/event.ts'
import { Fault } from '../../wire/fault.ts'
import type { AddressFacts, CatalogueFacts, Recorded } from '../../wire/recording.ts'
import { openAddresses } from '../addresses/addresses.ts'
import { Assessments } from '../assess/assessments.ts'
import type { Thresholds } from '../derive/index.ts'
import { Pipeline } from '../detect/pipeline.ts'
import { loadRules } from '../detect/program.ts'
import type { UnknownWord } from '../feeds/unknown-words.ts'
import { type Cluster, isAtLeast } from '../model/assessment.ts'
import { eventLines } from '../recordings/lines.ts'
import { Numbers } from '../recordings/numbers.ts'
import { recordIn } from '../recordings/record.ts'
import type { UnknownKey } from '../roster/unknown-keys.ts'
import { configIn } from './data-folder.ts'
import { placeholderArg, placeholdersFrom } from './placeholders.ts'
import { counted, progress } from './progress.ts'
import { RefusedLines } from './refused-lines.ts'
import { described, printable, repeated } from './terminal.ts'
import { Unknown, warnOf } from './unknown.ts'

/** The second one knows who is flagged by what is common. */
const COUNTS = 2
const LATENESS_MS = 72 * 3_600_000

export interface ReplayDeps {
  program: Program
  correlations: readonly LoadedCorrelation[]
  /** By deriver; the defaults for those omitted. */
  thresholds?: Thresholds
  recognise(event: Event): CatalogueFacts | undefined
  lookup(address: string, at: number): AddressFacts
}

/** The output of `replay --json`. */
export interface ReplayAnswer {
  workers: {
    worker: string
    band: string
    points: number
    parts: { label: string; points: number; without: { points: number; band: string } | null }[]
    findings: {
      id: string
      rule: string
      title: string
      family: string
      strength: number
      time: number
      events: string[]
    }[]
  }[]
  clusters: Pick<Cluster, 'key' | 'kind' | 'workers' | 'band' | 'points'>[]
  stats: {
    events: number
    findings: number
    late: number
    rejected: number
    seconds: number
    /** Results and actions of other systems that no table knows. */
    unknownWords: UnknownWord[]
    /** Keys of contracts and laptops that nothing reads. */
    unknownKeys: UnknownKey[]
  }
}

/**
 * Shape   one JSON object per line, in order of arrival, singly or in blocks; null for a line that is too long. A retry
 *         (same id and number) counts once; the same number with another id is a conflict.
 * Errors  a line that does not match is counted as rejected and passed to `onProblem` with its number.
 */
export async function replay(
  lines: AsyncIterable<string | readonly (string | null)[]>,
  deps: ReplayDeps,
  options: {
    at?: number
    onProblem?: (line: number, why: string) => void
    /** The number of lines read so far. */
    onProgress?: (lines: number) => void
  } = {},
): Promise<ReplayAnswer> {
  const started = performance.now()
  const pipeline = new Pipeline(deps)
  const numbers = new Numbers()
  const feedIds = new Set<string>()
  const assessments = new Assessments(pipeline)
  /** A recording of a server has its counts of colleagues; for one without, they are made as the server would. */
  let isCounted = false
  const unknown = new Unknown()
  const stats = { events: 0, findings: 0, late: 0, rejected: 0, seconds: 0, ...unknown.list() }
  let line = 0
  for await (const block of lines) {
    for (const text of typeof block === 'string' ? [block] : block) take(text)
    options.onProgress?.(line)
  }
  const at = options.at ?? pipeline.clock.end
  pipeline.judgeAt(at)
  if (!isCounted && pipeline.colleagues.record) countAtTheEnd()
  stats.events = pipeline.events
  stats.findings = pipeline.findings.size
  Object.assign(stats, unknown.list())
  stats.seconds = Math.round(performance.now() - started) / 1_000
  const clusters = assessments
    .clusters(at)
    .map(({ key, kind, workers, band, points }) => ({ key, kind, workers, band, points }))
  return { workers: answer(), clusters, stats }

  function take(text: string | null): void {
    line++
    if (text?.trim() === '') return
    const record = recordIn(text)
    if (typeof record === 'string') {
      stats.rejected++
      options.onProblem?.(line, record)
    } else if (admit(record)) {
      isCounted ||= record.type === 'rarity'
      pipeline.take(record)
      countColleagues()
    }
  }

  function countColleagues(): void {
    const counted = isCounted ? null : pipeline.countColleagues(isSuspect)
    if (counted) pipeline.take(counted)
  }

  /**
   * The counts on the way saw what had arrived by then. The last one is made of everything, first by the rules' rates
   * alone, so that the answer depends on the set of lines and not on their order.
   */
  function countAtTheEnd(): void {
    const { findings, world, colleagues } = pipeline
    pipeline.take({ type: 'rarity', time: at, roles: [] })
    for (let round = 0; round < COUNTS; round++)
      pipeline.take(colleagues.count(at, { findings, world, isFlagged: isSuspect }))
  }

  function isSuspect(worker: string): boolean {
    return isAtLeast(assessments.of(worker, pipeline.time).band, 'high')
  }

  /** False for a retry. Marks conflicts on the record. */
  function admit(record: Recorded): boolean {
    if (record.type === 'feed') {
      const isNew = feedIds.size < feedIds.add(record.event.id).size
      if (isNew) unknown.add(record)
      return isNew
    }
    if (record.type !== 'event') {
      unknown.add(record)
      return true
    }
    if (record.receivedAt - record.event.time > LATENESS_MS) stats.late++
    if (record.event.seq === null || record.conflict) return true
    const use = numbers.take(record.device, record.epoch ?? 0, record.event.seq, record.event.id)
    if (use === 'conflict') record.conflict = true
    return use !== 'retry'
  }

  function answer(): ReplayAnswer['workers'] {
    const known = new Set([...pipeline.world.workers(), ...pipeline.findings.subjects()])
    return [...known]
      .map((worker) => {
        const findings = pipeline.findings.of(worker)
        const { band, points, parts } = assessments.explained(worker, at)
        return {
          worker,
          band,
          points,
          parts: parts.map(({ label, points, without }) => ({ label, points, without })),
          findings: findings.map(({ id, rule, title, family, strength, time, events }) => ({
            id,
            rule,
            title,
            family,
            strength,
            time,
            events: events.map((event) => event.id),
          })),
        }
      })
      .sort((a, b) => b.points - a.points || (a.worker < b.worker ? -1 : 1))
  }
}

export const replayCommand = defineCommand({
  meta: { name: 'replay', description: 'Run recorded telemetry through the rules and show what they find' },
  args: {
    file: {
      type: 'positional',
      required: false,
      description: 'A recording (NDJSON, may be .gz); "-" or nothing: standard input',
    },
    rules: {
      type: 'string',
      valueHint: 'PATH',
      description: 'A folder or file of rules instead of the shipped ones; may be given several times',
    },
    at: {
      type: 'string',
      description: 'The time of the assessment: ISO time or epoch ms (default: the end of the recording)',
    },
    json: { type: 'boolean', description: 'Print everything as JSON' },
    'data-folder': { type: 'string', description: "The folder with imported range lists (default: the server's)" },
    config: { type: 'string', description: "The server's configuration file, for its thresholds and placeholders" },
    ...placeholderArg,
  },
  async run({ args, rawArgs }) {
    const at = args.at === undefined ? undefined : moment(args.at)
    const config = configIn(args)
    const ruleset = await loadRules(
      repeated(rawArgs, '--rules'),
      (it) => console.error(printable(described(it))),
      [],
      placeholdersFrom(rawArgs, config.placeholders),
    )
    const catalogue = loadCatalogue()
    const addresses = await openAddresses({
      rangesFolder: config.feedsFolder,
      geoip: config.geoip,
      catalogueAsnClass: (asn) => asnClass(catalogue, asn)?.class ?? null,
    })
    const shown = progress()
    const refused = new RefusedLines(args.file === undefined || args.file === '-' ? 'standard input' : args.file, shown)
    const deps: ReplayDeps = {
      ...ruleset,
      thresholds: config.thresholds,
      recognise: (event) => recognise(catalogue, event),
      lookup: (address, time) => addresses.lookup(address, time),
    }
    const result = await replay(eventLines(args.file ?? '-'), deps, {
      ...(at === undefined ? {} : { at }),
      onProgress: (lines) => shown.show(`replaying, ${counted(lines)} lines`),
      onProblem: (line, why) => refused.add(line, why),
    }).finally(() => {
      shown.end()
      refused.end()
    })
    // What was read was judged, but a wrong spelling throughout a recording must not look like an innocent one.
    if (refused.count > 0) process.exitCode = 1
    warnOf(result.stats)
    if (args.json) console.log(JSON.stringify(result))
    else print(result)
  },
})

function moment(text: string): number {
  const time = /^\d+$/.test(text) ? Number(text) : Date.parse(text)
  if (Number.isNaN(time))
    throw new Fault('usage', { where: '--at', todo: 'Give an ISO time (2026-11-22T10:00Z) or epoch milliseconds.' })
  return time
}

function print(result: ReplayAnswer): void {
  for (const { worker, band, points, findings } of result.workers) {
    console.log(printable(`${band.padEnd(8)} ${String(points).padStart(4)}  ${worker}`))
    for (const it of findings) console.log(printable(`               ${new Date(it.time).toISOString()}  ${it.title}`))
  }
  const { events, findings, late, rejected, seconds } = result.stats
  console.log(`${events} events, ${findings} findings, ${late} late, ${rejected} lines skipped, ${seconds} s`)
}
