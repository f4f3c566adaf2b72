/** What Node offers on every operating system: clocks, files, and a folder for saved state. */
import { constants, lstat as lstatCallback, type Stats } from 'node:fs'
import { lstat, mkdir, open, readdir, readlink, rename } from 'node:fs/promises'
import { uptime } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { nameOf, pathOf } from './file-names.ts'
import type { Entry, FileFacts, Host, HostOptions, StateStore } from './host.ts'

export const MAX_BYTES = 4 * 1_048_576
/** An lstat costs 120 us of CPU one at a time with promises, 8 us 64 at a time with callbacks (Node 24, Linux). */
const STATS_AT_ONCE = 64

export function fileHost(options: HostOptions): Host {
  return {
    now: Date.now,
    elapsed: () => uptime() * 1_000,
    sleep: (ms, signal) => delay(ms, undefined, { signal, ref: true }).catch(() => {}),
    readText: async (path, maxBytes = MAX_BYTES) => (await readDisk(path, maxBytes)).toString('utf8'),
    readBytes: (path, maxBytes = MAX_BYTES) => readDisk(path, maxBytes),
    readPart: (path, from, maxBytes) => readDisk(path, maxBytes, from),
    list: namesIn,
    entries,
    parts: async function* (path) {
      yield await entries(path)
    },
    link: async (path) => nameOf(await readlink(pathOf(path), 'latin1')),
    stat: async (path) => factsOf(await lstat(pathOf(path))),
    hmac: options.hmac,
    state: folderStateStore(options.stateFolder),
  }
}

/** Null if the user has no home folder. */
export function unixAgentFolder(env: NodeJS.ProcessEnv, uid: number | undefined): string | null {
  if (uid === 0) return '/var/lib/tellwire/agent'
  const state = env.XDG_STATE_HOME || (env.HOME && join(env.HOME, '.local', 'state'))
  return state ? join(state, 'tellwire', 'agent') : null
}

async function readDisk(path: string, maxBytes: number, from: number | null = null): Promise<Buffer> {
  // A user may put a pipe in the place of a file: without O_NONBLOCK, opening it would block a thread for ever.
  const file = await open(pathOf(path), constants.O_RDONLY | constants.O_NONBLOCK)
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

async function namesIn(folder: string): Promise<string[]> {
  return (await readdir(pathOf(folder), 'latin1')).map(nameOf)
}

async function entries(folder: string): Promise<Entry[]> {
  const names = await namesIn(folder)
  const found: Entry[] = []
  for (let at = 0; at < names.length; at += STATS_AT_ONCE) {
    await new Promise<void>((resolve) => {
      const batch = names.slice(at, at + STATS_AT_ONCE)
      let left = batch.length
      for (const name of batch)
        lstatCallback(pathOf(join(folder, name)), (error, stats) => {
          if (!error) found.push({ name, ...factsOf(stats) })
          if (--left === 0) resolve()
        })
    })
  }
  return found
}

export function factsOf(found: Stats): FileFacts {
  const kind = found.isFile() ? 'file' : found.isDirectory() ? 'folder' : found.isSymbolicLink() ? 'link' : 'other'
  const { size, blocks, mtimeMs: modifiedMs, ino: inode, uid } = found
  // A block is 512 bytes, whatever the file system's own are.
  const allocated = Number.isFinite(blocks) ? blocks * 512 : size
  return { kind, size, allocated, modifiedMs, inode, uid }
}

/** One file per name, written to a draft and renamed, so that an interrupted save leaves the previous file. */
function folderStateStore(folder: string): StateStore {
  return {
    load: (name) =>
      readDisk(join(folder, `${name}.json`), 16 * 1_048_576).then(
        (it) => it.toString('utf8'),
        () => null,
      ),
    save: async (name, text) => {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      const draft = join(folder, `${name}.json.new`)
      const file = await open(draft, 'w', 0o600)
      try {
        await file.writeFile(text)
        await file.sync()
      } finally {
        await file.close()
      }
      await rename(draft, join(folder, `${name}.json`))
    },
  }
}
