/**
 * The laptop as one collector reads it: what can hang goes through the `Reader`, and what does hang is reported.
 *
 * Shape   `host` with other reads. A gap 'stopped' about the place, at once and then every hour, as long as this
 *         collector asks for something there. `onHung` at each read that fails so, `onAnswered` at the first one there
 *         that does not.
 * Errors  as `Host`; code 'EHUNG' for a place that does not answer.
 */
import { join } from 'node:path'
import { type Emit, gap } from '../collect.ts'
import type { Entry, FileFacts, Host, Places } from '../host/host.ts'
import type { Reader } from './reader.ts'
import type { Part } from './reader-thread.ts'

const MAX_BYTES = 4 * 1_048_576
const REPEATED_MS = 3_600_000
const MAX_REPORTED = 64
/** For those that need a whole folder at once. */
const MAX_ENTRIES = 50_000

export interface Guard {
  reader: Reader
  places: Places
  emit: Emit
}

export interface ReadBy {
  name: string
  categories: readonly string[]
  onHung(place: string): void
  onAnswered(place: string): void
  /** It waits for the reading thread. */
  onAsk(): void
  /** It goes on; `ms` of CPU of the reading thread were spent for it. */
  onAnswer(ms: number): void
}

export function guardedHost(host: Host, { reader, places, emit }: Guard, by: ReadBy): Host {
  const reported = new Map<string, number>()
  const hung = new Set<string>()
  const asked = async <T>(question: Parameters<Reader['ask']>[0]): Promise<T> => {
    by.onAsk()
    let isHung = false
    try {
      return (await reader.ask(question, by.onAnswer)) as T
    } catch (cause) {
      isHung = (cause as NodeJS.ErrnoException).code === 'EHUNG'
      if (isHung) await report(question.path, cause as Error)
      throw cause
    } finally {
      if (!isHung && hung.size > 0 && hung.delete(places.placeOf(question.path)))
        by.onAnswered(places.placeOf(question.path))
    }
  }
  const bytes = async (path: string, maxBytes: number, from: number | null) => {
    const read = await asked<Uint8Array>({ kind: 'read', path, maxBytes, from })
    return Buffer.from(read.buffer, read.byteOffset, read.length)
  }
  return {
    ...host,
    readText: async (path, maxBytes = MAX_BYTES) =>
      places.isSafe(path) ? host.readText(path, maxBytes) : (await bytes(path, maxBytes, null)).toString('utf8'),
    readBytes: (path, maxBytes = MAX_BYTES) =>
      places.isSafe(path) ? host.readBytes(path, maxBytes) : bytes(path, maxBytes, null),
    readPart: (path, from, maxBytes) =>
      places.isSafe(path) ? host.readPart(path, from, maxBytes) : bytes(path, maxBytes, from),
    list: (path) => (places.isSafe(path) ? host.list(path) : asked({ kind: 'list', path })),
    link: (path) => (places.isSafe(path) ? host.link(path) : asked({ kind: 'link', path })),
    stat: (path) => (places.isSafe(path) ? host.stat(path) : asked({ kind: 'stat', path })),
    entries,
    parts,
  }

  async function entries(path: string): Promise<Entry[]> {
    const found: Entry[] = []
    for await (const part of parts(path)) {
      if (found.length + part.length > MAX_ENTRIES)
        throw Object.assign(new Error(`E2BIG: more than ${MAX_ENTRIES} entries in one folder`), { code: 'E2BIG' })
      for (const it of part) found.push(it)
    }
    return found
  }

  /** A mount in the folder is asked for by itself: it may hang although the folder does not. */
  async function* parts(path: string): AsyncIterable<readonly Entry[]> {
    if (places.isSafe(path)) {
      yield* host.parts(path)
      return
    }
    for (let after: number | null = null; ; ) {
      const { entries, more }: Part = await asked<Part>({ kind: 'entries', path, after })
      yield entries
      after = more
      if (more === null) break
    }
    const found: Entry[] = []
    for (const mount of places.remoteBelow(path)) {
      const name = mount.slice(mount.lastIndexOf('/') + 1)
      if (join(path, name) !== mount) continue
      const facts = await asked<FileFacts>({ kind: 'stat', path: mount }).catch(() => null)
      if (facts !== null) found.push({ name, ...facts })
    }
    yield found
  }

  async function report(path: string, cause: Error): Promise<void> {
    const place = places.placeOf(path)
    const now = host.elapsed()
    hung.add(place)
    by.onHung(place)
    if (now - (reported.get(place) ?? Number.NEGATIVE_INFINITY) < REPEATED_MS) return
    reported.delete(place)
    reported.set(place, now)
    // This collector still cannot see what it reports: the newer places say so.
    if (hung.size > MAX_REPORTED) {
      const [oldest] = hung
      hung.delete(oldest!)
      by.onAnswered(oldest!)
    }
    if (reported.size > MAX_REPORTED) reported.delete(reported.keys().next().value!)
    const found = gap({ time: host.now(), collector: by.name }, place, 'stopped', cause)
    await emit({ ...found, Categories: [...by.categories] })
  }
}
