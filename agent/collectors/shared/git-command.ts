/**
 * What a git command line does with a remote, and who owns the remote.
 *
 * Shape   of a URL, only the host and the first part of the path, and a key that identifies the repository on this
 *         laptop; not the user, the password or the rest of the path.
 * Errors  null: not git, or a command that needs no report (for fetch and pull, the remote is already known).
 * Source  git-clone(1), git-push(1), git-remote(1), git-bundle(1); URL forms from git-fetch(1), GIT URLS.
 */
import { basename, isAbsolute, join, normalize } from 'node:path/posix'
import { redactCommandLine } from '../../redact/index.ts'
import { bounded } from './bounded.ts'

export type Action = 'clone' | 'push' | 'remote_added' | 'bundle' | 'mirror'
export interface GitCommand {
  action: Action
  /** A URL, or the name of a remote in .git/config; null: the default remote. */
  remote: string | null
  /** The folder git works in. Null: unknown. */
  folder: string | null
  /** The folder of a clone. */
  target: string | null
}
export interface Remote {
  host: string | null
  namespace: string | null
  /** Stays on the laptop. */
  key: string
}
/** How paths are written. Those of Windows come with `/`; `C:/src` is a folder there, and `//server/share` a share. */
export type PathStyle = 'unix' | 'windows'
const DRIVE = /^[A-Za-z]:\//

/** Options of git itself whose value is the next word. */
const GLOBAL = new Set([
  '-C',
  '-c',
  '--git-dir',
  '--work-tree',
  '--namespace',
  '--exec-path',
  '--super-prefix',
  '--config-env',
])
/** The same of its subcommands. */
const VALUES: Record<string, Set<string>> = {
  clone: new Set(
    (
      '-b --branch -c --config --depth -j --jobs -o --origin --reference --reference-if-able --separate-git-dir ' +
      '--server-option --shallow-exclude --shallow-since --template -u --upload-pack --filter --bundle-uri --revision'
    ).split(' '),
  ),
  push: new Set('--repo -o --push-option --receive-pack --exec'.split(' ')),
  remote: new Set('-t -m'.split(' ')),
}

export function gitCommand(
  args: readonly string[],
  folder: string | null,
  style: PathStyle = 'unix',
): GitCommand | null {
  if (basename(args[0] ?? '') !== 'git') return null
  let at = 1
  let place = folder === null ? null : placeOf(folder, style)
  for (; at < args.length && args[at]!.startsWith('-'); at++) {
    if (args[at] === '-C') place = within(place, args[at + 1] ?? '', style)
    if (GLOBAL.has(args[at]!)) at++
  }
  const verb = args[at]
  const rest = args.slice(at + 1, at + 201)
  if (verb === 'clone') return clone(rest, place, style)
  if (verb === 'push') return push(rest, place)
  if (verb === 'remote') return remoteAdd(rest, place)
  if (verb === 'bundle' && rest[0] === 'create') return { action: 'bundle', remote: null, folder: place, target: null }
  return null
}

function clone(rest: readonly string[], folder: string | null, style: PathStyle): GitCommand | null {
  const { words, options } = split(rest, VALUES.clone!)
  const [remote, givenTarget] = words
  if (remote === undefined) return null
  const mirror = options.has('--mirror')
  const bare = mirror || options.has('--bare')
  const name = basename(
    remote
      .replace(/[\\/]+$/, '')
      .replace(/\/?\.git$/, '')
      .replace(/^[^/]*:/, ''),
  )
  const target = givenTarget ?? (bare ? `${name}.git` : name)
  const into = target === '' ? null : within(folder, target, style)
  return { action: mirror ? 'mirror' : 'clone', remote, folder, target: into }
}

function push(rest: readonly string[], folder: string | null): GitCommand {
  const { words, options } = split(rest, VALUES.push!)
  const remote = words[0] ?? options.get('--repo') ?? null
  return { action: options.has('--mirror') ? 'mirror' : 'push', remote, folder, target: null }
}

function remoteAdd(rest: readonly string[], folder: string | null): GitCommand | null {
  const verb = rest.find((it) => !it.startsWith('-'))
  if (verb !== 'add' && verb !== 'set-url') return null
  const { words } = split(rest.slice(rest.indexOf(verb) + 1), verb === 'add' ? VALUES.remote! : new Set())
  return words[1] === undefined ? null : { action: 'remote_added', remote: words[1], folder, target: null }
}

function split(rest: readonly string[], values: ReadonlySet<string>) {
  const words: string[] = []
  const options = new Map<string, string>()
  for (let at = 0; at < rest.length; at++) {
    const word = rest[at]!
    if (word === '--') words.push(...rest.slice(at + 1))
    if (word === '--') break
    if (!word.startsWith('-') || word === '-') words.push(word)
    else if (values.has(word)) options.set(word, rest[++at] ?? '')
    else options.set(word.split('=')[0]!, word.slice(word.indexOf('=') + 1))
  }
  return { words, options }
}

/** Null: unknown, or on a share. */
function within(folder: string | null, path: string, style: PathStyle): string | null {
  const absolute = style === 'windows' ? DRIVE.test(path) || /^(?:\/\/|[A-Za-z]:)/.test(path) : isAbsolute(path)
  if (absolute) return placeOf(path, style)
  if (folder === null) return null
  return style === 'windows' && path.startsWith('/')
    ? placeOf(`${folder.slice(0, 2)}${path}`, style)
    : join(folder, path)
}

/**
 * An absolute path, normalised; null if it is none. On Windows also of what would be asked of another machine, and of a
 * device (`//./pipe/x`).
 */
export function placeOf(path: string, style: PathStyle): string | null {
  return (style === 'windows' ? DRIVE.test(path) : isAbsolute(path)) ? normalize(path) : null
}

/** Whether git takes the text as a URL, and not as the name of a remote. */
export function isUrl(text: string): boolean {
  return /[:/\\]/.test(text)
}

/** `https://user:password@host:port/owner/name.git`, `user@host:owner/name`, `/srv/name`, `file:///srv/name`. */
export function remoteOf(url: string, style: PathStyle = 'unix'): Remote {
  const text = url.slice(0, 4_096)
  if (style === 'windows' && /^(?:[A-Za-z]:|[\\/])/.test(text))
    return localRemote(text.replace(/[\\/]+/g, '/').toLowerCase())
  const [, scheme, rest = ''] = /^([a-z][a-z0-9+.-]*(?:::)?):\/\/(.*)$/is.exec(text) ?? []
  if (scheme?.toLowerCase() === 'file') return localRemote(rest.replace(/^[^/]*/, ''))
  if (scheme !== undefined) {
    // A slash in the password: what stands before it is neither host nor port, and an '@' follows.
    const isHost = /^(?:[^/]*@)?(?:\[[^\]/]*\]|[^/:@]*)(?::\d*)?(?:\/|$)/.test(rest)
    const [, authority = '', path = ''] =
      /^([^/]*)(.*)$/s.exec(isHost ? rest : rest.slice(rest.lastIndexOf('@') + 1)) ?? []
    return hostedRemote(hostIn(authority), path)
  }
  const [, host, place = ''] = /^(?:[^/@]*@)?(\[[^\]]+\]|[^/:@[\]]+):(?!:)(.*)$/.exec(text) ?? []
  return host === undefined ? localRemote(text) : hostedRemote(host.replace(/^\[|\]$/g, ''), place)
}

function hostIn(authority: string): string {
  const host = authority.slice(authority.lastIndexOf('@') + 1)
  return /^\[([^\]]+)\]/.exec(host)?.[1] ?? host.replace(/:\d*$/, '')
}

function hostedRemote(host: string, path: string): Remote {
  const parts = path
    .split(/[?#]/)[0]!
    .replace(/\.git\/?$/, '')
    .split('/')
    .filter((it) => it !== '' && it !== '.')
  // URLs of Bitbucket Server have 'scm' before the project.
  const named = parts[0] === 'scm' && parts.length > 2 ? parts.slice(1) : parts
  const name = host.toLowerCase()
  return {
    host: name === '' ? null : bounded(name, 256),
    namespace: named.length > 1 ? bounded(redactCommandLine(named[0]!), 256) : null,
    key: `${name}/${parts.join('/').toLowerCase()}`,
  }
}

function localRemote(path: string): Remote {
  return { host: null, namespace: null, key: path }
}

/** The files that a .git/config includes whatever the repository is. */
export function parseIncludes(config: string): string[] {
  const found: string[] = []
  let isInclude = false
  for (const line of config.split('\n')) {
    const text = line.trim()
    if (text.startsWith('[')) isInclude = /^\[include\]/i.test(text)
    const path = isInclude ? /^path\s*=\s*"?([^"]{1,4096})"?$/i.exec(text)?.[1] : undefined
    if (path !== undefined) found.push(path.trim())
  }
  return found
}

/** The remotes in a .git/config: name → URLs, including push URLs. Escapes in values are not decoded. */
export function parseRemotes(config: string): Map<string, string[]> {
  const found = new Map<string, string[]>()
  let section: string | null = null
  for (const line of config.split('\n')) {
    const text = line.trim()
    if (text.startsWith('[')) section = /^\[remote "(.{1,256})"\]/.exec(text)?.[1] ?? null
    const url = section === null ? undefined : /^(?:push)?url\s*=\s*"?([^"]+)"?$/i.exec(text)?.[1]
    if (section !== null && url !== undefined) found.set(section, [...(found.get(section) ?? []), url.trim()])
  }
  return found
}
