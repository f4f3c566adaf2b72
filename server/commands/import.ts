/** `tellwire import`: a recording into a server's log, whether the server runs or not, until it is judged. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { defineCommand } from 'citty'
import { Fault } from '../../wire/fault.ts'
import type { Config } from '../config.ts'
import type { UnknownWord } from '../feeds/unknown-words.ts'
import { logger } from '../log.ts'
import { answerTo, deliverRecording, forgetAnswer } from '../recordings/inbox.ts'
import { eventLines } from '../recordings/lines.ts'
import { recordIn } from '../recordings/record.ts'
import { importOffline } from '../roles/offline.ts'
import { readServerFile } from '../roles/server-file.ts'
import type { UnknownKey } from '../roster/unknown-keys.ts'
import { configIn, inboxUnwritable } from './data-folder.ts'
import { counted, type Progress, progress, share } from './progress.ts'
import { RefusedLines } from './refused-lines.ts'
import { makeFolder } from './server.ts'
import { printable } from './terminal.ts'
import { Unknown, warnOf } from './unknown.ts'

const LOOK_EVERY_MS = 100

/** What was imported; `later`: the server stopped before it was done. */
interface Summary {
  state: 'judged' | 'later'
  stored: number
  known: number
  laptops: number
  rejected: number
  /** Results and actions of other systems that no table knows. */
  unknownWords: UnknownWord[]
  /** Keys of contracts and laptops that nothing reads. */
  unknownKeys: UnknownKey[]
}

export const importCommand = defineCommand({
  meta: { name: 'import', description: 'Import recorded telemetry, and judge it, whether the server runs or not' },
  args: {
    file: {
      type: 'positional',
      required: true,
      description: 'What `tellwire export` or `simulate` wrote (NDJSON, may be .gz); "-": standard input',
    },
    'data-folder': { type: 'string', description: "The server's data folder; a new one is made" },
    config: { type: 'string', description: "The server's configuration file (YAML)" },
    json: { type: 'boolean', description: 'Print JSON' },
  },
  async run({ args }) {
    const config = configIn(args)
    const { file } = args
    // Before a data folder is made for a file that does not exist.
    if (file !== '-') await stat(file).catch((cause: unknown) => refuse(file, cause))
    makeFolder(config.dataFolder)
    const summary = await importFile(config, file)
    warnOf(summary)
    if (args.json) console.log(JSON.stringify(summary))
    else console.log(sentence(summary))
    // The good records were imported, but a nightly job must still report the others.
    if (summary.rejected > 0) process.exitCode = 1
  },
})

async function importFile(config: Config, file: string): Promise<Summary> {
  const shown = progress()
  const refused = new RefusedLines(file === '-' ? 'standard input' : file, shown)
  const unknown = new Unknown()
  try {
    const taken = await importOffline(config, () => eventLines(file), {
      log: logger(config.log.level === 'debug' ? 'debug' : 'error'),
      onProblem: (line, why) => refused.add(line, why),
      onRecord: (record) => unknown.add(record),
      onProgress: (lines) => shown.show(`storing, ${counted(lines)} lines`),
      onRuleProblem: ({ severity, path, line, message }) => {
        if (severity !== 'error') return
        shown.clear()
        console.error(printable(`tellwire: ${path}:${line}: ${message}`))
      },
      onJudged: ({ position, last }) => shown.show(share('judging', position, last)),
    })
    const { stored, known, laptops, rejected } = taken
    return { state: 'judged', stored, known, laptops, rejected, ...unknown.list() }
  } catch (cause) {
    if (!(cause instanceof Fault && cause.code === 'server.running')) throw cause
    // Another import or a restore holds the folder too, but only a server takes what is in the inbox.
    if (!readServerFile(config.dataFolder)) throw cause
    return await handOver(config.dataFolder, file, { refused, unknown, shown })
  } finally {
    shown.end()
    refused.end()
  }
}

interface Outputs {
  refused: RefusedLines
  unknown: Unknown
  shown: Progress
}

async function handOver(folder: string, file: string, { refused, unknown, shown }: Outputs): Promise<Summary> {
  const inbox = join(folder, 'inbox')
  const read = { lines: 0 }
  const name = await deliverRecording(inbox, recordLines(file, read, { refused, unknown, shown }), Date.now()).catch(
    (cause: unknown) => {
      if (cause instanceof Fault) throw cause
      throw inboxUnwritable(inbox, cause)
    },
  )
  const { count: rejected } = refused
  for (;;) {
    const answer = await answerTo(inbox, name)
    switch (answer?.state) {
      case 'storing':
        shown.show(share('storing', answer.lines, read.lines))
        break
      case 'judging':
        shown.show(share('judging', answer.position, answer.last))
        break
      case 'done': {
        await forgetAnswer(inbox, name)
        const { stored, known, laptops } = answer
        return { state: 'judged', stored, known, laptops, rejected, ...unknown.list() }
      }
      case 'failed':
        await forgetAnswer(inbox, name)
        throw new Fault('events.invalid', { where: file, why: `The server could not take it: ${answer.why}` })
      default:
        shown.show('waiting for the server')
    }
    if (!readServerFile(folder)) return { state: 'later', stored: 0, known: 0, laptops: 0, rejected, ...unknown.list() }
    await delay(LOOK_EVERY_MS)
  }
}

/** The valid lines; the server counts, but only this command can name the lines of the file. */
async function* recordLines(file: string, read: { lines: number }, { refused, unknown, shown }: Outputs) {
  let line = 0
  for await (const block of eventLines(file)) {
    let text = ''
    for (const it of block) {
      line++
      if (it?.trim() === '') continue
      const record = recordIn(it)
      if (typeof record === 'string') refused.add(line, record)
      else if (record.type !== 'label') {
        unknown.add(record)
        text += `${it}\n`
        read.lines++
      }
    }
    shown.show(`reading, ${counted(line)} lines`)
    if (text !== '') yield text
  }
}

function sentence({ state, stored, known, laptops, rejected }: Summary): string {
  const omitted = rejected > 0 ? ` ${counted(rejected)} lines skipped.` : ''
  if (state === 'later') return `The server stopped; its next start imports the rest.${omitted}`
  const before = known > 0 ? `, ${counted(known)} known already` : ''
  const added = laptops > 0 ? `, ${counted(laptops)} laptops added` : ''
  return `${counted(stored)} records imported and judged${before}${added}.${omitted}`
}

function refuse(file: string, cause: unknown): never {
  const isMissing = (cause as NodeJS.ErrnoException).code === 'ENOENT'
  const why = isMissing ? 'There is no such file.' : (cause as Error).message
  throw new Fault('events.invalid', { where: file, why, cause })
}
