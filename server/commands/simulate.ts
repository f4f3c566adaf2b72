/**
 * `tellwire simulate`: writes recorded telemetry of a simulated fleet, with scenes in it, to standard output.
 *
 * Shape   the same options give the same bytes. People in a scene have a `label` line; all others are ordinary.
 */
import { once } from 'node:events'
import { defineCommand } from 'citty'
import { Fault } from '../../wire/fault.ts'
import { companyOf, RMMS, SASES } from '../simulate/company.ts'
import { SCENARIOS } from '../simulate/scenarios/index.ts'
import { type SimulateOptions, simulate, workersFor } from '../simulate/simulate.ts'
import { progress } from './progress.ts'
import { columns } from './terminal.ts'

const DAY = 86_400_000
const BLOCK_CHARS = 131_072
/** A small run is grown to this many people for each person in a scene, so that there is a crowd to hide in. */
const CROWD = 10
const DEFAULT_WORKERS = 100
const MAX_WORKERS = 1_000_000
const MAX_DAYS = 3_650
const SCENES =
  'Scenes to place in it, such as "simulate P4 N9/undeclared --seed 7 | tellwire replay" or ' +
  '"simulate all --workers 1000 > fleet.ndjson"; none: ordinary days only. --list shows them'

export const simulateCommand = defineCommand({
  meta: { name: 'simulate', description: 'Write recorded telemetry of a simulated fleet, with scenes in it' },
  args: {
    scenarios: { type: 'positional', required: false, several: true, description: SCENES },
    seed: { type: 'string', default: '1', description: 'A whole number; another number gives another fleet' },
    workers: {
      type: 'string',
      description: `How many workers, including those in scenes (default: ${DEFAULT_WORKERS})`,
    },
    days: { type: 'string', default: '60', description: 'How many days' },
    start: { type: 'string', default: '2026-09-14', description: 'The first day: an ISO date, in UTC' },
    rmm: {
      type: 'string',
      description: `Remote management that the company has on every laptop, approved by nobody: ${Object.keys(RMMS).join(', ')}`,
    },
    sase: {
      type: 'string',
      description: `Security service that carries all traffic of the laptops: ${Object.keys(SASES).join(', ')}`,
    },
    list: { type: 'boolean', description: 'Show the scenes instead' },
  },
  async run({ args }) {
    if (args.list) {
      for (const line of list()) console.log(line)
      return
    }
    const scenarios = args._
    const fewest = workersFor(scenarios)
    const options = {
      scenarios,
      seed: whole('--seed', args.seed, 0, 2 ** 32 - 1),
      workers:
        args.workers === undefined
          ? Math.max(DEFAULT_WORKERS, fewest * CROWD)
          : whole('--workers', args.workers, Math.max(1, fewest), MAX_WORKERS),
      days: whole('--days', args.days, 1, MAX_DAYS),
      start: date(args.start),
      company: companyOf({ rmm: args.rmm, sase: args.sase }),
    }
    await write(options)
  },
})

/** In blocks, as fast as the reader takes them. */
async function write(options: SimulateOptions): Promise<void> {
  const tell = dayProgress(options)
  let block = ''
  const flush = async () => {
    const text = block
    block = ''
    if (!process.stdout.write(text)) await once(process.stdout, 'drain')
  }
  for (const line of simulate(options)) {
    block += `${line}\n`
    if (block.length < BLOCK_CHARS) continue
    tell(line)
    await flush()
  }
  await flush()
  tell(null)
}

/** Called with a line of the current hour; null: the end. */
function dayProgress({ start, days }: SimulateOptions): (line: string | null) => void {
  const shown = progress()
  return (line) => {
    if (line === null) return shown.end()
    const time = Number(/"receivedAt":(\d+)/.exec(line)?.[1] ?? start)
    // Lines that scroll over the terminal are their own progress.
    if (!process.stdout.isTTY)
      shown.show(`day ${Math.min(days, Math.max(0, Math.floor((time - start) / DAY)))} of ${days}`)
  }
}

function list(): string[] {
  return columns(
    SCENARIOS.map((it) => [
      it.id,
      it.truth,
      `${it.people}`,
      it.title,
      it.variants?.map((name) => `${it.id}/${name}`).join(' ') ?? '',
    ]),
  )
}

/** Errors  Fault 'usage' for what is not a whole number in this range. */
export function whole(where: string, text: string, least: number, most: number): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < least || value > most)
    throw new Fault('usage', { where: `${where} ${text}`, todo: `Give a whole number from ${least} to ${most}.` })
  return value
}

function date(text: string): number {
  const time = Date.parse(text)
  if (Number.isNaN(time) || time < Date.UTC(2001, 0, 1) || time > Date.UTC(2090, 0, 1))
    throw new Fault('usage', { where: `--start ${text}`, todo: 'Give an ISO date such as 2026-09-14.' })
  return time
}
