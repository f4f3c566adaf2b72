/**
 * `tellwire demo`: a server with a simulated company, in a folder that is removed at the end.
 *
 * Shape   200 people, and three weeks that end now: mostly ordinary ones, a few infiltrators, and people who only look
 *         like them. Who is which is never stored, as with a real company.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defineCommand } from 'citty'
import { colours } from '../../bin/colours.ts'
import { Fault } from '../../wire/fault.ts'
import type { RecordedOf } from '../../wire/recording.ts'
import { DAY } from '../../wire/time.ts'
import { type Config, loadConfig } from '../config.ts'
import { logger } from '../log.ts'
import { serve } from '../roles/all.ts'
import { importOffline } from '../roles/offline.ts'
import { simulate, workersFor } from '../simulate/simulate.ts'
import { SERVER_PLACE } from '../simulate/sites.ts'
import { counted, progress, share } from './progress.ts'
import { portOf, untilStopped } from './server.ts'
import { whole } from './simulate.ts'

const pc = colours()
const WORKERS = 200
const MAX_WORKERS = 5_000
const DAYS = 21
const SEED = 11
/** Four schemes of infiltrators, and look-alikes of all of them. The others are ordinary people. */
const SCENES = ['P4', 'P1', 'P11', 'P22', 'P6', 'N9/undeclared', 'N4/unannounced', 'N11/lapsed', 'N1', 'N15', 'N20']
const BLOCK_LINES = 1_000
/** SIGHUP: the terminal was closed. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

export const demoArgs = {
  host: { type: 'string', description: 'The address to listen on (default: 127.0.0.1)' },
  port: { type: 'string', description: 'The port to listen on (default: a free one)' },
  workers: { type: 'string', valueHint: 'count', description: `How many people it has (default: ${WORKERS})` },
} as const

export type DemoArgs = { [K in keyof typeof demoArgs]?: string | undefined }

export const demoCommand = defineCommand({
  meta: { name: 'demo', description: 'Show the console with a simulated company; nothing is kept' },
  args: demoArgs,
  run: ({ args }) => demo(args),
})

/** Runs until it is stopped. */
export async function demo(args: DemoArgs): Promise<void> {
  const workers =
    args.workers === undefined ? WORKERS : whole('--workers', args.workers, workersFor(SCENES), MAX_WORKERS)
  const folder = mkdtempSync(join(tmpdir(), 'tellwire-demo-'))
  const remove = () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  process.on('exit', remove)
  const interrupted = () => process.exit(130)
  for (const signal of SIGNALS) process.on(signal, interrupted)
  try {
    const config = demoConfig(folder, args)
    console.log(`Simulating ${workers} people over the last ${DAYS} days; this takes about a minute …`)
    const shown = progress()
    try {
      await fillDemo(config, workers, shown.show)
    } finally {
      shown.end()
    }
    const running = await serve(config, logger(config.log.level), { simulated: true })
    try {
      for (const signal of SIGNALS) process.off(signal, interrupted)
      const stopped = untilStopped(SIGNALS)
      console.log(`
${pc.bold('A demo with simulated data: nobody in it exists. Stop with Ctrl-C.')}

  console      ${pc.cyan(await running.oneTimeLink())}
               The link works once, within 24 hours; then choose a password.
  data         ${folder}
               It is removed when the demo stops.

To watch this machine instead: npm start`)
      await stopped
    } finally {
      await running.close()
    }
  } finally {
    remove()
  }
}

/** Of this demo alone: a server's environment must not change it. */
export function demoConfig(folder: string, { host, port }: DemoArgs): Config {
  const { lat, lon } = SERVER_PLACE
  const place = { serverLatitude: lat, serverLongitude: lon }
  return loadConfig({
    env: {},
    flags: {
      dataFolder: folder,
      'listen.host': host,
      'listen.port': port === undefined ? 0 : portOf(port),
      'log.level': 'error',
      'thresholds.rtt_excess': place,
      'thresholds.place_mismatch': place,
      'thresholds.connection': place,
    },
  })
}

/** Fills the data folder with the company, judged up to now. `show` gets a line about the progress, often. */
export async function fillDemo(config: Config, workers: number, show: (line: string) => void): Promise<void> {
  await importOffline(config, () => company(Date.now(), workers), {
    log: logger(config.log.level),
    // The agent that sees what the simulated ones see.
    platform: 'linux',
    onProblem: (_, why) => {
      throw new Fault('events.invalid', { where: 'simulation', why })
    },
    onProgress: (lines) => show(`simulating, ${counted(lines)} events`),
    onRuleProblem: () => {},
    onJudged: ({ position, last }) => show(share('judging', position, last)),
  })
}

/** Lines in order of arrival, up to `now`, without those that say who is an infiltrator. */
async function* company(now: number, workers: number): AsyncGenerator<string[]> {
  const start = Math.floor(now / DAY) * DAY - (DAYS - 1) * DAY
  let block: string[] = []
  for (const line of simulate({ scenarios: SCENES, seed: SEED, workers, days: DAYS, start })) {
    if (line.startsWith('{"type":"label"')) continue
    if (Number(/"(?:receivedAt|time)":(\d+)/.exec(line)?.[1]) > now) break
    block.push(line.startsWith('{"type":"contract"') ? named(line) : line)
    if (block.length < BLOCK_LINES) continue
    yield block
    block = []
  }
  yield block
}

/** The contract with a name. Names mean nothing here, as everywhere: they follow from the worker's number. */
function named(line: string): string {
  const contract: RecordedOf<'contract'> = JSON.parse(line)
  const number = Number(contract.worker.replace(/\D/g, ''))
  const first = FIRST_NAMES[(number * 7) % FIRST_NAMES.length]
  const last = LAST_NAMES[(number * 11 + Math.floor(number / FIRST_NAMES.length)) % LAST_NAMES.length]
  return JSON.stringify({ ...contract, name: `${first} ${last}` })
}

const FIRST_NAMES = (
  'Adriana Amir Beatriz Carlos Chloe Daniel Elena Emre Fatima Felix Grace Hana Ibrahim Ines Jonas Julia Kofi Lara ' +
  'Liam Lucia Marek Maya Mei Nadia Noah Olga Omar Paula Priya Rafael Ruth Samuel Sofia Tomas Wei Yara Zoe'
).split(' ')
const LAST_NAMES = (
  'Adeyemi Almeida Bauer Brandt Castillo Chen Costa Dahl Diaz Fischer Garcia Haddad Hughes Ivanova Jensen Kaya Khan ' +
  'Kim Kowalski Laurent Lopez Mensah Moreau Nowak Okafor Park Patel Petrov Reyes Rossi Sato Silva Singh Tanaka ' +
  'Torres Weber Young'
).split(' ')
