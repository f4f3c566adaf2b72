/**
 * The laptop as collectors see it: everything they may touch, and nothing else. A test hands them another one.
 *
 * Errors  every read rejects as node:fs does; a collector turns that into a `collection_gap`.
 */
import { lstat, open, readdir, readFile, readlink } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'

export interface Host {
  platform: NodeJS.Platform
  now(): number
  /** Resolves after `ms`, or at once when `signal` aborts. Never rejects. */
  sleep(ms: number, signal: AbortSignal): Promise<void>
  /** A text file, at most `maxBytes` of it (default 4 MiB). */
  readText(path: string, maxBytes?: number): Promise<string>
  readBytes(path: string, maxBytes?: number): Promise<Buffer>
  list(path: string): Promise<string[]>
  link(path: string): Promise<string>
  stat(path: string): Promise<FileFacts>
  /** HMAC-SHA-256 under the tenant's salt, lower-case hex: how identifiers of places and things leave the laptop. */
  hmac(value: string): string
}

export interface FileFacts {
  kind: 'file' | 'folder' | 'link' | 'other'
  size: number
  modifiedMs: number
  inode: number
  uid: number
}

const MAX_BYTES = 4 * 1_048_576

/** The real one. `hmac` comes from the policy's salt, which can change while we run. */
export function realHost(hmac: (value: string) => string): Host {
  return {
    platform: process.platform,
    now: Date.now,
    sleep: (ms, signal) => delay(ms, undefined, { signal, ref: true }).catch(() => {}),
    readText: async (path, maxBytes = MAX_BYTES) => (await readBounded(path, maxBytes)).toString('utf8'),
    readBytes: readBounded,
    list: (path) => readdir(path),
    link: (path) => readlink(path),
    stat: async (path) => {
      const found = await lstat(path)
      const kind = found.isFile() ? 'file' : found.isDirectory() ? 'folder' : found.isSymbolicLink() ? 'link' : 'other'
      return { kind, size: found.size, modifiedMs: found.mtimeMs, inode: found.ino, uid: found.uid }
    },
    hmac,
  }
}

async function readBounded(path: string, maxBytes = MAX_BYTES): Promise<Buffer> {
  // /proc and /sys say size 0, so the bound is on what is read, not on what stat promises.
  if (path.startsWith('/proc/') || path.startsWith('/sys/')) {
    const whole = await readFile(path)
    return whole.length > maxBytes ? whole.subarray(0, maxBytes) : whole
  }
  const file = await open(path, 'r')
  try {
    const chunks: Buffer[] = []
    let total = 0
    while (total < maxBytes) {
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(Math.min(65_536, maxBytes - total)))
      if (bytesRead === 0) break
      chunks.push(buffer.subarray(0, bytesRead))
      total += bytesRead
    }
    return Buffer.concat(chunks)
  } finally {
    await file.close()
  }
}
