/**
 * How a command passes a recording to the running server, the only writer of its log. Files in `<data folder>/inbox`:
 * whoever may write there may import.
 *
 * Shape   `recording-<epoch ms>-<random>.ndjson`, taken in the order of their names, and deleted when it was taken;
 *         what is no regular file is ignored.
 *         `answers/<name>.json` says how far the server is; the command deletes it, or the next day's import does.
 * Errors  a server that stops during an import continues it at its next start: what was stored counts once.
 */
import { randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'
import { DAY } from '../../wire/time.ts'
import { writeWhole } from '../whole-file.ts'
import { linesOf } from './lines.ts'
import type { Taken } from './take.ts'

const count = z.int().min(0)

export const Answer = z.discriminatedUnion('state', [
  /** `lines` were read. */
  z.object({ state: z.literal('storing'), lines: count }),
  /** The detector has reached `position` of `last`. */
  z.object({ state: z.literal('judging'), position: count, last: count }),
  z.object({ state: z.literal('done'), stored: count, known: count, laptops: count }),
  z.object({ state: z.literal('failed'), why: z.string().max(4_096) }),
])
export type Answer = z.infer<typeof Answer>

/** How often an answer is written while an import goes on. */
const ANSWER_EVERY_MS = 500

/** Writes `lines` into the inbox, and returns the file's name, for `answerTo`. */
export async function deliverRecording(inbox: string, lines: AsyncIterable<string>, now: number): Promise<string> {
  const name = `recording-${now}-${randomBytes(6).toString('hex')}.ndjson`
  await mkdir(inbox, { recursive: true, mode: 0o700 })
  const draft = join(inbox, `.${name}`)
  try {
    const file = await open(draft, 'wx', 0o600)
    try {
      // Not `file.write`, which on a nearly full disk writes a part and reports no error.
      for await (const block of lines) await file.writeFile(block)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(draft, join(inbox, name))
  } catch (cause) {
    await rm(draft, { force: true })
    throw cause
  }
  return name
}

/** Null while the server has not looked at it. */
export async function answerTo(inbox: string, name: string): Promise<Answer | null> {
  const text = await readFile(answerFile(inbox, name), 'utf8').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return null
    throw cause
  })
  return text === null ? null : Answer.parse(JSON.parse(text))
}

export function forgetAnswer(inbox: string, name: string): Promise<void> {
  return rm(answerFile(inbox, name), { force: true })
}

export interface InboxDeps {
  inbox: string
  take(
    lines: AsyncIterable<(string | null)[]>,
    options: { onProgress(lines: number): void; signal: AbortSignal },
  ): Promise<Taken>
  /** How far the active evaluation is. */
  judged(): number
  /** Resolves when `judged` may have changed. */
  wait(signal: AbortSignal): Promise<void>
}

/** Takes every recording in the inbox, and waits until it is judged. */
export async function takeRecordings({ inbox, take, judged, wait }: InboxDeps, signal: AbortSignal): Promise<void> {
  for (const name of await namesIn(inbox)) {
    const answer = (it: Answer) => writeWhole(join(inbox, 'answers'), `${name}.json`, JSON.stringify(it))
    let reportedAt = 0
    let reporting: Promise<unknown> = Promise.resolve()
    const report = (it: Answer) => {
      if (performance.now() < reportedAt + ANSWER_EVERY_MS) return
      reportedAt = performance.now()
      // A full disk may refuse the answer; the import itself reports that.
      reporting = reporting.then(() => answer(it)).catch(() => {})
    }
    try {
      const lines = linesOf(createReadStream(join(inbox, name)))
      const taken = await take(lines, { onProgress: (read) => report({ state: 'storing', lines: read }), signal })
      const { stored, known, laptops, last } = taken
      await rm(join(inbox, name))
      for (let position = judged(); position < last; position = judged()) {
        report({ state: 'judging', position, last })
        await wait(signal)
        signal.throwIfAborted()
      }
      await reporting
      await answer({ state: 'done', stored, known, laptops })
    } catch (cause) {
      if (signal.aborted) return
      await reporting
      await rm(join(inbox, name), { force: true })
      await answer({ state: 'failed', why: cause instanceof Error ? cause.message.slice(0, 4_096) : String(cause) })
    }
  }
}

async function namesIn(inbox: string): Promise<string[]> {
  const names = await readdir(inbox).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return []
    throw cause
  })
  const found: string[] = []
  // A folder could not be removed afterwards, and a pipe could not be read to its end.
  for (const name of names.filter((it) => /^recording-[\w-]+\.ndjson$/.test(it)).sort())
    if ((await stat(join(inbox, name)).catch(() => null))?.isFile()) found.push(name)
  if (found.length > 0) await dropOldAnswers(join(inbox, 'answers'))
  return found
}

/** Of commands that were interrupted. */
async function dropOldAnswers(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const found = await stat(join(folder, name)).catch(() => null)
    if (found && Date.now() - found.mtimeMs > DAY) await rm(join(folder, name), { force: true })
  }
}

function answerFile(inbox: string, name: string): string {
  return join(inbox, 'answers', `${name}.json`)
}
