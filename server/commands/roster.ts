/** `tellwire roster import`: reads a roster and hands it to the server, which writes what is new to its log. */
import { readFile, stat } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { defineCommand } from 'citty'
import { Fault } from '../../wire/fault.ts'
import { readServerFile } from '../roles/server-file.ts'
import { answerTo, deliver } from '../roster/inbox.ts'
import { MAX_ROSTER_BYTES, parseRoster, type RosterProblem } from '../roster/roster.ts'
import { folderArgs, folderIn, inboxUnwritable } from './data-folder.ts'
import { printable } from './terminal.ts'
import { Unknown, warnOf } from './unknown.ts'

/** The server looks every 5 s; a roster of 100,000 rows takes it another 10 s, or 30 s on a busy machine. */
const ANSWER_WITHIN_MS = 60_000
const LOOK_EVERY_MS = 100
const MAX_SHOWN = 20

const importCommand = defineCommand({
  meta: {
    name: 'import',
    description: 'Import who works from where, until when, and on which laptop (CSV or JSON)',
  },
  args: {
    file: {
      type: 'positional',
      required: true,
      description: 'The roster; rows that cannot be used are reported and omitted',
    },
    format: { type: 'enum', options: ['csv', 'json'], description: "csv or json (default: by the file's name)" },
    'dry-run': { type: 'boolean', description: 'Only report what would be imported' },
    ...folderArgs,
    json: { type: 'boolean', description: 'Print JSON' },
  },
  async run({ args }) {
    const now = Date.now()
    const dataFolder = folderIn(args)
    const text = await readRoster(args.file)
    const format = args.format ?? (/^\.(json|ndjson|jsonl)$/i.test(extname(args.file)) ? 'json' : 'csv')
    const { contracts, devices, problems, omitted } = parseRoster(text, { format, fileName: args.file, now })
    const unknown = new Unknown()
    for (const it of contracts) unknown.add({ ...it, type: 'contract' })
    for (const it of devices) unknown.add({ ...it, type: 'device' })
    warnOf(unknown.list())
    for (const problem of problems.slice(0, MAX_SHOWN)) console.error(printable(sentence(problem)))
    if (omitted > MAX_SHOWN) console.error(printable(`${args.file}: and ${omitted - MAX_SHOWN} more rows omitted.`))
    if (contracts.length + devices.length === 0)
      throw new Fault('roster.invalid', {
        where: args.file,
        why: 'None of its rows can be used; nothing was imported.',
      })

    const state = args['dry-run'] ? 'dry-run' : await handOver(dataFolder, { contracts, devices }, now)
    const counted = `contracts ${contracts.length}, laptops ${devices.length}`
    if (args.json)
      console.log(JSON.stringify({ state, contracts: contracts.length, devices: devices.length, omitted, problems }))
    else console.log(`${counted}: ${STATES[state]}`)
    // The good rows were imported, but a nightly job must still report the others.
    if (omitted > 0) process.exitCode = 1
  },
})

export const rosterCommand = defineCommand({
  meta: { name: 'roster', description: 'Import contracts and laptops' },
  subCommands: { import: importCommand },
})

const STATES = {
  'dry-run': 'would be imported.',
  taken: 'imported.',
  waiting: 'the server has not answered yet; it imports them as soon as it can.',
  later: 'no server is running on this data folder; the next start imports them.',
} as const

async function handOver(
  folder: string,
  roster: Parameters<typeof deliver>[1],
  now: number,
): Promise<'taken' | 'waiting' | 'later'> {
  const inbox = join(folder, 'inbox')
  const name = await deliver(inbox, roster, now).catch((cause: unknown) => {
    throw inboxUnwritable(inbox, cause)
  })
  if (!readServerFile(folder)) return 'later'
  for (const until = Date.now() + ANSWER_WITHIN_MS; Date.now() < until; await delay(LOOK_EVERY_MS)) {
    const answer = await answerTo(inbox, name)
    if (answer?.failed != null)
      throw new Fault('roster.invalid', {
        where: join(inbox, 'failed', name),
        why: `The server refused it: ${answer.failed}`,
      })
    if (answer) return 'taken'
  }
  return 'waiting'
}

async function readRoster(file: string): Promise<string> {
  const found = await stat(file).catch((cause: unknown) => {
    const why = `The file cannot be read: ${(cause as NodeJS.ErrnoException).code}.`
    throw new Fault('roster.invalid', { where: file, why, todo: 'Check its path and permissions.', cause })
  })
  if (!found.isFile() || found.size > MAX_ROSTER_BYTES)
    throw new Fault('roster.invalid', {
      where: file,
      todo: `Give a file of at most ${MAX_ROSTER_BYTES / 1_048_576} MiB.`,
    })
  const bytes = await readFile(file)
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    throw new Fault('roster.invalid', { where: file, why: 'It is not UTF-8.', todo: 'Save it as "CSV UTF-8".', cause })
  }
}

function sentence({ file, line, column, why }: RosterProblem): string {
  return `${file}:${line}: ${column === null ? '' : `${column}: `}${why}; the row is omitted.`
}
