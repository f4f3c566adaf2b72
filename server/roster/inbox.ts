/**
 * How a command hands a roster to the server, which alone writes to the store: files in `<data folder>/inbox`.
 *
 * Shape   `roster-<epoch ms>-<hash>.json`, imported in the order of their names. The server answers by moving a file to
 *         `done/`, or to `failed/` with the reason in a `.reason` file beside it. Answers are deleted after a week: a
 *         roster holds names and places.
 * Errors  a file that is not a roster is failed here and never reaches the server. A server that was killed between an
 *         import and its answer imports the file again, which adds nothing. A folder that cannot be read rejects.
 */
import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Fault } from '../../wire/fault.ts'
import { writeWhole } from '../whole-file.ts'
import type { Contracts } from './contracts.ts'
import { deliveryText } from './delivery.ts'
import type { RosterPart } from './parts.ts'
import { type OpenRoster, openRoster } from './reader.ts'

const KEEP_ANSWERS_MS = 7 * 86_400_000

export interface InboxItem {
  file: string
  roster: Omit<OpenRoster, 'close'>
  done(): Promise<void>
  fail(reason: string): Promise<void>
}

/** Puts a roster into the inbox; the answer will be under the returned name. */
export async function deliver(inbox: string, roster: Readonly<RosterPart>, now: number): Promise<string> {
  const text = deliveryText(roster)
  const name = `roster-${now}-${createHash('sha256').update(text).digest('hex').slice(0, 12)}.json`
  await writeWhole(inbox, name, text)
  return name
}

/** Null: not answered yet. */
export async function answerTo(inbox: string, name: string): Promise<{ failed: string | null } | null> {
  if (await exists(join(inbox, 'done', name))) return { failed: null }
  if (!(await exists(join(inbox, 'failed', name)))) return null
  return { failed: await readFile(join(inbox, 'failed', `${name}.reason`), 'utf8') }
}

/**
 * Imports what is in the inbox, and answers. A delivery that `signal` interrupts stays where it is: the next start
 * imports what is left of it.
 */
export async function importInbox(inbox: string, take: Contracts['take'], signal: AbortSignal): Promise<void> {
  for await (const { roster, done, fail } of takeInbox(inbox)) {
    try {
      await take(unlessAborted(roster.parts(), signal), null)
    } catch (cause) {
      if (signal.aborted) return
      await fail(cause instanceof Error ? cause.message : String(cause))
      continue
    }
    await done()
  }
}

async function* unlessAborted<T>(parts: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  for await (const part of parts) {
    signal.throwIfAborted()
    yield part
  }
}

/** Each stays open until the next one is asked for. */
export async function* takeInbox(inbox: string): AsyncGenerator<InboxItem> {
  const names = await readdir(inbox).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return []
    throw cause
  })
  for (const name of names.filter((it) => /^roster-[\w-]+\.json$/.test(it)).sort()) {
    const path = join(inbox, name)
    const done = () => move(inbox, name, 'done')
    const fail = async (reason: string) => {
      await mkdir(join(inbox, 'failed'), { recursive: true, mode: 0o700 })
      // The reason first: whoever sees the file there finds it.
      await writeFile(join(inbox, 'failed', `${name}.reason`), reason, { mode: 0o600 })
      await move(inbox, name, 'failed')
    }
    const roster = await open(path)
    if (typeof roster === 'string') {
      await fail(roster)
      continue
    }
    try {
      yield { file: path, roster, done, fail }
    } finally {
      await roster.close()
    }
  }
}

/** The roster, or why there is none. */
async function open(path: string): Promise<OpenRoster | string> {
  try {
    return await openRoster({ deliveryFile: path })
  } catch (cause) {
    if (cause instanceof Fault && cause.todo) return cause.todo
    return cause instanceof Error ? cause.message : String(cause)
  }
}

async function move(inbox: string, name: string, to: 'done' | 'failed'): Promise<void> {
  const folder = join(inbox, to)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await rename(join(inbox, name), join(folder, name))
  const answered = await stat(join(folder, name))
  for (const old of await readdir(folder)) {
    const found = await stat(join(folder, old)).catch(() => null)
    if (found && answered.mtimeMs - found.mtimeMs > KEEP_ANSWERS_MS)
      await rm(join(folder, old), { recursive: true, force: true })
  }
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null)) !== null
}
