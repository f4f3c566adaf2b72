/**
 * What starts automatically: enabled systemd units, cron jobs, XDG autostart entries, what a shell's start file leaves
 * running.
 *
 * Shape   one autostart per entry in a baseline (see reported.ts), then for each new entry or new command. Removed
 *         entries are not reported. `Kind` is systemd, cron, xdg or shell; `Name` is the unit's, the table's or the file's. Of a
 *         shell's start file, `Command` has only the lines that leave a program running (with '&', nohup, setsid or
 *         disown); a user's file without any is not reported, one in /etc/profile.d is.
 * Units   checked every two minutes; read when a file in one of the folders changed, and at least once an hour.
 * Errors  gaps for what cannot be read, and for what is omitted: files beyond 1,000 in a folder, bytes beyond 262,144
 *         in a file, entries beyond 4,000. Command is null if there is none (a target) or it cannot be read.
 * Source  systemd.unit(5): enabled is linked from a .wants folder; crontab(5); the XDG autostart specification.
 *         Secrets are removed from command lines (agent/redact).
 */
import { posix } from 'node:path'
import type { ObservationOf } from '../../../wire/event.ts'
import { HOUR } from '../../../wire/time.ts'
import { type Collector, gap, gapReason } from '../../collect.ts'
import type { Host } from '../../host/host.ts'
import { accountReader, homesOf } from '../shared/accounts.ts'
import { bounded } from '../shared/bounded.ts'
import { commandText } from '../shared/command-text.ts'
import { baselineIsDue, loadReported, saveReported } from '../shared/reported.ts'

const NAME = 'autostarts'
const EVERY_MS = 120_000
const READ_MS = HOUR
const MAX_ENTRIES = 4_000
const MAX_FILES = 1_000
const MAX_BYTES = 262_144
/** Of a login, a shell and a session, in a user's home. */
const SHELL_FILES = [
  ...['.profile', '.bash_profile', '.bash_login', '.bashrc', '.zprofile', '.zshrc', '.zlogin'],
  ...['.xprofile', '.xsessionrc', '.xinitrc'],
]
const PERIODS = ['hourly', 'daily', 'weekly', 'monthly']

const LEAVES_RUNNING = /(?:^|[\s;&|(])(?:nohup|setsid|disown|systemd-run)(?:\s|$)/

export type Autostart = Pick<ObservationOf<'autostart'>, 'Kind' | 'Name' | 'Command' | 'Scope'>
interface Folder {
  path: string
  read(host: Host, folder: Folder, files: string[]): Promise<Autostart[]>
  scope: Autostart['Scope']
  /** Put before the file's name in `Name`. */
  prefix: string
}

export const autostarts: Collector<'autostart'> = {
  name: NAME,
  categories: ['autostart'],
  run: (host, _policy, signal) => run(host, signal),
}

async function* run(host: Host, signal: AbortSignal) {
  const accounts = accountReader(host)
  const reported = await loadReported<string>(host, NAME)
  const read = new Map<string, { version: string; at: number; found: Autostart[] }>()
  while (!signal.aborted) {
    const stamp = { time: host.now(), collector: NAME }
    const { homes, gaps } = await homesOf(accounts, stamp)
    yield* gaps
    const now = new Map<string, Autostart>()
    for (const folder of await folders(host, homes)) {
      try {
        const { files, omitted, truncated, version } = await filesIn(host, folder)
        if (omitted > 0) yield gap(stamp, folder.path, 'overflow', `more than ${MAX_FILES} files`, omitted)
        if (truncated > 0)
          yield gap(stamp, `files in ${folder.path}`, 'overflow', 'bytes that were not read', truncated)
        const before = read.get(folder.path)
        if (before?.version !== version || host.elapsed() - before.at >= READ_MS)
          read.set(folder.path, { version, at: host.elapsed(), found: await folder.read(host, folder, files) })
      } catch (cause) {
        const reason = gapReason(cause)
        if (reason === 'unsupported') read.delete(folder.path)
        else yield gap(stamp, folder.path, reason, cause)
      }
      for (const it of read.get(folder.path)?.found ?? [])
        now.set(JSON.stringify([folder.path, it.Kind, it.Name, it.Command]), it)
    }
    if (now.size > MAX_ENTRIES) yield gap(stamp, 'autostart entries', 'overflow', null, now.size - MAX_ENTRIES)
    const baseline = baselineIsDue(reported, stamp.time)
    const fresh = [...now].slice(0, MAX_ENTRIES).filter(([key]) => baseline || !reported.items.has(host.hmac(key)))
    for (const [, it] of fresh) yield { category: 'autostart' as const, ...stamp, ...it }
    if (fresh.length > 0 || baseline) {
      if (baseline) {
        reported.items.clear()
        reported.baselineAt = stamp.time
      }
      // Hashes only, so that the saved state contains no command lines.
      for (const [key] of fresh) reported.items.set(host.hmac(key), '')
      try {
        await saveReported(host, NAME, reported)
      } catch (cause) {
        yield gap(stamp, 'saved state of autostarts', gapReason(cause), cause)
      }
    }
    await host.sleep(EVERY_MS, signal)
  }
}

async function folders(host: Host, homes: readonly string[]): Promise<Folder[]> {
  const found: Folder[] = []
  const add = (path: string, read: Folder['read'], scope: Folder['scope'] = 'system', prefix = '') =>
    found.push({ path, read, scope, prefix })
  const addWants = async (path: string, scope: Folder['scope']) => {
    for (const name of await host.list(path).catch(() => []))
      if (name.endsWith('.wants')) add(`${path}/${name}`, readWants, scope)
  }
  await addWants('/etc/systemd/system', 'system')
  await addWants('/etc/systemd/user', 'system')
  add('/etc/crontab', readCronTable)
  add('/etc/cron.d', readCronTables, 'system', 'cron.d/')
  for (const period of PERIODS) add(`/etc/cron.${period}`, readCronScripts, 'system', `cron.${period}/`)
  add('/var/spool/cron/crontabs', readCronTables, 'user', 'crontabs/')
  add('/etc/xdg/autostart', readDesktopFiles)
  add('/etc/profile.d', readShellFolder, 'system', 'profile.d/')
  for (const path of ['/etc/profile', '/etc/bash.bashrc', '/etc/zsh/zshrc']) add(path, readShellFile)
  for (const home of homes) {
    await addWants(`${home}/.config/systemd/user`, 'user')
    add(`${home}/.config/autostart`, readDesktopFiles, 'user')
    for (const name of SHELL_FILES) add(`${home}/${name}`, readShellFile, 'user')
  }
  return found
}

interface Files {
  files: string[]
  /** Number of files that are not read. */
  omitted: number
  /** Number of bytes that are not read, because files are too large. */
  truncated: number
  /** Changes when a file changes. */
  version: string
}

/** The files of the folder, or the single file. */
async function filesIn(host: Host, { path }: Folder): Promise<Files> {
  const versionOf = (it: { modifiedMs: number; size: number; inode: number }) =>
    `${it.modifiedMs} ${it.size} ${it.inode}`
  const own = await host.stat(path)
  if (own.kind === 'file') return { files: [''], omitted: 0, truncated: bytesTruncated([own]), version: versionOf(own) }
  const all = (await host.entries(path)).filter((it) => it.kind !== 'folder')
  const entries = all.slice(0, MAX_FILES)
  const version = entries.map((it) => `${it.name} ${versionOf(it)}`).join('\n')
  const omitted = all.length - entries.length
  return { files: entries.map((it) => it.name), omitted, truncated: bytesTruncated(entries), version }
}

function bytesTruncated(files: readonly { size: number }[]): number {
  return files.reduce((bytes, { size }) => bytes + Math.max(0, size - MAX_BYTES), 0)
}

async function readWants(host: Host, { path, scope }: Folder, files: string[]): Promise<Autostart[]> {
  const found: Autostart[] = []
  for (const Name of files) {
    const target = await host.link(`${path}/${Name}`).catch(() => null)
    const unit = target === null ? `${path}/${Name}` : posix.resolve(path, target)
    const started = unit.replace(/\.(timer|socket|path)$/, '.service')
    const text = await host.readText(started, MAX_BYTES).catch(() => '')
    found.push({ Kind: 'systemd', Name: bounded(Name, 256), Command: commandText(parseUnit(text)), Scope: scope })
  }
  return found
}

async function readCronTable(host: Host, { path, scope }: Folder): Promise<Autostart[]> {
  return cronJobs(await host.readText(path, MAX_BYTES), 'crontab', scope, true)
}

async function readCronTables(host: Host, { path, scope, prefix }: Folder, files: string[]): Promise<Autostart[]> {
  const found: Autostart[] = []
  for (const file of files)
    found.push(
      ...cronJobs(await host.readText(`${path}/${file}`, MAX_BYTES), `${prefix}${file}`, scope, scope === 'system'),
    )
  return found
}

function cronJobs(text: string, name: string, Scope: Autostart['Scope'], withUser: boolean): Autostart[] {
  return parseCron(text, withUser).map((it) => ({
    Kind: 'cron',
    Name: bounded(name, 256),
    Command: commandText(it),
    Scope,
  }))
}

async function readCronScripts(_host: Host, { path, scope, prefix }: Folder, files: string[]): Promise<Autostart[]> {
  return files
    .filter((it) => it !== '.placeholder')
    .map((it) => ({
      Kind: 'cron',
      Name: bounded(`${prefix}${it}`, 256),
      Command: bounded(`${path}/${it}`, 4_096),
      Scope: scope,
    }))
}

async function readDesktopFiles(host: Host, { path, scope }: Folder, files: string[]): Promise<Autostart[]> {
  const found: Autostart[] = []
  for (const file of files) {
    if (!file.endsWith('.desktop')) continue
    const entry = parseDesktop(await host.readText(`${path}/${file}`, MAX_BYTES).catch(() => ''))
    if (entry.hidden) continue
    found.push({ Kind: 'xdg', Name: bounded(file, 256), Command: commandText(entry.command), Scope: scope })
  }
  return found
}

async function readShellFolder(host: Host, { path, scope, prefix }: Folder, files: string[]): Promise<Autostart[]> {
  const found: Autostart[] = []
  for (const file of files.filter((it) => /\.(sh|bash|zsh)$/.test(it))) {
    const command = parseShell(await host.readText(`${path}/${file}`, MAX_BYTES).catch(() => ''))
    found.push({
      Kind: 'shell',
      Name: bounded(`${prefix}${file}`, 256),
      Command: commandText(command) ?? bounded(`${path}/${file}`, 4_096),
      Scope: scope,
    })
  }
  return found
}

async function readShellFile(host: Host, { path, scope }: Folder): Promise<Autostart[]> {
  const command = parseShell(await host.readText(path, MAX_BYTES))
  return command === null
    ? []
    : [{ Kind: 'shell', Name: bounded(posix.basename(path), 256), Command: commandText(command), Scope: scope }]
}

/** The commands of `ExecStart=`, without systemd's prefixes '-@:+!'. */
export function parseUnit(text: string): string | null {
  const commands = text
    .replaceAll('\\\n', ' ')
    .split('\n')
    .filter((line) => line.startsWith('ExecStart='))
    .map((line) =>
      line
        .slice(10)
        .trim()
        .replace(/^[-@:+!]{1,4}/, ''),
    )
    .filter((command) => command !== '')
  return commands.length === 0 ? null : commands.join('; ')
}

/**
 * A line has five fields or one `@word`, then a user in the system's tables; lines `NAME=value` set the environment.
 */
export function parseCron(text: string, withUser: boolean): string[] {
  const found: string[] = []
  for (const raw of text.split('\n')) {
    const line = raw.trim()
    if (line === '' || line.startsWith('#') || /^[A-Za-z_]\w*\s*=/.test(line)) continue
    const skip = (line.startsWith('@') ? 1 : 5) + (withUser ? 1 : 0)
    const words = line.split(/\s+/)
    if (words.length > skip) found.push(words.slice(skip).join(' '))
  }
  return found
}

/** The lines that leave a program running. Null: there is none. The rest is the user's own, and not looked at. */
export function parseShell(text: string): string | null {
  const found = text
    .replaceAll('\\\n', ' ')
    .split('\n')
    .map((it) => it.trim())
    .filter((it) => !it.startsWith('#') && (/(?:^|[^&>|\\])&\s*(?:\)|;|#.*)?\s*$/.test(it) || LEAVES_RUNNING.test(it)))
  return found.length === 0 ? null : found.join('; ')
}

export function parseDesktop(text: string): { command: string | null; hidden: boolean } {
  const start = text.indexOf('[Desktop Entry]')
  const end = start === -1 ? -1 : text.indexOf('\n[', start + 1)
  const entry = start === -1 ? '' : text.slice(start, end === -1 ? undefined : end)
  const command = /^Exec[ \t]*=(.*)$/m.exec(entry)?.[1]?.trim()
  return { command: command || null, hidden: /^Hidden[ \t]*=[ \t]*true\s*$/m.test(entry) }
}
