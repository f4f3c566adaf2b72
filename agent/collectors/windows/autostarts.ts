/**
 * What starts automatically: Run keys, Startup folders, services, scheduled tasks.
 *
 * Shape   one autostart per entry in a baseline (see reported.ts), then for each new entry or new command. Removed
 *         entries are not reported. `Kind` is run, startup, service or task.
 * Units   looked at every 5 s when the registry says that something changed, and every 5 min.
 * Errors  gaps for what cannot be read, and for entries beyond 4,000. Command is null if there is none. A user's own Run
 *         keys are seen while the user is signed in.
 * Blind   subscriptions of WMI, and what a shortcut in a Startup folder leads to.
 * Source  Run and RunOnce keys, HKLM (64-bit and 32-bit) and users; services whose Start is automatic; the Startup
 *         folders; C:\Windows\System32\Tasks, an XML file (UTF-16) each. Seen on Wine 10, but its tasks are the test's own.
 */
import type { ObservationOf } from '../../../wire/event.ts'
import { type Collector, gap, gapReason } from '../../collect.ts'
import type { Host } from '../../host/host.ts'
import type { Registry, RegistryKey, Windows } from '../../host/windows/calls.ts'
import { bounded } from '../shared/bounded.ts'
import { commandText } from '../shared/command-text.ts'
import { baselineIsDue, loadReported, saveReported } from '../shared/reported.ts'
import { homesOf, USER_STARTUP, userHives } from './kit/hives.ts'
import { lookAtKeys } from './kit/key-watcher.ts'

const NAME = 'autostarts'
const EVERY_MS = 5_000
const MAX_ENTRIES = 4_000
const MAX_TASKS = 2_000
const MAX_TASK_BYTES = 262_144
const TASK_DEPTH = 6
const RUN = ['Run', 'RunOnce'].map((it) => `Software\\Microsoft\\Windows\\CurrentVersion\\${it}`)
const SERVICES = 'SYSTEM\\CurrentControlSet\\Services'
const WIN32_SERVICE = 0x10 | 0x20
const START_AUTOMATICALLY = 2
const TASKS = 'C:/Windows/System32/Tasks'
const MACHINE_STARTUP = 'C:/ProgramData/Microsoft/Windows/Start Menu/Programs/StartUp'

export type Autostart = Pick<ObservationOf<'autostart'>, 'Kind' | 'Name' | 'Command' | 'Scope'>
type Stamp = { time: number; collector: string }
type Found = ObservationOf<'autostart' | 'collection_gap'>

export const autostarts = (windows: Windows): Collector<'autostart'> => ({
  name: NAME,
  categories: ['autostart'],
  run: (host, _policy, signal) => run(host, windows, signal),
})

async function* run(host: Host, windows: Windows, signal: AbortSignal) {
  const reported = await loadReported<string>(host, NAME)
  yield* lookAtKeys(host, windows.registry, EVERY_MS, signal, async function* (watch) {
    const stamp = { time: host.now(), collector: NAME }
    const { found, keys, gaps } = await readAll(host, windows, stamp)
    watch(keys)
    yield* gaps
    yield* report(host, reported, found, stamp)
  })
}

async function* report(
  host: Host,
  reported: Awaited<ReturnType<typeof loadReported<string>>>,
  found: readonly Autostart[],
  stamp: Stamp,
): AsyncIterable<Found> {
  const now = new Map(found.map((it) => [host.hmac(JSON.stringify([it.Kind, it.Scope, it.Name, it.Command])), it]))
  if (now.size > MAX_ENTRIES) yield gap(stamp, 'autostart entries', 'overflow', null, now.size - MAX_ENTRIES)
  const baseline = baselineIsDue(reported, stamp.time)
  const fresh = [...now].slice(0, MAX_ENTRIES).filter(([key]) => baseline || !reported.items.has(key))
  for (const [, it] of fresh) yield { category: 'autostart', ...stamp, ...it }
  if (fresh.length === 0 && !baseline && now.size === reported.items.size) return
  reported.items = new Map([...now.keys()].slice(0, MAX_ENTRIES).map((key) => [key, '']))
  if (baseline) reported.baselineAt = stamp.time
  try {
    await saveReported(host, NAME, reported)
  } catch (cause) {
    yield gap(stamp, 'saved state of autostarts', gapReason(cause), cause)
  }
}

async function readAll(host: Host, windows: Windows, stamp: Stamp) {
  const found: Autostart[] = []
  const keys: RegistryKey[] = []
  const { registry } = windows
  const { homes, gaps } = homesOf(windows, stamp)
  const look = (key: RegistryKey, read: (key: RegistryKey) => Autostart[]) => {
    try {
      keys.push(key)
      found.push(...read(key))
    } catch (cause) {
      // A user, or Windows itself, need not have such a key.
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT' && key.path !== SERVICES) return
      gaps.push(gap(stamp, key.path, gapReason(cause), cause))
    }
  }
  for (const path of RUN)
    for (const wow of [false, true]) look({ hive: 'machine', path, wow }, (key) => runValues(registry, key, 'system'))
  try {
    for (const sid of userHives(registry))
      for (const path of RUN)
        look({ hive: 'users', path: `${sid}\\${path}` }, (key) => runValues(registry, key, 'user'))
  } catch (cause) {
    gaps.push(gap(stamp, 'HKEY_USERS', gapReason(cause), cause))
  }
  look({ hive: 'machine', path: SERVICES }, (key) => services(registry, key))
  const folders = [
    { path: MACHINE_STARTUP, Scope: 'system' as const },
    ...homes.map((home) => ({ path: `${home}/${USER_STARTUP}`, Scope: 'user' as const })),
  ]
  for (const { path, Scope } of folders) {
    const names = await host.list(path).catch((cause: unknown) => {
      if (gapReason(cause) !== 'unsupported') gaps.push(gap(stamp, path, gapReason(cause), cause))
      return []
    })
    for (const name of names)
      if (name.toLowerCase() !== 'desktop.ini')
        found.push({ Kind: 'startup', Name: bounded(name, 256), Command: bounded(`${path}/${name}`, 8_192), Scope })
  }
  found.push(...(await tasks(host, stamp, gaps)))
  return { found, keys, gaps }
}

function runValues(registry: Registry, key: RegistryKey, Scope: Autostart['Scope']): Autostart[] {
  return [...registry.values(key)].map(([name, { text }]) => ({
    Kind: 'run',
    Name: bounded(name, 256),
    Command: commandText(text),
    Scope,
  }))
}

function services(registry: Registry, key: RegistryKey): Autostart[] {
  return registry.subkeys(key).flatMap((name) => {
    const values = registry.values({ ...key, path: `${key.path}\\${name}` })
    const isService = ((values.get('Type')?.number ?? 0) & WIN32_SERVICE) !== 0
    if (!isService || values.get('Start')?.number !== START_AUTOMATICALLY) return []
    const Command = commandText(values.get('ImagePath')?.text ?? null)
    return [{ Kind: 'service', Name: bounded(name, 256), Command, Scope: 'system' as const }]
  })
}

async function tasks(host: Host, stamp: Stamp, gaps: ObservationOf<'collection_gap'>[]): Promise<Autostart[]> {
  const found: Autostart[] = []
  const waiting = [{ path: TASKS, depth: 0 }]
  let omitted = 0
  for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
    const { path, depth } = folder
    const entries = await host.entries(path).catch((cause: unknown) => {
      if (gapReason(cause) !== 'unsupported') gaps.push(gap(stamp, path, gapReason(cause), cause))
      return []
    })
    for (const { name, kind } of entries) {
      if (kind === 'folder' && depth < TASK_DEPTH) waiting.push({ path: `${path}/${name}`, depth: depth + 1 })
      if (kind !== 'file') continue
      if (found.length >= MAX_TASKS) omitted++
      else {
        const bytes = await host.readBytes(`${path}/${name}`, MAX_TASK_BYTES).catch(() => Buffer.alloc(0))
        const { commands, isSystem } = parseTask(bytes)
        const Name = bounded(`${path}/${name}`.slice(TASKS.length + 1), 256)
        const Scope = isSystem ? ('system' as const) : ('user' as const)
        found.push({ Kind: 'task', Name, Command: commandText(commands), Scope })
      }
    }
  }
  if (omitted > 0) gaps.push(gap(stamp, TASKS, 'overflow', `more than ${MAX_TASKS} tasks`, omitted))
  return found
}

/** Task Scheduler's XML, in UTF-16 with a mark. Entities in commands are Windows' own five. */
export function parseTask(bytes: Buffer): { commands: string | null; isSystem: boolean } {
  const isWide = bytes[0] === 0xff && bytes[1] === 0xfe
  const xml = bytes.toString(isWide ? 'utf16le' : 'utf8')
  const commands: string[] = []
  for (const [, exec = ''] of xml.matchAll(/<Exec\b[^>]*>([\s\S]{0,32768}?)<\/Exec>/g)) {
    const part = (tag: string) => plain(new RegExp(`<${tag}>([^<]*)</${tag}>`).exec(exec)?.[1] ?? '')
    commands.push(`${part('Command')} ${part('Arguments')}`.trim())
  }
  const user = plain(/<UserId>([^<]*)<\/UserId>/.exec(xml)?.[1] ?? '')
  const isSystem = /^(S-1-5-(18|19|20)|SYSTEM|NT AUTHORITY\\.*)$/i.test(user) || /<GroupId>/.test(xml)
  return { commands: commands.length === 0 ? null : commands.join('; '), isSystem }
}

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" }
function plain(text: string): string {
  return text.replace(/&(lt|gt|amp|quot|apos);/g, (_, name: string) => ENTITIES[name]!).trim()
}
