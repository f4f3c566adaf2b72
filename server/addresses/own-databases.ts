/**
 * The user's own address databases: MaxMind's, IPinfo's, or any .mmdb file in one of the supported formats.
 *
 * Shape   up to three files. Where one gives null, the installed packages, the lists and the catalogue answer.
 * Units   read whole into memory, at most 2 GiB each; while a file does not change, `reload` costs one stat.
 * Errors  a file that is missing, truncated or of another kind is one problem with what to do. A file that was good
 *         before keeps answering in its last complete edition. One that fails on a record is unused until it changes.
 */
import { readFile, stat } from 'node:fs/promises'
import { type Place, type Privacy, placeOf, privacyOf, type System, systemOf } from './database-records.ts'
import { type Mmdb, openMmdb } from './mmdb.ts'
import type { ParsedAddress } from './table.ts'

/** As in the configuration: absolute paths. */
export interface GeoipFiles {
  cityFile: string | null
  asnFile: string | null
  privacyFile: string | null
}

export interface DatabaseFacts {
  /** Its configuration key, or its package. */
  source: string
  /** Its name for itself. */
  name: string
  /** UTC, YYYY-MM-DD; null where it has no date. */
  date: string | null
}

export interface OwnDatabases {
  place(address: ParsedAddress): (Place & { edition: string }) | null
  system(address: ParsedAddress): System | null
  privacy(address: ParsedAddress): (Privacy & { by: string }) | null
  /** True when a file or a problem has changed since the last call; look-ups can find problems too. */
  reload(): Promise<boolean>
  facts(): DatabaseFacts[]
  problems(): string[]
}

const MAX_BYTES = 2 ** 31 - 1

/** Reads a whole file without blocking this thread. */
type ReadFile = (path: string) => Promise<Buffer>

/** What a file must contain, how its records are read, and what the type of such a file looks like. */
interface Kind<T> {
  holds: string
  type: RegExp
  read(record: unknown): T | null
}

const PLACES: Kind<Place> = { holds: 'places', type: /city|country|location|enterprise/i, read: placeOf }
const OPERATORS: Kind<System> = { holds: 'network operators', type: /asn|isp|enterprise/i, read: systemOf }
const PRIVACY: Kind<Privacy | 'nothing'> = {
  holds: 'VPN, Tor or hosting marks',
  type: /anonymous|privacy|proxy|vpn|enterprise/i,
  read: privacyOf,
}

export async function openOwnDatabases(files: GeoipFiles, read: ReadFile = readFile): Promise<OwnDatabases> {
  const city = follow('geoip.cityFile', files.cityFile, PLACES, read)
  const asn = follow('geoip.asnFile', files.asnFile, OPERATORS, read)
  const privacy = follow('geoip.privacyFile', files.privacyFile, PRIVACY, read)
  const all = [city, asn, privacy]
  const own: OwnDatabases = {
    place: (address) => {
      const found = city.find(address)
      return found && { ...found.value, edition: edition(found.facts) }
    },
    system: (address) => asn.find(address)?.value ?? null,
    privacy: (address) => {
      const found = privacy.find(address)
      if (!found || found.value === 'nothing') return null
      return { ...found.value, by: `${edition(found.facts)}: ${found.value.because}` }
    },
    reload: async () => {
      let changed = false
      for (const it of all) changed = (await it.reload()) || changed
      return changed
    },
    facts: () => all.flatMap((it) => it.facts() ?? []),
    problems: () => all.flatMap((it) => it.problem() ?? []),
  }
  await own.reload()
  return own
}

/** 'GeoLite2-City 2026-10-02': stored with every answer. */
export function edition({ name, date }: Pick<DatabaseFacts, 'name' | 'date'>): string {
  return date === null ? name : `${name} ${date}`
}

interface Opened {
  db: Mmdb
  facts: DatabaseFacts
}

interface Followed<T> {
  find(address: ParsedAddress): { value: T; facts: DatabaseFacts } | null
  reload(): Promise<boolean>
  facts(): DatabaseFacts | null
  problem(): string | null
}

function follow<T>(source: string, path: string | null, kind: Kind<T>, readFile: ReadFile): Followed<T> {
  let stamp = ''
  let open: Opened | null = null
  let problem: string | null = null
  let reported: { open: Opened | null; problem: string | null } = { open, problem }
  return {
    find(address) {
      if (!open) return null
      try {
        const value = kind.read(open.db.get(address))
        return value === null ? null : { value, facts: open.facts }
      } catch (cause) {
        open = null
        problem = trouble(cause)
        return null
      }
    },
    async reload() {
      if (path === null) return false
      const before = reported
      try {
        await look(path)
      } catch (cause) {
        problem = trouble(cause)
      }
      reported = { open, problem }
      return open !== before.open || problem !== before.problem
    },
    facts: () => open?.facts ?? null,
    problem: () => problem,
  }

  async function look(path: string): Promise<void> {
    const found = await stat(path).catch((cause: unknown) => {
      stamp = ''
      throw cause
    })
    const seen = stampOf(found)
    if (seen === stamp) return
    if (!found.isFile()) throw new Error('it is not a file')
    if (found.size > MAX_BYTES) throw new Error('it is larger than 2 GiB')
    const bytes = await readFile(path)
    // Written to while it was read; the next look reads it again.
    if (stampOf(await stat(path)) !== seen) return
    stamp = seen
    const db = openMmdb(bytes)
    if (!isOf(kind, db)) throw new Error(`it is of type '${plain(db.type)}' and holds no ${kind.holds}`)
    const date = new Date(db.builtAt).toISOString().slice(0, 10)
    open = { db, facts: { source, name: plain(db.type), date } }
    problem = null
  }

  function trouble(cause: unknown): string {
    const why = cause instanceof Error ? cause.message : String(cause)
    const meanwhile = open ? `Its edition of ${open.facts.date} stays in use` : 'It is not used'
    return `${source} (${path}): ${why}. ${meanwhile}; replace it with a complete file.`
  }
}

/** By the fields of its records; a file without records by its type alone. */
function isOf<T>(kind: Kind<T>, db: Mmdb): boolean {
  const records = db.sample()
  return records.length > 0 ? records.some((it) => kind.read(it) !== null) : kind.type.test(db.type)
}

function stampOf({ mtimeMs, size, ino }: { mtimeMs: number; size: number; ino: number }): string {
  return `${mtimeMs} ${size} ${ino}`
}

/** A type is third-party text, and appears in facts and on terminals. */
function plain(type: string): string {
  return type.replace(/[^\w .-]+/g, '_').slice(0, 64)
}
