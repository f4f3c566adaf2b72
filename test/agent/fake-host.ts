/**
 * A fake laptop from a plain object: folders are objects, files strings or buffers, links `link('target')`.
 *
 * Reading a missing path rejects with ENOENT, a `denied` one with EACCES. `sleep` only moves the clocks, so polls run
 * without waiting.
 */
import { createHash } from 'node:crypto'
import type { Collector } from '../../agent/collect.ts'
import type { FileFacts, Host } from '../../agent/host/host.ts'
import type { AgentProduct } from '../../wire/common.ts'
import type { Observation } from '../../wire/event.ts'
import { Event } from '../../wire/event.ts'
import type { Policy } from '../../wire/messages.ts'

export interface Link {
  link: string
}
export interface Meta {
  data: string | Buffer
  modifiedMs?: number
  inode?: number
  uid?: number
  /** The size that stat returns instead of the length of the data. */
  size?: number
  /** Instead of the size. */
  allocated?: number
}
export const link = (target: string): Link => ({ link: target })
export const denied = Symbol('denied')
export const deniedFolder = Symbol('denied folder')
export type Node = string | Buffer | Link | Meta | typeof denied | typeof deniedFolder | Tree
export interface Tree {
  [name: string]: Node
}

export interface FakeHost extends Host {
  tree: Tree
  clock: number
  saved: Map<string, string>
  reads: string[]
  /** Changes the wall clock, as a user could. */
  setClock(ms: number): void
}

export const START = Date.UTC(2026, 10, 2, 9)
export const policy: Policy = {
  version: 1,
  salt: '00'.repeat(32),
  off: [],
  on: [],
  watchedRoots: [],
  spoolBytes: 1_048_576,
  spoolDays: 7,
}

/** `paths`: absolute path → node. Folders in between are created. */
export function fakeHost(paths: Record<string, Node>): FakeHost {
  const tree: Tree = {}
  for (const [path, node] of Object.entries(paths)) put(tree, path, node)
  const read = (path: string): Buffer => {
    host.reads.push(path)
    const node = follow(tree, path)
    if (isFolder(node)) throw failure('EISDIR', path)
    const data = isMeta(node) ? node.data : node
    return Buffer.isBuffer(data) ? data : Buffer.from(data as string)
  }
  let set = 0
  const host: FakeHost = {
    tree,
    clock: START,
    saved: new Map(),
    reads: [],
    now: () => host.clock,
    elapsed: () => host.clock - START - set + 500_000,
    setClock: (ms) => {
      set += ms
      host.clock += ms
    },
    sleep: async (ms, signal) => {
      if (!signal.aborted) host.clock += ms
      await new Promise(setImmediate)
    },
    readText: async (path, maxBytes = 4 * 1_048_576) => read(path).subarray(0, maxBytes).toString('utf8'),
    readBytes: async (path, maxBytes = 4 * 1_048_576) => read(path).subarray(0, maxBytes),
    readPart: async (path, from, maxBytes) => read(path).subarray(from, from + maxBytes),
    list: async (path) => {
      const node = follow(tree, path)
      if (!isFolder(node)) throw failure('ENOTDIR', path)
      return Object.keys(node)
    },
    entries: async (path) => {
      const node = follow(tree, path)
      if (!isFolder(node)) throw failure('ENOTDIR', path)
      return Object.keys(node).map((name) => ({ name, ...facts(node[name]!) }))
    },
    parts: async function* (path) {
      yield await host.entries(path)
    },
    link: async (path) => {
      const node = walk(tree, path, false)
      if (isDenied(node)) throw failure('EACCES', path)
      if (!isLink(node)) throw failure('EINVAL', path)
      return node.link
    },
    stat: async (path) => facts(walk(tree, path, false)),
    hmac: (value) => createHash('sha256').update(`salt ${value}`).digest('hex'),
    state: {
      load: async (name) => host.saved.get(name) ?? null,
      save: async (name, text) => void host.saved.set(name, text),
    },
  }
  return host
}

export function put(tree: Tree, path: string, node: Node | undefined): void {
  const names = namesOf(path)
  const last = names.pop()!
  let folder = tree
  for (const name of names) folder = (folder[name] ??= {}) as Tree
  if (node === undefined) delete folder[last]
  else folder[last] = node
}

/**
 * What a collector yields in each of `polls.length + 1` polls; `polls[i]` changes the laptop before poll i + 2. Each
 * observation is completed as the spool would do it, and must then satisfy the wire's schema.
 */
export async function watchPolls(
  collector: Collector,
  host: FakeHost,
  polls: readonly (() => void)[] = [],
  collectorPolicy: Policy = policy,
  product: AgentProduct = 'linux',
): Promise<Observation[][]> {
  const stop = new AbortController()
  const yielded: Observation[][] = [[]]
  const { sleep } = host
  host.sleep = async (ms, signal) => {
    if (yielded.length > polls.length) return stop.abort()
    await sleep(ms, signal)
    polls[yielded.length - 1]!()
    yielded.push([])
  }
  for await (const observation of collector.run(host, collectorPolicy, stop.signal))
    yielded.at(-1)!.push(checked(observation, product))
  host.sleep = sleep
  return yielded
}

/** The fields that were not null in any observation that was checked in this process, by 'system category'. */
export const filled = new Map<string, Set<string>>()

let made = 0
/** Completes an observation as the spool would, and throws if the wire's schema rejects it. */
export function checked(observation: Observation, product: AgentProduct = 'linux'): Observation {
  const key = `${product} ${observation.category}`
  const fields = filled.get(key) ?? new Set()
  filled.set(key, fields)
  for (const [field, value] of Object.entries(observation)) if (value !== null) fields.add(field)
  const id = `0192f0c1-2000-7000-8000-${(++made).toString(16).padStart(12, '0')}`
  Event.parse(JSON.parse(JSON.stringify({ ...observation, id, seq: made, product })))
  return observation
}

function facts(node: Node): FileFacts {
  const kind = isFolder(node) || node === deniedFolder ? 'folder' : isLink(node) ? 'link' : 'file'
  const meta = isMeta(node) ? node : null
  const data = meta ? meta.data : typeof node === 'string' || Buffer.isBuffer(node) ? node : ''
  return {
    kind,
    size: meta?.size ?? data.length,
    allocated: meta?.allocated ?? meta?.size ?? data.length,
    modifiedMs: meta?.modifiedMs ?? (isFolder(node) ? stampOf(Object.keys(node).join('/')) : stampOf(String(data))),
    inode: meta?.inode ?? 1,
    uid: meta?.uid ?? 0,
  }
}
/** A modification time that depends on the content. */
function stampOf(content: string): number {
  return createHash('sha256').update(content).digest().readUInt32BE(0)
}

function follow(tree: Tree, path: string): Node {
  const node = walk(tree, path, true)
  if (isDenied(node)) throw failure('EACCES', path)
  return node
}

function walk(tree: Tree, path: string, last: boolean, depth = 0): Node {
  if (depth > 40) throw failure('ELOOP', path)
  const names = namesOf(path)
  let node: Node = tree
  for (const [at, name] of names.entries()) {
    if (isDenied(node)) throw failure('EACCES', path)
    if (!isFolder(node)) throw failure('ENOTDIR', path)
    const next: Node | undefined = Object.hasOwn(node, name) ? node[name] : undefined
    if (next === undefined) throw failure('ENOENT', path)
    const end = at === names.length - 1
    if (isLink(next) && (!end || last)) {
      const here = names.slice(0, at).join('/')
      const target = new URL(next.link, `file:///${here}/`).pathname
      return walk(tree, `${target}/${names.slice(at + 1).join('/')}`, last, depth + 1)
    }
    node = next
  }
  return node
}

/** In a path of Windows, as `C:\\a`, either slash separates. */
function namesOf(path: string): string[] {
  return path.split(/^[A-Za-z]:/.test(path) ? /[\\/]/ : '/').filter((it) => it !== '')
}

function isDenied(node: Node): boolean {
  return node === denied || node === deniedFolder
}
function isFolder(node: Node): node is Tree {
  return typeof node === 'object' && !Buffer.isBuffer(node) && !isLink(node) && !isMeta(node)
}
function isLink(node: Node): node is Link {
  return typeof node === 'object' && !Buffer.isBuffer(node) && 'link' in node && typeof node.link === 'string'
}
function isMeta(node: Node): node is Meta {
  if (typeof node !== 'object' || Buffer.isBuffer(node) || !('data' in node)) return false
  return typeof node.data === 'string' || Buffer.isBuffer(node.data)
}
function failure(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code })
}
