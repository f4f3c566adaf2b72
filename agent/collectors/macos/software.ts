/**
 * Software on this laptop: applications, installer packages, Homebrew, services, browser extensions.
 *
 * Shape   'present' for all in a baseline (see reported.ts), then 'installed' (also for another version) and 'removed'.
 *         `Identifier` is the bundle's, the package's or the launchd job's, or the extension's id. macOS' own applications
 *         and jobs are left out: they are the same on every Mac. `Publisher` is the organisation in the signature of an
 *         application's program, as the file has it: it is not verified here.
 * Units   looked at once a minute; a list is read again only if its folder changed, and a bundle if its Info.plist did.
 *         `InstalledAt` is what the installer's receipt says.
 * Errors  gaps for what cannot be read (its known software is kept), and for what is omitted: beyond 2,000 entries of a
 *         folder, 256 browser profiles, 20,000 items. Without Full Disk Access parts of a home are 'denied'.
 * Blind   applications outside the folders below.
 * Source  Info.plist of bundles in /Applications and ~/Applications; receipts in /private/var/db/receipts; Homebrew's
 *         Cellar and Caskroom; launchd.plist(5); Chromium's profile folders. Written from documentation; it has never run
 *         on a Mac.
 */
import type { ObservationOf } from '../../../wire/event.ts'
import { type Collector, gap, gapReason } from '../../collect.ts'
import type { Entry, Host } from '../../host/host.ts'
import { bounded } from '../shared/bounded.ts'
import { parsePlist, record, text } from '../shared/plist.ts'
import { loadReported } from '../shared/reported.ts'
import { type Item, softwareChanges } from '../shared/software-changes.ts'
import { accountsOf } from './kit/accounts.ts'
import { JOB_FOLDERS, parseJob } from './kit/launchd.ts'
import { signerOf } from './kit/mach-o.ts'

const NAME = 'software'
const EVERY_MS = 60_000
const MAX_ENTRIES = 2_000
const MAX_PROFILES = 256
const MAX_PLIST = 1_048_576
const RECEIPTS = '/private/var/db/receipts'
const BREW = ['/opt/homebrew', '/usr/local']
const BROWSERS = ['Google/Chrome', 'Chromium', 'BraveSoftware/Brave-Browser', 'Microsoft Edge', 'Arc/User Data']

type Stamp = { time: number; collector: string }
interface Listed {
  items: Item[]
  omitted: number
}
interface Source {
  path: string
  read(host: Host, path: string): Promise<Listed>
}
/** What was read, and its version then: of a list, or of a file in it. */
interface Cache {
  lists: Map<string, Listed & { version: string }>
  files: Map<string, { version: string; item: Item | null }>
}

export const software: Collector<'software'> = {
  name: NAME,
  categories: ['software'],
  run: (host, _policy, signal) => run(host, signal),
}

async function* run(host: Host, signal: AbortSignal) {
  const reported = await loadReported<Item>(host, NAME)
  const cache: Cache = { lists: new Map(), files: new Map() }
  while (!signal.aborted) {
    const stamp = { time: host.now(), collector: NAME }
    const { homes, gaps } = await accountsOf(host, stamp)
    yield* gaps
    const { gaps: more, ...read } = await readSources(host, homes, cache, stamp)
    yield* more
    yield* softwareChanges(host, reported, read, stamp)
    await host.sleep(EVERY_MS, signal)
  }
}

async function readSources(host: Host, homes: readonly string[], cache: Cache, stamp: Stamp) {
  const found = new Map<string, Item>()
  const unreadable: string[] = []
  const gaps: ObservationOf<'collection_gap'>[] = []
  for (const { path, read } of await findSources(host, homes, cache.files)) {
    try {
      const facts = await host.stat(path)
      const version = `${facts.modifiedMs} ${facts.inode}`
      // The folder of a bundle does not change when its version does.
      const isBundles = path.endsWith('Applications')
      if (isBundles || cache.lists.get(path)?.version !== version)
        cache.lists.set(path, { version, ...(await read(host, path)) })
      const { items, omitted } = cache.lists.get(path)!
      if (omitted > 0) gaps.push(gap(stamp, path, 'overflow', 'entries that were not read', omitted))
      for (const item of items) found.set(`${path} ${item.Kind} ${item.Identifier}`, item)
    } catch (cause) {
      if (gapReason(cause) === 'unsupported') continue
      unreadable.push(`${path} `)
      gaps.push(gap(stamp, path, gapReason(cause), cause))
    }
  }
  return { found, unreadable, gaps }
}

async function findSources(host: Host, homes: readonly string[], files: Cache['files']): Promise<Source[]> {
  const profiles: string[] = []
  for (const folder of homes.flatMap((home) => BROWSERS.map((it) => `${home}/Library/Application Support/${it}`)))
    for (const profile of await host.list(folder).catch(() => []))
      if (/^(Default|Profile \d{1,3})$/.test(profile)) profiles.push(`${folder}/${profile}/Extensions`)
  return [
    ...['/Applications', ...homes.map((home) => `${home}/Applications`)].map((path) => ({
      path,
      read: readBundles(files),
    })),
    { path: RECEIPTS, read: readReceipts(files) },
    ...BREW.flatMap((it) => [`${it}/Cellar`, `${it}/Caskroom`]).map((path) => ({ path, read: readBrew })),
    ...JOB_FOLDERS.map(({ path }) => ({ path, read: readJobs(files) })),
    ...profiles.slice(0, MAX_PROFILES).map((path) => ({ path, read: readExtensions })),
  ]
}

/** Reads a property list again only if it changed. `use` gets null for one that cannot be read. */
async function cached(
  host: Host,
  files: Cache['files'],
  path: string,
  facts: Pick<Entry, 'modifiedMs' | 'size'>,
  use: (bytes: Buffer | null) => Item | null | Promise<Item | null>,
): Promise<Item | null> {
  const version = `${facts.modifiedMs} ${facts.size}`
  const before = files.get(path)
  if (before?.version === version) return before.item
  const item = await use(await host.readBytes(path, MAX_PLIST).catch(() => null))
  files.set(path, { version, item })
  return item
}

/** Applications, and those in a folder of their maker. */
function readBundles(files: Cache['files']): Source['read'] {
  return async (host, path) => {
    const bundles: string[] = []
    let omitted = 0
    const add = (bundle: string) => (bundles.length < MAX_ENTRIES ? void bundles.push(bundle) : void omitted++)
    for (const it of await host.entries(path)) {
      if (it.kind !== 'folder') continue
      if (it.name.endsWith('.app')) add(`${path}/${it.name}`)
      else
        for (const inner of await host.list(`${path}/${it.name}`).catch(() => []))
          if (inner.endsWith('.app')) add(`${path}/${it.name}/${inner}`)
    }
    const items: Item[] = []
    for (const bundle of bundles) {
      const info = `${bundle}/Contents/Info.plist`
      const facts = await host.stat(info).catch(() => null)
      const item =
        facts === null ? null : await cached(host, files, info, facts, (bytes) => describeBundle(host, bundle, bytes))
      if (item !== null) items.push(item)
    }
    return { items, omitted }
  }
}

async function describeBundle(host: Host, bundle: string, bytes: Buffer | null): Promise<Item | null> {
  const item = parseBundle(bundle, bytes)
  const program = text(recordIn(bytes)?.CFBundleExecutable)
  if (item === null || program === null || /[/\0]/.test(program)) return item
  const signer = await signerOf(host, `${bundle}/Contents/MacOS/${program}`).catch(() => null)
  return { ...item, Publisher: signer === null ? null : bounded(signer, 256) }
}

/** An application whose Info.plist cannot be read is told by its folder's name. Null: it is a part of macOS. */
export function parseBundle(bundle: string, bytes: Buffer | null): Item | null {
  const info = recordIn(bytes)
  const identifier = text(info?.CFBundleIdentifier)
  if (identifier?.startsWith('com.apple.')) return null
  const folder = bundle.slice(bundle.lastIndexOf('/') + 1).replace(/\.app$/, '')
  const title = text(info?.CFBundleDisplayName) || text(info?.CFBundleName) || folder
  const version = text(info?.CFBundleShortVersionString) || text(info?.CFBundleVersion)
  return {
    Name: bounded(title, 256),
    Version: version ? bounded(version, 256) : null,
    Publisher: null,
    Kind: 'application',
    Identifier: bounded(identifier ?? folder, 512),
    InstalledAt: null,
  }
}

function readReceipts(files: Cache['files']): Source['read'] {
  return async (host, path) => {
    const all = (await host.entries(path)).filter((it) => it.kind === 'file' && it.name.endsWith('.plist'))
    const items: Item[] = []
    for (const it of all.slice(0, MAX_ENTRIES)) {
      const item = await cached(host, files, `${path}/${it.name}`, it, parseReceipt)
      if (item !== null) items.push(item)
    }
    return { items, omitted: Math.max(0, all.length - MAX_ENTRIES) }
  }
}

/** Null: it is none, or one of macOS' own. */
export function parseReceipt(bytes: Buffer | null): Item | null {
  const receipt = recordIn(bytes)
  const identifier = text(receipt?.PackageIdentifier)
  if (!identifier || identifier.startsWith('com.apple.')) return null
  const version = text(receipt?.PackageVersion)
  const at = receipt?.InstallDate instanceof Date ? receipt.InstallDate.getTime() : Number.NaN
  return {
    Name: bounded(identifier, 256),
    Version: version ? bounded(version, 256) : null,
    Publisher: null,
    Kind: 'package',
    Identifier: bounded(identifier, 512),
    InstalledAt: Number.isSafeInteger(at) && at > 0 ? at : null,
  }
}

/** A folder for each formula or cask, with one for each version in it. */
async function readBrew(host: Host, path: string): Promise<Listed> {
  const all = (await host.entries(path)).filter((it) => it.kind === 'folder' && !it.name.startsWith('.'))
  const items: Item[] = []
  for (const { name } of all.slice(0, MAX_ENTRIES)) {
    const versions = (await host.list(`${path}/${name}`).catch(() => [])).filter((it) => !it.startsWith('.'))
    const version = versions.sort().at(-1)
    items.push({
      Name: bounded(name, 256),
      Version: version === undefined ? null : bounded(version, 256),
      Publisher: null,
      Kind: path.endsWith('Caskroom') ? 'application' : 'package',
      Identifier: bounded(name, 512),
      InstalledAt: null,
    })
  }
  return { items, omitted: Math.max(0, all.length - MAX_ENTRIES) }
}

/** Jobs of launchd that others than Apple brought. */
function readJobs(files: Cache['files']): Source['read'] {
  return async (host, path) => {
    const all = (await host.entries(path)).filter((it) => it.kind === 'file' && it.name.endsWith('.plist'))
    const items: Item[] = []
    for (const it of all.slice(0, MAX_ENTRIES)) {
      const item = await cached(host, files, `${path}/${it.name}`, it, (bytes) => {
        const label = bounded(parseJob(bytes)?.label ?? it.name.replace(/\.plist$/, ''), 256)
        return { Name: label, Version: null, Publisher: null, Kind: 'service', Identifier: label, InstalledAt: null }
      })
      if (item !== null) items.push(item)
    }
    return { items, omitted: Math.max(0, all.length - MAX_ENTRIES) }
  }
}

/** Of an extension, only its id and version folder are read. */
async function readExtensions(host: Host, path: string): Promise<Listed> {
  const ids = (await host.list(path)).filter((it) => /^[a-p]{32}$/.test(it))
  const items: Item[] = []
  for (const id of ids.slice(0, MAX_ENTRIES)) {
    const versions = await host.list(`${path}/${id}`).catch(() => [])
    const version = versions.sort().at(-1)?.replace(/_\d+$/, '') ?? null
    const Version = version === null ? null : bounded(version, 256)
    items.push({ Name: id, Version, Publisher: null, Kind: 'browser_extension', Identifier: id, InstalledAt: null })
  }
  return { items, omitted: Math.max(0, ids.length - MAX_ENTRIES) }
}

function recordIn(bytes: Buffer | null) {
  try {
    return bytes === null ? null : record(parsePlist(bytes))
  } catch {
    return null
  }
}
