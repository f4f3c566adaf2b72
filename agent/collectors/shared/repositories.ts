/**
 * Repositories that are cloned, pushed, bundled or given another remote: hosts and owners, never content.
 *
 * Shape   from git's command lines, which the processes collector passes on; and from the .git/config of repositories
 *         in the policy's source roots, which also shows commands that were too short for the processes collector, and
 *         other programs than git. The same action on the same repository is reported once an hour. The content of a
 *         source root at the very first sweep is its baseline; later, what came while the agent was stopped is
 *         reported.
 * Units   checked every 5 s after git ran; source roots every 60 s and after a clone. `Bytes` is the size of the packs
 *         that a clone wrote, reported when it has ended; a failed clone is not reported. A push has no size.
 * Errors  a clone outside the source roots that takes less than two seconds is missed, like its process. Host is null
 *         if the remote is a folder, or its name cannot be resolved. Gap 'overflow' with the number of pending commands
 *         beyond 256, of folders beyond 2,000 repositories or 5,000 folders, and of remotes beyond 64 per repository;
 *         'denied' for a source root that cannot be read. Repositories deeper than four folders are not found.
 * Blind   remotes in a file that the config includes from a home (`~/…`) or on a condition; a new remote in an included
 *         file, until the config itself changes; hosts behind `insteadOf`, of which the written name is told.
 * Source  `git-command.ts`; gitrepository-layout(5): the first line of .git/logs/HEAD shows a clone; its packs are in
 *         objects/pack, unfinished ones as tmp_pack_*; a worktree and a submodule have a file `.git`, which names the
 *         folder; that of a worktree names in `commondir` where the config is. git-config(1), Includes.
 */
import { dirname, join, normalize } from 'node:path/posix'
import type { ObservationOf } from '../../../wire/event.ts'
import type { Policy } from '../../../wire/messages.ts'
import { HOUR } from '../../../wire/time.ts'
import { type Collector, gap, gapReason, lossGap } from '../../collect.ts'
import type { Host } from '../../host/host.ts'
import {
  type Action,
  type GitCommand,
  gitCommand,
  isUrl,
  type PathStyle,
  parseIncludes,
  parseRemotes,
  placeOf,
  type Remote,
  remoteOf,
} from './git-command.ts'
import { type IsRunning, isInProc, type OnProgram } from './programs.ts'
import { linuxPlaces, type Places } from './watched-roots.ts'

const NAME = 'repositories'
const TICK_MS = 5_000
const SWEEP_MS = 60_000
const SAME_MS = HOUR
const MAX_PENDING = 256
const MAX_REPORTED = 4_096
const MAX_REPOSITORIES = 2_000
const MAX_REMOTES = 64
const MAX_FOLDERS = 5_000
const MAX_DEPTH = 4
const MAX_CONFIG = 262_144
const MAX_INCLUDES = 8
const MAX_POINTER = 8_192
const MAX_WAIT_MS = 6 * HOUR
/** How long a new repository may turn out to be a clone: a clone writes its config first and its log last. */
const SETTLE_MS = 30_000
const NO_REMOTE: Remote = { host: null, namespace: null, key: '' }

type Stamp = { time: number; collector: string }
type Found = ObservationOf<'repository' | 'collection_gap'>
interface Pending extends GitCommand {
  pid: number
  since: number | null
}
interface State {
  homes: Places['homes']
  isRunning: IsRunning
  style: PathStyle
  pending: Pending[]
  counts: { overflow: number }
}
/** The known repositories in source roots: path → hashes of their remotes. */
type Known = Map<string, string[]>
interface Checked {
  /** The version of each config that was read. */
  versions: Map<string, string>
  /** When each repository that may still be cloning was first seen. */
  since: Map<string, number>
}

/** `open`: where this system has homes. */
export function repositories(
  open: (host: Host) => Pick<Places, 'homes'> = linuxPlaces,
  isRunning: IsRunning = isInProc,
  style: PathStyle = 'unix',
): { collector: Collector<'repository'>; onProgram: OnProgram } {
  const pending: Pending[] = []
  const counts = { overflow: 0 }
  return {
    onProgram: ({ pid, args, folder }) => {
      const command = gitCommand(args, folder, style)
      if (command === null) return
      if (pending.length < MAX_PENDING) pending.push({ ...command, pid, since: null })
      else counts.overflow++
    },
    collector: {
      name: NAME,
      categories: ['repository'],
      run: (host, policy, signal) =>
        run(host, policy, signal, { homes: open(host).homes, isRunning, style, pending, counts }),
    },
  }
}

async function* run(host: Host, policy: Policy, signal: AbortSignal, state: State) {
  const { pending, counts, style } = state
  const reported = new Map<string, number>()
  const checked: Checked = { versions: new Map(), since: new Map() }
  let known = await loadKnown(host)
  let sweptAt = Number.NEGATIVE_INFINITY
  while (!signal.aborted) {
    const stamp = { time: host.now(), collector: NAME }
    if (counts.overflow > 0)
      yield lossGap(stamp, 'repository', `more than ${MAX_PENDING} pending commands`, counts.overflow)
    counts.overflow = 0
    let ended = false
    for (const it of pending.splice(0)) {
      it.since ??= host.elapsed()
      if (it.target !== null && (await isAtWork(host, it, state.isRunning))) {
        pending.push(it)
        continue
      }
      ended ||= it.target !== null
      for (const found of await eventsOfCommand(host, it, stamp, style))
        if (isNew(reported, found, host.elapsed())) yield found.event
    }
    if (ended || host.elapsed() - sweptAt >= SWEEP_MS) {
      const { homes, gaps } = await state.homes(stamp)
      yield* gaps
      const roots = sourceRoots(policy, homes, style)
      if (roots.length > 0) {
        const next: Known = new Map()
        for (const it of await sweep(host, roots, stamp, { known, checked, next, style }))
          if ('category' in it) yield it
          else if (isNew(reported, it, host.elapsed())) yield it.event
        const changed = known === null || JSON.stringify([...next]) !== JSON.stringify([...known])
        known = next
        if (changed) await host.state.save(NAME, JSON.stringify([...next])).catch(() => {})
      }
      sweptAt = host.elapsed()
    }
    await host.sleep(TICK_MS, signal)
  }
}

interface Report {
  event: ObservationOf<'repository'>
  key: string
}

/**
 * Whether it was not reported within the last hour, and records it. A clone is seen as a process and in its folder;
 * submodules and retries repeat it.
 */
function isNew(reported: Map<string, number>, { event, key }: Report, now: number): boolean {
  const action = `${event.Action} ${key}`
  const last = reported.get(action)
  if (last !== undefined && now - last < SAME_MS) return false
  reported.delete(action)
  reported.set(action, now)
  if (event.Action === 'mirror') reported.set(`clone ${key}`, now)
  if (reported.size > MAX_REPORTED) reported.delete(reported.keys().next().value!)
  return true
}

function report(stamp: Stamp, Action: Action, remote: Remote, Bytes: number | null): Report {
  const { host, namespace, key } = remote
  const event = { category: 'repository' as const, ...stamp, Action, Host: host, Namespace: namespace, Bytes }
  return { event: { ...event, InsideOrganisation: null }, key }
}

async function isAtWork(host: Host, it: Pending, isRunning: IsRunning): Promise<boolean> {
  return host.elapsed() - it.since! <= MAX_WAIT_MS && (await isRunning(host, it.pid))
}

async function eventsOfCommand(host: Host, it: Pending, stamp: Stamp, style: PathStyle): Promise<Report[]> {
  if (it.action === 'bundle') return [report(stamp, 'bundle', { ...NO_REMOTE, key: `${it.folder}` }, null)]
  if (it.target !== null) {
    const git = await gitFolder(host, it.target, style)
    if (git === null) return []
    return [report(stamp, it.action, remoteOf(it.remote!, style), await packedBytes(host, git.common))]
  }
  // A clone into an unknown folder: whether it succeeded is unknown.
  if (it.remote !== null && isUrl(it.remote)) return [report(stamp, it.action, remoteOf(it.remote, style), null)]
  const remotes = await remotesAbove(host, it.folder, style)
  const named =
    remotes?.get(it.remote ?? 'origin') ?? (it.remote === null ? [...(remotes?.values() ?? [])][0] : undefined)
  const urls = named ?? []
  if (urls.length === 0) return [report(stamp, it.action, { ...NO_REMOTE, key: `${it.folder} ${it.remote}` }, null)]
  // The last one is the push URL, if there is a separate one.
  return [report(stamp, it.action, remoteOf(urls.at(-1)!, style), null)]
}

/** `own` has HEAD; `common` has the config and the packs, and differs in a worktree. */
interface GitFolder {
  own: string
  common: string
}

/** `<folder>/.git`, the folder that such a file names, or the folder itself if it is a bare repository. */
async function gitFolder(host: Host, folder: string, style: PathStyle): Promise<GitFolder | null> {
  const at = `${folder}/.git`
  const kind = (await host.stat(at).catch(() => null))?.kind
  if (kind === 'file') return linkedFolder(host, folder, at, style)
  // A link on Windows may lead to another machine.
  if (kind === 'folder' || (kind === 'link' && style === 'unix')) {
    if (await hasHead(host, at)) return { own: at, common: at }
  }
  return (await hasHead(host, folder)) ? { own: folder, common: folder } : null
}

async function linkedFolder(host: Host, folder: string, file: string, style: PathStyle): Promise<GitFolder | null> {
  const text = await host.readText(file, MAX_POINTER).catch(() => '')
  const own = resolved(folder, /^gitdir: (.+)/.exec(text)?.[1], style)
  if (own === null || !(await hasHead(host, own))) return null
  const common = await host.readText(`${own}/commondir`, MAX_POINTER).catch(() => null)
  return { own, common: (common === null ? own : resolved(own, common, style)) ?? own }
}

async function hasHead(host: Host, folder: string): Promise<boolean> {
  return (await host.stat(`${folder}/HEAD`).catch(() => null))?.kind === 'file'
}

/** A path that a file names: absolute, or from `folder` on. Null: on another machine, or in a home. */
function resolved(folder: string, path: string | undefined, style: PathStyle): string | null {
  const text = (style === 'windows' ? path?.replace(/\\+/g, '/') : path)?.trim() ?? ''
  if (text === '' || text.includes('\0') || /^[~%]/.test(text)) return null
  const absolute = /^(?:\/|[A-Za-z]:)/.test(text) && (style === 'windows' || text.startsWith('/'))
  return absolute ? placeOf(text, style) : join(folder, text)
}

async function remotesAbove(
  host: Host,
  folder: string | null,
  style: PathStyle,
): Promise<Map<string, string[]> | null> {
  for (let at = folder; at !== null && at !== '/' && at !== '.'; at = dirname(at)) {
    const git = await gitFolder(host, at, style)
    if (git !== null) return readRemotes(host, git.common, style)
  }
  return null
}

async function readRemotes(host: Host, git: string, style: PathStyle): Promise<Map<string, string[]> | null> {
  const text = await host.readText(`${git}/config`, MAX_CONFIG).catch(() => null)
  if (text === null) return null
  const found = parseRemotes(text)
  for (const include of parseIncludes(text).slice(0, MAX_INCLUDES)) {
    const path = resolved(git, include, style)
    const more = path === null ? '' : await host.readText(path, MAX_CONFIG).catch(() => '')
    for (const [name, urls] of parseRemotes(more)) found.set(name, [...(found.get(name) ?? []), ...urls])
  }
  return found
}

async function packedBytes(host: Host, git: string): Promise<number | null> {
  const files = await host.entries(`${git}/objects/pack`).catch(() => null)
  return (
    files?.filter((it) => it.kind === 'file' && it.name.endsWith('.pack')).reduce((sum, it) => sum + it.size, 0) ?? null
  )
}

/** The policy's roots are written for all systems: those of others are no paths here. */
function sourceRoots(policy: Policy, homes: readonly string[], style: PathStyle): string[] {
  return policy.watchedRoots
    .filter((it) => it.kind === 'source')
    .flatMap(({ path }) => (path.startsWith('~') ? homes.map((home) => home + path.slice(1)) : [path]))
    .map((it) => placeOf(style === 'windows' ? it.replaceAll('\\', '/') : it, style))
    .filter((it) => it !== null)
    .map((it) => normalize(it).replace(/(.)\/$/, '$1'))
}

interface Sweep {
  /** Null: the very first sweep. */
  known: Known | null
  checked: Checked
  /** Is filled with the repositories that exist. */
  next: Known
  style: PathStyle
}

async function sweep(host: Host, roots: readonly string[], stamp: Stamp, all: Sweep): Promise<(Report | Found)[]> {
  const { checked, next, style } = all
  const found: (Report | Found)[] = []
  const queue = roots.map((path) => ({ path, depth: 0 }))
  let folders = 0
  let omitted = 0
  for (let at = queue.shift(); at !== undefined; at = queue.shift()) {
    if (++folders > MAX_FOLDERS || next.size >= MAX_REPOSITORIES) {
      const why = `folders beyond ${MAX_REPOSITORIES} repositories or ${MAX_FOLDERS} folders, at least`
      found.push(gap(stamp, 'source roots', 'overflow', why, queue.length + 1 + omitted))
      break
    }
    const git = await gitFolder(host, at.path, style)
    if (git !== null) {
      // A worktree is no clone of its own.
      if (git.own === git.common) found.push(...(await checkRepository(host, git.own, stamp, all)))
      continue
    }
    try {
      for await (const part of at.depth < MAX_DEPTH ? host.parts(at.path) : [])
        for (const { name, kind } of part)
          if (kind === 'folder' && name !== 'node_modules') {
            if (queue.length <= MAX_FOLDERS) queue.push({ path: `${at.path}/${name}`, depth: at.depth + 1 })
            else omitted++
          }
    } catch (cause) {
      if (gapReason(cause) === 'denied') found.push(gap(stamp, at.path, 'denied', cause))
    }
  }
  for (const git of checked.versions.keys()) if (!next.has(git)) checked.versions.delete(git)
  for (const [git, at] of checked.since) if (host.elapsed() - at > MAX_WAIT_MS) checked.since.delete(git)
  return found
}

async function checkRepository(
  host: Host,
  git: string,
  stamp: Stamp,
  { known, checked, next, style }: Sweep,
): Promise<(Report | Found)[]> {
  const before = known?.get(git)
  const facts = await host.stat(`${git}/config`).catch(() => null)
  const version = `${facts?.inode} ${facts?.size} ${facts?.modifiedMs}`
  if (before !== undefined && checked.versions.get(git) === version) {
    next.set(git, before)
    return []
  }
  const cloned = before === undefined && (await isClone(host, git))
  if (before === undefined && known !== null && (await mayStillClone(host, git, cloned, host.elapsed(), checked)))
    return []
  const remotes = await readRemotes(host, git, style)
  if (remotes === null) {
    if (before !== undefined) next.set(git, before)
    return []
  }
  const urls = [...remotes.values()].flat()
  const omitted = urls.length - MAX_REMOTES
  const keyed = urls
    .slice(0, MAX_REMOTES)
    .map((url) => ({ url, hash: host.hmac(remoteOf(url, style).key).slice(0, 32) }))
  next.set(
    git,
    keyed.map(({ hash }) => hash),
  )
  checked.versions.set(git, version)
  if (known === null) return []
  const fresh = keyed.filter(({ hash }) => !before?.includes(hash))
  // A bare repository has no log; one with remotes counts as a clone, because hardly anybody creates one by hand.
  const byClone = before === undefined && (cloned || !git.endsWith('/.git'))
  const gaps =
    omitted > 0 ? [gap(stamp, 'remotes of one repository', 'overflow', `more than ${MAX_REMOTES}`, omitted)] : []
  const events = await Promise.all(
    fresh.map(async ({ url }, at) => {
      const first = byClone && at === 0
      return report(
        stamp,
        first ? 'clone' : 'remote_added',
        remoteOf(url, style),
        first ? await packedBytes(host, git) : null,
      )
    }),
  )
  return [...events, ...gaps]
}

/** True while a new repository may be a running clone: it has unfinished packs, or is too new to know. */
async function mayStillClone(
  host: Host,
  git: string,
  cloned: boolean,
  now: number,
  { since }: Checked,
): Promise<boolean> {
  const files = await host.list(`${git}/objects/pack`).catch(() => [])
  const first = since.get(git) ?? now
  since.set(git, first)
  if (files.some((it) => it.startsWith('tmp_'))) return now - first < MAX_WAIT_MS
  return !cloned && now - first < SETTLE_MS
}

/** The line also contains the user who cloned it, which is not kept. */
async function isClone(host: Host, git: string): Promise<boolean> {
  const first = await host.readText(`${git}/logs/HEAD`, 4_096).catch(() => '')
  return /^0+ [^\n]*\tclone: from /.test(first)
}

async function loadKnown(host: Host): Promise<Known | null> {
  try {
    const saved: unknown = JSON.parse((await host.state.load(NAME)) ?? 'null')
    return Array.isArray(saved) ? new Map(saved as [string, string[]][]) : null
  } catch {
    return null
  }
}
