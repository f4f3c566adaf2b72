/**
 * How a command hands a roster to the server, which alone writes to the store: files in `<data folder>/inbox`.
 *
 * Shape   `roster-<epoch ms>-<hash>.json`, taken in the order of their names. The server answers by moving a file to
 *         `done/`, or to `failed/` with the reason in a `.reason` file beside it. Answers older than a week go: a
 *         roster holds names and places.
 * Errors  a file that is no roster is failed here and never reaches the server. A server killed between taking one in
 *         and its answer takes it in again. A folder that cannot be read rejects.
 */
import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'
import { Contract, Device } from '../../wire/contract.ts'
import { MAX_ROSTER_BYTES } from './roster.ts'
import { writeWhole } from './whole-file.ts'

const Delivery = z.strictObject({ contracts: z.array(Contract), devices: z.array(Device) })
type Delivery = z.infer<typeof Delivery>

const KEEP_ANSWERS_MS = 7 * 86_400_000
/** The parsed form repeats every key in every row. */
const MAX_DELIVERY_BYTES = 4 * MAX_ROSTER_BYTES

export interface InboxItem extends Delivery {
  file: string
  done(): Promise<void>
  fail(reason: string): Promise<void>
}

/** Puts a roster into the inbox; the answer will be under the returned name. */
export async function deliver(inbox: string, delivery: Delivery, now: number): Promise<string> {
  const text = JSON.stringify(delivery)
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
    const delivery = await read(path)
    if (typeof delivery === 'string') await fail(delivery)
    else yield { file: path, ...delivery, done, fail }
  }
}

/** The roster, or why it is none. */
async function read(path: string): Promise<Delivery | string> {
  try {
    if ((await stat(path)).size > MAX_DELIVERY_BYTES) return `larger than ${MAX_DELIVERY_BYTES} bytes`
    const found = Delivery.safeParse(JSON.parse(await readFile(path, 'utf8')))
    if (found.success) return found.data
    const [issue] = found.error.issues
    return `${issue?.path.join('.') || 'roster'}: ${issue?.message}`
  } catch (cause) {
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
