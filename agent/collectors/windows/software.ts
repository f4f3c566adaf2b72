/**
 * Software on this laptop: what has an uninstaller, and services.
 *
 * Shape   'present' for all in a baseline (see reported.ts), then 'installed' (also for another version) and 'removed'.
 *         `Identifier` is the key's name: a product code, or the maker's own. Windows' own updates and parts of other
 *         products, which it does not show either, are left out. Drivers are no services here.
 * Units   looked at every 10 s when the registry says that something changed, and every 5 min. `InstalledAt` is noon UTC
 *         of the day that the uninstaller names.
 * Errors  gaps for what cannot be read (its known software is kept), and for what is omitted beyond 20,000 items. A key
 *         that is not there is no gap. A user's own software is seen while the user is signed in.
 * Blind   store apps (AppX), browser extensions.
 * Source  Uninstall keys of 64-bit and 32-bit programs, HKLM and users; HKLM\SYSTEM\CurrentControlSet\Services. Seen on
 *         Wine 10.
 */
import type { ObservationOf } from '../../../wire/event.ts'
import { type Collector, gap, gapReason } from '../../collect.ts'
import type { Host } from '../../host/host.ts'
import type { RegistryKey, RegistryValue, Windows } from '../../host/windows/calls.ts'
import { bounded } from '../shared/bounded.ts'
import { loadReported } from '../shared/reported.ts'
import { type Item, softwareChanges } from '../shared/software-changes.ts'
import { userHives } from './kit/hives.ts'
import { lookAtKeys } from './kit/key-watcher.ts'

const NAME = 'software'
const EVERY_MS = 10_000
const UNINSTALL = 'Software\\Microsoft\\Windows\\CurrentVersion\\Uninstall'
const SERVICES = 'SYSTEM\\CurrentControlSet\\Services'
/** SERVICE_WIN32_OWN_PROCESS, SERVICE_WIN32_SHARE_PROCESS. */
const WIN32_SERVICE = 0x10 | 0x20

type Stamp = { time: number; collector: string }
type Values = ReadonlyMap<string, RegistryValue>
interface Source {
  /** In the saved state. */
  id: string
  key: RegistryKey
  parse(name: string, values: Values): Item | null
}

export const software = (windows: Windows): Collector<'software'> => ({
  name: NAME,
  categories: ['software'],
  run: (host, _policy, signal) => run(host, windows, signal),
})

async function* run(host: Host, windows: Windows, signal: AbortSignal) {
  const reported = await loadReported<Item>(host, NAME)
  yield* lookAtKeys(host, windows.registry, EVERY_MS, signal, async function* (watch) {
    const stamp = { time: host.now(), collector: NAME }
    const { keys, gaps, ...read } = readAll(windows, stamp)
    watch(keys)
    yield* gaps
    yield* softwareChanges(host, reported, read, stamp)
  })
}

function readAll(windows: Windows, stamp: Stamp) {
  const found = new Map<string, Item>()
  const unreadable: string[] = []
  const gaps: ObservationOf<'collection_gap'>[] = []
  const { registry } = windows
  const sources = machineSources()
  try {
    for (const sid of userHives(registry)) sources.push(userSource(sid))
  } catch (cause) {
    unreadable.push('user ')
    gaps.push(gap(stamp, 'HKEY_USERS', gapReason(cause), cause))
  }
  for (const { id, key, parse } of sources)
    try {
      for (const name of registry.subkeys(key)) {
        const item = parse(name, registry.values({ ...key, path: `${key.path}\\${name}` }))
        if (item !== null) found.set(`${id} ${name}`, item)
      }
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT' && id !== 'services') continue
      unreadable.push(`${id} `)
      gaps.push(gap(stamp, key.path, gapReason(cause), cause))
    }
  return { found, unreadable, gaps, keys: sources.map((it) => it.key) }
}

function machineSources(): Source[] {
  return [
    { id: 'machine', key: { hive: 'machine', path: UNINSTALL }, parse: parseUninstall },
    { id: 'machine32', key: { hive: 'machine', path: UNINSTALL, wow: true }, parse: parseUninstall },
    { id: 'services', key: { hive: 'machine', path: SERVICES }, parse: parseService },
  ]
}

function userSource(sid: string): Source {
  return { id: `user ${sid}`, key: { hive: 'users', path: `${sid}\\${UNINSTALL}` }, parse: parseUninstall }
}

export function parseUninstall(name: string, values: Values): Item | null {
  const text = (it: string, max = 256) => {
    const value = values.get(it)?.text?.trim()
    return value ? bounded(value, max) : null
  }
  const title = text('DisplayName')
  const isPart = values.get('SystemComponent')?.number === 1 || text('ParentKeyName') !== null
  if (title === null || isPart) return null
  return {
    Name: title,
    Version: text('DisplayVersion'),
    Publisher: text('Publisher'),
    Kind: 'application',
    Identifier: bounded(name, 512),
    InstalledAt: dayOf(text('InstallDate') ?? ''),
  }
}

/** Names of services in a resource of the program ('@C:\…,-100') are told by the service's own. */
export function parseService(name: string, values: Values): Item | null {
  if (((values.get('Type')?.number ?? 0) & WIN32_SERVICE) === 0) return null
  const title = values.get('DisplayName')?.text ?? ''
  return {
    Name: bounded(title === '' || title.startsWith('@') ? name : title, 256),
    Version: null,
    Publisher: null,
    Kind: 'service',
    Identifier: bounded(name, 512),
    InstalledAt: null,
  }
}

/** '20261103' */
function dayOf(text: string): number | null {
  const [, year, month, day] = /^(20\d\d)(\d\d)(\d\d)$/.exec(text) ?? []
  const at = Date.UTC(Number(year), Number(month) - 1, Number(day), 12)
  return Number.isNaN(at) ? null : at
}
