/**
 * Software on this laptop: packages, applications, services, browser extensions.
 *
 * Shape   'present' for all in a baseline (see reported.ts), then 'installed' (also for another version) and
 *         'removed'. `Identifier` is the package with its architecture, the application's or unit's file name, the
 *         extension's id. Of extensions nothing but id and version folder is read.
 * Units   looked at once a minute; a list is read again only when its file or folder changed. `InstalledAt` is when
 *         dpkg wrote the package's file list, null elsewhere.
 * Errors  what may not be read is a gap, and what was known of it stays; so is what is left out: beyond 2,000 desktop
 *         files in a folder, 256 browser profiles, 20,000 things. An rpm database needs a library: gap
 *         'unsupported' where it is the only one.
 * Source  dpkg(1) status file; flatpak, snap, desktop and unit files by name; Chromium's profile folders.
 */
import type { ObservationOf } from '../../../wire/event.ts'
import { type Collector, gap, gapReason } from '../../collect.ts'
import type { Host } from '../../host/host.ts'
import { accountReader, homesOf } from '../shared/accounts.ts'
import { bounded } from '../shared/bounded.ts'
import { baselineIsDue, type Reported, recall, remember } from '../shared/reported.ts'

const NAME = 'software'
const EVERY_MS = 60_000
const MAX_THINGS = 20_000
const MAX_PROFILES = 256
const MAX_DESKTOP_FILES = 2_000
const DPKG = '/var/lib/dpkg/status'
const MAX_DPKG = 64 * 1_048_576
const RPM = ['/var/lib/rpm', '/usr/lib/sysimage/rpm']
const BROWSERS = ['google-chrome', 'chromium', 'BraveSoftware/Brave-Browser', 'microsoft-edge']

export type Thing = Pick<
  ObservationOf<'software'>,
  'Name' | 'Version' | 'Publisher' | 'Kind' | 'Identifier' | 'InstalledAt'
>

/** One place to look at: a file or folder whose own time says whether it changed. */
interface Place {
  path: string
  read(host: Host, path: string): Promise<{ things: Thing[]; left: number }>
}
type Stamp = { time: number; collector: string }
/** What was read of a place, and when it was last changed. */
type Read = Map<string, { changed: string; things: Thing[]; left: number }>

export const software: Collector<'software'> = {
  name: NAME,
  categories: ['software'],
  run: (host, _policy, signal) => run(host, signal),
}

async function* run(host: Host, signal: AbortSignal) {
  const accounts = accountReader(host)
  const reported = await recall<Thing>(host, NAME)
  const read: Read = new Map()
  while (!signal.aborted) {
    const stamp = { time: host.now(), collector: NAME }
    const { homes, gaps } = await homesOf(accounts, stamp)
    yield* gaps
    const { found, blind, gaps: unseen } = await look(host, homes, read, stamp)
    yield* unseen
    const now = capped(found, reported.things)
    if (now.size < found.size) yield gap(stamp, 'list of software', 'overflow', null, found.size - now.size)
    // What cannot be looked at is not gone.
    for (const [key, thing] of reported.things)
      if (!now.has(key) && blind.some((it) => key.startsWith(it))) now.set(key, thing)
    const baseline = baselineIsDue(reported, stamp.time)
    const events = [...differences(reported, now, baseline, stamp)]
    yield* events
    // Saved only after the last event was kept: a crash before that reports twice, never not at all.
    if (events.length > 0 || baseline) {
      reported.things = now
      if (baseline) reported.baselineAt = stamp.time
      try {
        await remember(host, NAME, reported)
      } catch (cause) {
        yield gap(stamp, 'memory of software', gapReason(cause), cause)
      }
    }
    await host.sleep(EVERY_MS, signal)
  }
}

async function look(host: Host, homes: readonly string[], read: Read, stamp: Stamp) {
  const found = new Map<string, Thing>()
  const blind: string[] = []
  const gaps: ObservationOf<'collection_gap'>[] = []
  const { all, left } = await places(host, homes)
  if (left > 0) gaps.push(gap(stamp, 'browser profiles', 'overflow', `more than ${MAX_PROFILES}`, left))
  for (const { path, read: readThings } of all) {
    try {
      const facts = await host.stat(path)
      const changed = `${facts.size} ${facts.modifiedMs} ${facts.inode}`
      if (read.get(path)?.changed !== changed) read.set(path, { changed, ...(await readThings(host, path)) })
      const { things, left } = read.get(path)!
      if (left > 0) gaps.push(gap(stamp, path, 'overflow', 'files that were not read', left))
      for (const thing of things) found.set(`${path} ${thing.Kind} ${thing.Identifier}`, thing)
    } catch (cause) {
      if (gapReason(cause) === 'unsupported') continue
      blind.push(`${path} `)
      gaps.push(gap(stamp, path, gapReason(cause), cause))
    }
  }
  if (!read.has(DPKG))
    for (const path of RPM)
      if ((await host.list(path).catch(() => [])).length > 0)
        gaps.push(gap(stamp, path, 'unsupported', 'packages of the rpm database are not listed'))
  return { found, blind, gaps }
}

/** What was reported before goes before what is new: otherwise a full list would call it removed. */
function capped(found: ReadonlyMap<string, Thing>, reported: ReadonlyMap<string, Thing>): Map<string, Thing> {
  if (found.size <= MAX_THINGS) return new Map(found)
  const known = [...found].filter(([key]) => reported.has(key))
  const fresh = [...found].filter(([key]) => !reported.has(key))
  return new Map([...known, ...fresh].slice(0, MAX_THINGS))
}

function* differences(reported: Reported<Thing>, now: ReadonlyMap<string, Thing>, baseline: boolean, stamp: Stamp) {
  for (const [key, thing] of now) {
    const before = reported.things.get(key)
    if (!baseline && before !== undefined && before.Version === thing.Version) continue
    // In a baseline too, what changed while the agent was away is news.
    const isNews = reported.baselineAt !== null && before?.Version !== thing.Version
    yield event(stamp, thing, isNews ? 'installed' : 'present')
  }
  for (const [key, thing] of reported.things) if (!now.has(key)) yield event(stamp, thing, 'removed')
}

function event(stamp: Stamp, thing: Thing, Action: 'present' | 'installed' | 'removed') {
  return { category: 'software' as const, ...stamp, Action, ...thing }
}

async function places(host: Host, homes: readonly string[]): Promise<{ all: Place[]; left: number }> {
  const all = (paths: string[], read: Place['read']): Place[] => paths.map((path) => ({ path, read }))
  const inHomes = (path: string) => homes.map((home) => `${home}/${path}`)
  const profiles: string[] = []
  for (const folder of BROWSERS.flatMap((it) => inHomes(`.config/${it}`)))
    for (const profile of await host.list(folder).catch(() => []))
      if (/^(Default|Profile \d{1,3})$/.test(profile)) profiles.push(`${folder}/${profile}/Extensions`)
  const places = [
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
  ]
  return { all: places, left: Math.max(0, profiles.length - MAX_PROFILES) }
}

async function readPackages(host: Host, path: string) {
  const lists = new Map<string, number>()
  for (const it of await host.entries('/var/lib/dpkg/info').catch(() => []))
    if (it.name.endsWith('.list')) lists.set(it.name.slice(0, -5), it.modifiedMs)
  const found = parseDpkg(await host.readText(path, MAX_DPKG))
  return whole(found.map((it) => ({ ...it, InstalledAt: instant(lists.get(it.Identifier!) ?? lists.get(it.Name)) })))
}

/** Paragraphs of `Field: value`; what was removed but left its configuration behind is not installed. */
export function parseDpkg(text: string): Thing[] {
  const found: Thing[] = []
  for (const paragraph of text.split('\n\n')) {
    const field = (name: string) => {
      const start = paragraph.startsWith(`${name}: `) ? 0 : paragraph.indexOf(`\n${name}: `) + 1
      if (start === 0 && !paragraph.startsWith(`${name}: `)) return null
      const end = paragraph.indexOf('\n', start)
      return paragraph.slice(start + name.length + 2, end === -1 ? undefined : end).trim()
    }
    const name = field('Package')
    if (!name || field('Status') !== 'install ok installed') continue
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
  (kind: Thing['Kind']): Place['read'] =>
  async (host, path) =>
    whole((await host.list(path)).map((it) => named(it, kind)))

/** `firefox_4173.snap`: name and revision. */
async function readSnaps(host: Host, path: string) {
  const found: Thing[] = []
  for (const file of await host.list(path)) {
    const [, name, revision] = /^(.+)_([^_]+)\.snap$/.exec(file) ?? []
    if (name && revision)
      found.push({
        ...named(name, 'package'),
        Version: bounded(revision, 256),
        Identifier: bounded(`${name}:snap`, 512),
      })
  }
  return whole(found)
}

async function readDesktopFiles(host: Host, path: string) {
  const found: Thing[] = []
  const files = (await host.list(path)).filter((it) => it.endsWith('.desktop'))
  for (const file of files.slice(0, MAX_DESKTOP_FILES)) {
    const text = await host.readText(`${path}/${file}`, 65_536).catch(() => '')
    const name = /^Name=(.+)$/m.exec(text)?.[1]?.trim()
    found.push({ ...named(file, 'application'), Name: bounded(name ?? file, 256) })
  }
  return { things: found, left: files.length - found.length }
}

async function readUnits(host: Host, path: string) {
  const units = (await host.list(path)).filter((it) => it.endsWith('.service'))
  return whole(units.map((it) => named(it, 'service')))
}

function whole(things: Thing[]): { things: Thing[]; left: number } {
  return { things, left: 0 }
}

/** Ids are 32 letters a-p. */
async function readExtensions(host: Host, path: string) {
  const found: Thing[] = []
  for (const id of await host.list(path)) {
    if (!/^[a-p]{32}$/.test(id)) continue
    const versions = (await host.list(`${path}/${id}`).catch(() => [])).filter((it) => /^\d/.test(it))
    const version = versions.at(-1)
    found.push({ ...named(id, 'browser_extension'), Version: version === undefined ? null : bounded(version, 256) })
  }
  return whole(found)
}

function named(name: string, Kind: Thing['Kind']): Thing {
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
