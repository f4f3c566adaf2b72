/**
 * The laptop as collectors see it: everything they may touch, and nothing else. A test hands them another one.
 *
 * Errors  every read rejects as node:fs does; a collector turns that into a `collection_gap`.
 */
import {
  closeSync,
  constants,
  lstat as lstatCallback,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  type Stats,
} from 'node:fs'
import { lstat, mkdir, open, readdir, readlink, rename } from 'node:fs/promises'
import { uptime } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

export interface Host {
  platform: NodeJS.Platform
  /** The wall clock, which stamps events. It can be set at any moment. */
  now(): number
  /** Ms since the laptop was started, sleep included: what durations are measured by. */
  elapsed(): number
  /** Resolves after `ms`, or at once when `signal` aborts. Never rejects. */
  sleep(ms: number, signal: AbortSignal): Promise<void>
  /** A text file, at most `maxBytes` of it (default 4 MiB). */
  readText(path: string, maxBytes?: number): Promise<string>
  readBytes(path: string, maxBytes?: number): Promise<Buffer>
  /** At most `maxBytes` of a file on a disk, from byte `from` on: how a log that grows is followed. */
  readPart(path: string, from: number, maxBytes: number): Promise<Buffer>
  list(path: string): Promise<string[]>
  /** What is in a folder, with its facts. An entry that vanished meanwhile is left out. */
  entries(path: string): Promise<Entry[]>
  link(path: string): Promise<string>
  stat(path: string): Promise<FileFacts>
  /** HMAC-SHA-256 under the tenant's salt, lower-case hex: how identifiers of places and things leave the laptop. */
  hmac(value: string): string
  memory: Memory
}

export interface FileFacts {
  kind: 'file' | 'folder' | 'link' | 'other'
  size: number
  modifiedMs: number
  inode: number
  uid: number
}
export type Entry = FileFacts & { name: string }

/** What a collector has already reported, kept across restarts. It belongs to one spool's life, and lies beside it. */
export interface Memory {
  /** Null: nothing was saved, or it cannot be read. */
  load(name: string): Promise<string | null>
  save(name: string, text: string): Promise<void>
}

const MAX_BYTES = 4 * 1_048_576
/** Sequential promised lstats cost 120 us of CPU each, 64 at a time with callbacks 8 us (Node 24, Linux). */
const STATS_AT_ONCE = 64

/** The real one. `hmac` comes from the policy's salt, which can change while we run. */
export function realHost(options: { hmac: (value: string) => string; memoryFolder: string }): Host {
  return {
    platform: process.platform,
    now: Date.now,
    elapsed: () => uptime() * 1_000,
    sleep: (ms, signal) => delay(ms, undefined, { signal, ref: true }).catch(() => {}),
    readText: async (path, maxBytes = MAX_BYTES) => (await readBounded(path, maxBytes)).toString('utf8'),
    readBytes: readBounded,
    readPart: (path, from, maxBytes) => readDisk(path, maxBytes, from),
    list: async (path) => (isKernels(path) ? readdirSync(path) : readdir(path)),
    entries,
    link: async (path) => (isKernels(path) ? readlinkSync(path) : readlink(path)),
    stat: async (path) => facts(isKernels(path) ? lstatSync(path) : await lstat(path)),
    hmac: options.hmac,
    memory: folderMemory(options.memoryFolder),
  }
}

/**
 * Files the kernel makes up are read at once, not on the thread pool: they wait for no disk, and cost 35 us of CPU
 * instead of 500 us.
 */
function isKernels(path: string): boolean {
  return path.startsWith('/proc/') || path.startsWith('/sys/') || path === '/proc' || path === '/sys'
}

async function readBounded(path: string, maxBytes = MAX_BYTES): Promise<Buffer> {
  // /proc and /sys say size 0, so the bound is on what is read, not on what stat promises.
  return isKernels(path) ? readKernels(path, maxBytes) : readDisk(path, maxBytes)
}

function readKernels(path: string, maxBytes: number): Buffer {
  const file = openSync(path, 'r')
  try {
    const chunks: Buffer[] = []
    for (let total = 0; total < maxBytes; ) {
      const chunk = Buffer.allocUnsafe(Math.min(total === 0 ? 4_096 : 65_536, maxBytes - total))
      const read = readSync(file, chunk)
      if (read === 0) break
      chunks.push(chunk.subarray(0, read))
      total += read
    }
    return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
  } finally {
    closeSync(file)
  }
}

async function readDisk(path: string, maxBytes: number, from: number | null = null): Promise<Buffer> {
  // A user may put a pipe where we expect a file: without O_NONBLOCK, opening it would hold a thread for ever.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const chunks: Buffer[] = []
    let total = 0
    while (total < maxBytes) {
      const room = Buffer.allocUnsafe(Math.min(65_536, maxBytes - total))
      const { bytesRead, buffer } = await file.read(room, 0, room.length, from === null ? null : from + total)
      if (bytesRead === 0) break
      chunks.push(buffer.subarray(0, bytesRead))
      total += bytesRead
    }
    return Buffer.concat(chunks)
  } finally {
    await file.close()
  }
}

async function entries(folder: string): Promise<Entry[]> {
  const names = await readdir(folder)
  const found: Entry[] = []
  for (let at = 0; at < names.length; at += STATS_AT_ONCE) {
    await new Promise<void>((resolve) => {
      const batch = names.slice(at, at + STATS_AT_ONCE)
      let left = batch.length
      for (const name of batch)
        lstatCallback(join(folder, name), (error, stats) => {
          if (!error) found.push({ name, ...facts(stats) })
          if (--left === 0) resolve()
        })
    })
  }
  return found
}

function facts(found: Stats): FileFacts {
  const kind = found.isFile() ? 'file' : found.isDirectory() ? 'folder' : found.isSymbolicLink() ? 'link' : 'other'
  return { kind, size: found.size, modifiedMs: found.mtimeMs, inode: found.ino, uid: found.uid }
}

/** One file a name, written beside and renamed: a torn save leaves the one before. */
function folderMemory(folder: string): Memory {
  return {
    load: (name) =>
      readDisk(join(folder, `${name}.json`), 16 * 1_048_576).then(
        (it) => it.toString('utf8'),
        () => null,
      ),
    save: async (name, text) => {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      const beside = join(folder, `${name}.json.new`)
      const file = await open(beside, 'w', 0o600)
      try {
        await file.writeFile(text)
        await file.sync()
      } finally {
        await file.close()
      }
      await rename(beside, join(folder, `${name}.json`))
    },
  }
}
