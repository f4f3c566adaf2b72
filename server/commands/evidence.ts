/** `tellwire evidence`: a file with everything that a verdict about one worker followed from, and its verification. */
import { open, rm } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { resolve } from 'node:path'
import { defineCommand } from 'citty'
import { counted, ENGINE_VERSION } from '../../rules/language/index.ts'
import { Fault } from '../../wire/fault.ts'
import type { Made } from '../evidence/make.ts'
import { type PackProblem, type Verified, verifyPack } from '../evidence/verify.ts'
import { pointsOf } from '../model/points.ts'
import { evidenceIn } from '../roles/evidence.ts'
import { configIn, folderArgs, withStore } from './data-folder.ts'
import { printable } from './terminal.ts'

/** Of a file that is read whole. A pack of ten thousand events is some 10 MB. */
const MAX_BYTES = 256 * 1024 * 1024
const SHOWN_PROBLEMS = 10

const makeCommand = defineCommand({
  meta: { name: 'make', description: 'Write the evidence about one worker to a file that anybody can verify' },
  args: {
    worker: { type: 'positional', required: true, description: 'The worker' },
    to: { type: 'string', required: true, description: 'The file to make, such as w17.evidence' },
    ...folderArgs,
    json: { type: 'boolean', description: 'Print JSON' },
  },
  async run({ args }) {
    const config = configIn(args)
    const pack = await evidenceIn({ config, worker: args.worker, by: userInfo().username })
    const { worker, findings, events, uncounted, text, key } = pack
    const file = resolve(args.to)
    const entry = { at: Date.now(), user: null, action: 'evidence.made', about: worker, detail: file }
    await writeNew(file, text, () => withStore(config.dataFolder, 'change', (it) => it.audit.add(entry)))
    const made = { file, worker, findings, events, uncounted, bytes: Buffer.byteLength(text), key }
    if (args.json) console.log(JSON.stringify(made))
    else for (const line of described(made)) console.log(printable(line))
  },
})

const verifyCommand = defineCommand({
  meta: { name: 'verify', description: 'Check that a pack is unchanged, and that its verdict follows from it' },
  args: {
    pack: { type: 'positional', required: true, description: 'The file' },
    key: { type: 'string', description: 'The key that must have signed it, as `tellwire evidence make` printed it' },
    json: { type: 'boolean', description: 'Print JSON' },
  },
  async run({ args }) {
    const found = verifyPack(await bytesOf(args.pack), ENGINE_VERSION)
    const isOthers = args.key !== undefined && found.key !== args.key
    const holds = found.changed.length + found.differs.length === 0 && !isOthers
    if (args.json) {
      const { assessment, head, ...rest } = found
      const verdict = assessment && { band: assessment.band, points: assessment.points, reason: assessment.reason }
      console.log(
        JSON.stringify({ holds, ...rest, isOthers, worker: head?.worker ?? null, at: head?.at ?? null, verdict }),
      )
    } else for (const line of report(found, isOthers)) console.log(printable(line))
    if (!holds) process.exitCode = 1
  },
})

export const evidenceCommand = defineCommand({
  meta: { name: 'evidence', description: 'The evidence about one worker, as a file that another machine can verify' },
  subCommands: { make: makeCommand, verify: verifyCommand },
})

/** `first`: done before anything is in the file, so that no pack exists that the audit does not know. */
async function writeNew(path: string, text: string, first: () => Promise<void>): Promise<void> {
  const file = await open(path, 'wx', 0o600).catch((cause: NodeJS.ErrnoException) => {
    const isThere = cause.code === 'EEXIST'
    const todo = isThere ? 'Choose another name.' : 'Choose a folder that you may write.'
    throw new Fault('usage', { where: path, why: isThere ? 'It is there already.' : cause.message, todo, cause })
  })
  try {
    await first()
    await file.writeFile(text)
    await file.sync()
  } catch (cause) {
    await rm(path, { force: true })
    throw cause
  } finally {
    await file.close()
  }
}

async function bytesOf(path: string): Promise<Buffer> {
  const bad = (why: string, cause?: unknown) => new Fault('events.invalid', { where: path, why, cause })
  const file = await open(path).catch((cause: Error) => {
    throw bad(cause.message, cause)
  })
  try {
    const found = await file.stat()
    if (!found.isFile()) throw bad('It is no file.')
    if (found.size > MAX_BYTES) throw bad('It is larger than an evidence pack can be.')
    return await file.readFile()
  } finally {
    await file.close()
  }
}

interface MadePack extends Omit<Made, 'text'> {
  file: string
  bytes: number
}

function described({ file, worker, findings, events, uncounted, bytes, key }: MadePack): string[] {
  return [
    `${file}: ${counted(findings, 'finding')} about ${worker}, ${counted(events, 'event')}, ${Math.ceil(bytes / 1_000)} kB`,
    ...(uncounted > 0
      ? [`${counted(uncounted, 'finding')} with more events than a pack keeps: these match, and are not counted again`]
      : []),
    `signed by ${key}`,
    'Anybody verifies it with: tellwire evidence verify FILE --key KEY',
  ]
}

function report(found: Verified, isOthers: boolean): string[] {
  const { head, assessment, key, changed, differs, findings } = found
  const lines: string[] = []
  if (head && assessment) {
    lines.push(`${head.worker} at ${new Date(head.at).toISOString()}: ${assessment.band}, ${pointsOf(assessment)}`)
    lines.push(assessment.reason)
    const more =
      findings.matched > 0
        ? `; of ${findings.matched} more, which count more events than are here, the rules match these`
        : ''
    lines.push(`Found again by the rules and events of the pack: ${counted(findings.again, 'finding')}${more}.`)
  }
  for (const it of changed.slice(0, SHOWN_PROBLEMS)) lines.push(`CHANGED  ${placeOf(it)}: ${it.why}`)
  for (const it of differs.slice(0, SHOWN_PROBLEMS)) lines.push(`DIFFERS  ${placeOf(it)}: ${it.why}`)
  const hidden = Math.max(0, changed.length - SHOWN_PROBLEMS) + Math.max(0, differs.length - SHOWN_PROBLEMS)
  if (hidden > 0) lines.push(`and ${hidden} more; --json has all`)
  if (key !== null) lines.push(isOthers ? `NOT SIGNED by this key, but by ${key}` : `signed by ${key}`)
  if (changed.length > 0 || isOthers) lines.push('Do not trust it.')
  else if (differs.length > 0)
    lines.push('Nothing was changed since it was signed, but its verdict does not follow from it.')
  else lines.push('It is as it was signed, and the verdict follows from it.')
  return lines
}

function placeOf({ byte, until, where }: PackProblem): string {
  if (byte === null) return where
  return until === null ? `byte ${byte}, ${where}` : `bytes ${byte} to ${until}, ${where}`
}
