/**
 * The inbox: how a command passes a roster to the server, the only writer of the store. Files in `<data folder>/inbox`.
 *
 * Shape   `roster-<epoch ms>-<hash>.json`, imported in the order of their names. The server moves an imported file to
 *         `done/`, and a refused one to `failed/`, next to a `.reason` file. Both are deleted after a week, because a
 *         roster contains names and places.
 * Errors  a file that is not a roster fails before it reaches the import. A server that is killed between an import and
 *         the move imports the file again, which adds nothing. A folder that cannot be read rejects.
 */
import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Fault } from '../../wire/fault.ts'
import { DAY } from '../../wire/time.ts'
import { writeWhole } from '../whole-file.ts'
import type { Contracts } from './contracts.ts'
import { deliveryText } from './delivery.ts'
import type { RosterPart } from './parts.ts'
import { type OpenRoster, openRoster } from './reader.ts'

const KEEP_ANSWERS_MS = 7 * DAY

export interface InboxItem {
  file: string
  roster: Omit<OpenRoster, 'close'>
  done(): Promise<void>
  fail(reason: string): Promise<void>
}

/** Puts a roster into the inbox, and returns its file name, for `answerTo`. */
export async function deliver(inbox: string, roster: Readonly<RosterPart>, now: number): Promise<string> {
  const text = deliveryText(roster)
  const name = `roster-${now}-${createHash('sha256').update(text).digest('hex').slice(0, 12)}.json`
  await writeWhole(inbox, name, text)
  return name
}

/** Null while the file is not imported yet. */
export async function answerTo(inbox: string, name: string): Promise<{ failed: string | null } | null> {
  if (await exists(join(inbox, 'done', name))) return { failed: null }
  if (!(await exists(join(inbox, 'failed', name)))) return null
  return { failed: await readFile(join(inbox, 'failed', `${name}.reason`), 'utf8') }
}

/**
 * Imports the files in the inbox, and moves them. A file whose import is aborted by `signal` stays in the inbox, and the
 * next start imports the rest of it.
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

/** Each roster stays open until the next one is requested. */
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
      // Write the reason first, so that it is there when the file appears.
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

/** The roster, or why it cannot be read. */
async function open(path: string): Promise<OpenRoster | string> {
  try {
    // A pipe could not be read to its end.
    if (!(await stat(path)).isFile()) return 'It is not a file.'
    return await openRoster({ deliveryFile: path })
  } catch (cause) {
    if (cause instanceof Fault && cause.detail) return cause.detail
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
