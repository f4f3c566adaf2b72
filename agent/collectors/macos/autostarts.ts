/**
 * What starts automatically: jobs of launchd, login items and what applications register, cron tables, login hooks.
 *
 * Shape   one autostart per entry in a baseline (see reported.ts), then for each new entry or new command. Removed
 *         entries are not reported. `Kind` is daemon or agent (launchd), login_item (the database of background items:
 *         what an application registered for itself, or a user added), cron or login_hook. macOS' own jobs are left out.
 * Units   looked at every 60 s; read when a folder or file changed, and at least once an hour.
 * Errors  gaps for what cannot be read (the database of background items needs Full Disk Access), and for what is
 *         omitted: files beyond 2,000, entries beyond 4,000. Command is null if there is none, or if it cannot be read.
 * Source  launchd.plist(5), crontab(5), loginwindow's LoginHook;
 *         /private/var/db/com.apple.backgroundtaskmanagement/BackgroundItems-v*.btm, an archive (NSKeyedArchiver) of
 *         records with type, disposition, name, identifier, url and executablePath, as DumpBTM describes it. Written from
 *         documentation; it has never run on a Mac.
 */
import type { ObservationOf } from '../../../wire/event.ts'
import { HOUR } from '../../../wire/time.ts'
import { type Collector, gap, gapReason } from '../../collect.ts'
import type { Host } from '../../host/host.ts'
import { redactArguments } from '../../redact/index.ts'
import { bounded } from '../shared/bounded.ts'
import { commandText } from '../shared/command-text.ts'
import { parsePlist, record, text } from '../shared/plist.ts'
import { baselineIsDue, loadReported, type Reported, saveReported } from '../shared/reported.ts'
import { accountsOf } from './kit/accounts.ts'
import { parseBackgroundItems } from './kit/background-items.ts'
import { JOB_FOLDERS, parseJob, USER_JOBS } from './kit/launchd.ts'

const NAME = 'autostarts'
const EVERY_MS = 60_000
const REREAD_MS = HOUR
const MAX_FILES = 2_000
const MAX_ENTRIES = 4_000
const MAX_BYTES = 262_144
const MAX_ITEMS_BYTES = 16 * 1_048_576
const BACKGROUND = '/private/var/db/com.apple.backgroundtaskmanagement'
const CRON = '/private/var/at/tabs'
const LOGIN_WINDOW = '/private/var/root/Library/Preferences/com.apple.loginwindow.plist'

export type Autostart = Pick<ObservationOf<'autostart'>, 'Kind' | 'Name' | 'Command' | 'Scope'>
type Stamp = { time: number; collector: string }

export const autostarts: Collector<'autostart'> = {
  name: NAME,
  categories: ['autostart'],
  run: (host, _policy, signal) => run(host, signal),
}

async function* run(host: Host, signal: AbortSignal) {
  const reported = await loadReported<string>(host, NAME)
  let version = ''
  let readAt = Number.NEGATIVE_INFINITY
  while (!signal.aborted) {
    const stamp = { time: host.now(), collector: NAME }
    const { homes, gaps } = await accountsOf(host, stamp)
    yield* gaps
    const now = await versionOf(host, homes)
    if (now !== version || host.elapsed() - readAt >= REREAD_MS) {
      version = now
      readAt = host.elapsed()
      const { found, gaps: more } = await readAll(host, homes, stamp)
      yield* more
      yield* report(host, reported, found, stamp)
    }
    await host.sleep(EVERY_MS, signal)
  }
}

async function versionOf(host: Host, homes: readonly string[]): Promise<string> {
  const paths = [...foldersOf(homes).map((it) => it.path), BACKGROUND, CRON, LOGIN_WINDOW]
  const all = await Promise.all(
    paths.map((path) =>
      host.stat(path).then(
        (it) => `${it.modifiedMs} ${it.inode}`,
        () => '',
      ),
    ),
  )
  return all.join(' ')
}

function foldersOf(homes: readonly string[]) {
  return [
    ...JOB_FOLDERS.map(({ path, scope }) => ({
      path,
      Scope: scope,
      Kind: path.endsWith('Daemons') ? 'daemon' : 'agent',
    })),
    ...homes.map((home) => ({ path: `${home}/${USER_JOBS}`, Scope: 'user' as const, Kind: 'agent' })),
  ]
}

async function* report(host: Host, reported: Reported<string>, found: readonly Autostart[], stamp: Stamp) {
  const now = new Map(found.map((it) => [host.hmac(JSON.stringify([it.Kind, it.Scope, it.Name, it.Command])), it]))
  if (now.size > MAX_ENTRIES) yield gap(stamp, 'autostart entries', 'overflow', null, now.size - MAX_ENTRIES)
  const baseline = baselineIsDue(reported, stamp.time)
  const fresh = [...now].slice(0, MAX_ENTRIES).filter(([key]) => baseline || !reported.items.has(key))
  for (const [, it] of fresh) yield { category: 'autostart' as const, ...stamp, ...it }
  if (fresh.length === 0 && !baseline && now.size === reported.items.size) return
  reported.items = new Map([...now.keys()].slice(0, MAX_ENTRIES).map((key) => [key, '']))
  if (baseline) reported.baselineAt = stamp.time
  try {
    await saveReported(host, NAME, reported)
  } catch (cause) {
    yield gap(stamp, 'saved state of autostarts', gapReason(cause), cause)
  }
}

async function readAll(host: Host, homes: readonly string[], stamp: Stamp) {
  const found: Autostart[] = []
  const gaps: ObservationOf<'collection_gap'>[] = []
  const tell = (about: string, cause: unknown) => {
    if (gapReason(cause) !== 'unsupported') gaps.push(gap(stamp, about, gapReason(cause), cause))
  }
  for (const { path, Scope, Kind } of foldersOf(homes)) {
    const entries = await host.entries(path).catch((cause: unknown) => void tell(path, cause))
    const files = (entries ?? []).filter((it) => it.kind === 'file' && it.name.endsWith('.plist'))
    if (files.length > MAX_FILES) gaps.push(gap(stamp, path, 'overflow', null, files.length - MAX_FILES))
    for (const { name } of files.slice(0, MAX_FILES)) {
      const job = parseJob(await host.readBytes(`${path}/${name}`, MAX_BYTES).catch(() => null))
      const Name = bounded(job?.label ?? name, 256)
      found.push({ Kind, Name, Command: job?.args ? bounded(redactArguments(job.args), 8_192) : null, Scope })
    }
  }
  for (const name of (await host.list(CRON).catch((cause: unknown) => void tell(CRON, cause))) ?? [])
    try {
      const table = await host.readText(`${CRON}/${name}`, MAX_BYTES)
      for (const command of cronCommands(table))
        found.push({ Kind: 'cron', Name: bounded(name, 256), Command: commandText(command), Scope: 'user' })
    } catch (cause) {
      tell(`${CRON}/${name}`, cause)
    }
  found.push(...(await loginHooks(host)), ...(await backgroundItems(host, tell)))
  return { found, gaps }
}

/** The commands of a user's table: five fields or a word with @ before each; assignments and comments are none. */
export function cronCommands(table: string): string[] {
  return table.split('\n').flatMap((line) => {
    const [, command] = /^\s*(?:@\w+|(?:[\d*/,\-A-Za-z]+\s+){4}[\d*/,\-A-Za-z]+)\s+(\S.*)$/.exec(line) ?? []
    return command === undefined || /^\s*#/.test(line) ? [] : [command]
  })
}

async function loginHooks(host: Host): Promise<Autostart[]> {
  const bytes = await host.readBytes(LOGIN_WINDOW, MAX_BYTES).catch(() => null)
  const settings = bytes === null ? null : attempt(() => record(parsePlist(bytes)))
  return ['LoginHook', 'LogoutHook'].flatMap((Name) => {
    const command = text(settings?.[Name])
    return command === null
      ? []
      : [{ Kind: 'login_hook', Name, Command: commandText(command), Scope: 'system' as const }]
  })
}

async function backgroundItems(host: Host, tell: (about: string, cause: unknown) => void): Promise<Autostart[]> {
  const names = (await host.list(BACKGROUND).catch((cause: unknown) => void tell(BACKGROUND, cause))) ?? []
  // Each version of macOS writes a new file, and leaves the old one.
  const versions = names.flatMap((name) => {
    const [, version] = /^BackgroundItems-v(\d{1,4})\.btm$/.exec(name) ?? []
    return version === undefined ? [] : [{ name, version: Number(version) }]
  })
  const [latest] = versions.sort((a, b) => b.version - a.version)
  if (latest === undefined) return []
  const path = `${BACKGROUND}/${latest.name}`
  try {
    return parseBackgroundItems(await host.readBytes(path, MAX_ITEMS_BYTES)).map(({ name, command, isSystem }) => ({
      Kind: 'login_item',
      Name: bounded(name, 256),
      Command: command === null ? null : bounded(command, 8_192),
      Scope: isSystem ? ('system' as const) : ('user' as const),
    }))
  } catch (cause) {
    tell(path, cause)
    return []
  }
}

function attempt<T>(act: () => T): T | null {
  try {
    return act()
  } catch {
    return null
  }
}
