/**
 * Copies a data folder while its server runs, and restores it.
 *
 * Shape   a backup is a folder, or one file that `tar` reads, with `backup.json`: a list of the files with their
 *         SHA-256. state.db is copied before telemetry.db, each as of one moment, so it never refers to records that
 *         the telemetry lacks. A backup gets its final name only when it is complete, synced and checked.
 * Errors  Fault 'usage' when the target exists, 'store.missing', 'store.damaged', 'store.unwritable',
 *         'server.running'. A failure leaves no partial files behind and deletes nothing. A restore that is interrupted
 *         while it replaces the files leaves a mark, so that no server starts with half of them.
 */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, copyFile, mkdir, open, readdir, readFile, rename, rm, rmdir, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { backup, type DatabaseSync } from 'node:sqlite'
import { Fault } from '../../../wire/fault.ts'
import { readArchive, writeArchive } from './archive.ts'
import { asFault, openDatabase } from './database.ts'
import { holdLock, LOCK_FILE, RESTORING_FILE } from './lock.ts'
import { MARK_FILE, readMark } from './mark.ts'
import { LOG_SCHEMA, LOG_VERSION, STORE_SCHEMA, STORE_VERSION } from './schema.ts'
import { openSqliteStore } from './store.ts'
import { openTelemetry } from './telemetry.ts'

const TELEMETRY = 'telemetry.db'
const STATE = 'state.db'
/** Imported range lists: needed for future events only, not for stored ones. */
const FEEDS = 'feeds'
const MANIFEST = 'backup.json'
const ASIDE = 'before-restore-'
const PARTIAL = '.restore-partial'

export interface Manifest {
  format: 1
  /** Epoch ms. */
  madeAt: number
  stream: string
  /** The last position in the telemetry. */
  last: number
  files: { name: string; bytes: number; sha256: string }[]
}

/** No name that leads out of the folder. */
const FILE_NAME = new RegExp(`^(?!.*\\.\\.)(${FEEDS}/)?[\\w.-]{1,90}$`)

export interface Checked {
  stream: string
  last: number
  /** Positions already reported as lost before the copy was made. */
  lost: Fault[]
  /** Positions that cannot be read. */
  unreadable: Fault[]
}

/** Called with what is being done, and how far it is; `of` 0: not known. */
export type OnStep = (what: string, done: number, of: number) => void

export const isArchive = (name: string) => name.endsWith('.tar')

/** `to` is a folder, or a file where it ends in '.tar'; it must not exist. */
export async function makeBackup(options: {
  folder: string
  to: string
  now: number
  onStep?: OnStep
}): Promise<{ manifest: Manifest; checked: Checked }> {
  const { folder, to, now, onStep = () => {} } = options
  if (existsSync(to))
    throw new Fault('usage', { where: to, why: 'It already exists.', todo: 'Give the backup another name.' })
  const partial = `${to}.partial`
  const archive = `${to}.partial-file`
  try {
    await rm(partial, { recursive: true, force: true })
    await mkdir(dirname(to), { recursive: true })
    await mkdir(partial, { mode: 0o700 })
    onStep(`copying ${STATE}`, 0, 0)
    if (existsSync(join(folder, STATE))) await copyDatabase(folder, partial, STATE, STORE_SCHEMA, STORE_VERSION)
    onStep(`copying ${TELEMETRY}`, 0, 0)
    await copyDatabase(folder, partial, TELEMETRY, LOG_SCHEMA, LOG_VERSION)
    await copyFeeds(folder, partial)
    const checked = await check(partial, onStep)
    const missing = await missingOf(folder)
    if (missing) checked.lost.push(missing)
    const manifest = await describe(partial, checked, { now, onStep })
    if (isArchive(to)) {
      const names = [MANIFEST, ...manifest.files.map((it) => it.name)]
      await rm(archive, { force: true })
      onStep('writing the archive', 0, 0)
      await writeArchive(
        archive,
        names.map((name) => ({ name, path: join(partial, name) })),
        now,
      )
      await rename(archive, to)
      await rm(partial, { recursive: true })
    } else await rename(partial, to)
    await sync(dirname(to))
    return { manifest, checked }
  } catch (cause) {
    for (const it of [partial, archive]) await rm(it, { recursive: true, force: true })
    throw asFault(cause, to)
  }
}

/**
 * With `force`, the files in `folder` are moved aside and kept. `aside` is their new folder, or null.
 *
 * The restored telemetry keeps the mark of the old one: the server then knows which positions were assigned since the
 * backup was made, reports them as missing, and does not assign them again.
 */
export async function restoreBackup(options: {
  from: string
  folder: string
  force: boolean
  now: number
  onStep?: OnStep
}): Promise<{ manifest: Manifest; checked: Checked; aside: string | null }> {
  const { from, folder, force, now, onStep = () => {} } = options
  if (!existsSync(from))
    throw new Fault('store.missing', {
      where: from,
      why: 'There is no such file or folder.',
      todo: 'Name an existing backup.',
    })
  const lock = holdLock(folder)
  const partial = join(folder, PARTIAL)
  try {
    await rm(partial, { recursive: true, force: true })
    const there = (await readdir(folder)).filter((it) => !it.startsWith(LOCK_FILE) && !it.startsWith(ASIDE))
    if (there.length > 0 && !force) {
      const why = `The folder contains ${there.slice(0, 3).join(', ')}.`
      const todo = 'Give another folder, or --force to move its files aside.'
      throw new Fault('usage', { where: folder, why, todo })
    }
    await mkdir(partial, { mode: 0o700 })
    const manifest = await unpackInto(partial, from, onStep)
    const checked = await check(partial, onStep)
    await writeFile(join(folder, RESTORING_FILE), '', { mode: 0o600, flush: true })
    await sync(folder)
    const aside = await moveAside(folder, { now, stream: checked.stream, onStep })
    for (const name of await readdir(partial)) {
      onStep(`moving ${name}`, 0, 0)
      await rename(join(partial, name), join(folder, name))
    }
    await rm(partial, { recursive: true })
    await sync(folder)
    await rm(join(folder, RESTORING_FILE))
    return { manifest, checked, aside }
  } catch (cause) {
    await rm(partial, { recursive: true, force: true })
    throw asFault(cause, folder)
  } finally {
    lock.close()
  }
}

/** Copies the whole file as of the start, whatever its server writes in the meantime. */
async function copyDatabase(folder: string, to: string, name: string, schema: string, version: number): Promise<void> {
  const source = openDatabase(join(folder, name), { schema, version, readOnly: true })
  const copy = join(to, name)
  try {
    await backup(source, copy, { rate: ALL_PAGES })
    await chmod(copy, 0o600)
  } catch (cause) {
    const fault = asFault(cause, join(folder, name))
    // Everything else is about the disk of the copy.
    throw fault.code === 'store.damaged' ? fault : cause
  } finally {
    source.close()
  }
}
/** One step: copied in pieces, the backup would start over at every write of the server. */
const ALL_PAGES = 2 ** 31 - 1

/** What its server will report as lost at the next start. */
async function missingOf(folder: string): Promise<Fault | null> {
  const { stream, close } = await openTelemetry({ folder, readOnly: true })
  await close()
  return stream.missing?.fault ?? null
}

async function copyFeeds(folder: string, to: string): Promise<void> {
  const from = join(folder, FEEDS)
  if (!existsSync(from)) return
  await mkdir(join(to, FEEDS), { mode: 0o700 })
  for (const it of await readdir(from, { withFileTypes: true }))
    if (it.isFile()) await copyFile(join(from, it.name), join(to, FEEDS, it.name))
}

/** Errors  Fault 'store.damaged' when a database is inconsistent, or the state refers to other telemetry. */
async function check(folder: string, onStep: OnStep): Promise<Checked> {
  const { stream, history, close } = await openTelemetry({ folder, readOnly: true })
  const checked: Checked = { stream: stream.id, last: await stream.last(), lost: [], unreadable: [] }
  try {
    onStep(`checking ${TELEMETRY}`, 0, 0)
    integrity(join(folder, TELEMETRY), LOG_SCHEMA, LOG_VERSION)
    const onDamaged = (fault: Fault) => void (fault.facts.lost ? checked.lost : checked.unreadable).push(fault)
    // No record contains any of these words, so every segment is unpacked and no line is parsed.
    const everything = { categories: null, after: 0, upTo: checked.last, literals: [] }
    for await (const _ of history.scan(everything, { onDamaged }));
    if (existsSync(join(folder, STATE))) {
      onStep(`checking ${STATE}`, 0, 0)
      integrity(join(folder, STATE), STORE_SCHEMA, STORE_VERSION)
      const store = await openSqliteStore({ folder, readOnly: true })
      const active = await store.evaluations.active()
      await store.close()
      if (active?.stream === stream.id) {
        const digest = active.position === 0 ? active.digest : await stream.digest(active.position)
        if (active.position > checked.last || (digest !== null && active.digest !== null && digest !== active.digest))
          throw new Fault('store.damaged', {
            where: join(folder, STATE),
            why: 'It refers to telemetry that is not in the backup.',
            todo: 'Make another backup.',
            facts: { position: active.position, last: checked.last },
          })
      }
    }
  } finally {
    await close()
  }
  // Opening the databases created these; they are empty.
  for (const name of [TELEMETRY, STATE])
    for (const it of ['-wal', '-shm']) await rm(join(folder, `${name}${it}`), { force: true })
  return checked
}

function integrity(file: string, schema: string, version: number): void {
  let db: DatabaseSync | undefined
  try {
    db = openDatabase(file, { schema, version, readOnly: true })
    const found = String(db.prepare('pragma integrity_check(1)').get()?.integrity_check)
    if (found !== 'ok') {
      const why = 'The copy is inconsistent, and so is its source.'
      throw new Fault('store.damaged', { where: file, why, todo: 'Use an older backup.', facts: { reason: found } })
    }
  } catch (cause) {
    throw asFault(cause, file)
  } finally {
    db?.close()
  }
}

async function describe(
  folder: string,
  { stream, last }: Checked,
  { now: madeAt, onStep }: { now: number; onStep: OnStep },
): Promise<Manifest> {
  const files: Manifest['files'] = []
  for (const name of (await namesIn(folder)).sort()) {
    const path = join(folder, name)
    const bytes = (await stat(path)).size
    const sha256 = await hashOf(path, (done) => onStep(`hashing ${name}`, done, bytes))
    files.push({ name, bytes, sha256 })
    await sync(path)
  }
  const manifest: Manifest = { format: 1, madeAt, stream, last, files }
  await writeFile(join(folder, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`, { mode: 0o600, flush: true })
  return manifest
}

/** Errors  Fault 'store.damaged' when a file differs from `backup.json` or is not listed there. */
async function unpackInto(folder: string, from: string, onStep: OnStep): Promise<Manifest> {
  await mkdir(join(folder, FEEDS), { mode: 0o700 })
  if (isArchive(from)) {
    for await (const { name, contents } of readArchive(from)) {
      if (!FILE_NAME.test(name)) throw noBackup(from)
      onStep(`unpacking ${name}`, 0, 0)
      await writeFile(join(folder, name), contents, { mode: 0o600, flush: true })
    }
  } else {
    const manifest = join(from, MANIFEST)
    if (!existsSync(manifest)) throw noBackup(from)
    await copyFile(manifest, join(folder, MANIFEST))
    for (const { name } of (await manifestOf(from, from)).files) {
      // A pipe could not be read to its end.
      if (!(await stat(join(from, name)).catch(() => null))?.isFile()) continue
      onStep(`copying ${name}`, 0, 0)
      await copyFile(join(from, name), join(folder, name))
      await chmod(join(folder, name), 0o600)
      await sync(join(folder, name))
    }
  }
  const manifest = await manifestOf(folder, from)
  const listed = new Set([MANIFEST, ...manifest.files.map((it) => it.name)])
  if ((await namesIn(folder)).some((it) => !listed.has(it))) throw noBackup(from)
  for (const { name, bytes, sha256 } of manifest.files) {
    const path = join(folder, name)
    const size = existsSync(path) ? (await stat(path)).size : null
    const onHashed = (done: number) => onStep(`hashing ${name}`, done, bytes)
    if (size === bytes && (await hashOf(path, onHashed)) === sha256) continue
    throw new Fault('store.damaged', {
      where: `${from}, ${name}`,
      why: 'It differs from what was backed up.',
      todo: 'Use another backup.',
      facts: { bytes, found: size },
    })
  }
  await rm(join(folder, MANIFEST))
  if (!manifest.files.some((it) => it.name.startsWith(FEEDS))) await rmdir(join(folder, FEEDS))
  return manifest
}

async function manifestOf(folder: string, from: string): Promise<Manifest> {
  let read: unknown
  try {
    read = JSON.parse(await readFile(join(folder, MANIFEST), 'utf8'))
  } catch (cause) {
    throw noBackup(from, cause)
  }
  if (!isManifest(read)) throw noBackup(from)
  return read
}

function isManifest(read: unknown): read is Manifest {
  const { format, madeAt, stream, last, files } = Object(read) as Partial<Manifest>
  const isFile = (it: unknown) => {
    const { name, bytes, sha256 } = Object(it) as Partial<Manifest['files'][number]>
    return typeof name === 'string' && FILE_NAME.test(name) && Number.isInteger(bytes) && typeof sha256 === 'string'
  }
  const isWhole = Number.isInteger(madeAt) && typeof stream === 'string' && Number.isInteger(last)
  return format === 1 && isWhole && Array.isArray(files) && files.every(isFile)
}

function noBackup(from: string, cause?: unknown): Fault {
  const why = `It has no ${MANIFEST} that this Tellwire can read.`
  return new Fault('store.damaged', { where: from, why, todo: 'Name a backup made with `tellwire backup`.', cause })
}

/**
 * Only Tellwire's own files: a configuration beside them is not moved. The mark of the same telemetry is copied, so that
 * it is there whenever the restore is interrupted.
 */
async function moveAside(
  folder: string,
  { now, stream, onStep }: { now: number; stream: string; onStep: OnStep },
): Promise<string | null> {
  const ours = new RegExp(`^(telemetry|state)\\.(db(-wal|-shm)?|mark)$|^${FEEDS}$|^server\\.json$`)
  const names = (await readdir(folder)).filter((it) => ours.test(it))
  if (names.length === 0) return null
  const aside = join(folder, `${ASIDE}${new Date(now).toISOString().replaceAll(':', '-')}`)
  await mkdir(aside, { mode: 0o700 })
  const keepsMark = readMark(folder)?.stream === stream
  for (const it of names) {
    onStep(`moving ${it} aside`, 0, 0)
    if (it === MARK_FILE && keepsMark) await copyFile(join(folder, it), join(aside, it))
    else await rename(join(folder, it), join(aside, it))
  }
  return aside
}

async function namesIn(folder: string): Promise<string[]> {
  const files = await readdir(folder, { recursive: true, withFileTypes: true })
  return files.filter((it) => it.isFile()).map((it) => (it.parentPath === folder ? it.name : `${FEEDS}/${it.name}`))
}

/** `onHashed` gets the number of bytes so far. */
async function hashOf(path: string, onHashed: (bytes: number) => void): Promise<string> {
  const hash = createHash('sha256')
  let bytes = 0
  const file = await open(path)
  try {
    for await (const piece of file.createReadStream({ highWaterMark: 1_048_576 })) {
      hash.update(piece)
      bytes += piece.length
      onHashed(bytes)
    }
    return hash.digest('hex')
  } finally {
    await file.close()
  }
}

async function sync(path: string): Promise<void> {
  const file = await open(path)
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}
