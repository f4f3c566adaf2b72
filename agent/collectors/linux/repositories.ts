/**
 * Code that is cloned, pushed, bundled or given another remote: hosts and whose they are, never what is in it.
 *
 * Shape   from git's command lines, as the processes collector sees them; and from the .git/config of repositories below
 *         the policy's source roots, which also tells of what was over before the next look at the processes, or
 *         was done by a program other than git. The same action with the same repository is told once an hour. What lies in
 *         a source root at the very first look is its baseline; after that, what came while the agent was away is news.
 * Units   looked at every 5 s when git ran, source roots every 60 s and when a clone ended. `Bytes` are the packs that a
 *         clone left, told when it ended; a clone that failed is not told. A push leaves no size.
 * Errors  a clone outside the source roots that takes less than two seconds is missed, as its process is. Host null
 *         where the remote is a folder, or its name cannot be looked up. Commands beyond 256 that wait, folders beyond
 *         2,000 repositories or 5,000 folders, and remotes beyond 64 of one repository are gaps 'overflow' with their
 *         number; a source root that cannot be read is 'denied'. What lies deeper than four folders is not looked for.
 * Source  `git-command.ts`; gitrepository-agentPaths(5): a clone is the first line of .git/logs/HEAD, its packs lie in
 *         objects/pack, unfinished ones as tmp_pack_*.
 */
import { dirname, posix } from 'node:path'
import type { ObservationOf } from '../../../wire/event.ts'
import type { Policy } from '../../../wire/messages.ts'
import { type Collector, gap, gapReason, lossGap } from '../../collect.ts'
import type { Host } from '../../host/host.ts'
import { accountReader, homesOf } from '../shared/accounts.ts'
import {
  type Action,
  type GitCommand,
  gitCommand,
  isAddress,
  parseRemotes,
  type Remote,
  remoteOf,
} from '../shared/git-command.ts'
import type { OnProgram } from '../shared/programs.ts'

const NAME = 'repositories'
const TICK_MS = 5_000
const SWEEP_MS = 60_000
const SAME_MS = 3_600_000
const MAX_WAITING = 256
const MAX_SAID = 4_096
const MAX_REPOSITORIES = 2_000
const MAX_REMOTES = 64
const MAX_FOLDERS = 5_000
const MAX_DEPTH = 4
const MAX_CONFIG = 262_144
const LONGEST_MS = 6 * 3_600_000
/** A clone writes its config first and says last that it is one. */
const SETTLES_MS = 30_000
const NO_REMOTE: Remote = { host: null, namespace: null, key: '' }

type Stamp = { time: number; collector: string }
type Found = ObservationOf<'repository' | 'collection_gap'>
interface Waiting extends GitCommand {
  pid: number
  since: number | null
}
/** What is known of a repository below a source root: where it was, and hashes of its remotes. */
type Known = Map<string, string[]>
interface Seen {
  /** What a config looked like when it was read. */
  stamps: Map<string, string>
  /** When a repository that may still be cloned was first seen. */
  since: Map<string, number>
}

export function repositories(): { collector: Collector; onProgram: OnProgram } {
  const waiting: Waiting[] = []
  const counts = { over: 0 }
  return {
    onProgram: ({ pid, args, folder }) => {
      const command = gitCommand(args, folder)
      if (command === null) return
      if (waiting.length < MAX_WAITING) waiting.push({ ...command, pid, since: null })
      else counts.over++
    },
    collector: {
      name: NAME,
      categories: ['repository'],
      run: (host, policy, signal) => run(host, policy, signal, waiting, counts),
    },
  }
}

async function* run(host: Host, policy: Policy, signal: AbortSignal, waiting: Waiting[], counts: { over: number }) {
  const accounts = accountReader(host)
  const said = new Map<string, number>()
  const seen: Seen = { stamps: new Map(), since: new Map() }
  let known = await recall(host)
  let sweptAt = Number.NEGATIVE_INFINITY
  while (!signal.aborted) {
    const stamp = { time: host.now(), collector: NAME }
    if (counts.over > 0) yield lossGap(stamp, 'repository', 'more commands at once than we keep', counts.over)
    counts.over = 0
    let ended = false
    for (const it of waiting.splice(0)) {
      it.since ??= host.elapsed()
      if (it.target !== null && (await goesOn(host, it))) {
        waiting.push(it)
        continue
      }
      ended ||= it.target !== null
      for (const found of await fromCommand(host, it, stamp)) if (isNews(said, found, host.elapsed())) yield found.event
    }
    if (ended || host.elapsed() - sweptAt >= SWEEP_MS) {
      const { homes, gaps } = await homesOf(accounts, stamp)
      yield* gaps
      const roots = sourceRoots(policy, homes)
      if (roots.length > 0) {
        const next: Known = new Map()
        for (const it of await sweep(host, roots, stamp, known, seen, next))
          if ('category' in it) yield it
          else if (isNews(said, it, host.elapsed())) yield it.event
        const changed = known === null || JSON.stringify([...next]) !== JSON.stringify([...known])
        known = next
        if (changed) await host.state.save(NAME, JSON.stringify([...next])).catch(() => {})
      }
      sweptAt = host.elapsed()
    }
    await host.sleep(TICK_MS, signal)
  }
}

interface News {
  event: ObservationOf<'repository'>
  key: string
}

/** A clone is seen as a process and in its folder; submodules and retries tell the same again. */
function isNews(said: Map<string, number>, { event, key }: News, now: number): boolean {
  const words = `${event.Action} ${key}`
  const last = said.get(words)
  if (last !== undefined && now - last < SAME_MS) return false
  said.delete(words)
  said.set(words, now)
  if (event.Action === 'mirror') said.set(`clone ${key}`, now)
  if (said.size > MAX_SAID) said.delete(said.keys().next().value!)
  return true
}

function news(stamp: Stamp, Action: Action, remote: Remote, Bytes: number | null): News {
  const { host, namespace, key } = remote
  const event = { category: 'repository' as const, ...stamp, Action, Host: host, Namespace: namespace, Bytes }
  return { event: { ...event, InsideOrganisation: null }, key }
}

async function goesOn(host: Host, it: Waiting): Promise<boolean> {
  if (host.elapsed() - it.since! > LONGEST_MS) return false
  return host.stat(`/proc/${it.pid}`).then(
    () => true,
    () => false,
  )
}

async function fromCommand(host: Host, it: Waiting, stamp: Stamp): Promise<News[]> {
  if (it.action === 'bundle') return [news(stamp, 'bundle', { ...NO_REMOTE, key: `${it.folder}` }, null)]
  if (it.target !== null) {
    const git = await gitFolder(host, it.target)
    return git === null ? [] : [news(stamp, it.action, remoteOf(it.remote!), await packedBytes(host, git))]
  }
  // A clone into a folder that cannot be told: nobody knows how it ended.
  if (it.remote !== null && isAddress(it.remote)) return [news(stamp, it.action, remoteOf(it.remote), null)]
  const remotes = await remotesAbove(host, it.folder)
  const named =
    remotes?.get(it.remote ?? 'origin') ?? (it.remote === null ? [...(remotes?.values() ?? [])][0] : undefined)
  const urls = named ?? []
  if (urls.length === 0) return [news(stamp, it.action, { ...NO_REMOTE, key: `${it.folder} ${it.remote}` }, null)]
  // The last is the push address where there is one of its own.
  return [news(stamp, it.action, remoteOf(urls.at(-1)!), null)]
}

/** `<folder>/.git`, or the folder itself where it is bare. */
async function gitFolder(host: Host, folder: string): Promise<string | null> {
  for (const it of [`${folder}/.git`, folder]) {
    const head = await host.stat(`${it}/HEAD`).catch(() => null)
    if (head?.kind === 'file') return it
  }
  return null
}

async function remotesAbove(host: Host, folder: string | null): Promise<Map<string, string[]> | null> {
  for (let at = folder; at !== null && at !== '/' && at !== '.'; at = dirname(at)) {
    const git = await gitFolder(host, at)
    if (git !== null) return readRemotes(host, git)
  }
  return null
}

function readRemotes(host: Host, git: string): Promise<Map<string, string[]> | null> {
  return host.readText(`${git}/config`, MAX_CONFIG).then(parseRemotes, () => null)
}

async function packedBytes(host: Host, git: string): Promise<number | null> {
  const files = await host.entries(`${git}/objects/pack`).catch(() => null)
  return (
    files?.filter((it) => it.kind === 'file' && it.name.endsWith('.pack')).reduce((sum, it) => sum + it.size, 0) ?? null
  )
}

function sourceRoots(policy: Policy, homes: readonly string[]): string[] {
  return policy.watchedRoots
    .filter((it) => it.kind === 'source')
    .flatMap(({ path }) => (path.startsWith('~') ? homes.map((home) => home + path.slice(1)) : [path]))
    .map((it) => posix.normalize(it).replace(/(.)\/$/, '$1'))
}

/** Fills `next` with what is there now. `known` null: the very first look. */
async function sweep(
  host: Host,
  roots: readonly string[],
  stamp: Stamp,
  known: Known | null,
  seen: Seen,
  next: Known,
): Promise<(News | Found)[]> {
  const said: (News | Found)[] = []
  const waiting = roots.map((path) => ({ path, depth: 0 }))
  let folders = 0
  for (let at = waiting.shift(); at !== undefined; at = waiting.shift()) {
    if (++folders > MAX_FOLDERS || next.size >= MAX_REPOSITORIES) {
      const why = `folders beyond ${MAX_REPOSITORIES} repositories or ${MAX_FOLDERS} folders, at least`
      said.push(gap(stamp, 'source roots', 'overflow', why, waiting.length + 1))
      break
    }
    const git = await gitFolder(host, at.path)
    if (git !== null) {
      said.push(...(await look(host, git, stamp, known, seen, next)))
      continue
    }
    try {
      for (const { name, kind } of at.depth < MAX_DEPTH ? await host.entries(at.path) : [])
        if (kind === 'folder' && name !== 'node_modules')
          waiting.push({ path: `${at.path}/${name}`, depth: at.depth + 1 })
    } catch (cause) {
      if (gapReason(cause) === 'denied') said.push(gap(stamp, at.path, 'denied', cause))
    }
  }
  for (const git of seen.stamps.keys()) if (!next.has(git)) seen.stamps.delete(git)
  for (const [git, at] of seen.since) if (host.elapsed() - at > LONGEST_MS) seen.since.delete(git)
  return said
}

async function look(
  host: Host,
  git: string,
  stamp: Stamp,
  known: Known | null,
  seen: Seen,
  next: Known,
): Promise<(News | Found)[]> {
  const before = known?.get(git)
  const facts = await host.stat(`${git}/config`).catch(() => null)
  const version = `${facts?.inode} ${facts?.size} ${facts?.modifiedMs}`
  if (before !== undefined && seen.stamps.get(git) === version) {
    next.set(git, before)
    return []
  }
  const cloned = before === undefined && (await isClone(host, git))
  if (before === undefined && known !== null && (await maySettle(host, git, cloned, host.elapsed(), seen))) return []
  const remotes = await readRemotes(host, git)
  if (remotes === null) {
    if (before !== undefined) next.set(git, before)
    return []
  }
  const urls = [...remotes.values()].flat()
  const left = urls.length - MAX_REMOTES
  const keyed = urls.slice(0, MAX_REMOTES).map((url) => ({ url, hash: host.hmac(remoteOf(url).key).slice(0, 32) }))
  next.set(
    git,
    keyed.map(({ hash }) => hash),
  )
  seen.stamps.set(git, version)
  if (known === null) return []
  const fresh = keyed.filter(({ hash }) => !before?.includes(hash))
  // A bare repository keeps no log of how it began; nobody makes one by hand and gives it remotes.
  const byClone = before === undefined && (cloned || !git.endsWith('/.git'))
  const over = left > 0 ? [gap(stamp, 'remotes of one repository', 'overflow', `more than ${MAX_REMOTES}`, left)] : []
  const events = await Promise.all(
    fresh.map(async ({ url }, at) => {
      const first = byClone && at === 0
      return news(stamp, first ? 'clone' : 'remote_added', remoteOf(url), first ? await packedBytes(host, git) : null)
    }),
  )
  return [...events, ...over]
}

/** True while a new repository may be a clone that goes on: its packs are on their way, or it is too young to tell. */
async function maySettle(host: Host, git: string, cloned: boolean, now: number, { since }: Seen): Promise<boolean> {
  const files = await host.list(`${git}/objects/pack`).catch(() => [])
  const first = since.get(git) ?? now
  since.set(git, first)
  if (files.some((it) => it.startsWith('tmp_'))) return now - first < LONGEST_MS
  return !cloned && now - first < SETTLES_MS
}

/** Who cloned stands on the line, too; it is not kept. */
async function isClone(host: Host, git: string): Promise<boolean> {
  const first = await host.readText(`${git}/logs/HEAD`, 4_096).catch(() => '')
  return /^0+ [^\n]*\tclone: from /.test(first)
}

async function recall(host: Host): Promise<Known | null> {
  try {
    const saved: unknown = JSON.parse((await host.state.load(NAME)) ?? 'null')
    return Array.isArray(saved) ? new Map(saved as [string, string[]][]) : null
  } catch {
    return null
  }
}
