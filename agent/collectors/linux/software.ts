/**
 * Software on this laptop: packages, applications, services, browser extensions; also what needs no root: AppImages, and
 * packages of pip and npm.
 *
 * Shape   'present' for all in a baseline (see reported.ts), then 'installed' (also for another version) and
 *         'removed'. `Identifier` is the package with its architecture, the application's or unit's file name, or the
 *         extension's id. Of an extension, only its id and version folder are read.
 * Units   checked once a minute; a list is read again only if its file or folder changed. `InstalledAt` is when dpkg
 *         wrote the package's file list, otherwise null.
 * Errors  gaps for what cannot be read (its known software is kept), and for what is omitted: beyond 2,000 desktop
 *         files in a folder, 256 browser profiles, 20,000 items. An rpm database needs a library: gap 'unsupported' if
 *         it is the only package database.
 * Source  dpkg(1) status file; flatpak, snap, desktop and unit files by name; Chromium's profile folders, Firefox's
 *         extensions.json; AppImages in the folders where users keep them; names and versions of pip's dist-info
 *         folders (PEP 376) and of npm's global folders.
 */
import type { ObservationOf } from '../../../wire/event.ts'
import { type Collector, gap, gapReason } from '../../collect.ts'
import type { Host } from '../../host/host.ts'
import { accountReader, homesOf } from '../shared/accounts.ts'
import { bounded } from '../shared/bounded.ts'
import { loadReported } from '../shared/reported.ts'
import { type Item, MAX_ITEMS, softwareChanges } from '../shared/software-changes.ts'

const NAME = 'software'
const EVERY_MS = 60_000
const MAX_PROFILES = 256
const MAX_DESKTOP_FILES = 2_000
const DPKG = '/var/lib/dpkg/status'
const MAX_DPKG = 64 * 1_048_576
const RPM = ['/var/lib/rpm', '/usr/lib/sysimage/rpm']
const BROWSERS = ['google-chrome', 'chromium', 'BraveSoftware/Brave-Browser', 'microsoft-edge']

const FIREFOX = [
  '.mozilla/firefox',
  'snap/firefox/common/.mozilla/firefox',
  '.var/app/org.mozilla.firefox/.mozilla/firefox',
]
const MAX_EXTENSIONS_FILE = 8 * 1_048_576
const APPIMAGE_FOLDERS = ['Applications', 'Downloads', 'Desktop', '.local/bin', 'bin']
const NPM_FOLDERS = ['/usr/local/lib/node_modules', '/usr/lib/node_modules']
const NPM_IN_HOMES = ['.npm-global/lib/node_modules', '.local/lib/node_modules']
const MAX_NPM = 2_000

/** A file or folder that lists software, and is read again when its modification time changes. */
interface Source {
  path: string
  read(host: Host, path: string): Promise<Listed>
}
type Stamp = { time: number; collector: string }
interface Listed {
  items: Item[]
  /** Number of files that were not read. */
  omitted: number
}
/** What was read of each source, and its version then. */
type Cache = Map<string, Listed & { version: string }>

export const software: Collector<'software'> = {
  name: NAME,
  categories: ['software'],
  run: (host, _policy, signal) => run(host, signal),
}

async function* run(host: Host, signal: AbortSignal) {
  const accounts = accountReader(host)
  const reported = await loadReported<Item>(host, NAME)
  const cache: Cache = new Map()
  while (!signal.aborted) {
    const stamp = { time: host.now(), collector: NAME }
    const { homes, gaps } = await homesOf(accounts, stamp)
    yield* gaps
    const { found, unreadable, gaps: more } = await readSources(host, homes, cache, stamp)
    yield* more
    yield* softwareChanges(host, reported, { found, unreadable }, stamp)
    await host.sleep(EVERY_MS, signal)
  }
}

async function readSources(host: Host, homes: readonly string[], cache: Cache, stamp: Stamp) {
  const found = new Map<string, Item>()
  const unreadable: string[] = []
  const gaps: ObservationOf<'collection_gap'>[] = []
  const { sources, omittedProfiles } = await findSources(host, homes)
  if (omittedProfiles > 0)
    gaps.push(gap(stamp, 'browser profiles', 'overflow', `more than ${MAX_PROFILES}`, omittedProfiles))
  for (const { path, read } of sources) {
    try {
      const facts = await host.stat(path)
      const version = `${facts.size} ${facts.modifiedMs} ${facts.inode}`
      if (cache.get(path)?.version !== version) cache.set(path, { version, ...(await read(host, path)) })
      const { items, omitted } = cache.get(path)!
      if (omitted > 0) gaps.push(gap(stamp, path, 'overflow', 'files that were not read', omitted))
      for (const item of items) found.set(`${path} ${item.Kind} ${item.Identifier}`, item)
    } catch (cause) {
      if (gapReason(cause) === 'unsupported') continue
      unreadable.push(`${path} `)
      gaps.push(gap(stamp, path, gapReason(cause), cause))
    }
  }
  if (!cache.has(DPKG))
    for (const path of RPM)
      if ((await host.list(path).catch(() => [])).length > 0)
        gaps.push(gap(stamp, path, 'unsupported', 'packages of the rpm database are not listed'))
  return { found, unreadable, gaps }
}

async function findSources(host: Host, homes: readonly string[]) {
  const all = (paths: string[], read: Source['read']): Source[] => paths.map((path) => ({ path, read }))
  const inHomes = (path: string) => homes.map((home) => `${home}/${path}`)
  const profiles: string[] = []
  for (const folder of BROWSERS.flatMap((it) => inHomes(`.config/${it}`)))
    for (const profile of await host.list(folder).catch(() => []))
      if (/^(Default|Profile \d{1,3})$/.test(profile)) profiles.push(`${folder}/${profile}/Extensions`)
  const sources = [
    ...all([DPKG], readPackages),
    ...all(['/var/lib/flatpak/app', ...inHomes('.local/share/flatpak/app')], readNames('application')),
    ...all(['/var/lib/snapd/snaps'], readSnaps),
    ...all(
      ['/usr/share/applications', '/usr/local/share/applications', ...inHomes('.local/share/applications')],
      readDesktopFiles,
    ),
    ...all(['/opt'], readNames('application')),
    ...all(['/etc/systemd/system', '/usr/lib/systemd/system'], readUnits),
    ...all(profiles.slice(0, MAX_PROFILES), readExtensions),
    ...all((await firefoxProfiles(host, homes)).slice(0, MAX_PROFILES), readFirefox),
    ...all([...homes, ...APPIMAGE_FOLDERS.flatMap(inHomes)], readAppImages),
    ...all(await pythonFolders(host, homes), readPython),
    ...all([...NPM_FOLDERS, ...NPM_IN_HOMES.flatMap(inHomes), ...(await nvmFolders(host, homes))], readNpm),
  ]
  return { sources, omittedProfiles: Math.max(0, profiles.length - MAX_PROFILES) }
}

async function readPackages(host: Host, path: string) {
  const lists = new Map<string, number>()
  for (const it of await host.entries('/var/lib/dpkg/info').catch(() => []))
    if (it.name.endsWith('.list')) lists.set(it.name.slice(0, -5), it.modifiedMs)
  const found = parseDpkg(await host.readText(path, MAX_DPKG))
  return complete(found.map((it) => ({ ...it, InstalledAt: instant(lists.get(it.Identifier!) ?? lists.get(it.Name)) })))
}

/** dpkg(1): in any other state, such as on hold or half configured, the package's files are there. */
const NOT_THERE: readonly string[] = ['not-installed', 'config-files']

/** Paragraphs of `Field: value`. A removed package that left its configuration is not installed. */
export function parseDpkg(text: string): Item[] {
  const found: Item[] = []
  for (const paragraph of text.split('\n\n')) {
    const field = (name: string) => {
      const start = paragraph.startsWith(`${name}: `) ? 0 : paragraph.indexOf(`\n${name}: `) + 1
      if (start === 0 && !paragraph.startsWith(`${name}: `)) return null
      const end = paragraph.indexOf('\n', start)
      return paragraph.slice(start + name.length + 2, end === -1 ? undefined : end).trim()
    }
    const name = field('Package')
    // 'hold ok installed': what is wanted, an error flag, the state.
    const [, , state] = field('Status')?.split(' ') ?? []
    if (!name || state === undefined || NOT_THERE.includes(state)) continue
    const version = field('Version')
    const publisher = field('Maintainer')
    found.push({
      Name: bounded(name, 256),
      Version: version === null ? null : bounded(version, 256),
      Publisher: publisher === null ? null : bounded(publisher, 256),
      Kind: 'package',
      Identifier: bounded(`${name}:${field('Architecture') ?? 'all'}`, 512),
      InstalledAt: null,
    })
  }
  return found
}

const readNames =
  (kind: Item['Kind']): Source['read'] =>
  async (host, path) =>
    complete((await host.list(path)).map((it) => named(it, kind)))

/** `firefox_4173.snap`: name and revision. */
async function readSnaps(host: Host, path: string) {
  const found: Item[] = []
  for (const file of await host.list(path)) {
    const [, name, revision] = /^(.+)_([^_]+)\.snap$/.exec(file) ?? []
    if (name && revision)
      found.push({
        ...named(name, 'package'),
        Version: bounded(revision, 256),
        Identifier: bounded(`${name}:snap`, 512),
      })
  }
  return complete(found)
}

async function readDesktopFiles(host: Host, path: string) {
  const found: Item[] = []
  const files = (await host.list(path)).filter((it) => it.endsWith('.desktop'))
  for (const file of files.slice(0, MAX_DESKTOP_FILES)) {
    const text = await host.readText(`${path}/${file}`, 65_536).catch(() => '')
    const name = /^Name=(.+)$/m.exec(text)?.[1]?.trim()
    found.push({ ...named(file, 'application'), Name: bounded(name ?? file, 256) })
  }
  return { items: found, omitted: files.length - found.length }
}

async function readUnits(host: Host, path: string) {
  const units = (await host.list(path)).filter((it) => it.endsWith('.service'))
  return complete(units.map((it) => named(it, 'service')))
}

function complete(items: Item[]): Listed {
  return { items, omitted: 0 }
}

/** Extension ids are 32 letters a to p. */
async function readExtensions(host: Host, path: string) {
  const found: Item[] = []
  for (const id of await host.list(path)) {
    if (!/^[a-p]{32}$/.test(id)) continue
    const versions = (await host.list(`${path}/${id}`).catch(() => [])).filter((it) => /^\d/.test(it))
    const version = versions.at(-1)
    found.push({ ...named(id, 'browser_extension'), Version: version === undefined ? null : bounded(version, 256) })
  }
  return complete(found)
}

async function firefoxProfiles(host: Host, homes: readonly string[]): Promise<string[]> {
  const found: string[] = []
  for (const folder of homes.flatMap((home) => FIREFOX.map((it) => `${home}/${it}`)))
    for (const profile of await host.list(folder).catch(() => []))
      if (profile.includes('.')) found.push(`${folder}/${profile}/extensions.json`)
  return found
}

async function readFirefox(host: Host, path: string) {
  return complete(parseFirefox(await host.readText(path, MAX_EXTENSIONS_FILE)))
}

/** What the user or somebody else installed: Firefox's own are elsewhere than in the profile. */
export function parseFirefox(text: string): Item[] {
  const { addons } = JSON.parse(text) as { addons?: unknown }
  if (!Array.isArray(addons)) throw new Error('unparsed: no list of extensions')
  return addons.slice(0, MAX_ITEMS).flatMap((it: unknown): Item[] => {
    const { id, version, type, location, defaultLocale } = (it ?? {}) as Record<string, unknown>
    if (typeof id !== 'string' || type !== 'extension' || !/^app-profile|^app-global|^winreg/.test(String(location)))
      return []
    const { name } = (defaultLocale ?? {}) as Record<string, unknown>
    return [
      {
        ...named(id, 'browser_extension'),
        Name: bounded(typeof name === 'string' && name !== '' ? name : id, 256),
        Version: typeof version === 'string' ? bounded(version, 256) : null,
      },
    ]
  })
}

async function readAppImages(host: Host, path: string) {
  return complete((await host.list(path)).filter((it) => /\.AppImage$/i.test(it)).map((it) => named(it, 'application')))
}

/** `lib/python3.11/site-packages` of a user and of the machine; the distribution's own are dpkg's. */
async function pythonFolders(host: Host, homes: readonly string[]): Promise<string[]> {
  const found: string[] = []
  for (const lib of ['/usr/local/lib', ...homes.map((it) => `${it}/.local/lib`)])
    for (const version of await host.list(lib).catch(() => []))
      if (/^python3(\.\d{1,3})?$/.test(version))
        for (const name of ['site-packages', 'dist-packages']) found.push(`${lib}/${version}/${name}`)
  return found
}

async function readPython(host: Host, path: string) {
  return complete(
    (await host.list(path)).flatMap((it): Item[] => {
      const [, name, version] = /^(.+)-([^-]+)\.dist-info$/.exec(it) ?? []
      return name && version ? [ofManager('pip', name, version)] : []
    }),
  )
}

async function nvmFolders(host: Host, homes: readonly string[]): Promise<string[]> {
  const found: string[] = []
  for (const folder of homes.map((it) => `${it}/.nvm/versions/node`))
    for (const version of await host.list(folder).catch(() => [])) found.push(`${folder}/${version}/lib/node_modules`)
  return found.slice(0, MAX_PROFILES)
}

async function readNpm(host: Host, path: string) {
  const names: string[] = []
  for (const it of (await host.list(path)).filter((name) => !name.startsWith('.')))
    if (it.startsWith('@'))
      names.push(...(await host.list(`${path}/${it}`).catch(() => [])).map((name) => `${it}/${name}`))
    else names.push(it)
  const items: Item[] = []
  for (const name of names.slice(0, MAX_NPM)) {
    const text = await host.readText(`${path}/${name}/package.json`, 65_536).catch(() => '')
    items.push(ofManager('npm', name, /^\s*"version"\s*:\s*"([^"\n]{1,256})"/m.exec(text)?.[1] ?? null))
  }
  return { items, omitted: names.length - items.length }
}

function ofManager(manager: 'pip' | 'npm', name: string, version: string | null): Item {
  return {
    ...named(name, 'package'),
    Version: version === null ? null : bounded(version, 256),
    Identifier: bounded(`${manager}:${name}`, 512),
  }
}

function named(name: string, Kind: Item['Kind']): Item {
  return {
    Name: bounded(name, 256),
    Version: null,
    Publisher: null,
    Kind,
    Identifier: bounded(name, 512),
    InstalledAt: null,
  }
}

function instant(ms: number | undefined): number | null {
  return ms !== undefined && ms >= 946_684_800_000 && ms <= 4_102_444_800_000 ? Math.round(ms) : null
}
