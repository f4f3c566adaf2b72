/**
 * What the reading thread runs: every read of a place that somebody else controls, one after another.
 *
 * Shape   all calls are synchronous. Node's asynchronous ones share four threads of the whole process, and a read that
 *         never returns keeps one of them for ever; a synchronous one keeps only the thread that made it.
 *         It also watches the main thread, on which everything else runs: if that makes no turn of its event loop for
 *         `PULSES` looks, as in an endless loop, the process ends by a signal, and its service manager starts it again.
 *         Looks are counted, not time: a process that was stopped or a laptop that slept makes none.
 *         The function refers to nothing outside of itself, because its text is the program of the thread: in the
 *         agent's single file there is no other file to start.
 * Errors  a read that fails is answered with its code and message; the thread goes on.
 * Source  libuv's thread pool; Linux fuse, nfs: a system call waits for the server, however long that takes.
 */
import type { fileNames } from '../host/file-names.ts'
import type { Entry, FileFacts } from '../host/host.ts'

export type Question =
  | { kind: 'read'; path: string; maxBytes: number; from: number | null }
  | { kind: 'list'; path: string }
  /** The first part of a folder, or the one after the part that had this `after`. */
  | { kind: 'entries'; path: string; after: number | null }
  | { kind: 'link'; path: string }
  | { kind: 'stat'; path: string }
  | { kind: 'watch'; path: string; watch: number; depth: number; maxFolders: number; ignore: readonly string[] }
  | { kind: 'rescan'; path: string; watch: number }
  | { kind: 'unwatch'; path: string; watch: number }

/** `more`: what asks for the next part; null: this is the last one. */
export interface Part {
  entries: Entry[]
  more: number | null
}
export type Value = Uint8Array | string | string[] | Part | FileFacts | null

export interface Failure {
  code: string | null
  message: string
}

/** `cpuMs`: of this thread, for this question. */
export type Answer =
  | { id: number; value: Value; cpuMs: number }
  | { id: number; failure: Failure; cpuMs: number }
  | { watch: number; failure: Failure | null }
  | { watch: number; stale: string[] }

export interface ThreadData {
  /** Grows with every system call that returned, so that a long answer differs from one that never comes. */
  beat: SharedArrayBuffer
  /** Grows as long as the main thread runs. */
  pulse: SharedArrayBuffer
  pulseMs: number
}

/** `skip`: mount points that must not be touched for a question about a folder above them. */
export interface Message {
  id: number
  question: Question
  skip: readonly string[]
}

/** `names`: see host/file-names.ts. */
export function readerThread({ nameOf, pathOf }: ReturnType<typeof fileNames>): void {
  const { parentPort, workerData } = process.getBuiltinModule('node:worker_threads')
  const fs = process.getBuiltinModule('node:fs')
  const { dirname, join } = process.getBuiltinModule('node:path')
  const { beat: memory, pulse: main, pulseMs } = workerData as ThreadData
  const port = parentPort!
  const beat = new Int32Array(memory)
  const RESCAN_MS = 300
  /** Answers are copied between threads: at most this many changes of a root in a second. */
  const QUIET_MS = 250
  interface Watch {
    folders: Map<string, { level: number; watcher: import('node:fs').FSWatcher }>
    stale: Set<string>
    isQuiet: boolean
    timer: NodeJS.Timeout | null
    options: Extract<Question, { kind: 'watch' }>
  }
  const watches = new Map<number, Watch>()
  /** Folders that are read in parts, and where each goes on. One that nobody asks for any more makes room for others. */
  const PART = 2_000
  const NAMES_MAX = 50_000
  const OPEN_MAX = 8
  const open = new Map<number, import('node:fs').Dir>()
  let opened = 0
  /** One for all reads: the collector of garbage comes late to memory outside of its heap. */
  const scratch = new Uint8Array(65_536)

  const PULSES = 12
  const pulse = new Int32Array(main)
  let pulseBefore = Atomics.load(pulse, 0)
  let still = 0
  setInterval(() => {
    const now = Atomics.load(pulse, 0)
    still = now === pulseBefore ? still + 1 : 0
    pulseBefore = now
    if (still >= PULSES) process.kill(process.pid, 'SIGKILL')
  }, pulseMs)

  port.on('message', ({ id, question, skip }: Message) => {
    const before = process.threadCpuUsage()
    const cpuMs = () => {
      const { user, system } = process.threadCpuUsage(before)
      return (user + system) / 1_000
    }
    try {
      const value = answer(question, skip)
      const moved = value instanceof Uint8Array ? [value.buffer as ArrayBuffer] : []
      port.postMessage({ id, value, cpuMs: cpuMs() } satisfies Answer, moved)
    } catch (cause) {
      port.postMessage({ id, failure: failureOf(cause), cpuMs: cpuMs() } satisfies Answer)
    }
    Atomics.add(beat, 0, 1)
  })

  function answer(question: Question, skip: readonly string[]): Value {
    const { path } = question
    if (question.kind === 'read') return read(path, question.maxBytes, question.from)
    if (question.kind === 'list') return namesIn(path)
    if (question.kind === 'entries') return part(path, question.after, skip)
    if (question.kind === 'link') return nameOf(fs.readlinkSync(pathOf(path), 'latin1'))
    if (question.kind === 'stat') return factsOf(fs.lstatSync(pathOf(path)))
    if (question.kind === 'watch') return watchRoot(question, skip)
    if (question.kind === 'rescan') return rescan(question.watch, path, skip)
    return unwatch(question.watch)
  }

  function read(path: string, maxBytes: number, from: number | null): Uint8Array {
    // A user may put a pipe in the place of a file: without O_NONBLOCK, opening it would block.
    const file = fs.openSync(pathOf(path), fs.constants.O_RDONLY | (fs.constants.O_NONBLOCK ?? 0))
    Atomics.add(beat, 0, 1)
    try {
      const chunks: Uint8Array[] = []
      let total = 0
      while (total < maxBytes) {
        const bytes = fs.readSync(
          file,
          scratch,
          0,
          Math.min(scratch.length, maxBytes - total),
          from === null ? null : from + total,
        )
        Atomics.add(beat, 0, 1)
        if (bytes === 0) break
        chunks.push(scratch.slice(0, bytes))
        total += bytes
      }
      if (chunks.length === 1) return chunks[0]!
      const all = new Uint8Array(total)
      let at = 0
      for (const chunk of chunks) {
        all.set(chunk, at)
        at += chunk.length
      }
      return all
    } finally {
      fs.closeSync(file)
    }
  }

  function openFolder(folder: string): import('node:fs').Dir {
    // Node's types know no encoding of bytes here but 'buffer', which costs more.
    return fs.opendirSync(pathOf(folder) as string, { encoding: 'latin1' as 'utf8', bufferSize: 256 })
  }

  function namesIn(folder: string, isWanted: (it: import('node:fs').Dirent) => boolean = () => true): string[] {
    const dir = openFolder(folder)
    try {
      const names: string[] = []
      for (let it = dir.readSync(); it !== null; it = dir.readSync()) {
        if (!isWanted(it)) continue
        names.push(nameOf(it.name))
        if (names.length > NAMES_MAX)
          throw Object.assign(new Error(`E2BIG: more than ${NAMES_MAX} names in one folder`), { code: 'E2BIG' })
      }
      return names
    } finally {
      dir.closeSync()
    }
  }

  function foldersIn(folder: string, ignore: readonly string[]): string[] {
    return namesIn(folder, (it) => it.isDirectory() && !ignore.includes(it.name)).map((it) => join(folder, it))
  }

  function part(folder: string, after: number | null, skip: readonly string[]): Part {
    // Another thread has taken over meanwhile, or too many folders were read at once.
    if (after !== null && !open.has(after)) throw Object.assign(new Error('ESTALE: read anew'), { code: 'ESTALE' })
    const at = after ?? ++opened
    const dir = open.get(at) ?? openFolder(folder)
    open.delete(at)
    const entries: Entry[] = []
    let isLast = false
    try {
      for (let read = 0; read < PART; read++) {
        const found = dir.readSync()
        if (found === null) {
          isLast = true
          break
        }
        const name = nameOf(found.name)
        if (skip.length > 0 && skip.includes(join(folder, name))) continue
        const stats = fs.lstatSync(pathOf(join(folder, name)), { throwIfNoEntry: false })
        Atomics.add(beat, 0, 1)
        if (stats !== undefined) entries.push({ name, ...factsOf(stats) })
      }
    } catch (cause) {
      dir.closeSync()
      throw cause
    }
    if (isLast) dir.closeSync()
    else open.set(at, dir)
    for (const [oldest, it] of open) {
      if (open.size <= OPEN_MAX) break
      open.delete(oldest)
      it.closeSync()
    }
    return { entries, more: isLast ? null : at }
  }

  function factsOf(found: import('node:fs').Stats): FileFacts {
    const kind = found.isFile() ? 'file' : found.isDirectory() ? 'folder' : found.isSymbolicLink() ? 'link' : 'other'
    const { size, blocks, mtimeMs: modifiedMs, ino: inode, uid } = found
    // As in host/files.ts: what is on the disk, where the system says so.
    const allocated = Number.isFinite(blocks) ? blocks * 512 : size
    return { kind, size, allocated, modifiedMs, inode, uid }
  }

  function failureOf(cause: unknown): Failure {
    const { code, message } = cause as NodeJS.ErrnoException
    return { code: typeof code === 'string' ? code : null, message: String(message ?? cause) }
  }

  function watchRoot(options: Extract<Question, { kind: 'watch' }>, skip: readonly string[]): null {
    const watch: Watch = { folders: new Map(), stale: new Set(), isQuiet: false, timer: null, options }
    watches.set(options.watch, watch)
    add(watch, options.path, 0, skip)
    return null
  }

  function add(watch: Watch, folder: string, level: number, skip: readonly string[]): void {
    const { depth, maxFolders, ignore } = watch.options
    if (watch.folders.has(folder) || watch.folders.size >= maxFolders || skip.includes(folder)) return
    try {
      const watcher = fs.watch(pathOf(folder), (event) => {
        if (event === 'rename') mark(watch, folder)
        changed(watch, null)
      })
      watcher.on('error', (cause) => {
        drop(watch, folder)
        changed(watch, failureOf(cause))
      })
      watch.folders.set(folder, { level, watcher })
      Atomics.add(beat, 0, 1)
      if (level >= depth) return
      for (const path of foldersIn(folder, ignore)) add(watch, path, level + 1, skip)
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException
      // Gone meanwhile, or not ours to read: the sweep reports the latter.
      if (code !== 'ENOENT' && code !== 'ENOTDIR' && code !== 'EACCES') changed(watch, failureOf(cause))
    }
  }

  /**
   * New and removed folders are looked for a moment later, once for all changes until then, and when the other side
   * asks: a call that hangs must belong to a question, so that it is known which one.
   */
  function mark(watch: Watch, folder: string): void {
    watch.stale.add(folder)
    watch.timer ??= setTimeout(() => {
      watch.timer = null
      port.postMessage({ watch: watch.options.watch, stale: [...watch.stale] } satisfies Answer)
      watch.stale.clear()
    }, RESCAN_MS)
  }

  function rescan(id: number, folder: string, skip: readonly string[]): null {
    const watch = watches.get(id)
    const known = watch?.folders.get(folder)
    if (!watch || !known || known.level >= watch.options.depth) return null
    const found = new Set(foldersIn(folder, watch.options.ignore))
    for (const path of watch.folders.keys()) if (dirname(path) === folder && !found.has(path)) drop(watch, path)
    for (const path of found) add(watch, path, known.level + 1, skip)
    return null
  }

  function changed(watch: Watch, failure: Failure | null): void {
    if (failure === null && watch.isQuiet) return
    watch.isQuiet = true
    setTimeout(() => {
      watch.isQuiet = false
    }, QUIET_MS)
    port.postMessage({ watch: watch.options.watch, failure } satisfies Answer)
  }

  function drop(watch: Watch, folder: string): void {
    watch.folders.get(folder)?.watcher.close()
    watch.folders.delete(folder)
  }

  function unwatch(id: number): null {
    const watch = watches.get(id)
    if (!watch) return null
    watches.delete(id)
    if (watch.timer !== null) clearTimeout(watch.timer)
    for (const folder of [...watch.folders.keys()]) drop(watch, folder)
    return null
  }
}
